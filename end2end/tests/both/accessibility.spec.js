import { FOREIGN, expect, test, violations } from "../../fixtures/index.js";

const LONG = "https://example.com/" + "unbroken".repeat(40);

test.use({ contextOptions: { reducedMotion: "reduce" } }); // axe checks colours without animations

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
        await wire.down();
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

test.describe("colours forced", { tag: "@once" }, () => {
  test.use({ contextOptions: { forcedColors: "active", reducedMotion: "reduce" } });

  test("each state has words and a shape, and every control has a border", async ({ feed, server }) => {
    const [window] = await feed.open("tenant_a");
    await server.post("tenant_a", "new");
    await expect(window.events.first()).toHaveAttribute("data-new");
    const outline = (node) => getComputedStyle(node).outlineStyle;
    expect(await window.events.first().evaluate(outline)).toBe("solid");
    await window.pause.click();
    await expect(window.connection).toHaveText("Paused");
    const shape = (node) => {
      const { width, borderInlineStartWidth, backgroundColor, color } = getComputedStyle(node, "::before");
      return { width, borderInlineStartWidth, filled: backgroundColor === color };
    };
    const paused = await window.connection.evaluate(shape);
    await window.resume.click();
    await window.is("live");
    expect(await window.connection.evaluate(shape)).not.toEqual(paused);
    const edges = await window.page
      .locator("button:visible, select, textarea")
      .evaluateAll((nodes) => nodes.map((node) => parseFloat(getComputedStyle(node).borderTopWidth)));
    expect(
      edges.every((width) => width > 0),
      String(edges),
    ).toBe(true);
    expect(await violations(window.page)).toEqual([]);
  });
});

for (const width of [1280, 640]) {
  test(`text of twice the size fits a window of ${width} px`, { tag: "@once" }, async ({ feed, server }) => {
    await server.post("tenant_a", LONG);
    const [window] = await feed.open("tenant_a");
    await window.page.setViewportSize({ width, height: 720 });
    await window.page.evaluate(() => {
      document.documentElement.style.fontSize = "200%";
    });
    await window.pause.click();
    await server.post("tenant_a", "waiting");
    await expect(window.pending).toBeVisible();
    expect(await window.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    const cut = await window.page
      .locator("button:visible, h2, :is(h1, label):not(.for-ears), [data-connection], article p")
      .evaluateAll((nodes) =>
        nodes.filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent),
      );
    expect(cut).toEqual([]);
  });
}

for (const width of [390, 320]) {
  test(
    `${width} px wide, the banner stays visible, with the count of new events below it`,
    { tag: "@once" },
    async ({ feed, server, wire }) => {
      for (let i = 0; i < 40; i += 1) await server.post("tenant_a", `event ${i}`);
      const [window] = await feed.open("tenant_a");
      await window.page.setViewportSize({ width, height: 844 });
      await window.read("event 5");
      await server.post("tenant_a", "arrival");
      await expect(window.pending).toBeVisible();
      const isBelow = async () => {
        await expect(window.tenant).toBeInViewport({ ratio: 1 });
        await expect(window.connection).toBeInViewport({ ratio: 1 });
        const banner = await window.page.locator("header.top").boundingBox();
        return (await window.pending.boundingBox()).y >= banner.y + banner.height;
      };
      expect(await isBelow(), "live").toBe(true);
      await wire.down();
      await expect(window.retryNow).toBeVisible();
      expect(await isBelow(), "reconnecting").toBe(true);
    },
  );
}

test("with reduced motion there is no animation", { tag: "@once" }, async ({ feed, server }) => {
  const [window] = await feed.open("tenant_a");
  await server.post("tenant_a", "arrival");
  await expect(window.messages).toHaveText(["arrival"]);
  expect(await window.page.evaluate(() => document.getAnimations().length)).toBe(0);
});

test("an event's exact time is shown to the second", async ({ feed, server }) => {
  const { timestamp } = await server.post("tenant_a", "when?");
  const [window] = await feed.open("tenant_a");
  const time = window.events.first().locator("time");
  await expect(time).toHaveAttribute("datetime", timestamp);
  await expect(time).toContainText(/\d{1,2}:\d{2}:\d{2}/);
});

test("Page Down and Page Up move through the feed", async ({ feed, server }) => {
  for (const text of ["one", "two", "three"]) await server.post("tenant_a", text);
  const [window] = await feed.open("tenant_a");
  await window.events.first().focus();
  await window.page.keyboard.press("PageDown");
  await expect(window.events.nth(1)).toBeFocused();
  await window.page.keyboard.press("PageUp");
  await expect(window.events.first()).toBeFocused();
});

test("many new events are announced in batches, and none at first", { tag: "@once" }, async ({ feed, server }) => {
  await server.post("tenant_a", "there from the start");
  const [window] = await feed.open("tenant_a");
  await expect(window.announcer).toBeEmpty();
  await window.announcer.evaluate((region) => {
    globalThis.announced = [];
    new MutationObserver(
      () => region.textContent.trim() && globalThis.announced.push([region.textContent, Date.now()]),
    ).observe(region, { childList: true, characterData: true, subtree: true });
  });
  const announced = () => window.page.evaluate(() => globalThis.announced);
  const sum = async () => (await announced()).reduce((sum, [words]) => sum + parseInt(words, 10), 0);
  for (let n = 0; n < 30; n += 1) await server.post("tenant_a", `event ${n}`);
  await expect.poll(sum, { timeout: 15_000 }).toBe(30);
  const times = (await announced()).map(([, at]) => at);
  for (const [i, at] of times.slice(1).entries()) expect(at - times[i]).toBeGreaterThan(4_500);
});

test("every control works by keyboard, and the focus is never lost", async ({ feed, server }) => {
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

  await window.tenant.focus();
  await window.page.keyboard.press("ArrowDown");
  await window.page.keyboard.press("Enter");
  await expect(window.heading).toContainText("Tenant B");
});
