import { expect, test } from "../../fixtures/index.js";

test('neither "Retry now" nor a page that is seen again lengthens the delay', async ({ feed, wire }) => {
  await wire.useLongestDelays();
  const [window] = await feed.open("tenant_a");
  await wire.down({ code: 1013 });
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
  await wire.useLongestDelays(2_000);
  const [window] = await feed.open("tenant_a");
  await wire.down({ code: 1013 }); // n = 0: 2 s, and n = 1: 4 s, are not counted down
  await expect(window.connection).toHaveText(/^Reconnecting in [78] s$/); // n = 2
  expect(wire.sockets).toHaveLength(3);
});
