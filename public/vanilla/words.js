// Puts counts, the connection's state, a read of the list and a failed post into words.
import { timeOf } from "./times.js";

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** "1 new event", "2 new events", "99+ new events". */
export const newEvents = (count) => plural(count, "new event");

/** How long ago the newest event was, if any. It counts only to a minute: after that, nobody waits for each second. */
export function lastEvent(newest, now) {
  if (newest === null) return "no events yet";
  const seconds = Math.floor((now - newest) / 1_000);
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3_570) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 84_600) return `${Math.round(seconds / 3_600)} h ago`;
  return `${plural(Math.round(seconds / 86_400), "day")} ago`;
}

/** The words if the answer to a post is lost: the server may have accepted the message. */
export const NO_ANSWER =
  "No answer from the server. Your message may have been posted; trying again won't post it twice.";

/** The words if the server refuses a post, from its own words. */
export const notPosted = (detail) => `Not posted: ${detail.replace(/\.$/, "")}.`;

/** The words if a post is answered, but not with its event. */
export const PROXY_ANSWER =
  "The answer did not come from the server, but perhaps from a proxy's sign-in page. Your text is kept here. " +
  "Reload the page to sign in, then try again.";

const NOT_LIVE = "You're not receiving events right now. You can still post.";

/** The hint for people who write while the connection is in this state. */
export const WAIT_HINTS = { offline: "You're offline. Your draft is kept.", reconnecting: NOT_LIVE, stopped: NOT_LIVE };

/** The connection's state as a slug and in words (a client's duty, 4). */
export function describeState({ phase, seconds = 0, reason = "", paused = false, online = true }) {
  if (phase === "stopped") return [phase, `Stopped: ${reason || "the server refused this connection"}`];
  if (phase === "live") return paused ? ["paused", "Paused"] : [phase, "Live"];
  if (!online) return ["offline", "Offline"];
  if (phase === "connecting") return [phase, "Connecting…"];
  return [phase, seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting…"];
}

/**
 * The notice after a read of the list (a client's duty, 3), and whether it `lasts`. `before` is the list that the page
 * held, with the number of events that have `arrived` since, or null if the read mends no gap of a live stream.
 */
export function readNotice(before, list, arrived, now) {
  if (before.epoch === null) return { words: "", lasts: false };
  const count = list.accepted - before.accepted - (arrived ?? 0);
  const events = plural(count, "event");
  const isRestart = before.epoch !== list.epoch;
  const isMissing = count > list.capacity;
  let words = count > 0 ? `Reconnected: ${newEvents(count)}.` : "Reconnected. You didn't miss anything.";
  if (arrived !== null) words = `Recovered ${events} that didn't arrive.`;
  if (isRestart) words = `Reconnected. The server restarted (noticed at ${timeOf(now, now)}).`;
  if (isRestart && count > 0) words += ` ${events} since.`;
  if (isMissing) words += " Some older events are no longer available.";
  return { words, lasts: isRestart || isMissing, restarted: isRestart ? now : null };
}
