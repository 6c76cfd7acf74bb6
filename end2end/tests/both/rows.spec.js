// Tests that the rows of the list do not move while they are read.
import { expect, test } from "../../fixtures/index.js";

// The clock jumps by many seconds, so that a short heartbeat would be missed. Rows are measured without animations.
test.use({ settings: { heartbeat: 300_000 }, contextOptions: { reducedMotion: "reduce" } });

/** Top and height of each row, from the top of the list. */
const boxes = (window) =>
  window.events.evaluateAll((rows) =>
    rows.map((row) => {
      const { top, height } = row.getBoundingClientRect();
      return [top - rows[0].getBoundingClientRect().top, height];
    }),
  );

for (const width of [1280, 390, 320]) {
  test(`${width} px wide, rows keep their height when marks end`, { tag: "@once" }, async ({ feed, server }) => {
    const window = await feed.openClocked();
    await window.page.setViewportSize({ width, height: 844 });
    for (const text of ["one", "two", "three", "four"]) await server.post("tenant_a", text);
    await expect(window.events).toHaveCount(4);
    for (const row of await window.events.all()) await expect(row).toHaveAttribute("data-new");
    const marked = await boxes(window);
    // A divider between two rows that is not on a whole pixel is drawn thinner or not at all.
    for (const number of marked.flat()) expect(number, String(marked)).toBe(Math.round(number));
    await window.page.clock.runFor(15_000);
    for (const row of await window.events.all()) await expect(row).not.toHaveAttribute("data-new");
    expect(await boxes(window)).toEqual(marked);
  });
}

test("the list begins on a whole pixel", { tag: "@once" }, async ({ feed, server }) => {
  await server.post("tenant_a", "one");
  const [window] = await feed.open("tenant_a");
  for (const width of [1280, 390]) {
    await window.page.setViewportSize({ width, height: 844 });
    const { y } = await window.events.first().boundingBox();
    expect(y).toBe(Math.round(y));
  }
});

test("a focused row shows its exact time, and does not grow", async ({ feed, server }) => {
  const { timestamp } = await server.post("tenant_a", "when?");
  await server.post("tenant_a", "the newest");
  const [window] = await feed.open("tenant_a");
  const row = window.events.last();
  /** The visible text of the time: its own text, and the content that a style adds. */
  const shown = () =>
    row.locator("time").evaluate((time) =>
      ["::before", "", "::after"]
        .map((part) => {
          if (part === "") return time.innerText;
          const { content } = getComputedStyle(time, part);
          return content === "none" || content === "normal"
            ? ""
            : content.replace(/attr\(([\w-]+)\)/g, (_, name) => time.getAttribute(name)).replaceAll('"', "");
        })
        .join(""),
    );
  const before = await boxes(window);
  await row.click();
  await expect(row).toBeFocused();
  // "26 Nov 2026, 03:11:09", or with the month as a number.
  const [date, time] = timestamp.split("T");
  await expect.poll(shown).toContain(date.slice(0, 4));
  expect(await shown()).toContain(time.slice(0, 8));
  expect(await shown()).not.toContain(timestamp);
  expect(await boxes(window)).toEqual(before);
});
