// Tests the form on a phone: its place on the page, how it grows, and its Enter key.
import { expect, test } from "../../fixtures/index.js";

test.use({ viewport: { width: 360, height: 780 } });

/** Makes the page believe that people type on its screen: not every engine can emulate that. */
const touch = (page) =>
  page.addInitScript(() => {
    const { matchMedia } = globalThis;
    globalThis.matchMedia = (query) =>
      query === "(hover: none) and (pointer: coarse)" ? { matches: true, media: query } : matchMedia(query);
  });

test("on a touch keyboard Enter breaks the line, and the button posts", async ({ feed }) => {
  const window = await feed.visit("?tenant=tenant_a", touch);
  await window.live();
  await window.message.click();
  await window.page.keyboard.type("one");
  await window.page.keyboard.press("Enter");
  await window.page.keyboard.type("two");
  await expect(window.message).toHaveValue("one\ntwo");
  await window.submit.click();
  await expect(window.messages).toHaveText(["one\ntwo"]);
  await expect(window.message).not.toHaveAccessibleDescription(/Enter/);
});

test("the first event is above 260 px, and the bar is one line", async ({ feed, server }) => {
  await server.post("tenant_a", "first");
  const [window] = await feed.open("tenant_a");
  expect((await window.events.first().boundingBox()).y).toBeLessThan(260);
  expect((await window.page.locator("header.top").boundingBox()).height).toBeLessThanOrEqual(56);
});

test("the field grows from one row to six, and shrinks again", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  const height = async () => (await window.message.boundingBox()).height;
  const heights = [await height()];
  expect(heights[0]).toBeLessThanOrEqual(44);
  for (const rows of [2, 6, 7, 20]) {
    await window.message.fill("x\n".repeat(rows - 1) + "x");
    heights.push(await height());
  }
  const [one, two, six, seven, twenty] = heights;
  expect(two).toBeGreaterThan(one + 15);
  expect(six).toBeGreaterThan(two + 60);
  expect([seven, twenty]).toEqual([six, six]);
  await window.post("");
  await window.message.fill("");
  expect(await height()).toBe(one);
});

test("the counter appears at 400 characters", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.message.fill("x".repeat(399));
  await expect(window.count).toBeHidden();
  await window.message.fill("x".repeat(400));
  await expect(window.count).toHaveText("400 / 500");
});
