// Tests that durations do not follow the time of day, which users can set.
import { expect, test } from "../../fixtures/index.js";

const HOUR = 3_600_000;

test.describe("the mark of a new event", () => {
  test.use({ settings: { heartbeat: 300_000 } }); // so that a clock that jumps ends no connection

  test(
    "setting the time of day back does not prolong the mark of a new event",
    { tag: "@once" },
    async ({ feed, server }) => {
      const window = await feed.openClocked();
      await window.page.clock.setSystemTime(Date.now() - HOUR);
      await server.post("tenant_a", "arrival");
      await expect(window.events.first()).toHaveAttribute("data-new");
      await window.page.clock.runFor(15_000);
      await expect(window.events.first()).not.toHaveAttribute("data-new");
    },
  );

  test(
    "an event that arrives on a hidden page is marked as new until it was visible",
    { tag: "@once" },
    async ({ feed, server }) => {
      const window = await feed.openClocked();
      await window.see(false);
      await server.post("tenant_a", "unseen");
      await expect(window.page).toHaveTitle("(1) Tenant A · Event feed");
      await window.page.clock.runFor(14_000); // marks last 8 s, and are checked every 5 s: over 13 s
      await window.see(true);
      await expect(window.messages).toHaveText(["unseen"]);
      await expect(window.events.first()).toHaveAttribute("data-new");
      await window.page.clock.runFor(14_000);
      await expect(window.events.first()).not.toHaveAttribute("data-new");
    },
  );
});

test("setting the time of day back does not prolong a countdown", { tag: "@once" }, async ({ feed, wire }) => {
  await wire.useLongestDelays();
  const window = await feed.openClocked({ paused: true });
  await wire.down({ code: 1013 });
  await expect(window.connection).toHaveText("Reconnecting in 10 s");
  await window.page.clock.setSystemTime(Date.now() - HOUR);
  await window.page.clock.runFor(2_000);
  await expect(window.connection).toHaveText("Reconnecting in 8 s");
});

test("after sleep a page of a dead server is not live for long", { tag: "@once" }, async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  server.freeze();
  // The machine sleeps for ten minutes: the time of day goes on, and the timers do not.
  await window.page.evaluate(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 600_000;
  });
  await window.isNot("live");
  server.thaw();
  await window.is("live");
});
