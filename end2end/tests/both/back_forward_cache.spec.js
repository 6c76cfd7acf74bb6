// Tests Back and Forward with Chromium's back/forward cache, which Playwright turns off by default.
import { engines } from "../../engines.js";
import { countReads, expect, test } from "../../fixtures/index.js";

test.use({
  launchOptions: { ...engines.chromium?.launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] },
});

test("after Back the page has one socket and the current list", { tag: "@once" }, async ({ feed, server }) => {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "before");
  await expect(window.messages).toHaveText(["before"]);
  await window.page.goto(feed.address());
  await expect(window.heading).toHaveText("Choose a tenant");
  await server.post("tenant_a", "meanwhile");
  await window.back();
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await expect(window.messages).toHaveText(["meanwhile", "before"]);
  await expect.poll(() => server.connections()).toEqual({ tenant_a: 1, tenant_b: 0 });
});

test("after Back a page that missed nothing reads no list", { tag: "@once" }, async ({ feed, server, context }) => {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "before");
  await expect(window.messages).toHaveText(["before"]);
  await window.page.goto(feed.address());
  await expect(window.heading).toHaveText("Choose a tenant");
  const reads = countReads(context);
  await window.back();
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await server.post("tenant_a", "after");
  await expect(window.messages).toHaveText(["after", "before"]);
  expect(reads.count).toBe(0);
});

test("after Back the dropdown of a cached page names the page's own tenant", { tag: "@once" }, async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.expectOwnTenantAfterBack();
});
