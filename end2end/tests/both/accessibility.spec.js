import { FOREIGN, expect, test, violations } from "../../fixtures/index.js";

const LONG = "https://example.com/" + "unbroken".repeat(40);

test.use({ contextOptions: { reducedMotion: "reduce" } }); // colours are judged when nothing moves

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    test.describe(`${colorScheme}, ${width} px wide`, { tag: "@once" }, () => {
      test.use({ colorScheme, viewport: { width, height: 720 } });

      test("axe finds nothing in any state", async ({ feed, wire, server }) => {
        const [window] = await feed.open("tenant_a");
        expect.soft(await violations(window.page), "empty").toEqual([]);

        await server.post("tenant_a", LONG);
        await window.post("😀".repeat(450));
        await expect(window.events).toHaveCount(2);
        expect.soft(await violations(window.page), "new events").toEqual([]);

        await window.message.fill("x".repeat(501));
        await window.message.press("Enter");
        await expect(window.error).toBeVisible();
        expect.soft(await violations(window.page), "a refused message").toEqual([]);

        await window.pause.click();
        await server.post("tenant_a", "waiting");
        await expect(window.pending).toBeVisible();
        expect.soft(await violations(window.page), "paused").toEqual([]);

        wire.inject({ type: "event_created", seq: 99, event: FOREIGN });
        wire.up = false;
        await wire.cut({ code: 1001 });
        await expect(window.retryNow).toBeVisible();
        expect.soft(await violations(window.page), "reconnecting, with an alarm").toEqual([]);
      });

      test("axe finds nothing on the selector", async ({ feed }) => {
        const { page } = await feed.visit("");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("Choose a tenant");
        expect(await violations(page)).toEqual([]);
      });

      test("nothing is wider than the window", async ({ feed, server }) => {
        const texts = [LONG, "عملية ناجحة تمت الآن ".repeat(10), "W".repeat(500)];
        for (const text of texts) await server.post("tenant_b", text);
        const [window] = await feed.open("tenant_b");
        await window.message.fill("W".repeat(600));
        expect(await window.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      });
    });
  }
}

test("all of it works by keyboard, and focus is never lost", async ({ feed, server }) => {
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  const [window] = await feed.open("tenant_a");
  await window.message.focus();
  await window.page.keyboard.type("by keyboard");
  await window.page.keyboard.press("Enter");
  await expect(window.messages.first()).toHaveText("by keyboard");
  await expect(window.message).toBeFocused();

  const reached = [];
  while (!reached.includes("Pause") && reached.length < 30) {
    await window.page.keyboard.press("Tab");
    const focused = window.page.locator(":focus");
    reached.push(await focused.innerText());
    await expect(focused).toBeInViewport();
  }
  expect(reached).toEqual(expect.arrayContaining(["Post", "Pause"]));
  await window.page.keyboard.press("Enter");
  await window.is("paused");
  await expect(window.resume).toBeFocused();

  await server.post("tenant_a", "four");
  await expect(window.pending).toBeVisible();
  await window.pending.focus();
  await window.page.keyboard.press("Enter");
  await expect(window.events.first()).toBeFocused();
});
