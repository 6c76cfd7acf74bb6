// Chromium's own back/forward cache, which Playwright turns off: whether the browser kept the page or loads it anew.
import { engines } from "../../engines.js";
import { expect, test } from "../../fixtures/index.js";

test.use({
  launchOptions: { ...engines.chromium?.launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] },
});

test("a page that is come back to has one socket, and the list is current", { tag: "@once" }, async ({
  feed, server,
}) => {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "before");
  await expect(window.messages).toHaveText(["before"]);
  await window.page.goto(feed.address());
  await expect(window.heading).toHaveText("Choose a tenant");
  await server.post("tenant_a", "meanwhile");
  // Not `goBack`: a page that was kept has no load to wait for.
  await window.page.evaluate(() => { setTimeout(() => history.back()); });
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await expect(window.messages).toHaveText(["meanwhile", "before"]);
  await expect.poll(() => server.connections()).toEqual({ tenant_a: 1, tenant_b: 0 });
});

test("the dropdown of a page that is come back to names the page's own tenant", { tag: "@once" }, async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.tenant.selectOption("Tenant B");
  await expect(window.heading).toContainText("Tenant B");
  await window.live();
  await window.page.evaluate(() => { setTimeout(() => history.back()); });
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await expect(window.tenant).toHaveValue("tenant_a");
  await expect(window.open).toBeHidden();
});
