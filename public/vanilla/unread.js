// Follows what arrives while the reader is away, by the rules of src/client/unread.rs.

/** For how many seconds the line is in view before it goes. */
const SEEN_S = 5;

export class Unread {
  /** The line to show, or null: how many events came `after` the event of that number, and `since` when. */
  line = null;
  /** The number of the last event before the reader left, and when that was; null while the reader is here. */
  #left = null;
  #seconds = 0;

  /** The reader is away, or not, at this moment. `others` counts the events of others after a number. */
  look(isAway, accepted, now, others) {
    if (isAway) this.#left ??= { after: accepted, since: now };
    else if (this.#left) {
      const count = others(this.#left.after);
      if (count > 0) this.line = { ...this.#left, count };
      this.#left = null;
      this.#seconds = 0;
    }
  }

  /** The line is in view, or not. The page calls this every second. */
  see(isInView) {
    if (this.#seconds === SEEN_S && isInView) this.line = null;
    this.#seconds = isInView ? this.#seconds + 1 : 0;
  }
}
