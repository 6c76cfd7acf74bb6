// Tests that a page shows how many connections share its feed: of its own tenant alone.
import { expect, test } from "../../fixtures/index.js";

test.use({ settings: { heartbeat: 1_000 } });

test("the number follows the own tenant's connections, and no other's", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  const presence = window.page.locator("#presence");
  await expect(presence).toHaveText("1 connection");
  await expect(presence).toHaveAttribute("title", "Those of this tenant to this server");
  const [other] = await feed.open("tenant_b");
  const [second] = await feed.open("tenant_a");
  await expect(presence).toHaveText("2 connections");
  await expect(other.page.locator("#presence")).toHaveText("1 connection");
  await second.page.close();
  await expect(presence).toHaveText("1 connection");
});

test("a page that is not live shows no number", async ({ feed, wire }) => {
  const [window] = await feed.open("tenant_a");
  await expect(window.page.locator("#presence")).toHaveText("1 connection");
  await wire.down();
  await window.isNot("live");
  await expect(window.page.locator("#presence")).toHaveText("");
});
