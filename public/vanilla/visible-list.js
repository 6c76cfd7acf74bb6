// Shows the list's entries as rows, a few at a time, and leaves the rows that are there in place.
import { byId, endLater, focus, setText } from "./dom.js";

/** Time that new rows may take of one frame; a longer pause could be felt. */
const FRAME_BUDGET_MS = 8;
const TIME_FORMAT = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

function articleOf({ seq, event }, isNew) {
  const article = byId("event").content.firstElementChild.cloneNode(true);
  const time = article.querySelector("time");
  const message = article.querySelector(".message");
  article.dataset.seq = seq;
  article.dataset.id = event.id;
  message.id = `message-${event.id}`;
  article.setAttribute("aria-labelledby", message.id);
  time.dateTime = event.timestamp;
  setText(time, TIME_FORMAT.format(new Date(event.timestamp)));
  setText(message, event.message);
  if (isNew) {
    article.dataset.new = "";
    endLater(article, () => article.removeAttribute("data-new"));
  }
  return article;
}

/** Removes rows. If one of them has the focus, the oldest row that is left takes it. */
function removeRows(feed, rows) {
  const hadFocus = rows.includes(document.activeElement);
  for (const row of rows) row.remove();
  if (hadFocus) focus(feed.lastElementChild);
}

/**
 * Inserts rows until the frame's budget is used, and removes the rows that left the list. Other rows keep their place
 * and the focus. A frozen list gets no row and loses none. Returns how many entries have no row yet.
 */
export function showEntries(feed, entries, frozen) {
  const isNew = feed.ariaBusy === "false"; // the first rows of a page are not
  const deadline = performance.now() + FRAME_BUDGET_MS;
  const rows = new Map(Array.from(feed.children, (row) => [row.dataset.id, row]));
  let next = feed.firstElementChild;
  let left = 0;
  for (const entry of entries) {
    let row = rows.get(entry.event.id);
    rows.delete(entry.event.id);
    if (!row && !frozen && performance.now() < deadline) row = feed.insertBefore(articleOf(entry, isNew), next);
    if (row) {
      row.toggleAttribute("data-gone", entry.gone === true);
      next = row.nextElementSibling;
    } else {
      left += 1;
    }
  }
  if (!frozen) removeRows(feed, [...rows.values()]);
  if (left === 0) feed.ariaBusy = "false";
  return left;
}
