import { FETCH_FAILED, PROGRAM, expect, openBeforeClient, test } from "../../fixtures/index.js";

test("the selector asks for the tenant and shows no event", async ({ feed, server }) => {
  await server.post("tenant_a", "A's secret");
  const window = await feed.visit("");
  expect(window.response.status()).toBe(200);
  await expect(window.page).toHaveTitle("Event feed");
  await expect(window.heading).toHaveText("Choose a tenant");
  await expect(window.events).toHaveCount(0);
  await expect(window.page.getByText("A's secret")).toHaveCount(0);
  await expect(window.page.locator("html")).not.toHaveAttribute("data-tenant");

  await window.ready();
  await window.tenant.selectOption("Tenant A");
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await expect(window.messages).toHaveText(["A's secret"]);
});

const WRONG = ["?tenant=nonsense", "?tenant=", "?tenant=tenant_a&tenant=tenant_b", "?tenant=tenant_a,tenant_b"];
for (const search of WRONG) {
  test(`${search} gives the selector, and 404`, async ({ feed }) => {
    feed.expectNetworkErrors(); // the engine logs the status of the page
    const window = await feed.visit(search);
    expect(window.response.status()).toBe(404);
    await expect(window.heading).toHaveText("Choose a tenant");
    await expect(window.page.locator("html")).not.toHaveAttribute("data-tenant");
  });
}

test("each page links the other client and the isolation view", async ({ feed }) => {
  const [{ page }] = await feed.open("tenant_b");
  const linked = await page.locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(linked).toEqual(expect.arrayContaining(["/vanilla/?tenant=tenant_b", "/isolation"]));
});

test.describe("without script", { tag: "@no-script" }, () => {
  test.use({ javaScriptEnabled: false });

  test("the page shows the newest events, and the selector works as a plain form", async ({ feed, server }) => {
    for (const text of ["older", "newer"]) await server.post("tenant_a", text);
    await server.post("tenant_b", "B's own");
    const window = await feed.visit("");
    await window.tenant.selectOption("Tenant A");
    await window.page.getByRole("button", { name: "Open" }).click();
    await expect(window.heading).toContainText("Tenant A");
    await expect(window.messages).toHaveText(["newer", "older"]);
    await expect(window.form.locator("noscript p")).toBeVisible();
    expect(await window.form.locator("noscript").textContent()).toContain("needs script");

    await window.tenant.selectOption("Tenant B");
    await window.page.getByRole("button", { name: "Open" }).click();
    await expect(window.messages).toHaveText(["B's own"]);
  });

  test("the server renders the newest 100 events, and no more", async ({ feed, server }) => {
    for (let i = 1; i <= 101; i += 1) await server.post("tenant_a", `event ${i}`);
    const window = await feed.visit("?tenant=tenant_a");
    await expect(window.events).toHaveCount(100);
    await expect(window.messages.first()).toHaveText("event 101");
    await expect(window.messages.last()).toHaveText("event 2");
  });
});

test("the client hydrates the elements that the server rendered", async ({ feed, server }) => {
  await server.post("tenant_a", "rendered by the server");
  const { window, release } = await openBeforeClient(feed);
  await expect(window.messages).toHaveText(["rendered by the server"]);
  const article = await window.events.first().elementHandle();
  await server.post("tenant_a", "while the client was under way");
  release();
  await window.live();
  await expect(window.messages).toHaveText(["while the client was under way", "rendered by the server"]);
  expect(await article.evaluate((node) => node.isConnected)).toBe(true);
});

test("text typed before the client starts stays, and Enter posts it", async ({ feed }) => {
  const { window, release } = await openBeforeClient(feed);
  await window.message.click();
  await window.page.keyboard.type("faster than the client");
  await expect(window.page.locator("html")).not.toHaveAttribute("data-client");
  release();
  await window.live();
  await expect(window.message).toHaveValue("faster than the client");
  await expect(window.message).toBeFocused();
  await expect(window.count).toHaveText("22 / 500");
  await window.page.keyboard.press("Enter");
  await expect(window.messages).toHaveText(["faster than the client"]);
});

test("a page whose client cannot be loaded shows it and offers the no-build page", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  feed.expectOnConsole(FETCH_FAILED); // rethrown, so that the console shows it
  await server.post("tenant_a", "still to be read");
  await feed.context.route(PROGRAM, (route) => route.abort());
  const { page, messages } = await feed.visit("?tenant=tenant_a");
  await expect(page.locator("html")).toHaveAttribute("data-client", "failed");
  await expect(messages).toHaveText(["still to be read"]);
  const offer = page.locator("#client-failed");
  await expect(offer).toBeVisible();
  await expect(offer.getByRole("link")).toHaveAttribute("href", "/vanilla/?tenant=tenant_a");
});

test("Control+Home and Control+End leave the feed", async ({ feed, server }) => {
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  const [window] = await feed.open("tenant_a");
  await window.events.first().focus();
  await window.page.keyboard.press("Control+Home");
  await expect(window.pause).toBeFocused();
  await window.events.first().focus();
  await window.page.keyboard.press("Control+End");
  await expect(window.page.locator("#after-feed")).toBeFocused();
});

test("the live region for new events is in the page from the start, and empty", async ({ feed, server }) => {
  await server.post("tenant_a", "there from the start");
  const { response } = await feed.visit("?tenant=tenant_a");
  expect(await response.text()).toMatch(/<p id="announcer" role="status"[^>]*><span[^>]*>\s*<\/span><\/p>/);
});

test("the selector offers each tenant as a link, and the dropdown", async ({ feed, server }) => {
  await server.post("tenant_b", "B's own");
  const window = await feed.visit("");
  await expect(window.tenant).toBeVisible();
  await window.page.getByRole("link", { name: "Tenant B" }).click();
  await expect(window.heading).toContainText("Tenant B");
  await window.live();
  await expect(window.messages).toHaveText(["B's own"]);
});
