// Tests the no-build page's pure functions without a page, and the limits of its files.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { postMessage, streamAddress } from "../../public/vanilla/api.js";
import { now } from "../../public/vanilla/clock.js";
import { Connection, reconnectDelay } from "../../public/vanilla/connection.js";
import { dividersOf } from "../../public/vanilla/dividers.js";
import { readDraft, storeDraft } from "../../public/vanilla/drafts.js";
import { partsOf } from "../../public/vanilla/links.js";
import { EMPTY, completeAt, withEvent, withList } from "../../public/vanilla/list.js";
import { lengthOf, newKey, normalise, refusal, tenantOf } from "../../public/vanilla/rules.js";
import { dayOf, dayWords, timeOf } from "../../public/vanilla/times.js";
import { Unread } from "../../public/vanilla/unread.js";
import { describeState, lastEvent, readNotice } from "../../public/vanilla/words.js";

const FOLDER = new URL("../../public/vanilla/", import.meta.url);
const textOf = (name) => readFileSync(new URL(name, FOLDER), "utf8");
const modules = readdirSync(FOLDER).filter((name) => name.endsWith(".js"));
const namesIn = (text, pattern) => Array.from(text.matchAll(pattern), ([, name]) => name);

/** A list as `GET /events` gives it: the newest `kept` of `seq` events. */
const listOf = (epoch, seq, kept = seq) => ({
  epoch,
  seq,
  kept,
  entries: Array.from({ length: kept }, (_, i) => entryOf(seq - i, epoch)),
});
const entryOf = (seq, epoch = "one") => ({ seq, event: { id: `${epoch}-${seq}`, message: `event ${seq}` } });
const seqs = (list) => list.entries.map(({ seq }) => seq);

test("an address names one known tenant or none", () => {
  assert.equal(tenantOf("?tenant=tenant_a"), "tenant_a");
  assert.equal(tenantOf("?x=1&tenant=tenant_b"), "tenant_b");
  const wrong = [
    "",
    "?tenant=",
    "?tenant=tenant_c",
    "?tenant=TENANT_A",
    "?tenant=tenant_a,tenant_b",
    "?tenant=tenant_a&tenant=tenant_a",
    "?tenant=toString",
  ];
  for (const search of wrong) assert.equal(tenantOf(search), null, search);
});

test("white space is trimmed as Rust trims it, and line ends are LF", () => {
  assert.equal(normalise(" \t\n\u0085\u00a0\u2028\u3000hello\u0085 \r\n"), "hello");
  assert.equal(normalise("\ufeffhello\ufeff"), "\ufeffhello\ufeff", "JavaScript's own trim removes U+FEFF");
  assert.equal(normalise("a\r\nb \n c"), "a\nb \n c");
  assert.equal(normalise(" \u0085 "), "");
  assert.equal(normalise("half \ud83d"), "half \ufffd", "a lone surrogate is not a character");
});

test("trimming takes linear time in white space that is not at an end", () => {
  const long = `a${" ".repeat(200_000)}b`;
  const began = performance.now();
  assert.equal(normalise(long), long);
  // Quadratic time would be 200,000² / 2 = 2 · 10¹⁰ steps, which take over 10 s.
  assert.ok(performance.now() - began < 5_000);
});

test("500 code points are accepted, 501 are not", () => {
  assert.equal(lengthOf("👍🏽e\u0301"), 4);
  for (const character of ["a", "😀", "\u0301"]) {
    assert.equal(refusal(character.repeat(500)), "", character);
    assert.equal(refusal(character.repeat(501)), "1 character over the 500 limit.", character);
  }
  assert.equal(refusal("😀".repeat(10_247)), "9,747 characters over the 500 limit.");
  assert.equal(refusal(""), "Write a message first.");
});

test("control characters are refused, except line feed and tab", () => {
  for (let code = 0; code < 0x20; code += 1) {
    assert.equal(refusal(`a${String.fromCodePoint(code)}b`) === "", code === 9 || code === 10, `U+${code}`);
  }
  for (const control of ["\u007f", "\u0080", "\u0085", "\u009f"]) {
    assert.match(refusal(`a${control}b`), /^Character 2 is a control character/);
  }
  assert.equal(refusal("😀b\u0007"), "Character 3 is a control character (U+0007). Remove it to post.");
  for (const text of ["a\u202eb", "a\u200db", "\ufeff", "<b>"]) assert.equal(refusal(text), "", "text as any other");
});

test("the reconnect delay is full jitter over a doubling, capped window", () => {
  const most = () => 1;
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => reconnectDelay(n, 500, most)),
    [500, 1_000, 2_000, 4_000],
  );
  assert.equal(reconnectDelay(0, 10_000, most), 10_000);
  assert.equal(reconnectDelay(2_000, 500, most), 30_000);
  assert.equal(
    reconnectDelay(9, 500, () => 0),
    0,
  );
});

test("a key is visible ASCII, short enough, and never the same", () => {
  const keys = Array.from({ length: 100 }, newKey);
  for (const key of keys) assert.match(key, /^[\x21-\x7e]{1,128}$/);
  assert.equal(new Set(keys).size, keys.length);
});

test("time never runs backwards, and includes the machine's sleep", () => {
  const began = now(1_000, 5_000_000);
  assert.equal(now(1_500, 1_000_000) - began, 500, "set back");
  assert.equal(now(2_000, 1_005_500) - began, 1_000, "corrected by 5 s");
  assert.equal(now(2_500, 4_606_000) - began, 3_601_500, "slept for an hour");
  assert.equal(now(3_000, 4_606_500) - began, 3_602_000);
});

test("the stream's address has the page's host and port, and its security", () => {
  const addresses = { "http://[::1]:3000": "ws://[::1]:3000", "https://http.example": "wss://http.example" };
  for (const [origin, address] of Object.entries(addresses)) {
    globalThis.location = { origin };
    assert.equal(streamAddress("tenant_a"), `${address}/ws?tenant=tenant_a`);
  }
  delete globalThis.location;
});

test("a list that lags behind the hello is not merged, but read again", async (context) => {
  let socket, connection;
  class Socket extends EventTarget {
    close() {}
  }
  const globals = {
    WebSocket: class extends Socket {
      constructor() {
        super();
        socket = this;
      }
    },
    document: new EventTarget(),
    location: { origin: "http://localhost:3000" },
    addEventListener() {},
  };
  Object.assign(globalThis, globals);
  context.after(() => {
    says("close", { code: 1008 }); // ends its timers
    Object.keys(globals).forEach((name) => delete globalThis[name]);
  });
  const says = (type, data) => socket.dispatchEvent(Object.assign(new Event(type), data));

  const lists = [[], [{ id: "1", tenant_id: "tenant_a" }]];
  const reads = context.mock.method(globalThis, "fetch", async () => {
    const [list] = lists.splice(0, 1);
    return Response.json(list, { headers: { "Feed-Position": `one:${list.length}` } });
  });
  await new Promise((resolve) => {
    const changed = () => {
      if (connection?.state.phase === "live") resolve();
    };
    connection = new Connection("tenant_a", { changed, phaseChanged() {}, notice() {}, otherBuild() {} });
    connection.open();
    const hello = { type: "connection_established", epoch: "one", seq: 1, heartbeat_ms: 15_000, reconnect_ms: 1 };
    says("message", { data: JSON.stringify(hello) });
  });
  assert.equal(reads.mock.callCount(), 2);
  assert.deepEqual(seqs(connection.list), [1]);
});

test("an incomplete answer to a post counts as no answer", async (context) => {
  const body = new ReadableStream({
    pull(controller) {
      controller.error(new TypeError("network error"));
    },
  });
  context.mock.method(globalThis, "fetch", async () => new Response(body, { status: 201 }));
  globalThis.location = { origin: "http://localhost:3000" };
  const { words, retry, timedOut } = await postMessage("tenant_a", "hello", "1-2-3-4");
  assert.match(words, /^No answer from the server\./);
  assert.deepEqual([retry, timedOut], [true, false]);
  delete globalThis.location;
});

test("a draft is read as it was stored, and is empty if nothing valid is stored", () => {
  const held = new Map();
  const storage = { getItem: (name) => held.get(name) ?? null, setItem: (name, text) => held.set(name, text) };
  const use = (get) => Object.defineProperty(globalThis, "sessionStorage", { configurable: true, get });
  const empty = { text: "", attempt: null };
  use(() => storage);
  assert.deepEqual(readDraft("tenant_a"), empty);
  const draft = { text: "hello ", attempt: { text: "hello", key: "1-2-3-4" } };
  storeDraft("tenant_a", draft);
  assert.deepEqual(readDraft("tenant_a"), draft);
  const live = '{"text":"hello ","attempt":{"text":"hello","key":"1-2-3-4"}}'; // as src/client/draft.rs stores it
  assert.deepEqual([...held], [["draft.tenant_a", live]]);
  assert.deepEqual(readDraft("tenant_b"), empty);
  const wrong = [
    "null",
    "5",
    '"x"',
    "{",
    "{}",
    '{"text":5,"attempt":5}',
    '{"attempt":{"text":"x"}}',
    '{"attempt":{"text":"x","key":"\\n"}}',
  ];
  for (const text of wrong) {
    held.set("draft.tenant_a", text);
    assert.deepEqual(readDraft("tenant_a"), empty, text);
  }
  const fail = () => {
    throw new Error("forbidden, or full");
  };
  const unusable = [() => null, fail, () => ({ getItem: fail, setItem: fail })];
  for (const get of unusable) {
    use(get);
    storeDraft("tenant_a", draft);
    assert.deepEqual(readDraft("tenant_a"), empty);
  }
  delete globalThis.sessionStorage;
});

test("every state has a slug and words", () => {
  const state = (given) => describeState(given).join("|");
  assert.equal(state({ phase: "connecting" }), "connecting|Connecting…");
  assert.equal(state({ phase: "live" }), "live|Live");
  assert.equal(state({ phase: "live", paused: true }), "paused|Paused");
  assert.equal(state({ phase: "live", online: false }), "live|Live", "an open socket is better evidence");
  assert.equal(state({ phase: "reconnecting" }), "reconnecting|Reconnecting…");
  assert.equal(state({ phase: "reconnecting", seconds: 4, paused: true }), "reconnecting|Reconnecting in 4 s");
  assert.equal(state({ phase: "reconnecting", online: false }), "offline|Offline");
  assert.equal(state({ phase: "stopped", reason: "no" }), "stopped|Stopped: no");
  assert.match(state({ phase: "stopped" }), /^stopped\|Stopped: ./);
});

test("a list replaces older events, and a frame at or below its position is dropped", () => {
  const list = withList(withList(EMPTY, listOf("one", 5)), listOf("one", 8, 3));
  assert.deepEqual(seqs(list), [8, 7, 6]);
  assert.deepEqual(seqs([8, 5, 9, 9].map((seq) => entryOf(seq)).reduce(withEvent, list)), [9, 8, 7], "bounded");
});

test("the list holds what the server holds, or 1,000 until that is known", () => {
  assert.equal(withList(EMPTY, listOf("one", 3)).capacity, 1_000);
  assert.equal(withList(EMPTY, listOf("one", 1_500)).capacity, 1_500);
  assert.equal(withList(EMPTY, listOf("one", 900, 20)).capacity, 20);
});

test("a list is complete at its own position, and at 0 of any other epoch", () => {
  const list = withList(EMPTY, listOf("one", 3));
  const at = (epoch, seq, from = list) => completeAt(from, { epoch, seq });
  assert.equal(at("one", 3), list);
  for (const seq of [0, 2, 4]) assert.equal(at("one", seq), null, seq);
  assert.equal(at("two", 3), null);
  const restarted = at("two", 0);
  assert.deepEqual(
    [restarted.epoch, restarted.seq, restarted.entries.map(({ gone }) => gone)],
    ["two", 0, [true, true, true]],
  );
  assert.equal(restarted.accepted - list.accepted, 0);
  assert.deepEqual(at("one", 0, EMPTY), withList(EMPTY, listOf("one", 0)), "a page that has read nothing");
  assert.equal(at("one", 1, EMPTY), null);
});

test("a list that has dropped events is complete only if it knows the server's capacity", () => {
  const after = (list, count) =>
    Array.from({ length: count }, (_, n) => entryOf(list.seq + n + 1)).reduce(withEvent, list);
  for (const [list, isComplete] of [
    [after(withList(EMPTY, listOf("one", 0)), 1_000), true],
    [after(withList(EMPTY, listOf("one", 0)), 1_001), false],
    [after(withList(EMPTY, listOf("one", 900, 20)), 1_001), true],
  ]) {
    assert.equal(completeAt(list, list) === list, isComplete, `${list.entries.length} of ${list.seq}`);
  }
});

test("events of an earlier epoch stay below, marked", () => {
  const list = withList(withList(EMPTY, listOf("one", 2)), listOf("two", 1));
  assert.deepEqual(
    list.entries.map(({ event, gone }) => [event.id, gone === true]),
    [
      ["two-1", false],
      ["one-2", true],
      ["one-1", true],
    ],
  );
  assert.deepEqual(
    withList(list, listOf("two", 2)).entries.map(({ event }) => event.id),
    ["two-2", "two-1", "one-2", "one-1"],
  );
});

test("new events are counted across a restart", () => {
  const first = withList(EMPTY, listOf("one", 10));
  const later = withEvent(first, entryOf(11));
  assert.equal(later.accepted - first.accepted, 1);
  const restarted = withList(later, listOf("two", 3));
  assert.equal(restarted.accepted - later.accepted, 3, "numbers of two epochs are not compared");
  assert.equal(restarted.accepted - first.accepted, 4, "what came before the restart counts too");
});

/** Noon, and an hour, in the time zone of the machine that runs the tests. */
const NOON = new Date(2026, 10, 23, 12).getTime();
const HOUR = 3_600_000;

/** The links in a message, whose parts together are the message. */
function linksIn(message) {
  const parts = partsOf(message);
  assert.equal(parts.map(({ text, link }) => text ?? link).join(""), message);
  return parts.flatMap(({ link }) => link ?? []);
}

// The cases of src/client/links.rs.
test("addresses of the web become links", () => {
  for (const address of [
    "http://localhost:3000/?tenant=tenant_a",
    "https://example.com",
    "https://example.com/a_(b)",
    "HTTPS://EXAMPLE.com/Foo",
    "http://[::1]:3000/x",
    "https://de.wikipedia.org/wiki/Köln",
    "https://example.com/~me/%20?q=a&b=c#d",
  ]) {
    for (const message of [address, `see ${address}, please`, `(${address}).`]) {
      assert.deepEqual(linksIn(message), [address], message);
    }
  }
  assert.deepEqual(linksIn("http://a.example\nhttps://b.example"), ["http://a.example", "https://b.example"]);
});

test("the punctuation after an address is not part of it", () => {
  const ascii = [".", ",", "!", "?", "...", "?!", ")", "]", "'", '"', ">", "**", ":"];
  for (const end of [...ascii, "。谢谢", "»", "،", "؟", "۔", "।", "\u3164", "\u034f"]) {
    assert.deepEqual(linksIn(`https://example.com/x${end}`), ["https://example.com/x"], end);
  }
});

test("nothing else becomes a link", () => {
  for (const text of [
    "",
    "http",
    "http://",
    "https:// example.com",
    "http:/example.com",
    "https://...",
    "javascript:alert(1)",
    "xhttps://example.com",
    "data:text/html,x",
    "//example.com",
    "https:///etc",
    "https://-x",
  ]) {
    assert.deepEqual(linksIn(text), [], text);
  }
});

test("no address looks like another", () => {
  const good = "https://good.example/";
  assert.deepEqual(linksIn("https://good.example@evil.example"), []);
  assert.deepEqual(linksIn("https://good.example:x@evil.example/"), []);
  assert.deepEqual(linksIn("https://g\u043eod.example"), [], "a Cyrillic letter");
  const marks = ["\u202e", "\u202d", "\u2066", "\u2067", "\u200f", "\u061c", "\u200b", "\ufeff", "\ufe0f", "\u{e0041}"];
  for (const mark of marks) {
    assert.deepEqual(linksIn(`https://good.example/${mark}evil`), [good], mark);
    assert.deepEqual(linksIn(`${mark}https://good.example/`), [good], mark);
    assert.deepEqual(linksIn(`https://${mark}good.example/`), [], mark);
  }
  assert.deepEqual(linksIn("https://a.example/https://b.example"), ["https://a.example/https://b.example"]);
  assert.deepEqual(linksIn("https://x@http://y.example"), ["http://y.example"], "a link in what is no link");
});

// The cases of src/client/dividers.rs.
test("dividers are where another day begins, where the reader left, and above what the server no longer has", () => {
  /** An entry so many hours after that noon. */
  const entry = (number, hours, gone = false) => {
    const timestamp = new Date(NOON + hours * HOUR).toISOString();
    return { number, gone, event: { id: String(number), timestamp } };
  };
  const shown = (entries, line = null) =>
    dividersOf(entries, { now: NOON, line, restarted: NOON - HOUR }).map(({ entry, name }) => [entry.number, name]);
  const lineAfter = (after) => ({ after, count: 1, since: NOON });
  const days = [entry(5, 1), entry(4, -12), entry(3, -13), entry(2, -30), entry(1, -60)];
  assert.deepEqual(shown(days), [
    [3, "day"],
    [1, "day"],
  ]);
  assert.deepEqual(shown(days.slice(2))[0], [3, "day"], "a list without today's events");
  assert.deepEqual(shown([]), []);
  assert.deepEqual(
    shown([entry(3, 0), entry(2, -60), entry(1, 1)]),
    [
      [2, "day"],
      [1, "day"],
    ],
    "a clock that was set back",
  );
  assert.deepEqual(shown([entry(3, 13), entry(2, 14), entry(1, 0)]), [], "events of tomorrow");
  const today = [entry(5, 0), entry(4, 0), entry(3, 0)];
  assert.deepEqual(shown(today, lineAfter(4)), [[4, "unread"]]);
  assert.deepEqual(shown(today, lineAfter(5)), [], "nothing new has a row yet");
  assert.deepEqual(shown(today, lineAfter(2)), [], "all rows are new");
  assert.deepEqual(shown([entry(9, 0), entry(8, 0, true), entry(7, -60, true)], lineAfter(8)), [
    [8, "unread"],
    [8, "restart"],
    [7, "day"],
  ]);
});

// The cases of src/client/unread.rs.
test("the unread line is where the reader left, counts until the return, and goes after five seconds in view", () => {
  const unread = new Unread();
  const look = (isAway, accepted, now) => unread.look(isAway, accepted, now, (number) => accepted - number);
  look(false, 9, 100);
  assert.equal(unread.line, null);
  look(true, 10, 200);
  look(true, 12, 300);
  assert.equal(unread.line, null, "the reader is still away");
  look(false, 17, 400);
  look(false, 20, 500);
  assert.deepEqual(unread.line, { after: 10, since: 200, count: 7 });
  look(true, 20, 600);
  look(false, 20, 700);
  assert.equal(unread.line.after, 10, "an absence without news");
  const seconds = [true, true, true, true, true, false, true, true, true, true, true];
  for (const isInView of seconds) unread.see(isInView);
  assert.notEqual(unread.line, null);
  unread.see(true);
  assert.equal(unread.line, null);
});

test("the last event's age counts seconds to a minute, and then grows coarser", () => {
  const cases = [-180, 0.9, 12, 59.9, 60, 119, 3_569, 3_570, 84_599, 84_600, 200_000];
  const words = ["just now", "just now", "12 s ago", "59 s ago", "1 min ago", "2 min ago", "59 min ago", "1 h ago"];
  assert.deepEqual(
    cases.map((seconds) => lastEvent(0, seconds * 1_000)),
    [...words, "23 h ago", "1 day ago", "2 days ago"],
  );
  assert.equal(lastEvent(null, 0), "no events yet");
});

test("a moment of another day has its date, and a day is named by its age", () => {
  assert.equal(timeOf(NOON, NOON + HOUR), "12:00");
  assert.equal(timeOf(NOON, NOON + 24 * HOUR), "2026-11-23 12:00");
  const today = dayOf(NOON);
  assert.equal(dayWords(dayOf(NOON - 24 * HOUR), today), "Yesterday · 22 November 2026");
  assert.equal(dayWords(dayOf(NOON - 23 * 24 * HOUR), today), "23 days ago · 31 October 2026");
});

test("a notice describes the reconnect, and stays only if something is missing", () => {
  const before = withList(EMPTY, listOf("one", 10));
  const notice = (list, arrived = null) => readNotice(before, withList(before, list), arrived, NOON);
  const brief = (words) => ({ words, lasts: false, restarted: null });
  const lasting = (words, restarted = null) => ({ words, lasts: true, restarted });
  const first = readNotice(EMPTY, withList(EMPTY, listOf("one", 5)), null, NOON);
  assert.equal(first.words, "", "nothing to say at first");
  assert.deepEqual(notice(listOf("one", 10)), brief("Reconnected. You didn't miss anything."));
  assert.deepEqual(notice(listOf("one", 11)), brief("Reconnected: 1 new event."));
  assert.deepEqual(notice(listOf("one", 22, 12)), brief("Reconnected: 12 new events."));
  assert.deepEqual(
    notice(listOf("one", 22, 11)),
    lasting("Reconnected: 12 new events. Some older events are no longer available."),
  );
  const restart = "Reconnected. The server restarted (noticed at 12:00).";
  assert.deepEqual(notice(listOf("two", 0)), lasting(restart, NOON));
  assert.deepEqual(notice(listOf("two", 1)), lasting(`${restart} 1 event since.`, NOON));
  assert.deepEqual(notice(listOf("two", 2)), lasting(`${restart} 2 events since.`, NOON));
  assert.deepEqual(notice(listOf("one", 11), 0), brief("Recovered 1 event that didn't arrive."));
  assert.deepEqual(notice(listOf("one", 13), 1), brief("Recovered 2 events that didn't arrive."));
});

test("the modules have at most 800 lines of code in total, and each begins with a sentence about it", () => {
  const isCode = (line) => line.trim() !== "" && !/^\s*(\/\/|\/\*\*|\*)/.test(line);
  const lines = modules.flatMap((name) => textOf(name).split("\n").filter(isCode));
  assert.ok(lines.length <= 800, `${lines.length} lines`);
  for (const name of modules) assert.match(textOf(name), /^\/\/ [A-Z][^\n]*\.\n/, name);
});

test("the page preloads every module that another one imports", () => {
  const imported = modules.flatMap((name) => namesIn(textOf(name), /^import .* from "\.\/(.*)";$/gm));
  const preloaded = namesIn(textOf("index.html"), /<link rel="modulepreload" href="\/vanilla\/([^"]*)">/g);
  assert.deepEqual(preloaded, [...new Set(imported)].sort());
});
