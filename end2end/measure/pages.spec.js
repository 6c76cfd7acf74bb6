// How the pages feel: each figure is printed, and some have a bar.
import process from "node:process";

import { expect, test } from "../fixtures/index.js";

/** The q-quantile of numbers. */
const quantile = (numbers, q) => numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1,
  Math.floor(q * numbers.length))];

/** Prints figures of this client, in milliseconds unless their names say otherwise. */
function report(client, what, figures) {
  const words = Object.entries(figures).map(([name, figure]) => `${name} ${Math.round(figure * 1_000) / 1_000}`);
  process.stdout.write(`    ${client}, ${what}: ${words.join(", ")}\n`);
}

/** Notes what the engine observes of this kind, from here on. */
const observe = (page, type) => page.evaluate((kind) => {
  globalThis.observed = [];
  new PerformanceObserver((list) => globalThis.observed.push(...list.getEntries().map((entry) => entry.toJSON())))
    .observe({ type: kind });
}, type);
/** What was noted since it was last asked. */
const observed = (page) => page.evaluate(() => globalThis.observed.splice(0));

/** Waits until the newest of the rows has this number, asking so seldom and little that it is not felt. */
const newest = (page, seq) => page.waitForFunction((wanted) =>
  document.querySelector("[role=feed] > [data-seq]")?.dataset.seq === String(wanted), seq, { polling: 200 });

/** Posts so many events to tenant A, fifty at a time. */
async function burst(server, count) {
  for (let n = 0; n < count; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => server.post("tenant_a", `event ${n + i}`)));
  }
}

test("a burst of 1,000 events blocks nothing for more than 50 ms, and the page stays bounded", async ({
  feed, server, client,
}) => {
  const [window] = await feed.open("tenant_a");
  await observe(window.page, "longtask");
  await burst(server, 1_000);
  await newest(window.page, 1_000);
  const empty = (await observed(window.page)).map(({ duration }) => duration);
  await burst(server, 1_000);
  await newest(window.page, 2_000);
  await expect(window.page.locator("[role=feed] > article")).toHaveCount(1_000);
  const full = (await observed(window.page)).map(({ duration }) => duration);
  const rows = await window.page.locator("[role=feed] > article").count();
  report(client, "2,000 events", {
    "longest task while it fills": Math.max(0, ...empty),
    "tasks over 50": empty.length,
    "longest task when full": Math.max(0, ...full),
    "tasks over 50 when full": full.length,
    rows,
  });
  expect.soft(empty.concat(full)).toEqual([]);
  expect(rows).toBe(1_000);
});

test("what arrives above the reader shifts nothing", async ({ feed, server, client }) => {
  await burst(server, 50);
  const [window] = await feed.open("tenant_a");
  await expect(window.events).toHaveCount(50);
  await window.events.nth(30).scrollIntoViewIfNeeded();
  await observe(window.page, "layout-shift");
  await burst(server, 50);
  await expect(window.pending).toHaveText("50 new events");
  const shift = (await observed(window.page)).reduce((sum, { value }) => sum + value, 0);
  report(client, "50 arrivals above the reader", { "layout shift (score)": shift });
  expect(shift).toBeLessThan(0.1);
});

test("500 events at 20 a second are painted in another window", async ({ feed, client }) => {
  const [reader, writer] = await feed.open("tenant_a", "tenant_a");
  await reader.page.bringToFront();
  await reader.page.evaluate(() => {
    globalThis.painted = {};
    const clock = () => performance.timeOrigin + performance.now();
    new MutationObserver((changes) => {
      const ids = changes.flatMap(({ addedNodes }) => Array.from(addedNodes, (node) => node.dataset?.id));
      requestAnimationFrame(() => setTimeout(() => ids.forEach((id) => { globalThis.painted[id] ??= clock(); })));
    }).observe(document.querySelector("[role=feed]"), { childList: true, subtree: true });
  });
  const sent = await writer.page.evaluate(async () => {
    const posts = [];
    for (let n = 0; n < 500; n += 1) {
      const began = performance.timeOrigin + performance.now();
      posts.push(fetch("/events", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Tenant-ID": "tenant_a" },
        body: JSON.stringify({ message: `event ${n}` }),
      }).then((answer) => answer.json()).then(({ id }) => [id, began]));
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    return Promise.all(posts);
  });
  await expect(reader.events).toHaveCount(500);
  const painted = await reader.page.evaluate(() => globalThis.painted);
  const took = sent.map(([id, began]) => painted[id] - began);
  report(client, "from the post to the paint", { p50: quantile(took, 0.5), p99: quantile(took, 0.99) });
  expect(quantile(took, 0.99)).toBeLessThan(1_000);
});

test("the page takes over soon", async ({ server, browser, feed, client }) => {
  for (let n = 0; n < 100; n += 1) await server.post("tenant_a", `event ${n}`);
  const took = [];
  for (let n = 0; n < 5; n += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(() => {
      new MutationObserver(() => {
        if (document.documentElement?.dataset.client === "ready") globalThis.readyAt ??= performance.now();
      }).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-client"] });
    });
    await page.goto(feed.address("?tenant=tenant_a"));
    took.push(await (await page.waitForFunction(() => globalThis.readyAt)).jsonValue());
    await context.close();
  }
  report(client, "until the client has started, 100 events, no throttling", { median: quantile(took, 0.5) });
});
