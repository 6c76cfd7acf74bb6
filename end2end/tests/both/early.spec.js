// What a person does before the page's program runs is not lost.
import { expect, gate, test } from "../../fixtures/index.js";

test.skip(({ client }) => client === "vanilla",
  "this page shows neither form nor list before its program runs: tests/vanilla/pages.spec.js");

/** A window whose program is held back until `release` is called. */
async function held(feed) {
  const { open: release, opened } = gate();
  await feed.context.route(/\.wasm$/, (route) => opened.then(() => route.continue()));
  const window = await feed.visit("?tenant=tenant_a");
  await expect(window.page.locator("html")).not.toHaveAttribute("data-client");
  return { window, release };
}

test("Enter before the program runs posts once it does", async ({ feed }) => {
  const { window, release } = await held(feed);
  await window.message.click();
  await window.page.keyboard.type("faster than the program");
  await window.page.keyboard.press("Enter");
  release();
  await expect(window.messages).toHaveText(["faster than the program"]);
  await expect(window.message).toHaveValue("");
  await window.live();
});

test("Shift+Enter before the program runs is a new line", async ({ feed }) => {
  const { window, release } = await held(feed);
  await window.message.click();
  await window.page.keyboard.type("one");
  await window.page.keyboard.press("Shift+Enter");
  await window.page.keyboard.type("two");
  release();
  await window.live();
  await expect(window.message).toHaveValue("one\ntwo");
  await expect(window.events).toHaveCount(0);
});

test("a click on \"Pause\" before the program runs pauses the page once it does", async ({ feed, server }) => {
  const { window, release } = await held(feed);
  await window.pause.click();
  release();
  await window.is("paused");
  await server.post("tenant_a", "waits");
  await expect(window.pending).toHaveText("1 new event");
  await window.resume.click();
  await expect(window.messages).toHaveText(["waits"]);
});
