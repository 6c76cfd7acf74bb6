// Tests the dividers that are not the unread line: one where another day begins, and one above what a restart has lost.
import { expect, test } from "../../fixtures/index.js";

const DAY = 86_400_000;

/** "23 November 2026". */
const longDate = (millis) => new Date(millis).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });

/** The dividers with this name, and the message of the row that has each. */
const dividers = (window, name) => window.page.locator(`[data-divider=${name}]`);
const rowsWith = (window, name) => window.events.filter({ has: dividers(window, name) }).locator(".message");

/** Lets the page receive live events as if they were posted some days ago, as their text says. */
const backdate = (wire) => wire.shiftDays(({ event }) => -Number(/^(\d) days ago/.exec(event.message)?.[1] ?? 0));

test("each day but today has a separator above its newest event", async ({ feed, server, wire }) => {
  backdate(wire);
  const [window] = await feed.open("tenant_a");
  const texts = ["3 days ago, first", "3 days ago, last", "1 days ago", "today, first", "today, last"];
  for (const text of texts) await server.post("tenant_a", text);
  await expect(window.messages).toHaveText(texts.toReversed());
  await expect(rowsWith(window, "day")).toHaveText(["1 days ago", "3 days ago, last"]);
  await expect(dividers(window, "day")).toHaveText([
    `Yesterday · ${longDate(Date.now() - DAY)}`,
    `3 days ago · ${longDate(Date.now() - 3 * DAY)}`,
  ]);
});

test("on another day the events of today are yesterday's", async ({ feed, server, wire }) => {
  for (const text of ["one", "two"]) await server.post("tenant_a", text);
  // The server's clock decides.
  const later = (timestamp) => new Date(Date.parse(timestamp) + DAY).toISOString();
  wire.pass = (frame) => [{ ...frame, ...(frame.epoch && { timestamp: later(frame.timestamp) }) }];
  const window = await feed.openClocked({ time: Date.now() + DAY });
  await expect(rowsWith(window, "day")).toHaveText(["two"]);
  await expect(dividers(window, "day")).toHaveText([`Yesterday · ${longDate(Date.now())}`]);
});

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("only below events that the server still has, the page names them as all", async ({ feed, server }) => {
    feed.expectNetworkErrors();
    const all = "That's everything still kept.";
    for (const text of ["one", "two", "three", "four"]) await server.post("tenant_a", text);
    const [window] = await feed.open("tenant_a");
    await expect(window.messages).toHaveText(["four", "three", "two"]);
    await expect(window.page.getByText(all)).toBeVisible();
    await server.kill();
    await window.isNot("live");
    await server.restart();
    await window.is("live");
    await expect(rowsWith(window, "restart")).toHaveText(["four"]);
    await expect(window.page.getByText(all)).toHaveCount(0);
  });
});

test("an event of tomorrow has no separator: the page's clock may be late", async ({ feed, server, wire }) => {
  wire.shiftDays(() => 1);
  const [window] = await feed.open("tenant_a");
  for (const text of ["one", "two"]) await server.post("tenant_a", text);
  await expect(window.messages).toHaveText(["two", "one"]);
  await expect(dividers(window, "day")).toHaveCount(0);
});

test("after a restart one divider is above what is no longer on the server, which is grey", async ({
  feed,
  server,
}) => {
  feed.expectNetworkErrors();
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  const [window] = await feed.open("tenant_a");
  await server.kill();
  await window.isNot("live");
  await server.restart();
  await window.is("live");
  await server.post("tenant_a", "since");
  await expect(window.messages).toHaveText(["since", "three", "two", "one"]);
  await expect(dividers(window, "restart")).toHaveText(
    /^Before the restart noticed at \d{2}:\d{2}, no longer on the server$/,
  );
  await expect(rowsWith(window, "restart")).toHaveText(["three"]);
  await expect(window.page.getByText(/no longer on the server/i)).toHaveCount(1);
  const colours = await window.messages.evaluateAll((nodes) => nodes.map((node) => getComputedStyle(node).color));
  const quiet = await window.events
    .locator("time")
    .first()
    .evaluate((node) => getComputedStyle(node).color);
  expect(colours.map((colour) => colour === quiet)).toEqual([false, true, true, true]);
});
