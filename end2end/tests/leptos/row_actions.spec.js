// Tests the actions of the current row: by mouse, keyboard and touch.
import { expect, test, violations } from "../../fixtures/index.js";

const TEXT = 'a "quoted"\n\ttext <b>';

/** A window with three events, the one with `TEXT` in the middle. */
async function openWithRows(feed, server) {
  const events = [];
  for (const text of ["the oldest", TEXT, "the newest"]) events.push(await server.post("tenant_a", text));
  const [window] = await feed.open("tenant_a");
  await expect(window.events).toHaveCount(3);
  const row = window.events.nth(1);
  const actions = row.getByRole("group", { name: "Copy" });
  return {
    window,
    row,
    actions,
    event: events[1],
    copy: (what) => actions.getByRole("button", { name: `Copy ${what}` }),
  };
}

/** Records what the page copies. A test cannot read the real clipboard in every engine. */
const recordCopies = (page) =>
  page.evaluate(() => {
    globalThis.copies = [];
    Object.defineProperty(navigator, "clipboard", {
      value: { writeText: async (text) => void globalThis.copies.push(text) },
    });
  });

test("the pointer brings the actions, which copy text, JSON and id", async ({ feed, server }) => {
  const { window, row, actions, event, copy } = await openWithRows(feed, server);
  await recordCopies(window.page);
  await expect(window.page.locator("#row-actions")).toBeHidden();
  const { height } = await row.boundingBox();
  await row.hover();
  await expect(actions).toBeVisible();
  await expect(actions).toContainText(event.timestamp.replace("T", " "));
  expect((await row.boundingBox()).height).toBe(height);
  for (const what of ["text", "JSON", "id"]) await copy(what).click();
  await expect(window.page.getByRole("status").filter({ hasText: "Copied" })).toHaveText("Copied");
  const [text, json, id] = await window.page.evaluate(() => globalThis.copies);
  expect([text, JSON.parse(json), id]).toEqual([TEXT, event, event.id]);
  // The focus of the click does not hold the actions in its row.
  await window.events.first().hover();
  await expect(window.events.first().getByRole("group", { name: "Copy" })).toBeVisible();
});

test("Tab leads from the row to its actions, and Page Down to the next row", async ({ feed, server, context }) => {
  const { window, row, actions, event, copy } = await openWithRows(feed, server);
  await recordCopies(window.page);
  await window.events.first().focus();
  await window.page.keyboard.press("PageDown");
  await expect(row).toBeFocused();
  await expect(actions).toContainText(event.timestamp.replace("T", " "));
  for (const what of ["text", "JSON", "id"]) {
    await window.page.keyboard.press("Tab");
    await expect(copy(what)).toBeFocused();
  }
  await window.page.keyboard.press("Enter");
  await expect.poll(() => window.page.evaluate(() => globalThis.copies.length)).toBe(1);
  expect(await violations(window.page)).toEqual([]);
  await window.page.keyboard.press("PageDown");
  await expect(window.events.last()).toBeFocused();
  await expect(window.events.last().getByRole("group")).toBeVisible();
  expect(context.pages()).toHaveLength(1);
});

// The width decides where the actions are.
for (const width of [600, 1024, 1280]) {
  test(`without a clipboard the text is selected, at ${width} px`, async ({ feed, server }) => {
    const { window, row, event, copy } = await openWithRows(feed, server);
    await window.page.setViewportSize({ width, height: 720 });
    await window.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    // Only what is visible is copied.
    const selected = () =>
      window.page.evaluate(() => {
        const { width, height } = getSelection().getRangeAt(0).getBoundingClientRect();
        return width > 0 && height > 0 ? String(getSelection()) : "";
      });
    await row.hover();
    await copy("text").click();
    await expect.poll(selected).toBe(TEXT);
    await copy("id").click();
    await expect.poll(selected).toBe(event.id);
    await copy("JSON").click();
    await expect.poll(async () => JSON.parse((await selected()) || "null")).toEqual(event);
  });
}

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("a row that leaves while its action has the focus gives the focus to its neighbour", async ({
    feed,
    server,
  }) => {
    const { window } = await openWithRows(feed, server);
    const row = window.events.last();
    await row.hover();
    await row.getByRole("button", { name: "Copy id" }).focus();
    await server.post("tenant_a", "one more");
    await expect(window.messages).toHaveText(["one more", "the newest", TEXT]);
    await expect(window.events.last()).toBeFocused();
    await expect(window.events.last().getByRole("group", { name: "Copy" })).toBeVisible();
  });
});

// A stock Firefox is sent no touch by Playwright.
test.describe("on a touch screen", { tag: "@once" }, () => {
  test.use({ viewport: { width: 360, height: 780 }, hasTouch: true });

  test("a tap brings the actions, in the line of the time", async ({ feed, server }) => {
    const { row, actions, event } = await openWithRows(feed, server);
    const { height } = await row.boundingBox();
    await row.tap();
    await expect(actions).toBeVisible();
    await expect(actions).toContainText(event.timestamp.replace("T", " "));
    const [inside, around, message] = [
      await actions.boundingBox(),
      await row.boundingBox(),
      await row.locator(".message").boundingBox(),
    ];
    expect(around.height).toBe(height);
    expect(inside.y + inside.height).toBeLessThanOrEqual(message.y + 1);
    const exact = actions.locator(".exact");
    expect(await exact.evaluate((node) => node.scrollWidth - node.clientWidth)).toBeLessThanOrEqual(0);
  });

  test("below a divider too", async ({ feed, server }) => {
    const { window } = await openWithRows(feed, server);
    await window.see(false);
    for (let n = 0; n < 2; n += 1) await server.post("tenant_a", "meanwhile");
    await expect(window.page).toHaveTitle(/^\(2\)/);
    await window.see(true);
    const below = window.events.filter({ has: window.page.locator("[data-divider]") });
    await expect(below).toHaveCount(1);
    const actions = below.getByRole("group", { name: "Copy" });
    const { height } = await below.boundingBox();
    await below.tap({ position: { x: 40, y: height - 12 } });
    await expect(actions).toBeVisible();
    const [bar, time, message] = [
      await actions.boundingBox(),
      await below.locator("time").boundingBox(),
      await below.locator(".message").boundingBox(),
    ];
    const around = await below.boundingBox();
    expect(bar.y).toBeLessThanOrEqual(time.y);
    expect([bar.x, bar.width]).toEqual([around.x, around.width]);
    expect(bar.y + bar.height).toBeLessThanOrEqual(message.y + 1);
    expect(around.height).toBe(height);
  });
});
