// Measures durations: its time never runs backwards, and goes on while the machine sleeps.

/** `Date.now()` that gains more than this shows sleep: on most systems `performance.now()` does not count sleep. */
const SLEEP_MS = 5_000;

let ahead = null;
let sleptMs = 0;

/** The time in milliseconds. Only differences mean something. A time of day that is set back changes nothing. */
export function now(performanceMs = performance.now(), dateMs = Date.now()) {
  const gained = dateMs - performanceMs - (ahead ?? dateMs - performanceMs);
  ahead = dateMs - performanceMs;
  if (gained > SLEEP_MS) sleptMs += gained;
  return performanceMs + sleptMs;
}
