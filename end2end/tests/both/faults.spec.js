// Whatever happens to the server, the line or the machine: the page ends up with the server's list, and nothing twice.
import { clocked, expect, test } from "../../fixtures/index.js";

test.describe("after a fault the page shows what the server has, once each", { tag: "@once" }, () => {
  test.use({ settings: { heartbeat: 1_000 } });

  /** Posts `count` events to tenant A, a few at a time, and calls `at(n)` before the nth. */
  async function burst(server, count, at = () => {}) {
    for (let n = 0; n < count; n += 10) {
      await at(n);
      await Promise.all(Array.from({ length: 10 }, (_, i) => server.post("tenant_a", `event ${n + i}`)));
    }
  }

  test("when the server is killed while events arrive, and started again", async ({ feed, server }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await burst(server, 30);
    await server.kill();
    await server.restart();
    await burst(server, 20);
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText(/The server restarted \(noticed at \d{2}:\d{2}\)\./);
  });

  test("when the server stands still and goes on", async ({ feed, server }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await burst(server, 10);
    server.freeze();
    await window.isNot("live");
    await window.post("posted while it stood still");
    server.thaw();
    await expect(window.message).toHaveValue("");
    await burst(server, 10);
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.messages.getByText("posted while it stood still")).toHaveCount(1);
  });

  test("when the line is cut in the middle of a burst, and again", async ({ feed, server, line }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await burst(server, 200, (n) => { if (n % 60 === 0) line.cut(); });
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
  });

  test("when the line is slow", async ({ feed, server, line }) => {
    line.delay = 150;
    const [window] = await feed.open("tenant_a");
    await window.post("over a slow line");
    await expect(window.status).toContainText(/delivered in \d{3,} ms/);
    await burst(server, 50);
    await window.shows(await server.list("tenant_a"));
  });

  test("when the line is dead and nobody is told", async ({ feed, server, line }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    line.hold();
    await burst(server, 20);
    await window.isNot("live");
    await expect(window.events).toHaveCount(0);
    line.mend();
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("when the browser is offline for a while", async ({ feed, server, line, context }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await context.setOffline(true);
    line.cut(); // an open socket does not notice by itself
    await window.is("offline");
    await burst(server, 20);
    await context.setOffline(false);
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("when a laptop has slept for an hour", async ({ feed, server, line }) => {
    feed.expectNetworkErrors();
    const window = await feed.visit("?tenant=tenant_a", (page) => clocked(page));
    await window.live();
    await window.page.clock.pauseAt(Date.now() + 60_000);
    line.hold();
    await burst(server, 20);
    line.mend();
    await window.page.clock.fastForward("01:00:00");
    await window.page.clock.resume();
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("when the page was left and is come back to", async ({ feed, server }) => {
    const [window] = await feed.open("tenant_a");
    await burst(server, 10);
    await window.page.goto(`${server.origin}/isolation`);
    await burst(server, 10);
    await window.page.goBack();
    await window.live();
    await window.shows(await server.list("tenant_a"));
    await expect.poll(() => server.connections()).toEqual({ tenant_a: 1, tenant_b: 0 });
  });
});
