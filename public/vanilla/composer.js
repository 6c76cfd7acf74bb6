// Runs the form: counts and checks what is typed, keeps it as a draft, and posts it.
import { postMessage } from "./api.js";
import { now } from "./clock.js";
import { byId, setHidden, setText } from "./dom.js";
import { readDraft, storeDraft } from "./drafts.js";
import { MAX_LENGTH, lengthOf, newKey, normalise, refusal, trimStart } from "./rules.js";

/** From this length on the counter warns. */
const NEAR_LENGTH = 400;
/** How long the status of a post waits for its event in the stream. */
const ARRIVAL_MS = 1_000;
const POSTED_AWAY = "Posted. It appears here once you're reconnected.";

export class Composer {
  /** The ids of the events that this page posted. */
  posted = new Set();
  isSending = false;
  #tenant;
  #connection;
  #message = byId("message");
  #submit = byId("submit");
  #status = byId("post-status");
  #retry = byId("retry-post");
  #error = byId("message-error");
  #alert = byId("alert");
  #count = byId("message-count");
  /** The typed text, normalised. */
  #text = "";
  /** The last text that was sent, and its key. Both stay until an answer comes, so that a retry never posts twice. */
  #attempt;
  /** Whether Enter was pressed while a post was under way. */
  #isNext = false;
  /** The last post that was accepted, until the status tells it. */
  #untold = null;
  /** Whether the status describes a post whose event the page cannot show yet. */
  #isAway = false;

  constructor(tenant, connection) {
    this.#tenant = tenant;
    this.#connection = connection;
    const draft = readDraft(tenant);
    this.#attempt = draft.attempt;
    this.#message.value ||= draft.text;
    this.#edited();
    this.#message.addEventListener("input", () => this.#edited());
    this.#message.addEventListener("keydown", (event) => {
      // 229: some engines end a composition with an Enter of that code.
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key === "Enter" && !event.shiftKey && !composing) this.#requested(event);
    });
    byId("post-form").addEventListener("submit", (event) => this.#requested(event));
  }

  /** Ends the messages whose reason ends when the connection's phase changes. */
  phaseChanged() {
    const isLive = this.#isLive();
    if (isLive === this.#isAway) this.#tell("");
    if (this.#retry.hidden) return;
    setText(this.#error, this.#error.textContent, isLive ? () => this.#complain("") : null);
  }

  /** Tells the result of a post, once. Its answer and its event in the stream come in either order. */
  tellPosted() {
    if (!this.#untold) return;
    const { id, began, answered } = this.#untold;
    const arrival = this.#connection.list.entries.find(({ event }) => event.id === id);
    const isLive = this.#isLive();
    if (isLive && !arrival && now() - answered < ARRIVAL_MS) return;
    const ms = Math.ceil(arrival?.at - began); // a retry's event may have come before, or by the list
    this.#untold = null;
    this.#tell(!isLive ? POSTED_AWAY : ms > 0 ? `Posted, delivered in ${ms} ms` : "Posted");
  }

  #isLive() {
    return this.#connection.state.phase === "live";
  }

  #tell(words) {
    this.#isAway = words === POSTED_AWAY;
    setText(this.#status, words, words && !this.#isAway ? () => this.#tell("") : null);
  }

  /** Shows an error, or none. Only if it is `aloud`, a screen reader reads it out, and the same words once more. */
  #complain(words, { aloud = true, retry = false } = {}) {
    setText(this.#error, words);
    if (words) this.#tell("");
    if (!words || aloud) setText(this.#alert, words && this.#alert.textContent === words ? `${words}\u00a0` : words);
    this.#message.ariaInvalid = words ? "true" : "false";
    setHidden(this.#retry, !retry, this.#message);
  }

  #edited() {
    const wasTooLong = this.#count.dataset.level === "over";
    this.#text = normalise(this.#message.value);
    const length = lengthOf(this.#text);
    setText(this.#count, `${length} / ${MAX_LENGTH}`);
    this.#count.dataset.level = length > MAX_LENGTH ? "over" : length >= NEAR_LENGTH ? "near" : "";
    this.#complain(length > MAX_LENGTH ? refusal(this.#text) : "", { aloud: !wasTooLong });
    if (this.#text) this.#tell("");
    storeDraft(this.#tenant, { text: this.#message.value, attempt: this.#attempt });
  }

  #requested(event) {
    event.preventDefault();
    this.#message.focus();
    if (event.repeat) return;
    if (this.isSending) this.#isNext = true;
    else if (this.#text || !(this.#untold || this.#status.textContent)) this.#send(); // "Posted" is not an error
  }

  async #send() {
    const error = refusal(this.#text);
    this.#complain(error);
    if (error) return;
    if (this.#attempt?.text !== this.#text) this.#attempt = { text: this.#text, key: newKey() };
    this.#edited();
    const { text, key } = this.#attempt;
    const began = performance.now();
    this.isSending = true;
    this.#isNext = false;
    this.#untold = null;
    setText(this.#submit, "Posting…");
    const { event, words, retry, timedOut } = await postMessage(this.#tenant, text, key);
    this.isSending = false;
    setText(this.#submit, "Post");
    if (event) this.#accepted(event, text, began);
    else this.#complain(words, { retry });
    if (timedOut) this.#connection.reconnectFrom("live");
    if (event && this.#isNext && this.#text) this.#send();
  }

  #accepted({ id }, text, began) {
    this.posted.add(id);
    this.#attempt = null;
    // Appended text stays. If the field no longer begins with the posted text, all of it stays.
    const typed = trimStart(this.#message.value);
    if (typed.startsWith(text)) this.#message.value = trimStart(typed.slice(text.length));
    this.#edited();
    this.#untold = { id, began, answered: now() };
    this.tellPosted();
  }
}
