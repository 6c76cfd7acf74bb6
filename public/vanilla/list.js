// Merges the server's list and the stream's events into the list that the page holds.

/** Capacity until the server's own is known. It is the server's default. */
const DEFAULT_CAPACITY = 1_000;

/** The list of a page that has read nothing yet. `accepted` counts the events of all epochs that the page knows of. */
export const EMPTY = { epoch: null, accepted: 0, seq: 0, entries: [] };

/**
 * The list after a read: newest first, and bounded (a client's duty, 1). The `number` of an entry is what `accepted`
 * was with it. Entries of an earlier epoch stay below it, marked as gone.
 */
export function withList(before, { epoch, seq, kept, entries }) {
  const isRestart = epoch !== before.epoch;
  const gone = before.entries.filter((entry) => entry.gone || isRestart).map((entry) => ({ ...entry, gone: true }));
  // A list that is shorter than its position tells the capacity: the server evicts older events.
  const isCapacityKnown = kept < seq;
  const capacity = isCapacityKnown ? kept : Math.max(DEFAULT_CAPACITY, kept);
  const accepted = before.accepted + seq - (isRestart ? 0 : before.seq);
  const current = entries.map((entry) => ({ ...entry, number: accepted - seq + entry.seq }));
  return { epoch, accepted, seq, capacity, isCapacityKnown, entries: [...current, ...gone].slice(0, capacity) };
}

/** The list if it has all that the server keeps at a hello's position, else null. At `seq` 0 that is nothing. */
export function completeAt(before, { epoch, seq }) {
  const list = epoch === before.epoch ? before : withList(before, { epoch, seq: 0, kept: 0, entries: [] });
  // Beyond a capacity that is only guessed, it has dropped events that the server may keep.
  return seq === list.seq && (list.isCapacityKnown || seq <= list.capacity) ? list : null;
}

/** The list after an event. One at or below the list's position is in it already, or older than what is kept. */
export function withEvent(before, entry) {
  if (entry.seq <= before.seq) return before;
  const accepted = before.accepted + entry.seq - before.seq;
  const entries = [{ ...entry, number: accepted }, ...before.entries.slice(0, before.capacity - 1)];
  return { ...before, accepted, seq: entry.seq, entries };
}
