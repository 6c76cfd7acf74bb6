// Runs the form: counts and checks what is typed, keeps it as a draft, and posts it.
import { postMessage } from "./api.js";
import { byId, setHidden, setText } from "./dom.js";
import { readDraft, storeDraft } from "./drafts.js";
import { MAX_LENGTH, lengthOf, newKey, normalise, refusal } from "./rules.js";

/** From this length on the counter warns. */
const NEAR_LENGTH = 400;

export class Composer {
  #tenant;
  #connection;
  #message = byId("message");
  #submit = byId("submit");
  #status = byId("post-status");
  #retry = byId("retry-post");
  #error = byId("message-error");
  #count = byId("message-count");
  /** The typed text, normalised. */
  #text = "";
  /** The last text that was sent, and its key. Both stay until an answer comes, so that a retry never posts twice. */
  #attempt;
  #sending = false;
  /** The event that was posted, until it is in the list too. */
  #posted = null;

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
      if (event.key === "Enter" && !event.shiftKey && !composing) this.#send(event);
    });
    byId("post-form").addEventListener("submit", (event) => this.#send(event));
  }

  /** Shows the result of a post. Its answer and its event in the stream come in either order. */
  confirm() {
    if (!this.#posted) return;
    const arrival = this.#connection.list.entries.find(({ event }) => event.id === this.#posted.id);
    const ms = Math.ceil(arrival?.at - this.#posted.began);
    setText(this.#status, ms > 0 ? `Posted. Live in ${ms} ms.` : "Posted.");
    if (arrival) this.#posted = null;
  }

  #complain(words, retry = false) {
    setText(this.#error, words);
    if (words) setText(this.#status, "");
    this.#message.ariaInvalid = words ? "true" : "false";
    setHidden(this.#retry, !retry, this.#message);
  }

  #edited() {
    this.#text = normalise(this.#message.value);
    const length = lengthOf(this.#text);
    setText(this.#count, `${length} / ${MAX_LENGTH}`);
    this.#count.dataset.level = length > MAX_LENGTH ? "over" : length >= NEAR_LENGTH ? "near" : "";
    this.#complain(length > MAX_LENGTH ? refusal(this.#text) : "");
    storeDraft(this.#tenant, { text: this.#message.value, attempt: this.#attempt });
  }

  async #send(event) {
    event.preventDefault();
    this.#message.focus();
    if (this.#sending || event.repeat) return;
    this.#complain(refusal(this.#text));
    if (refusal(this.#text)) return;
    if (this.#attempt?.text !== this.#text) this.#attempt = { text: this.#text, key: newKey() };
    this.#edited();
    const { text, key } = this.#attempt;
    const began = performance.now();
    const isLive = this.#connection.state.phase === "live";
    this.#sending = true;
    setText(this.#submit, "Posting…");
    setText(this.#status, isLive ? "" : "The feed is not live: trying to post all the same.");
    try {
      this.#posted = { ...(await postMessage(this.#tenant, text, key)), began };
      if (this.#text === text) this.#message.value = ""; // else more was typed meanwhile
      this.#attempt = null;
      this.#edited();
      this.confirm();
    } catch (failure) {
      this.#complain(failure.message, true);
    }
    setText(this.#submit, "Post");
    this.#sending = false;
  }
}
