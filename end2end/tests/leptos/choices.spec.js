// Tests the menu, and what a reader chooses there: theme and density, kept for all pages, without a flash.
import { expect, holdClient, test, violations } from "../../fixtures/index.js";

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

/** Opens the menu. */
const openMenu = (page) => page.getByRole("button", { name: "Menu" }).click();

test("the menu leads to the other pages, by mouse and by keyboard", async ({ feed }) => {
  const [{ page }] = await feed.open("tenant_b");
  const links = page.getByRole("navigation", { name: "Views" }).getByRole("link");
  await expect(links.first()).toBeHidden();
  await page.getByRole("button", { name: "Menu" }).focus();
  await page.keyboard.press("Enter");
  await expect(links).toHaveText(["Tenants", "Isolation view", "Simple page", "API"]);
  await expect(page.getByRole("link", { name: "Simple page" })).toHaveAttribute("href", "/vanilla/?tenant=tenant_b");
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await expect(links.first()).toBeHidden();
  await openMenu(page);
  await page.getByRole("link", { name: "Isolation view" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Isolation");
});

test.describe("with a light system", () => {
  test.use({ colorScheme: "light" });

  test("a dark theme is kept for all pages, and drawn before the client runs", async ({ feed, context }) => {
    const [{ page }] = await feed.open("tenant_a");
    const light = await background(page);
    await openMenu(page);
    await page.getByLabel("Theme").selectOption("Dark");
    const dark = await background(page);
    expect(dark).not.toBe(light);
    const release = await holdClient(context);
    for (const search of ["?tenant=tenant_b", ""]) {
      const next = await feed.visit(search);
      expect(await background(next.page)).toBe(dark);
    }
    release();
    await page.getByLabel("Theme").selectOption("System");
    expect(await background(page)).toBe(light);
  });
});

test("compact rows are less high, in every window", async ({ feed, server }) => {
  await server.post("tenant_a", "one line");
  const [first, second] = await feed.open("tenant_a", "tenant_a");
  const height = async ({ events }) => (await events.first().boundingBox()).height;
  const before = await height(first);
  expect(before).toBeLessThanOrEqual(42);
  await openMenu(first.page);
  await first.page.getByLabel("Density").selectOption("Compact");
  await expect.poll(() => height(first)).toBeLessThan(before);
  await expect.poll(() => height(second)).toBeLessThan(before);
  await openMenu(second.page);
  await expect(second.page.getByLabel("Density")).toHaveValue("compact");
});

test("a browser that keeps nothing still takes a choice for this page", async ({ feed }) => {
  const window = await feed.visit("?tenant=tenant_a", (page) =>
    page.addInitScript(() => {
      Object.defineProperty(globalThis, "localStorage", {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    }),
  );
  await window.live();
  await openMenu(window.page);
  await window.page.getByLabel("Theme").selectOption("Dark");
  await expect(window.page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("a page that is shown again has a choice that another page made meanwhile", async ({ feed }) => {
  const [{ page }] = await feed.open("tenant_a");
  // As while the page was in the back/forward cache, which sends it no "storage".
  await page.evaluate(() => localStorage.setItem("theme", "dark"));
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
