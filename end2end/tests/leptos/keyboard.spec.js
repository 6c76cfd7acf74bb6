// Tests the page's keys: one Tab stop for the list, and single letters that can be turned off (WCAG 2.2, 2.1.4).
import { expect, test } from "../../fixtures/index.js";

const press = (window, key) => window.page.keyboard.press(key);

/** A window with so many events. */
async function openWith(feed, server, count) {
  for (let n = 1; n <= count; n += 1) await server.post("tenant_a", `event ${n} https://example.com/${n}`);
  const [window] = await feed.open("tenant_a");
  await expect(window.events).toHaveCount(count);
  return window;
}

test("the list is one Tab stop: the current row, its links and its actions", async ({ feed, server }) => {
  const window = await openWith(feed, server, 3);
  await window.pause.focus();
  await press(window, "Tab");
  await expect(window.events.first()).toBeFocused();
  await press(window, "PageDown");
  await press(window, "Tab");
  await expect(window.page.getByRole("link", { name: "https://example.com/2" })).toBeFocused();
  for (let action = 0; action < 3; action += 1) await press(window, "Tab");
  await expect(window.events.nth(1).getByRole("button", { name: "Copy id" })).toBeFocused();
  await press(window, "Tab");
  expect(await window.page.evaluate(() => document.activeElement.closest("#feed"))).toBeNull();
  await press(window, "Shift+Tab");
  await press(window, "Shift+Tab");
  await press(window, "Shift+Tab");
  await press(window, "Shift+Tab");
  await press(window, "Shift+Tab");
  await expect(window.events.nth(1)).toBeFocused();
});

test("until a row was chosen, Tab leads to the newest", async ({ feed, server }) => {
  const window = await openWith(feed, server, 1);
  await server.post("tenant_a", "arrival");
  await expect(window.events).toHaveCount(2);
  await window.pause.focus();
  await press(window, "Tab");
  await expect(window.events.first()).toBeFocused();
  await expect(window.events.first()).toContainText("arrival");
});

test("c writes, p pauses, a full stop shows the newest, and ? the keys", async ({ feed, server }) => {
  const window = await openWith(feed, server, 40);
  await press(window, "c");
  await expect(window.message).toBeFocused();
  await window.page.keyboard.type("cp.?");
  await expect(window.message).toHaveValue("cp.?");
  await window.message.fill("");
  await window.events.nth(30).focus();
  await server.post("tenant_a", "arrival");
  await expect(window.pending).toHaveText("1 new event");
  await press(window, ".");
  await expect(window.events.first()).toBeFocused();
  await expect(window.messages.first()).toHaveText("arrival");
  await press(window, "p");
  await window.is("paused");
  await press(window, "p");
  await window.is("live");
  const keys = window.page.getByText("pause or resume");
  await expect(keys).toBeHidden();
  await press(window, "?");
  await expect(keys).toBeVisible();
  await press(window, "?");
  await expect(keys).toBeHidden();
});

test("a key together with Control, Alt or Meta is the browser's", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.pause.focus();
  for (const key of ["Control+p", "Alt+p", "Meta+p", "Shift+P"]) {
    await window.page.evaluate((name) => {
      const [modifier, letter] = name.split("+");
      const flag = `${modifier === "Control" ? "ctrl" : modifier.toLowerCase()}Key`;
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: letter, [flag]: true, bubbles: true }));
    }, key);
  }
  await press(window, "c");
  await expect(window.message).toBeFocused();
  await window.is("live");
});

test("the keys can be turned off, for all pages and the next visit", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await press(window, "?");
  await window.page.getByLabel("Single-letter keys").selectOption("Off");
  await window.pause.focus();
  await press(window, "p");
  await press(window, "c");
  await expect(window.pause).toBeFocused();
  const [next] = await feed.open("tenant_b");
  await expect(next.page.locator("html")).toHaveAttribute("data-keys", "off");
  await next.page.keyboard.press("c");
  await expect(next.message).not.toBeFocused();
});

test("a key that is held acts once", async ({ feed, server }) => {
  const window = await openWith(feed, server, 1);
  for (let repeat = 0; repeat < 4; repeat += 1) await window.page.keyboard.down("p");
  await window.page.keyboard.up("p");
  await window.is("paused");
  for (let repeat = 0; repeat < 4; repeat += 1) await window.page.keyboard.down("c");
  await window.page.keyboard.up("c");
  await expect(window.message).toBeFocused();
  await expect(window.message).toHaveValue("");
  await window.page.keyboard.type("cc");
  await expect(window.message).toHaveValue("cc");
});
