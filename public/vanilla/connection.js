// Keeps one WebSocket to the tenant's stream, and keeps the list complete.
//
// It follows "A client's duty" in docs/contract.md: numbers in brackets name its points. Nothing here touches the page,
// which gives callbacks instead.
import { TIMEOUT_MS, readList, streamAddress } from "./api.js";
import { now } from "./clock.js";
import { EMPTY, completeAt, withEvent, withList } from "./list.js";
import { readNotice } from "./words.js";

/** A connection that was live for this time was steady: the next delay is short again. */
const STEADY_MS = 10_000;
/** Longest window of the random delay. */
const MAX_DELAY_MS = 30_000;
/** A shorter countdown would only flicker. */
const COUNTDOWN_MS = 5_000;
/** A timer that is later than this woke up from sleep or in a hidden tab. */
const LATE_MS = 1_000;

/** Delay before attempt n (0, 1, …) in milliseconds, with full jitter (2). */
export const reconnectDelay = (n, windowMs, random = Math.random) =>
  random() * Math.min(MAX_DELAY_MS, windowMs * 2 ** n);

export class Connection {
  /** The tenant's events, as far as the page has them. */
  list = EMPTY;
  /** `phase`, and with it the `reason` of a stop, or the time at which a countdown is `due`. */
  state = { phase: "connecting" };
  #tenant;
  #page;
  /** Automatic attempts since the last steady connection. "Retry now" is not one: it must not lengthen the delay. */
  #attempts = 0;
  /** The last `reconnect_ms`. */
  #windowMs = 500;
  /** The lead of the server's clock over this page's. */
  #serverAhead;
  #build;
  /** The one timer: of a connection attempt, of silence, or of the delay before the next attempt. */
  #timer = 0;
  /** When the timer is due, and what it does. */
  #alarm = { due: Infinity };
  /** All that belongs to the current socket, or null between two sockets. */
  #stream = null;

  /** `page` has these callbacks: `changed`, `phaseChanged`, `breach`, `notice` (see `readNotice`), `otherBuild`. */
  constructor(tenant, page) {
    this.#tenant = tenant;
    this.#page = page;
    addEventListener("online", () => this.reconnectFrom("reconnecting"));
    document.addEventListener("visibilitychange", () => {
      if (this.state.phase === "reconnecting" && !this.#stream && !document.hidden) this.open();
    });
    addEventListener("pagehide", () => this.#abandon());
    addEventListener("pageshow", ({ persisted }) => persisted && this.open());
  }

  /** The moment now, by the server's clock, which the last hello has shown. */
  get serverNow() {
    return now() + this.#serverAhead;
  }

  /** Connects now, and abandons the socket or the delay before it. */
  open() {
    this.#abandon();
    const abort = new AbortController();
    const { signal } = abort;
    this.#stream = { abort, held: [], readTimer: 0 };
    this.#setTimer(TIMEOUT_MS, () => this.#lost());
    this.#enter(this.state.phase === "connecting" ? "connecting" : "reconnecting");
    try {
      const socket = new WebSocket(streamAddress(this.#tenant));
      signal.addEventListener("abort", () => socket.close());
      // The signal also removes the handlers, so that an abandoned socket changes nothing.
      socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)), { signal });
      socket.addEventListener("close", ({ code, reason }) => this.#closed(code, reason), { signal });
      socket.addEventListener("error", () => this.#lost(), { signal });
    } catch {
      this.#lost(); // some engines throw if a policy forbids the address
    }
  }

  /** If the phase is this one, abandons the socket and connects again within the window (2). */
  reconnectFrom(phase) {
    if (this.state.phase === phase) this.#wait(reconnectDelay(0, this.#windowMs));
  }

  #enter(phase, more) {
    const isOther = phase !== this.state.phase;
    this.state = { phase, ...more };
    if (isOther) this.#page.phaseChanged();
    this.#page.changed();
  }

  #abandon() {
    this.#setTimer(Infinity);
    clearTimeout(this.#stream?.readTimer);
    this.#stream?.abort.abort();
    this.#stream = null;
  }

  #closed(code, reason) {
    if (code !== 1008) return this.#lost();
    this.#abandon();
    return this.#enter("stopped", { reason });
  }

  #lost() {
    if (now() - this.#stream.liveAt >= STEADY_MS) this.#attempts = 0;
    this.#wait(reconnectDelay(this.#attempts, this.#windowMs));
  }

  #wait(ms) {
    this.#abandon();
    this.#setTimer(ms, () => {
      this.#attempts += 1;
      this.open();
    });
    this.#enter("reconnecting", { due: ms >= COUNTDOWN_MS ? now() + ms : 0 });
  }

  #setTimer(ms, act) {
    clearTimeout(this.#timer);
    this.#alarm = { due: now() + ms, act };
    if (ms < Infinity) this.#timer = setTimeout(() => this.look(), ms);
  }

  /** Does what is due. A timer does not run while the machine sleeps, so the page calls this every second too. */
  look() {
    const { due, act } = this.#alarm;
    const late = now() - due;
    if (late >= 0) act(late);
    else if (late > -LATE_MS) this.#setTimer(-late, act); // the timer came a little too early
  }

  /** Waits for the next frame. A timer that ran late first lets the page take the frames that have arrived (2). */
  #watchSilence() {
    this.#setTimer(this.#stream.silenceMs, (late) => {
      if (late > LATE_MS) this.#setTimer(LATE_MS, () => this.#lost());
      else this.#lost();
    });
  }

  #receive(frame) {
    const stream = this.#stream;
    const { type, seq, event } = frame;
    this.#windowMs = frame.reconnect_ms ?? this.#windowMs;
    if (type === "connection_established") this.#greeted(stream, frame);
    this.#watchSilence();
    const expected = { event_created: stream.seq + 1, heartbeat: stream.seq };
    if (!Object.hasOwn(expected, type)) return; // a later server may have more types
    if (event && !this.#ensureOwn(event)) return;
    if (event) stream.held.push({ seq, event, at: performance.now() });
    stream.seq = seq;
    if (seq !== expected[type]) this.#read(stream, seq);
    else if (!stream.readTimer) this.#mergeHeld();
  }

  /** Reads the list, unless the page has all that the server keeps (1). */
  #greeted(stream, { seq, epoch, heartbeat_ms, build, timestamp }) {
    this.#serverAhead = Date.parse(timestamp) - now();
    Object.assign(stream, { seq, epoch, silenceMs: 2 * heartbeat_ms });
    this.#build ??= build;
    this.#page.otherBuild(build !== this.#build); // (6)
    const list = completeAt(this.list, { epoch, seq });
    if (list) this.#take(stream, list);
    else this.#read(stream, seq);
  }

  /** Reads the list, and again while it lags behind `seq` (1, 3). Events are held until it is there. */
  async #read(stream, seq) {
    stream.leastSeq = seq;
    if (stream.readTimer) return;
    stream.readTimer = setTimeout(() => this.#lost(), TIMEOUT_MS);
    let list;
    for (;;) {
      list = await readList(this.#tenant, stream.abort.signal).catch(() => null);
      if (stream !== this.#stream) return;
      if (list?.epoch !== stream.epoch) return this.#lost();
      if (list.seq >= stream.leastSeq) break;
      await new Promise((resolve) => setTimeout(resolve, reconnectDelay(0, this.#windowMs)));
    }
    const entries = list.entries.filter(({ event }) => this.#ensureOwn(event));
    this.#take(stream, withList(this.list, { ...list, entries }));
  }

  /** Takes over a list that has every event that the server keeps: the page is live. */
  #take(stream, list) {
    const arrived = stream.held.filter((entry) => entry.seq <= list.seq).length;
    const notice = readNotice(this.list, list, stream.liveAt ? arrived : null, this.serverNow);
    this.list = list;
    clearTimeout(stream.readTimer);
    stream.readTimer = 0;
    stream.liveAt ??= now();
    this.#mergeHeld();
    this.#enter("live");
    this.#page.notice(notice);
  }

  #mergeHeld() {
    this.list = this.#stream.held.splice(0).reduce(withEvent, this.list);
    this.#page.changed();
  }

  /** Whether an event is the tenant's own. Another tenant's is a breach: the page raises an alarm (5). */
  #ensureOwn(event) {
    if (event.tenant_id === this.#tenant) return true;
    this.#page.breach();
    return false;
  }
}
