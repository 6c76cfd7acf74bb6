// Decides between which rows the list has a divider, by the rules of src/client/dividers.rs.
import { dayOf, dayWords, isOnDay, timeOf } from "./times.js";

/**
 * The dividers of a list, from the top: the `entry` below each, its `name` and its `words`. `now` is the server's,
 * `line` shows where the reader left, and `restarted` is when a restart was noticed.
 */
export function dividersOf(entries, { now, line, restarted }) {
  const found = [];
  const today = dayOf(now);
  let day = today;
  let isUnread = entries[0]?.number > line?.after;
  let isCurrent = true;
  for (const entry of entries) {
    const add = (name, words) => found.push({ entry, name, words });
    if (isUnread && entry.number <= line.after) {
      isUnread = false;
      add("unread", `${line.count} new since ${timeOf(line.since, now)}`);
    }
    if (isCurrent && entry.gone) {
      isCurrent = false;
      add("restart", `Before the restart noticed at ${timeOf(restarted, now)}, no longer on the server`);
    }
    const millis = Math.min(Date.parse(entry.event.timestamp), today.end - 1); // one from the future is of today
    if (isOnDay(day, millis)) continue;
    day = dayOf(millis);
    add("day", dayWords(day, today));
  }
  return found;
}
