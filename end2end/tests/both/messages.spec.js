// Tests how long a message stays: until its reason ends, or until it was visible for long enough.
import { NO_ANSWER, deferred, expect, keysOf, routePosts, test } from "../../fixtures/index.js";

/** The longest delay before the first attempt to reconnect. */
const LONGEST_DELAY_MS = 500;
const NOT_LIVE = "You're not receiving events right now. You can still post.";

// The clock jumps by many seconds, so that a short heartbeat would be missed.
test.use({ settings: { heartbeat: 300_000, retain: 3 } });

/** Closes the window's socket, and every new one until `wire.restore` is called. */
async function disconnect(window, wire) {
  await wire.down();
  await window.isNot("live");
}

const noticed = (window, words) => window.notice.getByText(words, { exact: true });

test("a notice that nothing was missed ends after it was visible for 8 s", { tag: "@once" }, async ({ feed, wire }) => {
  const window = await feed.openClocked({ paused: true });
  await wire.cut({ code: 1001 });
  await window.isNot("live");
  await window.page.clock.runFor(LONGEST_DELAY_MS);
  const notice = noticed(window, "Reconnected. You didn't miss anything.");
  await expect(notice).toBeVisible();
  await window.see(false);
  await window.page.clock.runFor(20_000);
  await window.see(true);
  await window.page.clock.runFor(3_000);
  await window.drawn();
  await expect(notice).toBeVisible();
  await window.page.clock.runFor(10_000);
  await expect(notice).toBeHidden();
});

test("a notice ends when the page is no longer live", { tag: "@once" }, async ({ feed, wire }) => {
  const window = await feed.openClocked({ paused: true });
  await wire.cut({ code: 1001 });
  await window.isNot("live");
  await window.page.clock.runFor(LONGEST_DELAY_MS);
  await expect(noticed(window, "Reconnected. You didn't miss anything.")).toBeVisible();
  await disconnect(window, wire);
  await expect(window.notice).toBeHidden();
});

test(
  'a notice of a restart stays until it is dismissed, which moves the focus to "Pause"',
  { tag: "@once" },
  async ({ feed, server }) => {
    feed.expectNetworkErrors();
    const window = await feed.openClocked({ paused: true });
    await server.kill();
    await window.isNot("live");
    await server.restart();
    await window.page.clock.runFor(LONGEST_DELAY_MS);
    await window.is("live");
    await window.page.clock.runFor(60_000);
    await expect(window.notice).toContainText("The server restarted");
    await window.dismiss.focus();
    await window.page.keyboard.press("Enter");
    await expect(window.notice).toBeHidden();
    await expect(window.pause).toBeFocused();
  },
);

test(
  "a notice of missing events stays until the connection is lost again",
  { tag: "@once" },
  async ({ feed, server, wire }) => {
    const window = await feed.openClocked({ paused: true });
    await server.post("tenant_a", "seen");
    await expect(window.messages).toHaveText(["seen"]);
    await disconnect(window, wire);
    for (let n = 1; n <= 4; n += 1) await server.post("tenant_a", `missed ${n}`);
    wire.restore();
    await window.page.clock.runFor(LONGEST_DELAY_MS);
    const notice = noticed(window, "Reconnected: 4 new events. Some older events are no longer available.");
    await expect(notice).toBeVisible();
    await window.page.clock.runFor(60_000);
    await expect(notice).toBeVisible();
    await disconnect(window, wire);
    await expect(notice).toBeHidden();
  },
);

test('"Posted" ends after it was visible for 8 s', { tag: "@once" }, async ({ feed }) => {
  const window = await feed.openClocked({ paused: true });
  await window.post("hello");
  await expect(window.status).toHaveText(/^Posted/);
  await window.see(false);
  await window.page.clock.runFor(20_000);
  await window.see(true);
  await window.page.clock.runFor(3_000);
  await window.drawn();
  await expect(window.status).toHaveText(/^Posted/);
  await window.page.clock.runFor(10_000);
  await expect(window.status).toBeEmpty();
});

test('"Posted" ends with the next edit that leaves text', async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.post("hello");
  await expect(window.status).toHaveText(/^Posted/);
  await window.message.press("x");
  await expect(window.status).toBeEmpty();
});

test('"Posted" ends when the page is no longer live', async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await window.post("hello");
  await expect(window.status).toHaveText(/^Posted/);
  await disconnect(window, wire);
  await expect(window.status).toBeEmpty();
});

test("a message posted while the page is not live appears after the reconnect, with a hint until then", async ({
  feed,
  wire,
}) => {
  const [window] = await feed.open("tenant_a");
  await expect(window.wait).toBeHidden();
  await disconnect(window, wire);
  await expect(window.wait).toBeVisible();
  await expect(window.form.getByText(NOT_LIVE, { exact: true })).toBeVisible();
  await window.post("hello");
  await expect(window.status).toHaveText("Posted. It appears here once you're reconnected.");
  await expect(window.message).toHaveValue("");
  wire.restore();
  await window.is("live");
  await expect(window.status).toBeEmpty();
  await expect(window.wait).toBeHidden();
  await expect(window.messages).toHaveText(["hello"]);
});

test("the hint about posting is hidden before the first connection and while paused", async ({ feed, wire }) => {
  const { resolve: connect, promise: connected } = deferred();
  wire.pass = () => {
    connect(); // before the socket is connected, its close would be a line in the console
    return [];
  };
  const window = await feed.visit("?tenant=tenant_a");
  await window.ready();
  await window.is("connecting");
  await expect(window.wait).toBeHidden();
  await connected;
  wire.pass = (frame) => [frame];
  await wire.cut({ code: 1001 });
  await window.live();
  await window.pause.click();
  await window.is("paused");
  await expect(window.wait).toBeHidden();
});

test(
  "a post whose event does not arrive within a second is shown without a delivery time",
  { tag: "@once" },
  async ({ feed, wire }) => {
    const window = await feed.openClocked();
    wire.pass = (frame) => (frame.type === "event_created" ? [] : [frame]);
    await window.post("swallowed on the way");
    await expect(window.message).toHaveValue("");
    await window.page.clock.runFor(2_500);
    await expect(window.status).toHaveText("Posted");
  },
);

test("while offline the page shows that the draft is kept", async ({ feed, wire, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await context.setOffline(true);
  await wire.down().catch(() => {}); // a page may have closed it first
  await window.is("offline");
  await expect(window.form.getByText("You're offline. Your draft is kept.", { exact: true })).toBeVisible();
  await expect(window.form.getByText("You can still post.")).toBeHidden();
});

/** A window with a paused clock, and a post that got no answer. */
async function unanswered(feed, context) {
  feed.expectNetworkErrors();
  const window = await feed.openClocked({ paused: true });
  const restore = await routePosts(context, (route) => route.abort("connectionreset"));
  await window.post("perhaps");
  await expect(window.error).toContainText(NO_ANSWER);
  return { window, restore };
}

test(
  "the error of a post ends after the page was live and visible for 8 s; text and key stay",
  {
    tag: "@once",
  },
  async ({ feed, context, wire }) => {
    const keys = keysOf(context);
    const { window, restore } = await unanswered(feed, context);
    await window.page.clock.runFor(60_000);
    await expect(window.error).toContainText(NO_ANSWER);
    await disconnect(window, wire);
    await expect(window.error).toContainText(NO_ANSWER);
    wire.restore();
    await window.retryNow.click();
    await window.is("live");
    await window.retry.focus();
    await window.page.clock.runFor(4_000);
    await window.drawn();
    await expect(window.error).toContainText(NO_ANSWER);
    await window.page.clock.runFor(10_000);
    await expect(window.error).toBeHidden();
    await expect(window.retry).toBeHidden();
    await expect(window.submit).toBeFocused();
    await expect(window.message).toHaveAttribute("aria-invalid", "false");
    await expect(window.message).toHaveValue("perhaps");
    await restore();
    await window.message.press("Enter");
    await expect(window.messages).toHaveText(["perhaps"]);
    expect(keys).toHaveLength(2);
    expect(keys[1]).toBe(keys[0]);
  },
);

test("the error of a post ends with the next edit", { tag: "@once" }, async ({ feed, context }) => {
  const { window } = await unanswered(feed, context);
  await window.message.press("End");
  await window.message.press("!");
  await expect(window.error).toBeHidden();
  await expect(window.retry).toBeHidden();
  await expect(window.message).toHaveValue("perhaps!");
});

test(
  'the page is not "Live" after a paused server did not answer a post',
  { tag: "@once" },
  async ({ feed, server }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    server.freeze();
    await window.post("hello?");
    await expect(window.error).toContainText(NO_ANSWER, { timeout: 20_000 }); // a post has 10 s
    await window.isNot("live");
    await expect(window.connection).toHaveText(/^Reconnecting/);
    server.thaw();
    await window.is("live");
    await window.message.press("Enter");
    await expect(window.messages).toHaveText(["hello?"]);
  },
);
