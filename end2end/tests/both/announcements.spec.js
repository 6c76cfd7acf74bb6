// Tests what a screen reader announces: each message once, and an error of the form at once.
import { Announcements, NO_ANSWER, expect, routePosts, test } from "../../fixtures/index.js";

/** Longer than the interval of the announcements. */
const BATCH_MS = 12_000;

// The clock jumps by many seconds, so that a short heartbeat would be missed.
test.use({ settings: { heartbeat: 300_000 } });

/** Opens a live window with a controlled clock, and records its announcements from now on. */
async function liveWithAnnouncements(feed, { paused } = {}) {
  let announcements;
  const window = await feed.openClocked({
    paused,
    before: async (page) => {
      announcements = await Announcements.on(page);
    },
  });
  await window.page.clock.runFor(BATCH_MS);
  await window.drawn();
  await announcements.take(); // "Live"
  return { window, announcements };
}

test("an own post is announced once", { tag: "@once" }, async ({ feed }) => {
  const { window, announcements } = await liveWithAnnouncements(feed);
  await window.post("mine");
  await expect(window.messages).toHaveText(["mine"]);
  await expect(window.status).toHaveText(/^Posted, delivered in \d+ ms$/);
  await window.page.clock.runFor(BATCH_MS);
  expect(await announcements.take()).toEqual([expect.stringMatching(/^polite: Posted, delivered in \d+ ms$/)]);
});

test("the count of new events does not include own posts", { tag: "@once" }, async ({ feed, server }) => {
  // Paused, so that both events are in one batch.
  const { window, announcements } = await liveWithAnnouncements(feed, { paused: true });
  await window.post("mine");
  await expect(window.status).toHaveText(/^Posted/);
  for (const text of ["theirs", "theirs too"]) await server.post("tenant_a", text);
  await expect(window.messages).toHaveCount(3);
  await window.page.clock.runFor(BATCH_MS);
  await window.drawn();
  const words = await announcements.take();
  expect(words).toHaveLength(2);
  expect(words[1]).toMatch(/^polite: 2 new events\.?$/);
});

test("an own post that arrives before its answer is announced once", { tag: "@once" }, async ({ feed, context }) => {
  const { window, announcements } = await liveWithAnnouncements(feed);
  await routePosts(context, async (route) => {
    const response = await route.fetch();
    await expect(window.messages).toHaveText(["mine"]);
    return route.fulfill({ response });
  });
  await window.post("mine");
  await expect(window.status).toHaveText(/^Posted, delivered in \d+ ms$/);
  await window.page.clock.runFor(BATCH_MS);
  expect(await announcements.take()).toEqual([expect.stringMatching(/^polite: Posted, delivered in \d+ ms$/)]);
});

test("an error of the form is announced at once, and once for each attempt", async ({ feed }) => {
  const { window, announcements } = await liveWithAnnouncements(feed);
  const words = "assertive: Write a message first.";
  for (let n = 0; n < 2; n += 1) {
    await window.message.press("Enter");
    await expect(window.error).toHaveText("Write a message first.");
    await expect(window.error).toBeVisible();
    await expect.poll(() => announcements.take()).toEqual([words]);
    expect(await announcements.take()).toEqual([]);
  }
  await expect(window.message).toHaveAccessibleDescription(/Write a message first\./);
});

test("a message that becomes too long is announced once, not with each key", async ({ feed }) => {
  const { window, announcements } = await liveWithAnnouncements(feed);
  await window.message.fill("x".repeat(500));
  expect(await announcements.take()).toEqual([]);
  for (const count of ["1 character", "2 characters", "3 characters"]) {
    await window.message.press("x");
    await expect(window.error).toHaveText(`${count} over the 500 limit.`);
  }
  expect(await announcements.take()).toEqual(["assertive: 1 character over the 500 limit."]);
  await window.message.press("Enter");
  await expect.poll(() => announcements.take()).toEqual(["assertive: 3 characters over the 500 limit."]);
  expect(await announcements.take()).toEqual([]);
});

test("an error of the server is announced at each attempt, even with the same words", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const { window, announcements } = await liveWithAnnouncements(feed);
  await routePosts(context, (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad</h1>" }));
  const words = `assertive: ${NO_ANSWER}`;
  await window.post("perhaps");
  await expect.poll(() => announcements.take()).toEqual([words]);
  await window.retry.click();
  await expect.poll(() => announcements.take()).toEqual([words]);
  expect(await announcements.take()).toEqual([]);
});

test("each batch is announced, even if it repeats the last", { tag: "@once" }, async ({ feed, server }) => {
  const { window, announcements } = await liveWithAnnouncements(feed);
  for (const text of ["one", "two", "three"]) {
    await server.post("tenant_a", text);
    await expect(window.messages.first()).toHaveText(text);
    await window.page.clock.runFor(BATCH_MS / 2);
    await window.page.clock.runFor(BATCH_MS / 2);
  }
  expect(await announcements.take()).toEqual(["polite: 1 new event", "polite: 1 new event", "polite: 1 new event"]);
});
