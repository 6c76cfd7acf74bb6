// Tests the line that shows where the reader left.
import { expect, test } from "../../fixtures/index.js";

// The clock jumps by many seconds, so that a short heartbeat would be missed.
test.use({ settings: { heartbeat: 300_000 } });

const lineOf = (window) => window.page.locator("[data-divider=unread]");
const since = (count) => new RegExp(`^${count} new since \\d{2}:\\d{2}$`);

/** Posts this many events of others. */
async function post(server, count) {
  for (let n = 1; n <= count; n += 1) await server.post("tenant_a", `new ${n}`);
}

/** Expects the line directly above the event with this text. */
const expectAbove = (window, text) =>
  expect(window.events.filter({ has: lineOf(window) }).locator(".message")).toHaveText(text);

test("after a hidden tab the line is where the reader left, and counts what came meanwhile", async ({
  feed,
  server,
}) => {
  await server.post("tenant_a", "read");
  const [window] = await feed.open("tenant_a");
  await window.see(false);
  await post(server, 2);
  await expect(window.page).toHaveTitle(/^\(2\)/);
  await expect(lineOf(window)).toHaveCount(0);
  await window.see(true);
  await expect(lineOf(window)).toHaveText(since(2));
  await expectAbove(window, "read");
  await server.post("tenant_a", "seen to arrive");
  await expect(window.messages).toHaveText(["seen to arrive", "new 2", "new 1", "read"]);
  await expect(lineOf(window)).toHaveText(since(2));
});

test("after scrolling away the line is where the reader left", async ({ feed, server }) => {
  for (let n = 0; n < 40; n += 1) await server.post("tenant_a", `event ${n}`);
  const [window] = await feed.open("tenant_a");
  await window.read("event 19");
  await window.drawn(); // a page may notice it with the next frame
  await post(server, 3);
  await expect(window.pending).toHaveText("3 new events");
  await window.pending.click();
  await expect(lineOf(window)).toHaveText(since(3));
  await expectAbove(window, "event 39");
});

test("after a pause the line is above the rows that the list had", async ({ feed, server }) => {
  await server.post("tenant_a", "read");
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await post(server, 1);
  await expect(window.pending).toHaveText("1 new event");
  await window.resume.click();
  await expect(lineOf(window)).toHaveText(since(1));
  await expectAbove(window, "read");
});

test("after a restart the line is where the reader left, above all that came meanwhile", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  await server.post("tenant_a", "read");
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await window.post("my own");
  await post(server, 1);
  await expect(window.page).toHaveTitle(/^\(/);
  await server.kill();
  await window.isNot("paused");
  await server.restart();
  await window.is("paused");
  await window.resume.click();
  await expect(window.messages).toHaveText(["new 1", "my own", "read"]);
  await expect(lineOf(window)).toHaveText(since(1));
  await expectAbove(window, "read");
});

test("an absence without news has no line", { tag: "@once" }, async ({ feed, server }) => {
  await server.post("tenant_a", "read");
  // A line would stay: the clock is paused, so that it is not seen for long.
  const window = await feed.openClocked({ paused: true });
  for (const isVisible of [false, true]) {
    await window.see(isVisible);
    await window.page.clock.runFor(1_000); // a hidden page may be drawn by a timer
  }
  await post(server, 1);
  await expect(window.messages).toHaveText(["new 1", "read"]);
  await expect(lineOf(window)).toHaveCount(0);
});

/** A window with a paused clock whose reader has missed this many events. */
async function returned(feed, server, count) {
  await server.post("tenant_a", "read");
  const window = await feed.openClocked({ paused: true });
  await window.see(false);
  await post(server, count);
  // A hidden page counts by a timer, after the events have arrived.
  await expect(async () => {
    await window.page.clock.runFor(1_000);
    await expect(window.page).toHaveTitle(new RegExp(`^\\(${count}\\)`), { timeout: 500 });
  }).toPass();
  await window.see(true);
  await window.page.clock.runFor(1_000); // a page that was hidden may be drawn by a timer
  await expect(lineOf(window)).toHaveCount(1);
  return window;
}

test("the line goes after it was in view for five seconds", { tag: "@once" }, async ({ feed, server }) => {
  const window = await returned(feed, server, 2);
  await window.page.clock.runFor(3_000);
  await window.drawn();
  await expect(lineOf(window)).toBeVisible();
  await window.page.clock.runFor(4_000);
  await expect(lineOf(window)).toHaveCount(0);
});

test("the line stays while it is out of view", { tag: "@once" }, async ({ feed, server }) => {
  const window = await returned(feed, server, 40);
  await expect(lineOf(window)).not.toBeInViewport();
  await window.page.clock.runFor(20_000);
  await window.drawn();
  await expect(lineOf(window)).toHaveCount(1);
  await lineOf(window).scrollIntoViewIfNeeded();
  await window.page.clock.runFor(7_000);
  await expect(lineOf(window)).toHaveCount(0);
});

test("the line goes when the reader posts", { tag: "@once" }, async ({ feed, server }) => {
  // Its clock is paused, so that the line does not go because it was seen.
  const window = await returned(feed, server, 1);
  await window.post("an answer");
  await expect(window.messages.first()).toHaveText("an answer");
  await expect(lineOf(window)).toHaveCount(0);
});

test("an own post is not counted as new", async ({ feed, server }) => {
  await server.post("tenant_a", "read");
  const [window] = await feed.open("tenant_a");
  await window.pause.click();
  await window.post("mine");
  await expect(window.pending).toBeVisible();
  await window.resume.click();
  await expect(window.messages).toHaveText(["mine", "read"]);
  await expect(lineOf(window)).toHaveCount(0);
  await window.pause.click();
  await window.post("mine too");
  await expect(window.pending).toBeVisible();
  await post(server, 1);
  await expect(window.pending).toContainText("new event");
  await window.resume.click();
  await expect(lineOf(window)).toHaveText(since(1));
  await expectAbove(window, "mine");
});
