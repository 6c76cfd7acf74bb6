// Finds the page's elements, and changes their text, their visibility and the focus.

/** How long a message that ends by itself is seen. */
const SEEN_S = 8;
/** The nodes whose message or mark ends by itself, with the seconds that are left and the end's action. */
const ending = new Map();
/** The texts that this page has set. A translator's text in their place is not changed back. */
const texts = new WeakMap();

export const byId = (id) => document.getElementById(id);

/**
 * Sets a node's text, which is never markup. An unchanged text stays: a live region that is written again is read out
 * again. `end` is called when the text was seen for some seconds, unless the node is set again before.
 */
export function setText(node, text, end = null) {
  if (texts.get(node) !== text) node.textContent = text;
  texts.set(node, text);
  endLater(node, end);
}

/** Calls `end` after some seconds in which the page was visible; with null, takes that back. */
export function endLater(node, end) {
  if (end) ending.set(node, { left: SEEN_S, end });
  else ending.delete(node);
}

/** Moves the focus without a scroll. */
export const focus = (node) => node?.focus({ preventScroll: true });

/** Hides or shows a control. If it has the focus and hides, `next` takes the focus, which would be lost. */
export function setHidden(control, hidden, next) {
  if (hidden && control.contains(document.activeElement)) focus(next);
  control.hidden = hidden;
}

/** Counts a second in which the page was visible. */
export function countSecond() {
  for (const [node, message] of ending) {
    message.left -= 1;
    if (message.left >= 0) continue;
    ending.delete(node);
    message.end();
  }
}
