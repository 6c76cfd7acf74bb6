// What a screen reader reads out by itself: each message once, and an error of the form at once.
import { Heard, clocked, expect, test } from "../../fixtures/index.js";

/** Where either client sends a message. */
const POST = /\/(events|api\/post_event)$/;

/** Longer than the interval of the announcements. */
const BATCH_MS = 12_000;

// Clocks are moved by many seconds at once: no heartbeat may be due meanwhile.
test.use({ settings: { heartbeat: 300_000 } });

/** A live window whose clock is the test's, and what is read out of it from now on. */
async function listened(feed) {
  let heard;
  const window = await feed.visit("?tenant=tenant_a", async (page) => {
    await clocked(page);
    heard = await Heard.on(page);
  });
  await window.live();
  await window.page.clock.runFor(BATCH_MS);
  await heard.words(); // "Live"
  return { window, heard };
}

test("an own post is read out once", { tag: "@once" }, async ({ feed }) => {
  const { window, heard } = await listened(feed);
  await window.post("mine");
  await expect(window.messages).toHaveText(["mine"]);
  await expect(window.status).toHaveText(/^Posted, delivered in \d+ ms$/);
  await window.page.clock.runFor(BATCH_MS);
  expect(await heard.words()).toEqual([expect.stringMatching(/^polite: Posted, delivered in \d+ ms$/)]);
});

test("the count of new events leaves own posts out", { tag: "@once" }, async ({ feed, server }) => {
  const { window, heard } = await listened(feed);
  await window.post("mine");
  await expect(window.status).toHaveText(/^Posted/);
  for (const text of ["theirs", "theirs too"]) await server.post("tenant_a", text);
  await expect(window.messages).toHaveCount(3);
  await window.page.clock.runFor(BATCH_MS);
  const words = await heard.words();
  expect(words).toHaveLength(2);
  expect(words[1]).toMatch(/^polite: 2 new events\.?$/);
});

test("an own post that arrives before its answer is read out once too", { tag: "@once" }, async ({ feed, context }) => {
  const { window, heard } = await listened(feed);
  await context.route(POST, async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    const response = await route.fetch();
    await expect(window.messages).toHaveText(["mine"]);
    return route.fulfill({ response });
  });
  await window.post("mine");
  await expect(window.status).toHaveText(/^Posted, delivered in \d+ ms$/);
  await window.page.clock.runFor(BATCH_MS);
  expect(await heard.words()).toEqual([expect.stringMatching(/^polite: Posted, delivered in \d+ ms$/)]);
});

test("an error of the form is read out at once, once for each attempt", async ({ feed }) => {
  const { window, heard } = await listened(feed);
  const words = "assertive: Write a message first.";
  for (let n = 0; n < 2; n += 1) {
    await window.message.press("Enter");
    await expect(window.error).toHaveText("Write a message first.");
    await expect(window.error).toBeVisible();
    await expect.poll(() => heard.words()).toEqual([words]);
    expect(await heard.words()).toEqual([]);
  }
  await expect(window.message).toHaveAccessibleDescription(/Write a message first\./);
});

test("a message that becomes too long is read out as that once, not with each key", async ({ feed }) => {
  const { window, heard } = await listened(feed);
  await window.message.fill("x".repeat(500));
  expect(await heard.words()).toEqual([]);
  for (const count of ["1 character", "2 characters", "3 characters"]) {
    await window.message.press("x");
    await expect(window.error).toHaveText(`${count} over the 500 limit.`);
  }
  expect(await heard.words()).toEqual(["assertive: 1 character over the 500 limit."]);
  await window.message.press("Enter");
  await expect.poll(() => heard.words()).toEqual(["assertive: 3 characters over the 500 limit."]);
  expect(await heard.words()).toEqual([]);
});

test("an error of the server is read out at each attempt, though its words are the same", async ({
  feed, context,
}) => {
  feed.expectNetworkErrors();
  const { window, heard } = await listened(feed);
  await context.route(POST, (route) => (route.request().method() === "POST"
    ? route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad</h1>" }) : route.fallback()));
  const words = "assertive: No answer from the server. Your message may have been posted; "
    + "trying again won't post it twice.";
  await window.post("perhaps");
  await expect.poll(() => heard.words()).toEqual([words]);
  await window.retry.click();
  await expect.poll(() => heard.words()).toEqual([words]);
  expect(await heard.words()).toEqual([]);
});

test("each batch is read out, even if it says the same as the last", { tag: "@once" }, async ({ feed, server }) => {
  const { window, heard } = await listened(feed);
  for (const text of ["one", "two", "three"]) {
    await server.post("tenant_a", text);
    await expect(window.messages.first()).toHaveText(text);
    await window.page.clock.runFor(BATCH_MS / 2);
    await window.page.clock.runFor(BATCH_MS / 2);
  }
  expect(await heard.words()).toEqual(["polite: 1 new event", "polite: 1 new event", "polite: 1 new event"]);
});
