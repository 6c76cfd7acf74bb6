// Tests the tenant's dropdown: a choice by pointer opens the tenant at once, and a choice by key waits for Enter.
import { expect, test } from "../../fixtures/index.js";

for (const key of ["ArrowDown", "End", "PageDown", "t"]) {
  test(`${key} on the closed dropdown chooses a tenant, and waits`, async ({ feed, server }) => {
    const [window] = await feed.open("tenant_a");
    await expect(window.open).toBeHidden();
    await window.tenant.focus();
    await window.page.keyboard.press(key);
    await expect(window.tenant).toHaveValue("tenant_b");
    await expect(window.open).toBeVisible();
    await server.post("tenant_a", "still here");
    await expect(window.messages).toHaveText(["still here"]);
    await window.page.keyboard.press("ArrowUp");
    await expect(window.tenant).toHaveValue("tenant_a");
    await expect(window.open).toBeHidden();
  });
}

test("Enter opens the tenant that was chosen by a key", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.tenant.focus();
  await window.page.keyboard.press("ArrowDown");
  await expect(window.open).toBeVisible();
  await window.page.keyboard.press("Enter");
  await expect(window.heading).toContainText("Tenant B");
  await window.live();
});

test('"Open" opens the tenant that was chosen by a key', async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.tenant.focus();
  await window.page.keyboard.press("ArrowDown");
  await window.open.click();
  await expect(window.heading).toContainText("Tenant B");
  await window.live();
});

test("the page that asks for a tenant waits for Enter too", async ({ feed }) => {
  const window = await feed.visit("");
  await window.ready();
  await window.tenant.focus();
  await window.page.keyboard.press("ArrowDown");
  await expect(window.tenant).toHaveValue("tenant_a");
  await expect(window.open).toBeVisible();
  await expect(window.heading).toHaveText("Choose a tenant");
  await window.page.keyboard.press("Enter");
  await expect(window.heading).toContainText("Tenant A");
});

test("after Back the dropdown names the page's own tenant", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  await window.expectOwnTenantAfterBack();
});
