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
