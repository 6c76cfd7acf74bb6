// Tests the developer's corner: its commands work as they are shown, and can be copied.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

import WebSocket from "ws";

import { expect, test } from "../../fixtures/index.js";

const run = promisify(execFile);

/** The corner of a window, unfolded. */
async function corner(window) {
  const fold = window.page.locator("#terminal");
  if ((await fold.getAttribute("open")) === null) await fold.locator("summary").click();
  const [post, watch] = await fold.locator("code").allTextContents();
  const button = (name) => fold.getByRole("button", { name });
  return { fold, post, watch, button, result: window.page.locator("#corner-result") };
}

for (const [tenant, other] of [
  ["tenant_a", "tenant_b"],
  ["tenant_b", "tenant_a"],
]) {
  test(`the commands of ${tenant} post to its feed and watch it, at the address shown`, async ({ feed, server }) => {
    const [window, stranger] = await feed.open(tenant, other);
    const { post, watch } = await corner(window);
    await run("sh", ["-c", post]);
    await expect(window.messages).toHaveText(["Hello from a terminal"]);
    await expect(stranger.messages).toHaveCount(0);

    const [, address] = /^websocat '(.*)'$/.exec(watch);
    expect(address).toBe(`${server.origin.replace("http", "ws")}/ws?tenant=${tenant}`);
    const socket = new WebSocket(address);
    const [hello] = await once(socket, "message");
    expect(JSON.parse(hello)).toMatchObject({ type: "connection_established", tenant_id: tenant });
    socket.close();
  });
}

test("the corner is unfolded on an empty feed, and else when it is asked for", async ({ feed, server }) => {
  const [empty] = await feed.open("tenant_a");
  await expect(empty.page.locator("#terminal")).toHaveAttribute("open");
  await server.post("tenant_b", "something");
  const [filled] = await feed.open("tenant_b");
  await expect(filled.messages).toHaveCount(1);
  await expect(filled.page.locator("#terminal")).not.toHaveAttribute("open");
});

test("a copied command can be pasted", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  const { post, watch, button, result } = await corner(window);
  for (const [name, command] of [
    ["Copy the command that posts", post],
    ["Copy the command that watches", watch],
  ]) {
    await button(name).click();
    await expect(result).toHaveText("Copied");
    await window.message.fill("");
    await window.message.press("ControlOrMeta+V");
    await expect(window.message).toHaveValue(command);
  }
});

test("without a clipboard, the command is selected", async ({ feed, context }) => {
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
  });
  const [window] = await feed.open("tenant_a");
  const { post, button, result } = await corner(window);
  await button("Copy the command that posts").click();
  await expect(result).toHaveText("Selected. Copy it with your keyboard or menu.");
  expect(await window.page.evaluate(() => String(getSelection()))).toBe(post);
});
