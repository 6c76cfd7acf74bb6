// Tests how long a page waits before it reconnects. Its clock is paused, so that a slow machine misses no second.
import { expect, test } from "../../fixtures/index.js";

test('neither "Retry now" nor a page that is seen again lengthens the delay', async ({ feed, wire }) => {
  await wire.useLongestDelays();
  const window = await feed.openClocked({ paused: true });
  await wire.down({ code: 1013 });
  await expect(window.connection).toHaveText("Reconnecting in 10 s"); // n = 0
  const attempts = [
    () => window.retryNow.click(),
    () => window.retryNow.click(),
    () => window.retryNow.click(),
    () => window.see(true),
  ];
  for (const [n, attempt] of attempts.entries()) {
    await window.page.clock.runFor(3_000);
    await expect(window.connection).toHaveText("Reconnecting in 7 s");
    await attempt();
    await expect.poll(() => wire.sockets.length).toBe(n + 2);
    await expect(window.connection).toHaveText("Reconnecting in 10 s");
  }
});

test("each automatic attempt that fails doubles the delay", async ({ feed, wire }) => {
  await wire.useLongestDelays(7_500);
  const window = await feed.openClocked({ paused: true });
  await wire.down({ code: 1013 });
  for (const [n, seconds] of [8, 15, 30].entries()) {
    await expect(window.connection).toHaveText(`Reconnecting in ${seconds} s`);
    expect(wire.sockets).toHaveLength(n + 1);
    await window.page.clock.runFor(seconds * 1_000);
  }
});
