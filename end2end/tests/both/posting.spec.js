import { expect, holdPosts, keysOf, routePosts, test } from "../../fixtures/index.js";

const FULL = "the server is full: try again in 3 s";

test("a post is confirmed with its delivery time, and appears once", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.post("hello");
  await expect(window.status).toContainText(/^Posted, delivered in \d+ ms$/);
  await expect(window.messages).toHaveText(["hello"]);
  await expect(window.message).toHaveValue("");
  await expect(window.message).toBeFocused();
  await expect(window.count).toHaveText("0 / 500");
  await window.post("marker"); // a second copy of the first would be below it by now
  await expect(window.messages).toHaveText(["marker", "hello"]);
});

test("the button posts as Enter does, and Shift+Enter starts a new line", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.message.pressSequentially("one");
  await window.message.press("Shift+Enter");
  await window.message.pressSequentially("two");
  await expect(window.message).toHaveValue("one\ntwo");
  await window.submit.click();
  await expect(window.messages).toHaveCount(1);
  expect(await window.messages.allTextContents()).toEqual(["one\ntwo"]);
});

test("Enter that ends an input method's composition does not post", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  await window.message.fill("ka");
  await window.message.dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
  await expect(window.message).toHaveValue("ka");
  await window.message.press("Enter");
  await expect(window.messages).toHaveText(["ka"]);
  expect(keys).toHaveLength(1);
});

test("a double submit sends once", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  const release = await holdPosts(context);
  await window.message.fill("only once");
  await window.submit.dblclick();
  await window.message.press("Enter");
  await expect(window.submit).toHaveText("Posting…");
  release();
  await expect(window.status).toContainText("Posted");
  await window.post("marker");
  await expect(window.messages).toHaveText(["marker", "only once"]);
  expect(keys).toHaveLength(2);
});

for (const [how, type, next] of [
  ["appended", " and the second", "and the second"],
  ["in the place of the first", null, "another"],
]) {
  test(`Enter while a post is under way sends what was typed ${how} next`, async ({ feed, context }) => {
    const [window] = await feed.open("tenant_a");
    const keys = keysOf(context);
    const release = await holdPosts(context);
    await window.post("the first");
    await expect(window.submit).toHaveText("Posting…");
    if (type) await window.message.pressSequentially(type);
    else await window.message.fill(next);
    await window.message.press("Enter");
    release();
    await expect(window.messages).toHaveText([next, "the first"]);
    await expect(window.message).toHaveValue("");
    await expect(window.error).toBeHidden();
    expect(new Set(keys).size).toBe(2);
  });
}

test("text appended while a post is under way stays, without the posted part", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const release = await holdPosts(context);
  await window.post("the first");
  await window.message.press("Shift+Enter");
  await window.message.pressSequentially("the second");
  release();
  await expect(window.messages).toHaveText(["the first"]);
  await expect(window.message).toHaveValue("the second");
  await expect(window.count).toHaveText("10 / 500");
  await window.page.reload();
  await window.live();
  await expect(window.message).toHaveValue("the second"); // the draft too
});

test("Enter while a post is under way is dropped if the post fails", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  const release = await holdPosts(context, (route) => route.abort());
  await window.post("the first");
  await window.message.pressSequentially(" and more");
  await window.message.press("Enter");
  release();
  await expect(window.error).toContainText("No answer from the server.");
  await expect(window.message).toHaveValue("the first and more");
  await expect(window.submit).toHaveText("Try again");
  expect(keys).toHaveLength(1);
});

test("a second Enter after a success is not an error", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.post("once");
  await expect(window.status).toHaveText(/^Posted/);
  await window.message.press("Enter");
  await expect(window.status).toHaveText(/^Posted/);
  await expect(window.error).toBeHidden();
  await expect(window.message).toHaveAttribute("aria-invalid", "false");
});

test("an empty message is refused before it is sent", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  await window.post("  \n\t ");
  await expect(window.error).not.toBeEmpty();
  await expect(window.message).toHaveAttribute("aria-invalid", "true");
  await expect(window.message).toHaveAccessibleDescription(/\w/);
  await window.message.fill("now with words");
  await expect(window.message).toHaveAttribute("aria-invalid", "false");
  await window.message.press("Enter");
  await expect(window.messages).toHaveText(["now with words"]);
  expect(keys).toHaveLength(1);
});

test("500 emoji are accepted, 501 are refused and nothing of them is lost", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  await window.message.fill("😀".repeat(501));
  await expect(window.count).toHaveText("501 / 500");
  await window.message.press("Enter");
  await expect(window.error).toContainText("500");
  await expect(window.message).toHaveAttribute("aria-invalid", "true");
  await expect(window.message).toHaveValue("😀".repeat(501));
  expect(keys).toHaveLength(0);

  await window.post("😀".repeat(500));
  await expect(window.messages).toHaveText(["😀".repeat(500)]);
});

test("a paste that is too long is kept completely, and the user shortens it", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  const text = "four score ".repeat(72) + "and more"; // 800 characters
  await window.message.fill(text);
  await window.message.press("ControlOrMeta+A");
  await window.message.press("ControlOrMeta+X");
  await expect(window.message).toHaveValue("");
  await window.message.press("ControlOrMeta+V");
  await expect(window.message).toHaveValue(text);
  await expect(window.count).toHaveText("800 / 500");
  await window.message.press("Enter");
  await expect(window.error).toContainText("500");
  await expect(window.message).toHaveValue(text);
  expect(keys).toHaveLength(0);
});

test("the counter counts what would be posted: code points, trimmed", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  for (const [text, count] of [
    ["  hello  ", 5],
    ["👍🏽", 2],
    ["a\nb", 3],
    ["\u0085x\u0085", 1],
    ["\ufeffx", 2],
  ]) {
    await window.message.fill(text);
    await expect(window.count).toHaveText(`${count} / 500`);
  }
});

test("control characters are refused with an explanation", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  await window.post("a bell \u0007 rings");
  await expect(window.error).toContainText(/control character/i);
  await expect(window.message).toHaveValue("a bell \u0007 rings");
  expect(keys).toHaveLength(0);
});

test("a refusal is explained, the text stays, and Retry sends the same key", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  let refusals = 1;
  await routePosts(context, (route) =>
    refusals-- > 0
      ? route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          headers: { "Retry-After": "3" },
          body: JSON.stringify({ type: "about:blank", title: "Full", status: 503, detail: FULL }),
        })
      : route.continue(),
  );

  await window.post("do not lose me");
  await expect(window.error).toContainText(new RegExp(FULL, "i"));
  await expect(window.message).toHaveValue("do not lose me");
  await expect(window.message).toBeFocused();
  while (!(await window.retry.evaluate((node) => node === document.activeElement))) {
    await window.page.keyboard.press("Tab");
  }
  await window.page.keyboard.press("Enter");
  await expect(window.messages).toHaveText(["do not lose me"]);
  await expect(window.error).not.toContainText("full");
  await expect(window.retry).toBeHidden();
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[\x21-\x7e]{16,128}$/);
  expect(keys[1]).toBe(keys[0]);
});

test(
  "after a lost answer a retry does not post twice; the same text later is another message",
  {
    tag: "@post-body",
  },
  async ({ feed, context }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    const keys = keysOf(context);
    let losses = 1;
    await routePosts(context, async (route) => {
      if (losses-- > 0) {
        await route.fetch();
        return route.abort("connectionreset");
      }
      return route.continue();
    });

    await window.post("exactly once");
    await expect(window.error).not.toBeEmpty();
    await expect(window.messages).toHaveText(["exactly once"]); // it had been accepted
    await window.retry.click();
    await expect(window.status).toContainText("Posted");
    await expect(window.message).toHaveValue("");
    await window.post("exactly once");
    await expect(window.messages).toHaveText(["exactly once", "exactly once"]);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  },
);

test("a retry after a reload does not post twice", { tag: "@post-body" }, async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  const keys = keysOf(context);
  const restore = await routePosts(context, (route) => route.fetch().then(() => route.abort("connectionreset")));
  await window.post("exactly once");
  await expect(window.error).not.toBeEmpty();
  await restore();
  await window.page.reload();
  await window.live();
  await expect(window.message).toHaveValue("exactly once");
  await window.message.press("Enter");
  await expect(window.message).toHaveValue("");
  await window.post("marker");
  await expect(window.messages).toHaveText(["marker", "exactly once"]);
  expect(keys[1]).toBe(keys[0]);
});

for (const outcome of ["accepts", "refuses"]) {
  test(`an answer that ${outcome} a post moves neither the focus nor the reader`, async ({ feed, server, context }) => {
    feed.expectNetworkErrors();
    for (let i = 0; i < 40; i += 1) await server.post("tenant_a", `event ${i}`);
    const [window] = await feed.open("tenant_a");
    const release = await holdPosts(context, (route) =>
      outcome === "accepts" ? route.continue() : route.fulfill({ status: 502, body: "" }),
    );
    await window.message.fill("mine");
    await window.submit.click();
    await expect(window.message).toBeFocused(); // at sending
    const isNotMoved = await window.read("event 19");
    release();
    await expect(outcome === "accepts" ? window.pending : window.error).toContainText(/1 new event|Posted|No answer/);
    await expect(window.submit).toHaveText(/^(Post|Try again)$/);
    await isNotMoved();
  });
}

test("text typed while a post is under way is kept", async ({ feed, context }) => {
  const [window] = await feed.open("tenant_a");
  const release = await holdPosts(context);
  await window.post("the first");
  await window.message.fill("the second");
  release();
  await expect(window.messages).toHaveText(["the first"]);
  await expect(window.status).toContainText("Posted");
  await expect(window.message).toHaveValue("the second");
});

test("each tenant's draft survives a reload and a switch of tenants", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.message.fill("a thought for A");
  await window.page.reload();
  await window.live();
  await expect(window.message).toHaveValue("a thought for A");
  await expect(window.count).toHaveText("15 / 500");

  await window.tenant.selectOption("Tenant B");
  await expect(window.heading).toContainText("Tenant B");
  await window.live();
  await expect(window.message).toHaveValue("");
  await window.message.fill("and one for B");

  await window.tenant.selectOption("Tenant A");
  await expect(window.heading).toContainText("Tenant A");
  await window.live();
  await expect(window.message).toHaveValue("a thought for A");
  await window.message.press("Enter");
  await expect(window.messages).toHaveText(["a thought for A"]);
  await window.page.reload();
  await window.live();
  await expect(window.message).toHaveValue("");
});

test("Enter again before the event has come back is no error", async ({ feed, wire }) => {
  const held = [];
  wire.pass = (frame) => (frame.type === "event_created" ? (held.push(frame), []) : [frame]);
  const [window] = await feed.open("tenant_a");
  await window.post("once");
  await expect(window.message).toHaveValue("");
  await window.message.press("Enter");
  await window.message.press("Enter");
  await expect.poll(() => held.length).toBe(1);
  wire.pass = (frame) => [frame];
  wire.inject(held[0]);
  await expect(window.messages).toHaveText(["once"]);
  await expect(window.error).toBeHidden();
  await expect(window.status).toHaveText(/^Posted/);
});
