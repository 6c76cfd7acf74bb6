// Breaks the server, the network or the machine. Afterwards the page must show the server's list, each event once.
import { expect, test } from "../../fixtures/index.js";

test.describe("the page shows the server's list, each event once", { tag: "@once" }, () => {
  test.use({ settings: { heartbeat: 1_000 } });

  /** Posts `count` events to tenant A, a few at a time, and calls `at(n)` before the nth. */
  async function burst(server, count, at = () => {}) {
    for (let n = 0; n < count; n += 10) {
      await at(n);
      await Promise.all(Array.from({ length: 10 }, (_, i) => server.post("tenant_a", `event ${n + i}`)));
    }
  }

  test("after the server is killed while events arrive, and restarted", async ({ feed, server }) => {
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

  test("after the server is paused and continues", async ({ feed, server }) => {
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

  test("after the network is reset several times during a burst", async ({ feed, server, network }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await burst(server, 200, (n) => {
      if (n % 60 === 0) network.cut();
    });
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
  });

  test("while the network is slow", async ({ feed, server, network }) => {
    network.delay = 150;
    const [window] = await feed.open("tenant_a");
    await window.post("over a slow network");
    await expect(window.status).toContainText(/delivered in \d{3,} ms/);
    await burst(server, 50);
    await window.shows(await server.list("tenant_a"));
  });

  test("after the network stalls", async ({ feed, server, network }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    network.stall();
    await burst(server, 20);
    await window.isNot("live");
    await expect(window.events).toHaveCount(0);
    network.restore();
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("after the browser was offline", async ({ feed, server, network, context }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    await context.setOffline(true);
    network.cut(); // an open socket does not notice by itself
    await window.is("offline");
    await burst(server, 20);
    await context.setOffline(false);
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("after the machine slept for an hour", async ({ feed, server, network }) => {
    feed.expectNetworkErrors();
    const window = await feed.openClocked();
    await window.page.clock.pauseAt(Date.now() + 60_000);
    network.stall();
    await burst(server, 20);
    network.restore();
    await window.page.clock.fastForward("01:00:00");
    await window.page.clock.resume();
    await window.is("live");
    await window.shows(await server.list("tenant_a"));
    await expect(window.notice).toContainText("20 new events");
  });

  test("after the user left the page and went back", async ({ feed, server }) => {
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
