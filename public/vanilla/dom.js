// Finds the page's elements, and changes their text, their visibility and the focus.

/** For how many seconds a message that ends by itself is seen. */
const SEEN_S = 8;
/** The nodes that end by themselves: each with the seconds that are left, and the action at its end. */
const ending = new Map();
/** The texts that this page has set. A translator's text in their place is not changed back. */
const texts = new WeakMap();

export const byId = (id) => document.getElementById(id);

/** Sets a node's text, which is never markup. An unchanged text stays: a live region would be read out again. */
export function setText(node, text) {
  if (texts.get(node) !== text) node.textContent = text;
  texts.set(node, text);
}

/** Sets the text of a live region. Even the same text is read out again: then it has an invisible character more. */
export const announce = (region, text) => setText(region, text && texts.get(region) === text ? `${text}\u00a0` : text);

/** Calls `end` after some seconds in which the page was visible; with null, takes that back. */
export function endLater(node, end) {
  if (end) ending.set(node, { left: SEEN_S, end });
  else ending.delete(node);
}

/** Counts a second in which the page was visible. */
export function countSecond() {
  for (const [node, message] of ending) {
    message.left -= 1;
    if (message.left < 0 && ending.delete(node)) message.end();
  }
}

/** Hides or shows a control. If it has the focus and hides, `next` takes the focus, without a scroll. */
export function setHidden(control, hidden, next) {
  if (hidden && control.contains(document.activeElement)) next?.focus({ preventScroll: true });
  control.hidden = hidden;
}
