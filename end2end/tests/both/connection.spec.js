import { deferred, expect, test } from "../../fixtures/index.js";

test("the page reconnects by itself after the server is killed and restarted", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await window.post("before the fall");
  await expect(window.messages).toHaveText(["before the fall"]);
  await window.message.fill("half a thought");

  await server.kill();
  await window.is("reconnecting");
  await expect(window.connection).toContainText("Reconnecting");
  await expect(window.retryNow).toBeVisible();
  await expect(window.message).toHaveValue("half a thought");

  await server.restart();
  await window.is("live");
  await expect(window.retryNow).toBeHidden();
  await expect(window.notice).toContainText(/Reconnected\. The server restarted \(noticed at \d{2}:\d{2}\)\./);
  await expect(window.message).toHaveValue("half a thought");

  await server.post("tenant_a", "after the return");
  await expect(window.messages).toHaveText(["after the return", "before the fall"]);
  await expect(window.events.first()).not.toHaveAttribute("data-gone");
  await expect(window.events.last()).toHaveAttribute("data-gone");
  await expect(window.events.last()).toContainText(/Before the restart noticed at \d\d:\d\d, no longer on the server/);

  await window.message.press("Enter");
  await expect(window.messages.first()).toHaveText("half a thought");
});

test("the page reconnects by itself after the server is stopped and restarted", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_b");
  await server.stop();
  await window.is("reconnecting");
  await server.restart();
  await window.is("live");
});

test("a post while the server is down shows an error and keeps the text", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await server.kill();
  await window.is("reconnecting");
  await window.post("too early");
  await expect(window.error).toContainText("No answer from the server.");
  await expect(window.message).toHaveValue("too early");
  await server.restart();
  await window.is("live");
  await window.retry.click();
  await expect(window.messages).toHaveText(["too early"]);
});

test.describe("with the longest delays", () => {
  test.beforeEach(({ wire }) => wire.useLongestDelays());

  test('a long delay is counted down, and "Retry now" ends it', async ({ feed, wire }) => {
    const window = await feed.openClocked({ paused: true });
    await wire.cut({ code: 1013 });
    for (const seconds of [10, 9, 8]) {
      await expect(window.connection).toHaveText(`Reconnecting in ${seconds} s`);
      await window.page.clock.runFor(1_000);
    }
    await window.retryNow.click();
    await expect(window.connection).toHaveAttribute("data-connection", "live");
    expect(wire.sockets).toHaveLength(2);
  });

  test("a page that becomes visible reconnects at once, and one that becomes hidden waits", async ({ feed, wire }) => {
    const window = await feed.openClocked({ paused: true });
    await wire.down({ code: 1013 });
    await expect(window.connection).toHaveText("Reconnecting in 10 s");
    await window.see(false);
    await window.page.clock.runFor(9_000);
    expect(wire.sockets).toHaveLength(1);
    wire.restore();
    await window.see(true);
    await expect.poll(() => wire.sockets.length).toBe(2);
    await window.page.clock.runFor(1_000); // a page that was hidden may be drawn by a timer
    await window.is("live");
    expect(wire.sockets).toHaveLength(2);
  });
});

test("an offline page shows it, and reconnects by itself once it is online", async ({ feed, wire, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await context.setOffline(true);
  await wire.down().catch(() => {}); // a page may have closed it first
  await window.is("offline");
  await expect(window.retryNow).toBeVisible();
  wire.restore();
  await context.setOffline(false);
  await window.is("live");
});

for (const code of [1001, 1009, 1011, 1012, 1013, undefined]) {
  test(`a socket that ends with ${code ?? "no code"} is followed by another`, async ({ feed, wire, server }) => {
    const [window] = await feed.open("tenant_a");
    await wire.cut(code && { code });
    await expect.poll(() => wire.sockets.length).toBe(2);
    await window.is("live");
    await server.post("tenant_a", "on the second socket");
    await expect(window.messages).toHaveText(["on the second socket"]);
  });
}

test("a WebSocket constructor that throws and an error without a close are followed by another socket", async ({
  feed,
  server,
  context,
}) => {
  await context.addInitScript(() => {
    const Real = WebSocket;
    let nth = 0;
    globalThis.WebSocket = function make(address) {
      nth += 1;
      if (nth === 1) throw new DOMException("forbidden by a policy", "SecurityError");
      if (nth > 2) return new Real(address);
      const failing = Object.assign(new EventTarget(), { close() {} });
      setTimeout(() => {
        failing.onerror?.(new Event("error"));
        failing.dispatchEvent(new Event("error"));
      });
      return failing;
    };
  });
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "on the third socket");
  await expect(window.messages).toHaveText(["on the third socket"]);
});

test('the page shows "Connecting…" until the first frame arrives', async ({ feed, wire }) => {
  wire.pass = () => [];
  const window = await feed.visit("?tenant=tenant_a");
  await window.ready();
  await window.is("connecting");
  await expect(window.connection).toHaveText("Connecting…");
});

test("1008 without a reason stops the page too", async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await wire.cut({ code: 1008 });
  await expect(window.connection).toHaveText("Stopped: the server refused this connection");
});

for (const [count, words] of [
  [0, ""],
  [1, " 1 event since."],
  [2, " 2 events since."],
]) {
  test(`after a restart with ${count} events since, the notice tells both`, async ({ feed, wire, server }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    wire.refuse();
    await server.kill();
    await window.isNot("live");
    await server.restart();
    for (let n = 0; n < count; n += 1) await server.post("tenant_a", `after ${n}`);
    wire.restore();
    await window.is("live");
    const notice = await window.notice.getByText(/^Reconnected/).innerText();
    expect(notice.replace(/\d{2}:\d{2}/, "03:11")).toBe(
      `Reconnected. The server restarted (noticed at 03:11).${words}`,
    );
  });
}

test("1008 stops the page with the reason, and it does not reconnect", async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await wire.cut({ code: 1008, reason: "the socket is for listening" });
  await window.is("stopped");
  await expect(window.connection).toHaveText("Stopped: the socket is for listening");
  await expect(window.retryNow).toBeHidden();
  await window.page.evaluate(() => dispatchEvent(new Event("online")));
  await window.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await window.is("stopped");
  expect(wire.sockets).toHaveLength(1);
});

/** A window that showed one event, was disconnected while `missed` more were posted, and is live again. */
async function returned(missed, { feed, wire, server }) {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "seen");
  await expect(window.messages).toHaveText(["seen"]);
  await wire.down();
  await window.is("reconnecting");
  for (let i = 1; i <= missed; i += 1) await server.post("tenant_a", `missed ${i}`);
  wire.restore();
  await window.is("live");
  return window;
}

test("after a reconnect the notice counts the new events", async ({ feed, wire, server }) => {
  const window = await returned(12, { feed, wire, server });
  await expect(window.notice).toContainText("Reconnected: 12 new events.");
  await expect(window.notice).not.toContainText("no longer available");
  await expect(window.events).toHaveCount(13);
});

test("a reader further down is not moved by a disconnect, a reconnect or new events", async ({
  feed,
  wire,
  server,
}) => {
  for (let i = 0; i < 40; i += 1) await server.post("tenant_a", `event ${i}`);
  const [window] = await feed.open("tenant_a");
  const isNotMoved = await window.read("event 19");

  await wire.down();
  await window.is("reconnecting");
  for (let i = 0; i < 5; i += 1) await server.post("tenant_a", `missed ${i}`);
  wire.restore();
  await window.is("live");
  await expect(window.pending).toHaveText("5 new events");
  await isNotMoved();
});

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("after more than three missed events the notice names missing events", async ({ feed, wire, server }) => {
    const window = await returned(4, { feed, wire, server });
    await expect(window.notice).toContainText("Reconnected: 4 new events. Some older events are no longer available.");
    await expect(window.messages).toHaveText(["missed 4", "missed 3", "missed 2"]);
  });

  test("the page keeps no more events than the server", async ({ feed, server }) => {
    for (let i = 1; i <= 4; i += 1) await server.post("tenant_a", `early ${i}`);
    const [window] = await feed.open("tenant_a");
    for (let i = 5; i <= 9; i += 1) await server.post("tenant_a", `late ${i}`);
    await expect(window.messages).toHaveText(["late 9", "late 8", "late 7"]);
  });
});

test.describe("with a heartbeat every 2 s", () => {
  test.use({ settings: { heartbeat: 2_000 } });

  test("a lost event is noticed at the next heartbeat, and the list is read again", async ({ feed, wire, server }) => {
    const [window] = await feed.open("tenant_a");
    wire.pass = (frame) => (frame.type === "event_created" ? [] : [frame]);
    await server.post("tenant_a", "swallowed on the way");
    await expect(window.messages).toHaveText(["swallowed on the way"]);
    await expect(window.notice).toContainText("Recovered 1 event that didn't arrive.");
    expect(wire.sockets).toHaveLength(1);
  });

  test("a silent socket is replaced by another", async ({ feed, wire, server }) => {
    const [window] = await feed.open("tenant_a");
    wire.pass = (frame, nth) => (nth === 1 ? [] : [frame]);
    await expect.poll(() => wire.sockets.length).toBe(2);
    await window.is("live");
    await server.post("tenant_a", "on the new socket");
    await expect(window.messages).toHaveText(["on the new socket"]);
  });
});

test("a gap in seq makes the page read the list again", async ({ feed, wire, server }) => {
  const [window] = await feed.open("tenant_a");
  wire.pass = (frame) => (frame.type === "event_created" && frame.seq === 2 ? [] : [frame]);
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  await expect(window.messages).toHaveText(["three", "two", "one"]);
});

test("events that arrive while the list is read are shown once", async ({ feed, server, context, wire }) => {
  const read = deferred();
  const held = deferred();
  await context.route(/\/events$/, async (route) => {
    await server.post("tenant_a", "in the list and in the stream");
    const response = await route.fetch();
    read.resolve();
    await held.promise;
    return route.fulfill({ response });
  });
  wire.refuse();
  const window = await feed.visit("?tenant=tenant_a");
  await window.is("reconnecting");
  await server.post("tenant_a", "in the list alone");
  const frames = [];
  wire.pass = (frame) => {
    frames.push(frame);
    return [frame];
  };
  wire.restore();
  await read.promise;
  await server.post("tenant_a", "in the stream alone");
  await expect.poll(() => frames.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  held.resolve();
  await window.live();
  await expect(window.messages).toHaveText([
    "in the stream alone",
    "in the list and in the stream",
    "in the list alone",
  ]);
});

test("a list of another epoch than the socket's counts as a close", async ({ feed, server, context, wire }) => {
  let wrong = 1;
  await context.route(/\/events$/, async (route) => {
    const response = await route.fetch();
    const headers = { ...response.headers() };
    if (wrong-- > 0) headers["feed-position"] = "00000000-0000-4000-8000-000000000000:7";
    return route.fulfill({ response, headers });
  });
  let hellos = 0;
  wire.pass = (frame) => {
    if (frame.type === "connection_established") hellos += 1;
    return [frame];
  };
  const window = await returned(1, { feed, wire, server });
  await expect(window.messages).toHaveText(["missed 1", "seen"]);
  expect(hellos, "the first, that of the wrong list, and another").toBe(3);
});

/** Reads the list now, to answer a later request with it, as a server that lags does. */
const staleList = (window, server) =>
  window.page.request.get(`${server.origin}/events`, { headers: { "X-Tenant-ID": "tenant_a" } });

test("a list that lags behind the socket is read again, not merged", async ({ feed, wire, server, context }) => {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "seen");
  await expect(window.messages).toHaveText(["seen"]);
  const stale = await staleList(window, server);
  let reads = 0;
  await context.route(/\/events$/, (route) => {
    reads += 1;
    return reads <= 2 ? route.fulfill({ response: stale }) : route.continue();
  });
  await wire.down();
  await window.is("reconnecting");
  for (let i = 1; i <= 3; i += 1) await server.post("tenant_a", `missed ${i}`);
  wire.restore();
  await expect(window.messages).toHaveText(["missed 3", "missed 2", "missed 1", "seen"]);
  await expect(window.notice).toContainText("3 new events");
  expect(reads).toBe(3);
});

test(
  "a list that lags for ten seconds counts as a close",
  { tag: "@once" },
  async ({ feed, wire, server, context }) => {
    wire.refuse();
    const window = await feed.visit("?tenant=tenant_a");
    const stale = await staleList(window, server);
    await window.is("reconnecting");
    await server.post("tenant_a", "not in the list that lags");
    await context.route(/\/events$/, (route) => route.fulfill({ response: stale }));
    let hellos = 0;
    wire.pass = (frame) => {
      if (frame.type === "connection_established") hellos += 1;
      return [frame];
    };
    wire.restore();
    await expect.poll(() => hellos).toBe(1);
    await window.isNot("live");
    await expect.poll(() => hellos, { timeout: 20_000 }).toBe(2);
    await context.unroute(/\/events$/);
    await window.is("live");
    await expect(window.messages).toHaveText(["not in the list that lags"]);
  },
);

test("frames of an unknown type are ignored", async ({ feed, wire, server }) => {
  const [window] = await feed.open("tenant_a");
  wire.inject({ type: "from_the_future", seq: 99 });
  await server.post("tenant_a", "marker");
  await expect(window.messages).toHaveText(["marker"]);
  await expect(window.breach).toBeHidden();
});

test("a reload for another build is offered, never forced, and the draft is kept", async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await window.message.fill("typed before the new build");
  wire.pass = (frame) => [{ ...frame, ...(frame.build && { build: "another" }) }];
  await wire.cut({ code: 1001 });
  await expect(window.reload).toBeVisible();
  await expect(window.notice).toContainText("A new version is available. Your draft will be kept.");
  await window.is("live");
  await expect(window.message).toHaveValue("typed before the new build");

  wire.pass = (frame) => [frame];
  await window.reload.click();
  await window.live();
  await expect(window.reload).toBeHidden();
  await expect(window.message).toHaveValue("typed before the new build");
});

test("only the events that did not arrive are reported as recovered", async ({ feed, server, wire }) => {
  const [window] = await feed.open("tenant_a");
  wire.pass = (frame) => (frame.type === "event_created" && frame.seq < 3 ? [] : [frame]);
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  await expect(window.messages).toHaveText(["three", "two", "one"]);
  await expect(window.notice).toContainText("Recovered 2 events that didn't arrive.");
});
