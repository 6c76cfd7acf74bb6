// Puts counts, the connection's state, a read of the list and a failed post into words.

/** "1 new event", "2 new events", "99+ new events". */
export const newEvents = (count) => `${count} new event${count === 1 ? "" : "s"}`;

/** The words if the answer to a post is lost: the server may have accepted the message. */
export const NO_ANSWER =
  "No answer from the server. Your message may have been posted; trying again won't post it twice.";

/** The words if the server refuses a post, from its own words. */
export const notPosted = (detail) => `Not posted: ${detail.replace(/\.$/, "")}.`;

/** The words if a post is answered, but not with its event. */
export const PROXY_ANSWER =
  "The answer did not come from the server, but perhaps from a proxy's sign-in page. Your text is kept here. " +
  "Reload the page to sign in, then try again.";

/** The connection's state as a slug and in words (a client's duty, 4). */
export function describeState({ phase, seconds = 0, reason = "", paused = false, online = true }) {
  if (phase === "stopped") return [phase, `Stopped: ${reason || "the server refused this connection"}`];
  if (phase === "live") return paused ? ["paused", "Paused"] : [phase, "Live"];
  if (!online) return ["offline", "Offline"];
  if (phase === "connecting") return [phase, "Connecting…"];
  return [phase, seconds > 0 ? `Reconnecting in ${seconds} s` : "Reconnecting…"];
}

const clockTime = () => new Date().toLocaleTimeString([], { timeStyle: "short" });

/**
 * The notice after a read of the list (a client's duty, 3). `before` is the list that the page held; `gap` is true if a
 * live stream had a hole.
 */
export function readNotice(before, list, gap, now = clockTime()) {
  if (before.epoch === null) return "";
  if (before.epoch !== list.epoch) return `Back live: the server has restarted at ${now}.`;
  const passed = list.seq - before.seq;
  const cause = gap ? "Something was lost on the way; read again" : "Back live";
  const count = passed > 0 ? newEvents(passed) : "nothing was missed";
  const missing = passed > list.kept ? "; some events are missing, as more passed than are kept" : "";
  return `${cause}: ${count}${missing}.`;
}
