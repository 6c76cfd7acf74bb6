// The no-build client of the event feed. It keeps the contract's "A client's duty": numbers in brackets point there.

const TENANTS = { tenant_a: "Tenant A", tenant_b: "Tenant B" };
const MAX = 500; // characters in a message
const LIMIT_MS = 10_000; // for a connection or an answer; a connection that lives as long is steady
const CLOCK = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

/** The one tenant that an address names, or null. */
export function tenantOf(search) {
  const named = new URLSearchParams(search).getAll("tenant");
  return named.length === 1 && Object.hasOwn(TENANTS, named[0]) ? named[0] : null;
}

/** A message as the server keeps it. White_Space is Rust's: it has U+0085 and lacks U+FEFF, unlike `String.trim`. */
export const normalise = (text) => text.toWellFormed().replaceAll("\r\n", "\n")
  .replace(/^\p{White_Space}+|(?<!\p{White_Space})\p{White_Space}+$/gu, "");
export const lengthOf = (text) => [...text].length; // in code points, as the server counts

/** Why a normalised message cannot be posted, in plain words, or "". */
export function refusal(text) {
  if (text === "") return "Write a message first.";
  if (lengthOf(text) > MAX) return `Too long: a message has at most ${MAX} characters.`;
  return /[^\P{Cc}\n\t]/u.test(text) ? "Control characters other than line breaks and tabs cannot be posted." : "";
}

export const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-"); // plain http has no `randomUUID`
/** Milliseconds before attempt n (0, 1, …), full jitter; w is the last `reconnect_ms` told (2). */
export const reconnectDelay = (n, w = 500, random = Math.random) => random() * Math.min(30_000, w * 2 ** n);

/** The connection's state in a slug and in words (4). */
export function stateOf({ phase, seconds = 0, reason = "", paused = false, online = true }) {
  if (phase === "stopped") return [phase, `Stopped: ${reason || "the server refused this connection"}`];
  if (phase === "live") return paused ? ["paused", "Paused"] : [phase, "Live"];
  if (!online) return ["offline", "Offline"];
  return [phase, phase === "connecting" ? "Connecting…" : `Reconnecting${seconds > 0 ? ` in ${seconds} s` : "…"}`];
}

/** What to say after reading a list (3): `before` is what the page had; `gap`, that a live stream had a hole. */
export function readingNotice(before, list, gap, now = new Date().toLocaleTimeString([], { timeStyle: "short" })) {
  const passed = list.seq - before.seq;
  if (before.epoch === null) return "";
  if (before.epoch !== list.epoch) return `Back live: the server has restarted at ${now}.`;
  const how = gap ? "Something was lost on the way; read again" : "Back live";
  const what = passed > 0 ? newEvents(passed) : "nothing was missed";
  return `${how}: ${what}${passed > list.kept ? "; some events are missing, as more passed than are kept" : ""}.`;
}

/** The list after reading it (1): newest first and bounded. What only an earlier epoch had stays below it, marked. */
export function withList(was, { epoch, seq, kept, entries }) {
  const left = was.entries.filter((entry) => entry.gone || epoch !== was.epoch);
  const capacity = kept < seq ? kept : Math.max(1_000, kept); // shorter than what came: the server evicts
  const all = [...entries, ...left.map((entry) => ({ ...entry, gone: true }))];
  return { epoch, seq, capacity, entries: all.slice(0, capacity) };
}

/** The list after a frame. One at or below its position is in it already, or older than what is kept. */
export const withEvent = (was, entry) => entry.seq <= was.seq ? was
  : { ...was, seq: entry.seq, entries: [entry, ...was.entries.slice(0, was.capacity - 1)] };

const newEvents = (n) => `${n} new event${n === 1 ? "" : "s"}`;
const byId = (id) => document.getElementById(id);
/** Leaves alone what has not changed: a live region written anew is read out anew. Text is never markup. */
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

function articleOf({ seq, event }, isNew) {
  const article = byId("event").content.firstElementChild.cloneNode(true);
  const [time, message] = article.querySelectorAll("time, .message");
  Object.assign(article.dataset, { seq, id: event.id, ...(isNew && { new: "" }) });
  article.setAttribute("aria-labelledby", (message.id = `message-${event.id}`));
  time.dateTime = time.title = event.timestamp;
  put(time, CLOCK.format(new Date(event.timestamp)));
  put(message, event.message);
  if (isNew) setTimeout(() => article.removeAttribute("data-new"), 8_000);
  return article;
}

/** Inserts a portion of what is new; other nodes keep place and focus. Says how much is left: of a still list, all. */
function showEvents(feed, entries, still) {
  const isNew = feed.ariaBusy === "false", due = performance.now() + 8; // of a frame; more could be felt
  const nodes = new Map(Array.from(feed.children, (node) => [node.dataset.id, node]));
  let next = feed.firstElementChild, left = 0;
  for (const entry of entries) {
    let node = nodes.get(entry.event.id);
    nodes.delete(entry.event.id);
    if (!node && !still && performance.now() < due) node = feed.insertBefore(articleOf(entry, isNew), next);
    node?.toggleAttribute("data-gone", entry.gone === true);
    if (node) next = node.nextElementSibling;
    else left += 1;
  }
  if (!still) nodes.forEach((node) => node.remove());
  if (left === 0) feed.ariaBusy = "false";
  return left;
}

/** One of the API's two requests; the header is the credential. A refusal is thrown in the server's words. */
async function request(tenant, { headers, signal = AbortSignal.timeout(LIMIT_MS), ...rest }) {
  const response = await fetch("/events", { headers: { "X-Tenant-ID": tenant, ...headers }, signal, ...rest })
    .catch(() => { throw new Error("The server cannot be reached. Your text is kept here."); });
  if (response.ok) return response;
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `The server answered ${response.status}. Your text is kept here.`);
}

const drafts = () => { try { return sessionStorage; } catch { return {}; } }; // a browser may refuse to keep them

/** The form. A text keeps its key until it is answered, over a reload too: no retry posts twice. Returns `confirm`. */
function composer(tenant, connection) {
  const [message, submit, status] = ["message", "submit", "post-status"].map(byId);
  const draft = JSON.parse(drafts()[`draft:${tenant}`] ?? "{}");
  let text, posted, attempt = draft.attempt, sending = false;
  function complain(words, again = false) {
    put(byId("message-error"), words);
    if (words) put(status, "");
    message.ariaInvalid = words ? "true" : "false";
    byId("retry-post").hidden = !again;
    return words;
  }
  function edited() {
    text = normalise(message.value);
    const size = lengthOf(text), count = byId("message-count");
    put(count, `${size} / ${MAX}`);
    count.dataset.level = size > MAX ? "over" : size >= 400 ? "near" : "";
    complain(size > MAX ? refusal(text) : "");
    drafts()[`draft:${tenant}`] = JSON.stringify({ typed: message.value, attempt });
  }
  async function send(event) {
    event.preventDefault();
    message.focus();
    if (sending || event.repeat || complain(refusal(text))) return;
    if (attempt?.text !== text) attempt = { text, key: newKey() };
    edited();
    const headers = { "Content-Type": "application/json", "Idempotency-Key": attempt.key }, began = performance.now();
    sending = true;
    put(submit, "Posting…");
    put(status, connection.state.phase === "live" ? "" : "The feed is not live: trying to post all the same.");
    try {
      const answer = await request(tenant, { method: "POST", headers, body: JSON.stringify({ message: text }) });
      posted = { ...await answer.json(), began };
      if (text === attempt.text) message.value = ""; // else more was typed meanwhile
      attempt = null;
      edited();
      confirm();
    } catch (failure) { complain(failure.message, true); }
    put(submit, "Post");
    sending = false;
  }
  function confirm() { // the answer and the event's frame come in either order
    const arrival = posted && connection.list.entries.find(({ event }) => event.id === posted.id);
    const ms = Math.ceil(arrival?.at - posted?.began);
    if (posted) put(status, ms > 0 ? `Posted. Live in ${ms} ms.` : "Posted.");
    if (arrival) posted = null;
  }
  message.value ||= draft.typed ?? "";
  edited();
  message.addEventListener("input", edited);
  message.addEventListener("keydown", (event) => // 229: some engines end a composition with an Enter of that code
    event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229 && send(event));
  byId("post-form").addEventListener("submit", send);
  return confirm;
}

/** Lets only the tenant's own events pass; another's is dropped, with an alarm (5). */
const own = (tenant, event) => event.tenant_id === tenant
  || put(byId("breach"), "Isolation alarm: an event of another tenant was received and dropped.");

async function readList(tenant, abandoned) {
  const answer = await request(tenant, { signal: AbortSignal.any([abandoned, AbortSignal.timeout(LIMIT_MS)]) });
  const [epoch, seq] = answer.headers.get("Feed-Position").split(":");
  const all = (await answer.json()).map((event, i) => ({ seq: seq - i, event }));
  return { epoch, seq: Number(seq), kept: all.length, entries: all.filter(({ event }) => own(tenant, event)) };
}

/** Keeps one socket to the tenant's stream (2): `link` with what belongs to it, or none; `timer` is its one clock. */
function connect(tenant, changed) {
  const connection = { list: { epoch: null, seq: 0, entries: [] }, state: { phase: "connecting" }, open };
  let link = null, timer = 0, attempt = 0, spread = 500, build;
  const enter = (phase, more) => { connection.state = { phase, ...more }; changed(); };
  const stop = (reason) => { abandon(); enter("stopped", { reason }); };
  const abandon = () => { clearTimeout(timer); link?.abort.abort(); link = null; };
  const settle = () => { connection.list = link.held.splice(0).reduce(withEvent, connection.list); changed(); };
  function open() {
    abandon();
    const abort = new AbortController();
    link = { abort, held: [], reading: false };
    timer = setTimeout(lost, LIMIT_MS);
    enter(attempt ? "reconnecting" : "connecting");
    try {
      const socket = new WebSocket(`/ws?tenant=${tenant}`);
      abort.signal.addEventListener("abort", () => socket.close());
      socket.addEventListener("message", ({ data }) => receive(JSON.parse(data)), abort); // its signal takes it off
      socket.addEventListener("close", ({ code, reason }) => (code === 1008 ? stop(reason) : lost()), abort);
      socket.addEventListener("error", lost, abort);
    } catch { lost(); } // some engines throw where a policy forbids the address
  }
  function lost() {
    if (Date.now() - link.liveAt >= LIMIT_MS) attempt = 0;
    wait(reconnectDelay(attempt++, spread));
  }
  function wait(ms) {
    abandon();
    timer = setTimeout(open, ms);
    enter("reconnecting", { due: ms >= 5_000 ? Date.now() + ms : 0 }); // a shorter countdown only flickers
  }
  /** A timer that ran late (sleep, a hidden tab) first takes what has arrived. */
  const silent = (due) => { timer = setTimeout(lost, Date.now() - due > 1_000 ? 1_000 : 0); };
  function receive({ type, seq, event, ...told }) {
    spread = told.reconnect_ms ?? spread;
    if (type === "connection_established") {
      Object.assign(link, { epoch: told.epoch, silence: 2 * told.heartbeat_ms });
      byId("new-build").hidden = told.build === (build ??= told.build); // (6)
    }
    clearTimeout(timer);
    timer = setTimeout(silent, link.silence, Date.now() + link.silence);
    const expected = { heartbeat: link.seq, event_created: link.seq + 1, connection_established: NaN };
    if (!Object.hasOwn(expected, type) || (event && !own(tenant, event))) return;
    if (event) link.held.push({ seq, event, at: performance.now() });
    link.seq = seq;
    if (seq !== expected[type]) read(link, connection.list); // a hole; or, at first, all of it
    else if (!link.reading) settle();
  }
  /** Reads the list, and again where a hole showed meanwhile; frames are held until it is there (1, 3). */
  async function read(mine, before) {
    mine.again = true;
    if (mine.reading) return;
    mine.reading = true;
    while (mine.again) {
      mine.again = false;
      const list = await readList(tenant, mine.abort.signal).catch(() => null);
      if (mine !== link) return;
      if (list?.epoch !== mine.epoch) return lost();
      connection.list = withList(connection.list, list);
      put(byId("notice-text"), readingNotice(before, list, Boolean(mine.liveAt)));
    }
    Object.assign(mine, { reading: false, liveAt: mine.liveAt ?? Date.now() });
    settle();
    enter("live");
  }
  const isWaiting = () => connection.state.phase === "reconnecting";
  addEventListener("online", () => isWaiting() && wait(reconnectDelay(0, spread)));
  document.addEventListener("visibilitychange", () => isWaiting() && !link && !document.hidden && open());
  addEventListener("pagehide", abandon);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  open();
  return connection;
}

/** The page of one tenant. Paused, hidden or scrolled away the list stands still; what comes waits behind a button. */
function tenantPage(tenant) {
  const [state, pause, pill, feed] = ["state", "pause", "pending", "feed"].map(byId);
  let frame = 0, paused = false, taking = false, heard = null;
  const showSoon = () => { frame ||= requestAnimationFrame(show); }; // at most once a frame
  const connection = connect(tenant, showSoon), confirm = composer(tenant, connection);
  function show() {
    frame = 0;
    const { list, state: { due = 0, ...now } } = connection, seconds = Math.ceil((due - Date.now()) / 1_000);
    const [slug, words] = stateOf({ ...now, seconds, paused, online: navigator.onLine });
    state.dataset.connection = slug;
    state.ariaLive = seconds > 0 ? "off" : "polite"; // nobody wants a countdown read out
    put(state, words);
    pause.ariaPressed = String(paused);
    put(pause, paused ? "Resume" : "Pause");
    const still = !taking && feed.ariaBusy === "false"
      && (paused || document.hidden || feed.getBoundingClientRect().top < 0);
    const left = list.epoch === null ? 0 : showEvents(feed, list.entries, still), waiting = still ? left : 0;
    if (left > waiting) showSoon();
    else taking = false;
    const count = waiting > 99 ? "99+" : waiting;
    pill.hidden = waiting === 0;
    put(pill, newEvents(count));
    document.title = `${waiting ? `(${count}) ` : ""}${TENANTS[tenant]} · Event feed`;
    heard ??= list.epoch && list.seq; // what the page began with is no news
    confirm();
  }
  document.documentElement.dataset.tenant = tenant;
  put(byId("heading"), TENANTS[tenant]);
  [byId("icon").href, byId("full-client").href] = [`/favicon-${tenant}.svg`, `/?tenant=${tenant}`];
  byId("reload").addEventListener("click", () => location.reload());
  byId("retry-now").addEventListener("click", () => { state.focus(); connection.open(); });
  pause.addEventListener("click", () => { paused = !paused; show(); });
  pill.addEventListener("click", () => { taking = true; scrollTo(0, 0); show(); feed.firstElementChild.focus(); });
  feed.addEventListener("keydown", (event) => { // the feed pattern's keys
    const { nextElementSibling: PageDown, previousElementSibling: PageUp } = event.target.closest("article");
    if (["PageDown", "PageUp"].includes(event.key)) event.preventDefault();
    ({ PageDown, PageUp })[event.key]?.focus();
  });
  setInterval(show, 1_000); // the countdown, the title of a hidden tab, a reader who is back at the top
  setInterval(() => { // what a screen reader is told of arrivals, in batches
    put(byId("announcer"), connection.list.seq > heard ? newEvents(connection.list.seq - heard) : "");
    heard = connection.list.epoch && connection.list.seq;
  }, 5_000);
}

function start() {
  const tenant = tenantOf(location.search), select = byId("tenant");
  addEventListener("pageshow", () => { select.value = tenant ?? ""; }); // whatever the browser restored
  select.addEventListener("change", () => byId("tenant-form").requestSubmit());
  if (tenant) tenantPage(tenant);
  document.documentElement.dataset.client = "ready";
}
if (globalThis.document) start(); // imports cleanly where there is no page
