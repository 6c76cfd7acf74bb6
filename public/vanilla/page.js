// Runs the page of one tenant: its state, its list, its counts and its controls.
import { now } from "./clock.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { dividersOf } from "./dividers.js";
import { announce, byId, countSecond, endLater, setHidden, setText } from "./dom.js";
import { Rows } from "./rows.js";
import { TENANTS } from "./rules.js";
import { Unread } from "./unread.js";
import { describeState, lastEvent, newEvents } from "./words.js";

/** Interval of the announcements to a screen reader, which come in batches. */
const ANNOUNCE_MS = 5_000;

/** While the page is paused, hidden or scrolled down, its list is frozen: new events wait behind a button. */
export class TenantPage {
  #tenant;
  #connection;
  #composer;
  #unread = new Unread();
  #state = byId("state");
  #pause = byId("pause");
  #feed = byId("feed");
  #rows = new Rows();
  #frame = 0;
  #isPaused = false;
  #isFilled = false;
  #isShowingPending = false;
  /** When the last restart of the server was noticed. */
  #restarted = null;
  /** How many events were accepted when the announcer last counted; null before the first list. */
  #announced = null;

  constructor(tenant) {
    this.#tenant = tenant;
    this.#dress();
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
    this.#composer = new Composer(tenant, this.#connection, () => (this.#unread.line = null));
    this.#listen();
    this.#connection.open();
    // The countdown goes on, and a hidden tab's title too.
    setInterval(() => {
      if (!document.hidden) countSecond();
      this.#unread.see(this.#isLineInView());
      this.#connection.look();
      this.#show();
    }, 1_000);
    setInterval(() => this.#announce(), ANNOUNCE_MS);
  }

  /** Turns the selector into the page of a tenant, whose title is the dropdown. */
  #dress() {
    const picker = byId("tenant-form");
    document.documentElement.dataset.tenant = this.#tenant;
    Object.assign(byId("heading"), { textContent: TENANTS[this.#tenant], hidden: false });
    byId("icon").href = `/favicon-${this.#tenant}.svg`;
    byId("full-client").href = `/?tenant=${this.#tenant}`;
    byId("brand").after(picker);
    byId("selector").remove();
    picker.querySelector("label").className = "for-ears";
    picker.querySelector("option").remove();
    setText(byId("mark"), TENANTS[this.#tenant].at(-1));
    byId("mark").dataset.mark = this.#tenant;
  }

  #listen() {
    byId("reload").addEventListener("click", () => location.reload());
    byId("dismiss").addEventListener("click", () => this.#notify());
    byId("write-first").addEventListener("click", () => byId("message").focus());
    byId("retry-now").addEventListener("click", () => this.#connection.open());
    document.addEventListener("visibilitychange", () => this.#show());
    addEventListener("scroll", () => this.#showSoon(), { passive: true });
    this.#pause.addEventListener("click", () => {
      this.#isPaused = !this.#isPaused;
      this.#show();
    });
    byId("pending").addEventListener("click", () => this.#showPending());
    this.#feed.addEventListener("keydown", (event) => {
      // The keys of the ARIA pattern "feed".
      const row = event.target.closest("article");
      const to = event.ctrlKey
        ? { Home: this.#pause, End: byId("after-feed") }
        : { PageDown: row.nextElementSibling, PageUp: row.previousElementSibling };
      if (!Object.hasOwn(to, event.key)) return;
      event.preventDefault();
      to[event.key]?.focus();
    });
  }

  #showPending() {
    this.#isShowingPending = true;
    scrollTo(0, 0);
    this.#show();
    this.#feed.firstElementChild.focus();
  }

  /** Shows a notice, or none. It ends by itself if nothing in it needs an answer. */
  #notify({ words, lasts, restarted } = { words: "", lasts: true }) {
    this.#restarted = restarted ?? this.#restarted;
    setText(byId("notice-words"), words);
    endLater(byId("notice-words"), lasts ? null : () => this.#notify());
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
    const isFrozen = this.#isFrozen(); // first, while the layout is up to date: it would be computed twice
    this.#showState();
    if (this.#connection.list.epoch) this.#showList(isFrozen);
    this.#composer.showResult();
  }

  #isFrozen() {
    const isAway = this.#isPaused || document.hidden || this.#feed.getBoundingClientRect().top < 0;
    return this.#isFilled && isAway && !this.#isShowingPending;
  }

  #showState() {
    const { due = 0, ...state } = this.#connection.state;
    const seconds = Math.ceil((due - now()) / 1_000);
    const [slug, words] = describeState({ ...state, seconds, paused: this.#isPaused, online: navigator.onLine });
    this.#state.dataset.connection = slug;
    this.#state.ariaLive = seconds > 0 ? "off" : "polite"; // a screen reader must not read a countdown out
    setText(this.#state, words);
    setHidden(byId("retry-now"), slug !== "reconnecting" && slug !== "offline", this.#state);
    this.#pause.toggleAttribute("data-paused", this.#isPaused);
    setText(this.#pause, this.#isPaused ? "Resume" : "Pause");
    this.#composer.showWait(slug);
  }

  #showList(isFrozen) {
    const { list, serverNow } = this.#connection;
    this.#announced ??= list.accepted;
    this.#unread.look(isFrozen, list.accepted, serverNow, (number) => this.#othersAfter(number));
    const left = this.#rows.show(list.entries, { isFrozen, isNew: this.#isFilled });
    const shown = list.entries.filter(this.#rows.has);
    this.#rows.divide(dividersOf(shown, { now: serverNow, line: this.#unread.line, restarted: this.#restarted }));
    this.#showCount(isFrozen ? left : 0);
    if (left > 0 && !isFrozen) this.#showSoon();
    else this.#isShowingPending = false;
    const isEmpty = list.entries.length === 0;
    if (!this.#isFilled) byId("terminal").open ||= isEmpty;
    this.#isFilled ||= left === 0;
    this.#feed.ariaBusy = String(isEmpty || !this.#isFilled);
    byId("feed-empty").hidden = !isEmpty;
    this.#showEnds(list, serverNow);
  }

  /** Shows the age of the newest event, and whether the server has dropped older ones. */
  #showEnds({ seq, entries }, serverNow) {
    const newest = entries[0] ? Date.parse(entries[0].event.timestamp) : null;
    byId("last-event-label").hidden = newest === null;
    setText(byId("last-event"), lastEvent(newest, serverNow));
    setText(byId("after-feed"), seq > entries.length ? "That's everything still kept." : "");
  }

  #showCount(waiting) {
    const count = waiting > 99 ? "99+" : waiting;
    setHidden(byId("pending"), waiting === 0, this.#feed.firstElementChild);
    setText(byId("pending"), newEvents(count));
    setText(document.querySelector("title"), `${waiting ? `(${count}) ` : ""}${TENANTS[this.#tenant]} · Event feed`);
  }

  /** Whether the line that shows where the reader left is in view. */
  #isLineInView() {
    const line = this.#feed.querySelector("[data-divider=unread]")?.getBoundingClientRect();
    return !document.hidden && line?.top >= 0 && line.bottom <= innerHeight;
  }

  /** How many events of others were accepted after the event of this number. */
  #othersAfter(number) {
    const { accepted, entries } = this.#connection.list;
    const isOwn = (entry) => entry.number > number && this.#composer.posted.has(entry.event.id);
    return accepted - number - entries.filter(isOwn).length;
  }

  /** Tells a screen reader how many events arrived since the last batch, without the page's own posts. */
  #announce() {
    if (this.#announced === null || this.#composer.isSending) return; // an answer may name one as its own
    const count = this.#othersAfter(this.#announced);
    announce(byId("announcer"), count > 0 ? newEvents(count) : "");
    this.#announced = this.#connection.list.accepted;
  }
}
