// Runs the page of one tenant: its state, its list, its counts and its controls.
import { now } from "./clock.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { byId, countSecond, setHidden, setText } from "./dom.js";
import { acceptedSince } from "./list.js";
import { TENANTS } from "./rules.js";
import { showEntries } from "./visible-list.js";
import { describeState, newEvents } from "./words.js";

/** Interval of the announcements to a screen reader, which come in batches. */
const ANNOUNCE_MS = 5_000;

/** While the page is paused, hidden or scrolled down, its list is frozen: new events wait behind a button. */
export class TenantPage {
  #tenant;
  #connection;
  #composer;
  #state = byId("state");
  #retryNow = byId("retry-now");
  #pause = byId("pause");
  #pending = byId("pending");
  #feed = byId("feed");
  #frame = 0;
  #paused = false;
  #showingPending = false;
  /** The list when the announcer last counted. Events of the first list are not new. */
  #announced = null;

  constructor(tenant) {
    this.#tenant = tenant;
    document.documentElement.dataset.tenant = tenant;
    setText(byId("heading"), TENANTS[tenant]);
    byId("icon").href = `/favicon-${tenant}.svg`;
    byId("full-client").href = `/?tenant=${tenant}`;
    this.#connection = new Connection(tenant, {
      changed: () => this.#showSoon(),
      phaseChanged: () => {
        if (this.#connection.state.phase !== "live") this.#notify();
        this.#composer.phaseChanged();
      },
      notice: (notice) => this.#notify(notice),
      breach: () => setText(byId("breach"), "Isolation alarm: an event of another tenant was received and dropped."),
      otherBuild: (isOther) => setHidden(byId("new-build"), !isOther, this.#state),
    });
    this.#composer = new Composer(tenant, this.#connection);
    this.#listen();
    this.#connection.open();
    // The countdown goes on, a hidden tab's title too, and a reader may be back at the top.
    setInterval(() => {
      if (!document.hidden) countSecond();
      this.#connection.look();
      this.#show();
    }, 1_000);
    setInterval(() => this.#announce(), ANNOUNCE_MS);
  }

  #listen() {
    byId("reload").addEventListener("click", () => location.reload());
    byId("dismiss").addEventListener("click", () => this.#notify());
    this.#retryNow.addEventListener("click", () => this.#connection.open());
    document.addEventListener("visibilitychange", () => this.#show());
    this.#pause.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.#show();
    });
    this.#pending.addEventListener("click", () => this.#showPending());
    this.#feed.addEventListener("keydown", (event) => {
      // The keys of the ARIA pattern "feed".
      const article = event.target.closest("article");
      const to = { PageDown: article.nextElementSibling, PageUp: article.previousElementSibling };
      if (!Object.hasOwn(to, event.key)) return;
      event.preventDefault();
      to[event.key]?.focus();
    });
  }

  #showPending() {
    this.#showingPending = true;
    scrollTo(0, 0);
    this.#show();
    this.#feed.firstElementChild.focus();
  }

  /** Shows a notice, or none. It ends by itself if nothing in it needs an answer. */
  #notify({ words, lasts } = { words: "", lasts: true }) {
    setText(byId("notice-text"), words, lasts ? null : () => this.#notify());
    setHidden(byId("notice-line"), !words, this.#pause);
  }

  /** Shows what changed, at most once a frame. A hidden page has no frames: the interval shows it. */
  #showSoon() {
    if (document.hidden || this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#show();
    });
  }

  #show() {
    const frozen = this.#isFrozen(); // first, while the layout is up to date: it would be computed twice
    this.#showState();
    const { list } = this.#connection;
    const left = list.epoch === null ? 0 : showEntries(this.#feed, list.entries, frozen);
    this.#showCount(frozen ? left : 0);
    if (left > 0 && !frozen) this.#showSoon();
    else this.#showingPending = false;
    if (list.epoch) this.#announced ??= list;
    byId("feed-end").hidden = list.seq <= list.entries.length; // else older events were dropped
    this.#composer.tellPosted();
  }

  #isFrozen() {
    const isFilled = this.#feed.ariaBusy === "false";
    const isAway = this.#paused || document.hidden || this.#feed.getBoundingClientRect().top < 0;
    return isFilled && isAway && !this.#showingPending;
  }

  #showState() {
    const { due = 0, ...state } = this.#connection.state;
    const seconds = Math.ceil((due - now()) / 1_000);
    const [slug, words] = describeState({ ...state, seconds, paused: this.#paused, online: navigator.onLine });
    this.#state.dataset.connection = slug;
    this.#state.ariaLive = seconds > 0 ? "off" : "polite"; // a screen reader must not read a countdown out
    setText(this.#state, words);
    setHidden(this.#retryNow, slug !== "reconnecting" && slug !== "offline", this.#state);
    this.#pause.toggleAttribute("data-paused", this.#paused);
    setText(this.#pause, this.#paused ? "Resume" : "Pause");
  }

  #showCount(waiting) {
    const count = waiting > 99 ? "99+" : waiting;
    setHidden(this.#pending, waiting === 0, this.#feed.firstElementChild);
    setText(this.#pending, newEvents(count));
    setText(document.querySelector("title"), `${waiting ? `(${count}) ` : ""}${TENANTS[this.#tenant]} · Event feed`);
  }

  /** Tells a screen reader how many events arrived since the last batch, without the page's own posts. */
  #announce() {
    if (!this.#announced || this.#composer.isSending) return; // an answer may name one of them as the page's own
    const { list } = this.#connection;
    const arrived = acceptedSince(this.#announced, list);
    const own = list.entries.slice(0, arrived).filter(({ event }) => this.#composer.posted.has(event.id));
    const count = arrived - own.length;
    const announcer = byId("announcer");
    const words = count > 0 ? newEvents(count) : "";
    // The same text again is no change, and would not be read out.
    setText(announcer, words && announcer.textContent === words ? `${words}\u00a0` : words);
    this.#announced = list;
  }
}
