// What the style sheet promises of the live page.
import { clocked, expect, test } from "../../fixtures/index.js";

/** The rows' places, and how far their dividers are from whole pixels. */
const rows = (window) => window.events.evaluateAll((articles) => articles.map((article) => {
  const { top, bottom, height } = article.getBoundingClientRect();
  const y = bottom + scrollY;
  return { top, height, off: Math.abs(y - Math.round(y)) };
}));

for (const width of [1280, 390]) {
  test.describe(`${width} px wide`, () => {
    test.use({ viewport: { width, height: 900 }, contextOptions: { reducedMotion: "reduce" } });

    test("no row moves when its mark ends, and each divider is on a whole pixel", async ({ feed, server }) => {
      const window = await feed.visit("?tenant=tenant_a", (page) => clocked(page));
      await window.live();
      for (let n = 1; n <= 6; n += 1) await server.post("tenant_a", `event ${n}`);
      await expect(window.messages).toHaveCount(6);
      await expect(window.page.locator("article[data-new]")).toHaveCount(6);
      const marked = await rows(window);
      expect(Math.max(...marked.map(({ off }) => off))).toBeLessThan(0.02);
      await window.page.clock.runFor(15_000);
      await expect(window.page.locator("article[data-new]")).toHaveCount(0);
      expect(await rows(window)).toEqual(marked);
    });

    test("a row that has the focus shows the exact time, and keeps its height", async ({ feed, server }) => {
      await server.post("tenant_a", "event");
      const [window] = await feed.open("tenant_a");
      const event = window.events.first();
      const time = event.locator("time");
      const [before] = await rows(window);
      const shown = () => time.evaluate((element) => {
        const style = (...of) => getComputedStyle(element, ...of);
        const visible = (state) => state === "visible";
        return { relative: visible(style().visibility), exact: visible(style("::after").visibility),
          words: style("::after").content };
      });
      expect(await shown()).toMatchObject({ relative: true, exact: false });
      await event.focus();
      const { relative, exact, words } = await shown();
      expect({ relative, exact }).toEqual({ relative: false, exact: true });
      expect(words).toMatch(/^"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d UTC"$/);
      expect(await rows(window)).toEqual([before]);
    });
  });
}

test("on paper there is the heading and every event, on white, and nothing to click", { tag: "@once" }, async ({
  feed, server,
}) => {
  for (let n = 1; n <= 60; n += 1) await server.post("tenant_a", `event ${n}`);
  const [window] = await feed.open("tenant_a");
  await expect(window.messages).toHaveCount(60);
  await window.page.emulateMedia({ media: "print", colorScheme: "dark" });
  await expect(window.heading).toBeVisible();
  await expect(window.heading).toContainText("Tenant A");
  for (const hidden of [window.form, window.tenant, window.pause, window.page.getByRole("navigation")]) {
    await expect(hidden).toBeHidden();
  }
  await expect(window.page.getByRole("button")).toHaveCount(0);
  await expect(window.page.locator("body")).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await expect(window.page.locator(".top")).toHaveCSS("position", "static");
  // Each row is laid out, those beyond the window too.
  const skipped = await window.events.evaluateAll((articles) =>
    articles.filter((article) => getComputedStyle(article).contentVisibility !== "visible").length);
  expect(skipped).toBe(0);
  expect((await window.events.first().boundingBox()).y).toBeLessThan(200);
});
