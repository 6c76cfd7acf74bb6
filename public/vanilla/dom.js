// Finds the page's elements and changes their text.

export const byId = (id) => document.getElementById(id);

/**
 * Sets a node's text, which is never markup. An unchanged text stays: a live region that is written again is read out
 * again.
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
