// Tests what tells a reader who looks elsewhere that events came.
import { expect, test } from "../../fixtures/index.js";

test.use({ settings: { heartbeat: 300_000 } }); // so that a clock that jumps 40 s ends no connection

/** Records notifications instead of showing them, and answers the page's request for permission. */
const record = (page, permission) =>
  page.addInitScript((answer) => {
    globalThis.notifications = [];
    globalThis.Notification = class {
      static permission = answer;

      static requestPermission = async () => answer;

      constructor(title, { body, tag }) {
        globalThis.notifications.push({ title, body, tag });
      }
    };
  }, permission);

/** A window with a clock of the test, which shows notifications as `choice` says. */
async function openNotified(feed, choice, permission = "granted") {
  const window = await feed.openClocked({ before: (page) => record(page, permission) });
  await window.page.getByLabel("Notify me while this tab is hidden").selectOption(choice);
  return Object.assign(window, { notifications: () => window.page.evaluate(() => globalThis.notifications) });
}

test("a dot on the icon shows that something is unread", async ({ feed, server }) => {
  const [window] = await feed.open("tenant_b");
  const icon = window.page.locator("link[rel=icon]");
  await expect(icon).toHaveAttribute("href", "/favicon-tenant_b.svg");
  await window.see(false);
  await server.post("tenant_b", "unseen");
  await expect(icon).toHaveAttribute("href", "/favicon-tenant_b-unread.svg");
  expect((await fetch(`${server.origin}/favicon-tenant_b-unread.svg`)).status).toBe(200);
  await window.see(true);
  await expect(icon).toHaveAttribute("href", "/favicon-tenant_b.svg");
});

test("a hidden page notifies a batch at a time, and never with a text unless asked", async ({ feed, server }) => {
  const window = await openNotified(feed, "How many");
  await server.post("tenant_a", "seen");
  await expect(window.messages).toHaveText(["seen"]);
  await window.see(false);
  await server.post("tenant_a", "one");
  await expect.poll(window.notifications).toEqual([{ title: "1 new event in Tenant A", body: "", tag: "tenant_a" }]);
  for (const text of ["two", "three"]) await server.post("tenant_a", text);
  await expect(window.page).toHaveTitle("(3) Tenant A · Event feed");
  expect(await window.notifications()).toHaveLength(1);
  await window.page.clock.runFor(40_000);
  await expect.poll(window.notifications).toHaveLength(2);
  expect((await window.notifications())[1].title).toBe("3 new events in Tenant A");
});

test("a notification has the newest text if the reader asked for it", async ({ feed, server }) => {
  const window = await openNotified(feed, "With the newest text");
  await window.see(false);
  await server.post("tenant_a", "<b>read me</b>");
  await expect.poll(window.notifications).toHaveLength(1);
  expect((await window.notifications())[0].body).toBe("<b>read me</b>");
});

test("notifications are off until the reader and the browser allow them", async ({ feed, server }) => {
  const window = await openNotified(feed, "How many", "denied");
  await expect(window.page.getByLabel("Notify me while this tab is hidden")).toHaveValue("");
  await window.see(false);
  await server.post("tenant_a", "one");
  await expect(window.page).toHaveTitle("(1) Tenant A · Event feed");
  expect(await window.notifications()).toEqual([]);
});

test("a choice whose permission is gone is shown as off", async ({ feed }) => {
  const window = await openNotified(feed, "How many");
  await window.page.addInitScript(() => Object.defineProperty(Notification, "permission", { value: "default" }));
  await window.page.reload();
  await window.live();
  await expect(window.page.getByLabel("Notify me while this tab is hidden")).toHaveValue("");
});

test("an own post before a restart is not unread after it", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await window.post("my own");
  await expect(window.pending).toHaveText("Posted. Show it");
  await server.kill();
  await window.isNot("paused");
  await server.restart();
  await window.is("paused");
  await expect(window.pending).toHaveText("Posted. Show it");
  await expect(window.page).toHaveTitle("Tenant A · Event feed");
});

for (const [what, prepare] of [
  ["plain http", () => Object.defineProperty(globalThis, "isSecureContext", { value: false })],
  ["a browser without notifications", () => delete globalThis.Notification],
  ["Chrome on Android", () => Object.defineProperty(navigator, "userAgent", { value: "Linux; Android 16 Chrome" })],
]) {
  test(`${what} offers no notifications`, async ({ feed }) => {
    const window = await feed.visit("?tenant=tenant_a", (page) => page.addInitScript(prepare));
    await window.live();
    await expect(window.page.getByText("Notify me while this tab is hidden")).toBeHidden();
  });
}

test("an own post is never counted as unread", async ({ feed, server }) => {
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await window.post("my own");
  await expect(window.pending).toHaveText("Posted. Show it");
  await expect(window.page).toHaveTitle("Tenant A · Event feed");
  await server.post("tenant_a", "of another");
  await expect(window.pending).toHaveText("Posted, and 1 new event");
  await expect(window.page).toHaveTitle("(1) Tenant A · Event feed");
  await window.pending.click();
  await expect(window.messages).toHaveText(["of another", "my own"]);
});
