// Shows the list's entries as rows, a few at a time, and leaves the rows that are there in place.
import { byId, endLater, setText } from "./dom.js";
import { partsOf } from "./links.js";
import { wallTime } from "./times.js";

/** Time that new rows may take of one frame; a longer pause could be felt. */
const FRAME_BUDGET_MS = 8;

/** A new element. Its text is text, and never markup. */
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const attribute of Object.entries(attributes)) node.setAttribute(...attribute);
  node.append(...children);
  return node;
}

/** An address from left to right in any text, so that no mark before it can change how it looks. */
const linkTo = (href) =>
  element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" }, href);

function rowOf({ seq, event: { id, timestamp, message } }) {
  const exact = `${timestamp.slice(0, 19).replace("T", " ")} UTC`;
  const time = element("time", { datetime: timestamp, title: exact, "data-exact": exact }, wallTime(timestamp));
  const parts = partsOf(message).map(({ text, link }) => text ?? linkTo(link));
  const text = element("p", { dir: "auto", class: "message", id }, ...parts);
  return element("article", { tabindex: 0, "aria-labelledby": id, "data-seq": seq, "data-id": id }, time, text);
}

export class Rows {
  #feed = byId("feed");
  #rows = new Map();

  /** Whether an entry has a row. */
  has = ({ event }) => this.#rows.has(event.id);

  /** Removes the rows that left the list. If one of them has the focus, the oldest row that is left takes it. */
  #remove(isWanted) {
    const hadFocus = this.#feed.contains(document.activeElement);
    for (const [id, row] of this.#rows) {
      if (isWanted.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    const isLost = hadFocus && document.activeElement === document.body;
    if (isLost) this.#feed.lastElementChild?.focus({ preventScroll: true });
  }

  /**
   * Inserts rows until the frame's budget is used. Other rows keep their place and the focus. A frozen list gets no row
   * and loses none. Returns how many entries have no row yet.
   */
  show(entries, { isFrozen, isNew }) {
    const deadline = performance.now() + FRAME_BUDGET_MS;
    let next = this.#feed.firstElementChild;
    let left = 0;
    for (const entry of entries) {
      let row = this.#rows.get(entry.event.id);
      if (!row && !isFrozen && performance.now() < deadline) {
        row = this.#feed.insertBefore(rowOf(entry), next);
        this.#rows.set(entry.event.id, row);
        if (isNew) endLater(row, () => row.removeAttribute("data-new"));
        row.toggleAttribute("data-new", isNew);
        row.toggleAttribute("data-moves", isNew && entry === entries[0]);
      }
      row?.toggleAttribute("data-gone", entry.gone === true);
      next = row ? row.nextElementSibling : next;
      left += row ? 0 : 1;
    }
    if (!isFrozen) this.#remove(new Set(entries.map(({ event }) => event.id)));
    return left;
  }

  /** Puts the dividers into the rows that they are above: a feed holds articles only. */
  divide(dividers) {
    const nodes = dividers.map(({ entry, name, words }) => {
      const row = this.#rows.get(entry.event.id);
      const node = row.querySelector(`[data-divider="${name}"]`) ?? element("p", { "data-divider": name });
      if (!node.isConnected) row.prepend(node);
      setText(node, words);
      return node;
    });
    for (const node of this.#feed.querySelectorAll("[data-divider]")) if (!nodes.includes(node)) node.remove();
  }
}
