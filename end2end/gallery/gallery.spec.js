// Takes a screenshot of every state of the pages, for review. Those of the README are written to docs/screenshots.
import { FOREIGN, expect, test } from "../fixtures/index.js";

/** Tag of the isolation view, which is the same for both clients: one project takes its screenshots. */
const ONCE = { tag: "@leptos" };

const STORY = {
  tenant_a: [
    "Deploy 412 has begun",
    "Cache warmed: 12,408 keys",
    "Deploy 412 finished in 38 s, no errors",
    "عملية ناجحة تمت الآن",
    "Nightly report is ready:\n\t1,204 orders\n\t3 returns",
  ],
  tenant_b: [
    "Sensor 7 is back online",
    "Battery of sensor 3 below 20 %",
    "Firmware 2.1.0 offered to 48 devices",
    "Door 2 opened",
    "Door 2 closed after 4 s",
  ],
};
const VIEWPORTS = {
  wall: { width: 2560, height: 1440 },
  desktop: { width: 1440, height: 900 },
  tablet: { width: 800, height: 900 },
  phone: { width: 360, height: 780 },
  narrow: { width: 320, height: 640 },
};

/** Opens a tenant's page with older events and a new one. */
async function openWithStory(feed, server, tenant) {
  for (const text of STORY[tenant].slice(0, -1)) await server.post(tenant, text);
  const [window] = await feed.open(tenant);
  await server.post(tenant, STORY[tenant].at(-1));
  await expect(window.events).toHaveCount(STORY[tenant].length);
  return window;
}

/** Runs the isolation check, and scrolls to the top of the view. */
async function check(view) {
  await view.check();
  await expect(view.panel("Tenant B").count("Events accepted by the server")).not.toHaveText("0");
  await view.page.evaluate(() => scrollTo(0, 0));
}

test.use({ contextOptions: { reducedMotion: "reduce" } });

for (const [device, viewport] of Object.entries(VIEWPORTS)) {
  for (const colorScheme of ["light", "dark"]) {
    test.describe(`${device}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme });

      test("pictures", async ({ feed, server, wire, client }) => {
        const shoot = ({ page }, name) =>
          page.screenshot({ path: `screenshots/${client}-${name}-${device}-${colorScheme}.png` });

        await shoot(await feed.visit(""), "selector");
        await shoot(await openWithStory(feed, server, "tenant_b"), "tenant-b");
        const window = await openWithStory(feed, server, "tenant_a");
        await window.post("Hello from the window itself");
        await expect(window.status).toContainText("delivered in");
        await shoot(window, "tenant-a");

        await window.message.fill("x".repeat(501));
        await window.message.press("Enter");
        await expect(window.error).toBeVisible();
        await shoot(window, "refused");

        await window.message.fill("half a thought");
        await window.pause.click();
        await server.post("tenant_a", "waiting to be seen");
        await expect(window.pending).toBeVisible();
        await shoot(window, "paused");

        await window.resume.click();
        wire.inject({ type: "event_created", seq: 99, event: FOREIGN });
        await expect(window.breach).toBeVisible();
        await shoot(window, "breach");

        await window.page.evaluate(() => {
          Math.random = () => 0.999;
        });
        wire.inject({ type: "heartbeat", seq: 7, reconnect_ms: 10_000, connections: 3 });
        await wire.cut({ code: 1001 });
        await expect(window.connection).toContainText("Reconnecting in");
        await shoot(window, "reconnecting");

        await window.retryNow.click();
        await window.live();
        await expect(window.notice).not.toBeEmpty();
        await shoot(window, "returned");
        await window.events.nth(2).focus();
        await shoot(window, "focused");
      });

      test("many events, and no network", async ({ feed, server, context, wire, client }) => {
        for (let n = 1; n <= 150; n += 1) await server.post("tenant_b", `Event ${n}: a line of an ordinary length`);
        const [window] = await feed.open("tenant_b");
        await expect(window.events).toHaveCount(150);
        await window.events.nth(60).scrollIntoViewIfNeeded();
        for (let n = 1; n <= 120; n += 1) await server.post("tenant_b", `Arrival ${n}`);
        await expect(window.pending).toHaveText("99+ new events");
        await window.page.screenshot({ path: `screenshots/${client}-many-${device}-${colorScheme}.png` });
        feed.expectNetworkErrors();
        await context.setOffline(true);
        await wire.down().catch(() => {});
        await window.is("offline");
        await window.page.evaluate(
          () =>
            new Promise((painted) => {
              scrollTo(0, document.documentElement.scrollHeight);
              requestAnimationFrame(() => requestAnimationFrame(painted));
            }),
        );
        await window.page.screenshot({ path: `screenshots/${client}-offline-${device}-${colorScheme}.png` });
      });

      test("the isolation view", ONCE, async ({ feed, wire }) => {
        const shoot = ({ page }, name) =>
          page.screenshot({ path: `screenshots/isolation-${name}-${device}-${colorScheme}.png`, fullPage: true });

        const view = await feed.isolation();
        await view.live();
        await shoot(view, "before");
        await check(view);
        await shoot(view, "isolated");
        await view.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
        await view.copy.click();
        await expect(view.report).toBeVisible();
        await view.repeat.click();
        for (const label of ["Tenant A", "Tenant B"]) await view.panel(label).closed.click();
        await shoot(view, "evidence");
        wire.pass = (frame) => {
          if (frame.event?.tenant_id === "tenant_a") wire.of("tenant_b").send(JSON.stringify(frame));
          return [frame];
        };
        await check(view);
        await shoot(view, "leak");
      });

      test("an absence, a restart, and an own post that waits", async ({ feed, server, client }) => {
        feed.expectNetworkErrors();
        const shoot = ({ page }, name) =>
          page.screenshot({ path: `screenshots/${client}-${name}-${device}-${colorScheme}.png` });
        const window = await openWithStory(feed, server, "tenant_a");
        await window.see(false);
        for (let n = 1; n <= 3; n += 1) await server.post("tenant_a", `Event ${n} of three: https://example.com/${n}`);
        await expect(window.page).toHaveTitle("(3) Tenant A · Event feed");
        await window.see(true);
        await expect(window.page.getByText(/^3 new since/)).toBeVisible();
        await window.events.nth(1).hover();
        await shoot(window, "unread");
        await server.kill();
        await window.isNot("live");
        await server.restart();
        await window.is("live");
        await server.post("tenant_a", "The first of the new process");
        await expect(window.page.getByText(/^Before the restart noticed/)).toBeVisible();
        await shoot(window, "restarted");
        await window.pause.click();
        await window.post("My own, while the list is paused");
        await expect(window.pending).toBeVisible();
        await shoot(window, "own-post");
      });

      test("five days in compact rows, and a text to copy by hand", ONCE, async ({ feed, server, wire }) => {
        wire.shiftDays(({ seq }) => seq - 5);
        const [{ page, events }] = await feed.open("tenant_a");
        for (const text of STORY.tenant_a) await server.post("tenant_a", text);
        await expect(page.locator("[data-divider=day]")).toHaveCount(4);
        await page.getByRole("button", { name: "Menu" }).click();
        await page.getByLabel("Density").selectOption("Compact");
        await page.keyboard.press("Escape");
        await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
        await events.nth(1).hover();
        await page.getByRole("button", { name: "Copy JSON" }).click();
        await expect(page.getByRole("status").filter({ hasText: "Selected" })).toBeAttached();
        await page.screenshot({ path: `screenshots/leptos-days-${device}-${colorScheme}.png` });
      });

      test("the menu and the keys", ONCE, async ({ feed }) => {
        const [{ page }] = await feed.open("tenant_b");
        await page.getByText("Keyboard", { exact: true }).click();
        await page.getByRole("button", { name: "Menu" }).click();
        await page.screenshot({ path: `screenshots/leptos-menu-${device}-${colorScheme}.png` });
      });

      test("an empty feed", async ({ feed, client }) => {
        const [{ page }] = await feed.open("tenant_a");
        await page.screenshot({ path: `screenshots/${client}-empty-${device}-${colorScheme}.png` });
      });
    });
  }
}

/** Display settings of a user, applied to a page with a new event and a refused message. */
const PREFERENCES = {
  "forced-colors": (page) => page.emulateMedia({ forcedColors: "active" }),
  "forced-colors-phone": async (page) => {
    await page.setViewportSize(VIEWPORTS.phone);
    await page.emulateMedia({ forcedColors: "active" });
  },
  "forced-colors-dark": (page) => page.emulateMedia({ forcedColors: "active", colorScheme: "dark" }),
  "large-text": (page) =>
    page.evaluate(() => {
      document.documentElement.style.fontSize = "200%";
    }),
  grey: (page) =>
    page.evaluate(() => {
      document.documentElement.style.filter = "grayscale(1)";
    }),
};
for (const [preference, apply] of Object.entries(PREFERENCES)) {
  test.describe(preference, () => {
    test.use({ viewport: VIEWPORTS.desktop });

    test("pictures", async ({ feed, server, client }) => {
      const shoot = ({ page }, name) => page.screenshot({ path: `screenshots/${client}-${preference}-${name}.png` });
      const selector = await feed.visit("");
      await apply(selector.page);
      await shoot(selector, "selector");
      const window = await openWithStory(feed, server, "tenant_a");
      await apply(window.page);
      await window.message.fill("x".repeat(501));
      await window.message.press("Enter");
      await window.pause.click();
      await server.post("tenant_a", "waiting to be seen");
      await expect(window.pending).toBeVisible();
      await shoot(window, "feed");
    });

    test("the isolation view", ONCE, async ({ feed }) => {
      const view = await feed.isolation();
      await view.live();
      await apply(view.page);
      await check(view);
      await view.page.screenshot({ path: `screenshots/isolation-${preference}.png`, fullPage: true });
    });
  });
}

test.describe("the README's", () => {
  test.use({ viewport: { width: 800, height: 900 }, colorScheme: "light" });

  test("isolation", ONCE, async ({ feed }) => {
    const view = await feed.isolation();
    await view.live();
    await check(view);
    await view.page.screenshot({ path: "../docs/screenshots/isolation.png", fullPage: true });
  });

  for (const tenant of ["tenant_a", "tenant_b"]) {
    test(tenant, async ({ feed, server, client }) => {
      const { page } = await openWithStory(feed, server, tenant);
      const path = client === "leptos" ? "../docs/screenshots/" : "screenshots/vanilla-";
      await page.screenshot({ path: `${path}${tenant}.png` });
    });
  }
});
