// Tests that a control that hides moves the focus, so that a keyboard user never has to start at the top of the page
// again.
import { deferred, expect, routePosts, test } from "../../fixtures/index.js";

/** Expects the focus on a visible element. */
const hasFocus = (window) => expect(window.page.locator(":focus")).toBeVisible();

/** A window whose socket was cut and cannot be opened again, with the focus on "Retry now" and a paused clock. */
async function openWithRetryFocused(feed, wire) {
  const window = await feed.openClocked({ paused: true });
  await wire.down();
  await expect(window.retryNow).toBeVisible();
  await window.retryNow.focus();
  return window;
}

test('"Retry now" keeps the focus until the page is live, and then moves it', async ({ feed, wire }) => {
  const window = await openWithRetryFocused(feed, wire);
  const tried = wire.sockets.length;
  await window.page.keyboard.press("Enter");
  await expect.poll(() => wire.sockets.length).toBeGreaterThan(tried);
  await expect(window.retryNow).toBeFocused();
  wire.restore();
  await window.page.clock.runFor(500); // the longest delay
  await window.is("live");
  await expect(window.retryNow).toBeHidden();
  await hasFocus(window);
});

test('"Retry now" moves the focus when the page is stopped', async ({ feed, wire }) => {
  const window = await openWithRetryFocused(feed, wire);
  const { resolve: connect, promise: connected } = deferred();
  wire.pass = () => {
    connect(); // before the socket is connected, its close would be a line in the console
    return [];
  };
  wire.restore();
  await window.page.keyboard.press("Enter");
  await connected;
  await wire.cut({ code: 1008, reason: "no" });
  await window.is("stopped");
  await expect(window.retryNow).toBeHidden();
  await hasFocus(window);
});

test("the button of new events moves the focus when the reader is back at the top", async ({ feed, server }) => {
  for (let i = 0; i < 20; i += 1) await server.post("tenant_a", `event ${i}`);
  const [window] = await feed.open("tenant_a");
  await window.read("event 2");
  await server.post("tenant_a", "arrival");
  await expect(window.pending).toBeVisible();
  await window.pending.focus();
  await window.page.evaluate(() => scrollTo(0, 0));
  await expect(window.pending).toBeHidden();
  await hasFocus(window);
});

test("the button of new events moves the focus to the first event", async ({ feed, server }) => {
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await server.post("tenant_a", "arrival");
  await expect(window.pending).toBeVisible();
  await window.pending.focus();
  await window.page.keyboard.press("Enter");
  await expect(window.events.first()).toBeFocused();
});

test('"Retry" moves the focus to the text field', async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await routePosts(context, (route) => route.abort());
  await window.post("again");
  await expect(window.retry).toBeVisible();
  await window.retry.focus();
  await window.page.keyboard.press("Enter");
  await expect(window.message).toBeFocused();
});

test('"Dismiss" moves the focus to "Pause"', async ({ feed, server }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await server.kill();
  await window.isNot("live");
  await server.restart();
  await window.is("live");
  await expect(window.dismiss).toBeVisible();
  await window.dismiss.focus();
  await window.page.keyboard.press("Enter");
  await expect(window.dismiss).toBeHidden();
  await expect(window.pause).toBeFocused();
});

test('"Dismiss" moves the focus when the connection is lost again', async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await wire.cut({ code: 1001 });
  await expect(window.dismiss).toBeVisible();
  await window.dismiss.focus();
  await wire.down();
  await expect(window.dismiss).toBeHidden();
  await hasFocus(window);
});

test('"Reload" moves the focus when the first build is back', async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  wire.pass = (frame) => [{ ...frame, ...(frame.build && { build: "another" }) }];
  await wire.cut({ code: 1001 });
  await expect(window.reload).toBeVisible();
  await window.reload.focus();
  wire.pass = (frame) => [frame];
  await wire.cut({ code: 1001 });
  await expect(window.reload).toBeHidden();
  await hasFocus(window);
});

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("an event that leaves the list moves the focus to the nearest that stays", async ({ feed, server }) => {
    for (const text of ["one", "two", "three", "four"]) await server.post("tenant_a", text);
    const [window] = await feed.open("tenant_a");
    await window.events.last().focus();
    await server.post("tenant_a", "five");
    await expect(window.messages).toHaveText(["five", "four", "three"]);
    await expect(window.events.last()).toBeFocused();
  });
});
