// Finds the page's elements, and changes their text, their visibility and the focus.

/** How long a message that ends by itself is to be seen. */
const SEEN_S = 8;
/** The messages that end by themselves: the seconds that are left, and what ends each. */
const ending = new Map();

export const byId = (id) => document.getElementById(id);

/**
 * Sets a node's text, which is never markup. An unchanged text stays: a live region that is written again is read out
 * again.
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Moves the focus without a scroll. */
export const focus = (node) => node?.focus({ preventScroll: true });

/** Hides or shows a control. If it has the focus and hides, `next` takes the focus, which would be lost. */
export function setHidden(control, hidden, next) {
  if (hidden && control.contains(document.activeElement)) focus(next);
  control.hidden = hidden;
}

/** Calls `end` when the node's message was seen for 8 s, unless `keep` is called before. */
export const endSoon = (node, end) => ending.set(node, { left: SEEN_S, end });
export const keep = (node) => ending.delete(node);

/** Counts a second in which the page was visible. */
export function countSecond() {
  for (const [node, message] of ending) {
    message.left -= 1;
    if (message.left >= 0) continue;
    keep(node);
    message.end();
  }
}
