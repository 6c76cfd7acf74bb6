// Tests a printed feed: its heading and events, and no control.
import { expect, test } from "../../fixtures/index.js";

test(
  "a printed feed has its heading and all its events, and no control",
  { tag: "@once" },
  async ({ feed, server, wire }) => {
    for (let n = 1; n <= 60; n += 1) await server.post("tenant_a", `event ${n}`);
    const [window] = await feed.open("tenant_a");
    await wire.cut({ code: 1001 });
    await expect(window.notice).toContainText("Reconnected");
    await window.page.emulateMedia({ media: "print" });
    await expect(window.heading).toBeVisible();
    await expect(window.heading).toContainText("Tenant A");
    await expect(window.events).toHaveCount(60);
    await expect(window.events.first()).toBeVisible();
    for (const left of [
      window.form,
      window.tenant,
      window.notice,
      window.connection,
      window.page.getByRole("navigation"),
    ])
      await expect(left).toBeHidden();
    await expect(window.page.locator("button:visible")).toHaveCount(0);
    // A sticky banner would be printed on every page, and a row without layout on none.
    const styles = await window.page.locator("header, header *, main, main *").evaluateAll((nodes) =>
      nodes
        .filter((node) => node.checkVisibility())
        .map((node) => getComputedStyle(node))
        .map((style) => [style.position, style.contentVisibility]),
    );
    expect(styles.filter(([position, visibility]) => /sticky|fixed/.test(position) || visibility === "auto")).toEqual(
      [],
    );
  },
);
