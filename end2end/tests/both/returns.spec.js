// Counts the reads of the list: a page that has all that the server keeps reads none. Afterwards it must show the
// server's list, each event once.
import { countReads, deferred, expect, test } from "../../fixtures/index.js";

const NOTHING_MISSED = "Reconnected. You didn't miss anything.";

/** Posts events to tenant A. */
async function post(server, ...texts) {
  for (const text of texts) await server.post("tenant_a", text);
}

/** A window that shows these events, posted while it was live, and the count of its reads from now on. */
async function live({ feed, server, context }, ...texts) {
  const [window] = await feed.open("tenant_a");
  await post(server, ...texts);
  await window.shows(await server.list("tenant_a"));
  return { window, reads: countReads(context) };
}

/** Cuts the socket, lets `meanwhile` happen while no other can be opened, and waits until the window is live again. */
async function away(window, wire, meanwhile = () => {}) {
  await wire.down();
  await window.is("reconnecting");
  await meanwhile();
  wire.restore();
  await window.is("live");
}

test("a return with nothing missed reads no list", async ({ feed, server, context, wire }) => {
  const { window, reads } = await live({ feed, server, context }, "one", "two", "three");
  await away(window, wire);
  await expect(window.notice).toContainText(NOTHING_MISSED);
  await window.shows(await server.list("tenant_a"));
  await post(server, "four");
  await window.shows(await server.list("tenant_a"));
  expect(reads.count).toBe(0);
});

test("a return with one event missed reads the list once, and the next return none", async ({
  feed,
  server,
  context,
  wire,
}) => {
  const { window, reads } = await live({ feed, server, context }, "seen");
  await away(window, wire, () => post(server, "missed"));
  await expect(window.notice).toContainText("Reconnected: 1 new event.");
  await window.shows(await server.list("tenant_a"));
  expect(reads.count).toBe(1);
  await away(window, wire);
  await expect(window.notice).toContainText(NOTHING_MISSED);
  expect(reads.count).toBe(1);
});

test("a list that failed, or that its socket did not outlive, is read again", async ({
  feed,
  server,
  context,
  wire,
}) => {
  feed.expectNetworkErrors();
  const { window, reads } = await live({ feed, server, context }, "seen");
  const held = deferred();
  let nth = 0;
  await context.route(/\/events$/, async (route) => {
    nth += 1;
    if (nth === 1) return route.abort();
    if (nth === 2) await held.promise;
    return route.continue().catch(() => {}); // an abandoned read may be gone
  });
  await wire.down();
  await window.is("reconnecting");
  await post(server, "missed");
  wire.restore();
  await expect.poll(() => reads.count).toBe(2);
  await post(server, "in the stream alone"); // so the page has the number that the next hello names
  await wire.cut({ code: 1001 });
  await expect.poll(() => reads.count).toBe(3);
  held.resolve();
  await window.is("live");
  await expect(window.notice).toContainText("Reconnected: 2 new events.");
  await window.shows(await server.list("tenant_a"));
  expect(reads.count).toBe(3);
});

for (const [count, reads] of [
  [0, 0],
  [1, 1],
]) {
  test(`after a restart with ${count} events since, the list is read ${reads} times`, async ({
    feed,
    server,
    context,
    wire,
  }) => {
    feed.expectNetworkErrors();
    const page = await live({ feed, server, context }, "before");
    await away(page.window, wire, async () => {
      await server.kill();
      await server.restart();
      await post(server, ...Array.from({ length: count }, (_, n) => `since ${n}`));
    });
    await expect(page.window.notice).toContainText("The server restarted");
    await expect(page.window.messages).toHaveCount(count + 1);
    await expect(page.window.events.last()).toHaveAttribute("data-gone");
    await page.window.shows(await server.list("tenant_a"));
    expect(page.reads.count).toBe(reads);
    await post(server, "after the return");
    await page.window.shows(await server.list("tenant_a"));
  });
}

for (const [count, leptos, vanilla] of [
  [0, 0, 0],
  [3, 0, 1],
  [150, 1, 1],
]) {
  test(`a page that opens on ${count} events reads the list only if it lacks some`, async ({
    feed,
    server,
    context,
    client,
  }) => {
    await post(server, ...Array.from({ length: count }, (_, n) => `event ${n}`));
    const reads = countReads(context);
    const [window] = await feed.open("tenant_a");
    await window.shows(await server.list("tenant_a"));
    await post(server, "live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice.getByText(/Reconnected/)).toBeHidden();
    expect(reads.count).toBe(client === "leptos" ? leptos : vanilla);
  });
}

test("a page whose first hello is ahead of it reads the list", async ({ feed, server, context, wire }) => {
  const reads = countReads(context);
  wire.refuse();
  const window = await feed.visit("?tenant=tenant_a");
  await window.is("reconnecting");
  await post(server, "since the page was loaded");
  wire.restore();
  await window.is("live");
  await expect(window.messages).toHaveText(["since the page was loaded"]);
  expect(reads.count).toBe(1);
});

test("a paused page that returns with nothing missed stays paused, and keeps what waits", async ({
  feed,
  server,
  context,
  wire,
}) => {
  const { window, reads } = await live({ feed, server, context }, "shown");
  await window.pause.click();
  await post(server, "waits");
  await expect(window.pending).toHaveText("1 new event");
  await wire.down();
  await window.is("reconnecting");
  wire.restore();
  await window.is("paused");
  await expect(window.pending).toHaveText("1 new event");
  await expect(window.messages).toHaveText(["shown"]);
  await window.resume.click();
  await window.shows(await server.list("tenant_a"));
  expect(reads.count).toBe(0);
});

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("a full page that missed nothing reads no list, and keeps three", async ({ feed, server, context, wire }) => {
    await post(server, "one", "two", "three", "four");
    const { window, reads } = await live({ feed, server, context }, "five");
    await away(window, wire);
    await expect(window.notice).toContainText(NOTHING_MISSED);
    await post(server, "six");
    await window.shows(await server.list("tenant_a"));
    expect(reads.count).toBe(0);
  });
});
