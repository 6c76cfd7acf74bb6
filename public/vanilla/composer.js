// Runs the form: counts and checks what is typed, keeps it as a draft, and posts it.
import { postMessage } from "./api.js";
import { now } from "./clock.js";
import { announce, byId, endLater, setText } from "./dom.js";
import { readDraft, storeDraft } from "./drafts.js";
import { MAX_LENGTH, lengthOf, newKey, normalise, refusal, trimStart } from "./rules.js";
import { WAIT_HINTS } from "./words.js";

/** Up to this length the counter is quiet. */
const QUIET_LENGTH = 400;
/** How long the result of a post waits for its event in the stream. */
const ARRIVAL_MS = 1_000;
const POSTED_AWAY = "Posted. It appears here once you're reconnected.";

export class Composer {
  /** The ids of the events that this page posted. */
  posted = new Set();
  isSending = false;
  #tenant;
  #connection;
  #began;
  #field = byId("message");
  #result = byId("post-words");
  #error = byId("message-error");
  /** The typed text, normalised. */
  #text = "";
  /** The last text that was sent, and its key. Both stay until an answer comes, so that a retry never posts twice. */
  #attempt;
  /** The connection's state, as the page shows it. */
  #state = "connecting";
  /** Whether a repeat may help the last post. */
  #canRetry = false;
  /** Whether Enter was pressed while a post was under way. */
  #isNext = false;
  /** The last post that was accepted, until its result is shown. */
  #accepted = null;

  /** Calls `began` when a post begins. */
  constructor(tenant, connection, began) {
    this.#tenant = tenant;
    this.#connection = connection;
    this.#began = began;
    const draft = readDraft(tenant);
    this.#attempt = draft.attempt;
    this.#field.value ||= draft.text;
    this.#edited();
    // On the keyboard of a screen, Enter breaks the line: there is no Shift+Enter.
    const isTouch = matchMedia("(hover: none) and (pointer: coarse)").matches;
    if (isTouch) setText(byId("message-hint"), "");
    this.#field.addEventListener("input", () => this.#edited());
    this.#field.addEventListener("keydown", (event) => {
      // 229: some engines end a composition with an Enter of that code.
      const isComposing = event.isComposing || event.keyCode === 229;
      if (event.key === "Enter" && !event.shiftKey && !isComposing && !isTouch) this.#requested(event);
    });
    byId("post-form").addEventListener("submit", (event) => this.#requested(event));
  }

  /** Ends the messages whose reason ends when the connection's phase changes. */
  phaseChanged() {
    const isLive = this.#isLive();
    if (isLive === (this.#result.textContent === POSTED_AWAY)) this.#tell("");
    if (this.#canRetry) endLater(this.#error, isLive ? () => this.#complain("") : null);
  }

  /** Shows the hint for people who write while the page is not live. An error is shown in the same place. */
  showWait(state = this.#state) {
    this.#state = state;
    const words = this.#error.hidden ? (WAIT_HINTS[state] ?? "") : "";
    Object.assign(byId("message-wait"), { textContent: words, hidden: !words });
  }

  /** Shows the result of a post, once. Its answer and its event in the stream come in either order. */
  showResult() {
    if (!this.#accepted) return;
    const { id, began, answered } = this.#accepted;
    const arrival = this.#connection.list.entries.find(({ event }) => event.id === id);
    const isLive = this.#isLive();
    if (isLive && !arrival && now() - answered < ARRIVAL_MS) return;
    const ms = Math.ceil(arrival?.at - began); // a retry's event may have come before, or by the list
    this.#accepted = null;
    this.#tell(!isLive ? POSTED_AWAY : ms > 0 ? `Posted, delivered in ${ms} ms` : "Posted");
  }

  #isLive() {
    return this.#connection.state.phase === "live";
  }

  #tell(words) {
    setText(this.#result, words);
    endLater(this.#result, words && words !== POSTED_AWAY ? () => this.#tell("") : null);
  }

  /** Shows an error, or none. Only if it is `aloud`, a screen reader reads it out, even the same words again. */
  #complain(words, { aloud = true, canRetry = false } = {}) {
    if (words) this.#tell("");
    setText(this.#error, words);
    this.#error.hidden = !words;
    this.showWait();
    if (!words || aloud) announce(byId("alert"), words);
    this.#field.ariaInvalid = words ? "true" : "false";
    this.#canRetry = canRetry;
    endLater(this.#error, null);
    // The button itself offers the retry: nothing is added, so that nothing moves.
    setText(byId("submit"), this.isSending ? "Posting…" : canRetry ? "Try again" : "Post");
    byId("submit").ariaDisabled = String(this.isSending);
  }

  #edited() {
    const count = byId("message-count");
    const wasTooLong = count.dataset.level === "over";
    this.#text = normalise(this.#field.value);
    const length = lengthOf(this.#text);
    setText(count, `${length} / ${MAX_LENGTH}`);
    count.dataset.level = length > MAX_LENGTH ? "over" : length >= QUIET_LENGTH ? "near" : "quiet";
    this.#complain(length > MAX_LENGTH ? refusal(this.#text) : "", { aloud: !wasTooLong });
    if (this.#text) this.#tell("");
    storeDraft(this.#tenant, { text: this.#field.value, attempt: this.#attempt });
    if (CSS.supports("field-sizing: content")) return;
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight + this.#field.offsetHeight - this.#field.clientHeight}px`;
  }

  #requested(event) {
    event.preventDefault();
    this.#field.focus();
    if (event.repeat) return;
    if (this.isSending) this.#isNext = true;
    else if (this.#text || !(this.#accepted || this.#result.textContent)) this.#send(); // "Posted" is not an error
  }

  async #send() {
    const error = refusal(this.#text);
    this.#complain(error);
    if (error) return;
    if (this.#attempt?.text !== this.#text) this.#attempt = { text: this.#text, key: newKey() };
    const { text, key } = this.#attempt;
    const began = performance.now();
    this.isSending = true;
    this.#isNext = false;
    this.#accepted = null;
    this.#edited();
    this.#began();
    const { event, words, retry, timedOut } = await postMessage(this.#tenant, text, key);
    this.isSending = false;
    if (event) this.#take(event.id, text, began);
    else this.#complain(words, { canRetry: retry });
    if (timedOut) this.#connection.reconnectFrom("live");
    if (event && this.#isNext && this.#text) this.#send();
  }

  /** The message is posted. Appended text stays. If the field no longer begins with the message, all of it stays. */
  #take(id, text, began) {
    this.posted.add(id);
    this.#attempt = null;
    const typed = trimStart(this.#field.value);
    if (typed.startsWith(text)) this.#field.value = trimStart(typed.slice(text.length));
    this.#edited();
    this.#accepted = { id, began, answered: now() };
    this.showResult();
  }
}
