// Tests the exact words of both pages.
import { expect, test } from "../../fixtures/index.js";

const LEAD =
  "Two tenants, two separate live feeds. Whatever you post appears instantly in every window of that " +
  "tenant, and never in the other's.";
const UNKNOWN = "That tenant doesn't exist. Choose one below.";

test("the tenant selector explains the product", async ({ feed }) => {
  const { page } = await feed.visit("");
  await expect(page.getByText(LEAD)).toBeVisible();
  await expect(page.getByText(UNKNOWN)).toBeHidden();
});

for (const search of ["?tenant=nonsense", "?tenant=", "?tenant=tenant_a&tenant=tenant_b"]) {
  test(`${search} opens the selector with the hint that the tenant does not exist`, async ({ feed }) => {
    feed.expectNetworkErrors(); // a page may be a 404
    const { page } = await feed.visit(search);
    await expect(page.getByText(UNKNOWN, { exact: true })).toBeVisible();
  });
}

test("the form explains how to post, and what is wrong with a message", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await expect(window.form.getByText("Enter posts, Shift+Enter adds a line", { exact: true })).toBeVisible();
  for (const [text, words] of [
    ["", "Write a message first."],
    [" \n ", "Write a message first."],
    ["x".repeat(501), "1 character over the 500 limit."],
    ["😀".repeat(10_247), "9,747 characters over the 500 limit."],
    ["a\u0007b", "Character 2 is a control character (U+0007). Remove it to post."],
    ["😀\n\u0085b", "Character 3 is a control character (U+0085). Remove it to post."],
  ]) {
    await window.post(text);
    await expect(window.error).toHaveText(words);
  }
});

test.describe("a server that keeps three events", () => {
  test.use({ settings: { retain: 3 } });

  test("the end of the list is marked only if older events were dropped", async ({ feed, server }) => {
    for (const text of ["one", "two"]) await server.post("tenant_a", text);
    const [window] = await feed.open("tenant_a");
    const end = window.page.getByText("That's everything still kept.", { exact: true });
    await expect(window.messages).toHaveText(["two", "one"]);
    await expect(end).toBeHidden();
    for (const text of ["three", "four"]) await server.post("tenant_a", text);
    const [late] = await feed.open("tenant_a");
    await expect(late.messages).toHaveText(["four", "three", "two"]);
    await expect(late.page.getByText("That's everything still kept.", { exact: true })).toBeVisible();
  });
});

test("the label of the pause button names its action, and no aria-pressed contradicts it", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await expect(window.pause).not.toHaveAttribute("aria-pressed");
  await window.pause.click();
  await expect(window.resume).toBeVisible();
  await expect(window.resume).not.toHaveAttribute("aria-pressed");
});
