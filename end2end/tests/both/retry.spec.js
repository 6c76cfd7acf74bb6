import { expect, test } from "../../fixtures/index.js";

test.beforeEach(async ({ context, wire }) => {
  await context.addInitScript(() => {
    Math.random = () => 0.999;
  }); // the whole window, 10 s · 2^n
  wire.pass = (frame) => [{ ...frame, ...("reconnect_ms" in frame && { reconnect_ms: 10_000 }) }];
});

test('neither "Retry now" nor a page that is seen again lengthens the delay', async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  wire.up = false;
  await wire.cut({ code: 1013 });
  await expect(window.connection).toHaveText(/^Reconnecting in (9|10) s$/); // n = 0
  const attempts = [
    () => window.retryNow.click(),
    () => window.retryNow.click(),
    () => window.retryNow.click(),
    () => window.see(true),
  ];
  for (const [n, attempt] of attempts.entries()) {
    await attempt();
    await expect.poll(() => wire.sockets.length).toBe(n + 2);
    await expect(window.connection).toHaveText(/^Reconnecting in (9|10) s$/);
  }
});

test("each automatic attempt that fails doubles the delay", async ({ feed, wire }) => {
  wire.pass = (frame) => [{ ...frame, ...("reconnect_ms" in frame && { reconnect_ms: 2_000 }) }];
  const [window] = await feed.open("tenant_a");
  wire.up = false;
  await wire.cut({ code: 1013 }); // n = 0: 2 s, and n = 1: 4 s, are not counted down
  await expect(window.connection).toHaveText(/^Reconnecting in [78] s$/); // n = 2
  expect(wire.sockets).toHaveLength(3);
});
