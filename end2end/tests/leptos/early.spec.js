// Tests that actions of the user before the client runs are not lost. (The no-build page shows neither form nor list
// before its program runs: tests/vanilla/pages.spec.js.)
import { expect, openBeforeClient, test } from "../../fixtures/index.js";

test("Enter before the client runs posts once it runs", async ({ feed }) => {
  const { window, release } = await openBeforeClient(feed);
  await window.message.click();
  await window.page.keyboard.type("faster than the program");
  await window.page.keyboard.press("Enter");
  release();
  await expect(window.messages).toHaveText(["faster than the program"]);
  await expect(window.message).toHaveValue("");
  await window.live();
});

test("Shift+Enter before the client runs is a new line", async ({ feed }) => {
  const { window, release } = await openBeforeClient(feed);
  await window.message.click();
  await window.page.keyboard.type("one");
  await window.page.keyboard.press("Shift+Enter");
  await window.page.keyboard.type("two");
  release();
  await window.live();
  await expect(window.message).toHaveValue("one\ntwo");
  await expect(window.events).toHaveCount(0);
});

test('a click on "Pause" before the client runs pauses the page once it runs', async ({ feed, server }) => {
  const { window, release } = await openBeforeClient(feed);
  await window.pause.click();
  release();
  await window.is("paused");
  await server.post("tenant_a", "waits");
  await expect(window.pending).toHaveText("1 new event");
  await window.resume.click();
  await expect(window.messages).toHaveText(["waits"]);
});
