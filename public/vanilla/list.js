// Merges the server's list and the stream's events into the list that the page holds.

/** Capacity until the server's own is known. It is the server's default. */
const DEFAULT_CAPACITY = 1_000;

/** The list of a page that has read nothing yet. */
export const EMPTY = { epoch: null, earlier: 0, seq: 0, entries: [] };

/**
 * The list after a read: newest first, and bounded (a client's duty, 1). Entries of an earlier epoch stay below it,
 * marked as gone.
 */
export function withList(before, { epoch, seq, kept, entries }) {
  const gone = before.entries
    .filter((entry) => entry.gone || epoch !== before.epoch)
    .map((entry) => ({ ...entry, gone: true }));
  // A list that is shorter than its position tells the capacity: the server evicts older events.
  const isCapacityKnown = kept < seq;
  const capacity = isCapacityKnown ? kept : Math.max(DEFAULT_CAPACITY, kept);
  // `earlier` counts the events of earlier epochs, so that counts go on over a restart.
  const earlier = before.earlier + (epoch === before.epoch ? 0 : before.seq);
  return { epoch, earlier, seq, capacity, isCapacityKnown, entries: [...entries, ...gone].slice(0, capacity) };
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
  return { ...before, seq: entry.seq, entries: [entry, ...before.entries.slice(0, before.capacity - 1)] };
}

/** How many events were accepted since the page held the list `before`, which may be of an earlier epoch. */
export const acceptedSince = (before, list) => list.earlier + list.seq - before.earlier - before.seq;
