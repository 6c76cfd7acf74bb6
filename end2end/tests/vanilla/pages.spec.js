import { FeedPage } from "../../fixtures/feed.js";
import { deferred, expect, test } from "../../fixtures/index.js";

test("without a tenant the page asks for one, and a choice opens it", async ({ feed, server }) => {
  await server.post("tenant_b", "B's own");
  const window = await feed.visit("");
  await window.ready();
  await expect(window.page).toHaveTitle("Event feed");
  await expect(window.heading).toHaveText("Choose a tenant");
  await expect(window.events).toHaveCount(0);
  await expect(window.form).toBeHidden();
  await window.tenant.selectOption("Tenant B");
  await expect(window.heading).toHaveText("Tenant B");
  await window.live();
  await expect(window.messages).toHaveText(["B's own"]);
});

for (const search of ["?tenant=nonsense", "?tenant=tenant_a&tenant=tenant_b"]) {
  test(`${search} opens no feed`, async ({ feed, wire }) => {
    const window = await feed.visit(search);
    await window.ready();
    await expect(window.heading).toHaveText("Choose a tenant");
    expect(wire.sockets).toEqual([]);
  });
}

test("the page links the full client of its tenant and the isolation view", async ({ feed }) => {
  const [{ page }] = await feed.open("tenant_b");
  const linked = await page.getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(linked).toEqual(expect.arrayContaining(["/?tenant=tenant_b", "/isolation"]));
});

test("a socket without a first frame is replaced after ten seconds", async ({ feed, wire }) => {
  wire.pass = (frame, nth) => (nth === 1 ? [] : [frame]);
  const window = await feed.visit("?tenant=tenant_a", (page) => page.clock.install());
  await window.is("connecting");
  // Half of the 10 s, since this clock also follows real time, and the machine may be slow.
  await window.page.clock.runFor(5_000);
  await window.is("connecting");
  expect(wire.sockets).toHaveLength(1);
  await window.page.clock.runFor(6_000);
  await window.is("live");
  expect(wire.sockets).toHaveLength(2);
});

test.describe("without script", { tag: "@no-script" }, () => {
  test.use({ javaScriptEnabled: false });

  test("the page shows it and links the page that needs no script", async ({ feed }) => {
    const { page } = await feed.visit("?tenant=tenant_a");
    await expect(page.locator("noscript p")).toBeVisible();
    expect(await page.locator("noscript").textContent()).toContain("This page needs script.");
  });
});

test("before its client runs the page shows no field and no button", async ({ feed }) => {
  const { resolve: release, promise: released } = deferred();
  await feed.context.route("**/vanilla/app.js", (route) => released.then(() => route.continue()));
  const window = new FeedPage(await feed.context.newPage());
  await window.page.goto(feed.address("?tenant=tenant_a"), { waitUntil: "commit" });
  await expect(window.heading).toHaveText("Choose a tenant");
  await expect(window.message).toBeHidden();
  await expect(window.pause).toBeHidden();
  release();
  await window.live();
  await expect(window.message).toBeVisible();
  await expect(window.pause).toBeVisible();
});

for (const [count, width] of [
  [0, 390],
  [3, 390],
  [120, 390],
  [120, 1280],
]) {
  test(
    `a list of ${count} that arrives late moves nothing, ${width} px wide`,
    { tag: "@once" },
    async ({ feed, server }) => {
      for (let n = 0; n < count; n += 1) await server.post("tenant_a", `event ${n}`);
      const { resolve: release, promise: released } = deferred();
      await feed.context.route("**/events", (route) => released.then(() => route.continue()));
      const window = await feed.visit("?tenant=tenant_a", async (page) => {
        await page.setViewportSize({ width, height: 844 });
        await page.addInitScript(() => {
          globalThis.shift = 0;
          new PerformanceObserver((list) => {
            for (const { value } of list.getEntries()) globalThis.shift += value;
          }).observe({ type: "layout-shift", buffered: true });
        });
      });
      await window.ready();
      await window.drawn();
      release();
      await window.live();
      await expect(window.events).toHaveCount(count);
      await expect(window.page.getByRole("link", { name: "Isolation view" })).toBeVisible();
      await window.drawn();
      // Only the state's word still moves: it grows by less than a pixel.
      expect(await window.page.evaluate(() => globalThis.shift)).toBeLessThan(0.001);
    },
  );
}

test("Ctrl+Home and Ctrl+End leave the list", async ({ feed, server }) => {
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  const [window] = await feed.open("tenant_a");
  for (const [keys, next] of [
    [["PageDown", "PageDown", "PageUp"], window.events.nth(1)],
    [["Control+Home"], window.pause],
    [["Control+End"], window.page.locator("#after-feed")],
  ]) {
    await window.events.first().focus();
    for (const key of keys) await window.page.keyboard.press(key);
    await expect(next).toBeFocused();
  }
});
