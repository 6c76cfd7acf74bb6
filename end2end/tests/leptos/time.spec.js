import { expect, test } from "../../fixtures/index.js";

const HOUR = 3_600_000;

test("ages follow the server's clock, not the browser's", { tag: "@once" }, async ({ feed, server }) => {
  await server.post("tenant_a", "there from the start");
  const window = await feed.openClocked({ time: Date.now() + 2 * HOUR });
  await server.post("tenant_a", "arrival");
  await expect(window.events).toHaveCount(2);
  for (const event of await window.events.all())
    await expect(event.locator("time")).toHaveAttribute("title", /^just now, /);
});

test("after sleep a silent socket is replaced at once", { tag: "@once" }, async ({ feed, wire }) => {
  const window = await feed.openClocked();
  wire.pass = (frame, nth) => (nth === 1 ? [] : [frame]);
  await window.page.clock.setSystemTime(Date.now() + HOUR); // timers did not run meanwhile, as in sleep
  await expect.poll(() => wire.sockets.length).toBe(2);
  await window.is("live");
});
