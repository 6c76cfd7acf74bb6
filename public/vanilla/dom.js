// Finds the page's elements, and changes their text, their visibility and the focus.

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
