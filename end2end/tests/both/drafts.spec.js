// Tests that both pages share a draft, and work without session storage.
import { expect, routePosts, test } from "../../fixtures/index.js";

/** Both pages, the other one first and then the one under test. */
const pages = (client) => (client === "leptos" ? ["/vanilla/", "/"] : ["/", "/vanilla/"]);

test("both pages share a tenant's draft", async ({ feed, client }) => {
  const [window] = await feed.open("tenant_a");
  await window.message.fill("half a thought");
  for (const path of pages(client)) {
    await window.page.goto(`${feed.origin}${path}?tenant=tenant_a`);
    await window.live();
    await expect(window.message).toHaveValue("half a thought");
  }
});

test(
  "a retry on the other page does not post twice",
  { tag: "@post-body" },
  async ({ feed, client, context, server }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    const restore = await routePosts(context, (route) => route.fetch().then(() => route.abort("connectionreset")));
    await window.post("exactly once ");
    await expect(window.error).toContainText("No answer");
    await restore();
    await window.page.goto(`${feed.origin}${pages(client)[0]}?tenant=tenant_a`);
    await window.live();
    await window.message.press("Enter");
    await expect(window.status).toContainText("Posted");
    await expect(window.message).toHaveValue("");
    expect((await server.list("tenant_a")).map(({ message }) => message)).toEqual(["exactly once"]);
  },
);

/** Stores a text under the name of tenant A's draft. */
const holding = (text) => `try { sessionStorage.setItem("draft.tenant_a", ${JSON.stringify(text)}); } catch {}`;

/** Faulty session storages, as some browsers have them. Each function runs before the page's scripts. */
const STORAGES = {
  "is null": () => Object.defineProperty(globalThis, "sessionStorage", { value: null }),
  "throws when it is asked for": () =>
    Object.defineProperty(globalThis, "sessionStorage", {
      get() {
        throw new DOMException("forbidden by a setting", "SecurityError");
      },
    }),
  "is full": () => {
    for (let size = 2 ** 24; size >= 1; size /= 2) {
      for (let n = 0; n < 2; n += 1) {
        try {
          sessionStorage.setItem(`${size} ${n}`, "x".repeat(size));
        } catch {
          /* try a shorter one */
        }
      }
    }
  },
  "holds null": holding("null"),
  "holds something else": holding('{"text":"","attempt":{"text":"hello","key":"\\n"}}'),
  "holds no JSON": holding("{"),
};

for (const [name, make] of Object.entries(STORAGES)) {
  test(`a page whose session storage ${name} works without drafts`, async ({ feed, context }) => {
    await context.addInitScript(make);
    const [window] = await feed.open("tenant_a");
    await expect(window.message).toHaveValue("");
    await window.post("hello");
    await expect(window.messages).toHaveText(["hello"]);
    await expect(window.message).toHaveValue("");
  });
}
