import { expect, test } from "../../fixtures/index.js";

/** Stores a text under the name of tenant A's draft. */
const holding = (text) => `try { sessionStorage.setItem("draft:tenant_a", ${JSON.stringify(text)}); } catch {}`;

/** Session storage as some browsers have it: each runs before the page's scripts, and on a blank page before that. */
const STORAGES = {
  "is null": () => Object.defineProperty(globalThis, "sessionStorage", { value: null }),
  "throws when it is asked for": () => Object.defineProperty(globalThis, "sessionStorage", {
    get() { throw new DOMException("forbidden by a setting", "SecurityError"); },
  }),
  "is full": () => {
    for (let size = 2 ** 24; size >= 1; size /= 2) {
      for (let n = 0; n < 2; n += 1) {
        try { sessionStorage.setItem(`${size} ${n}`, "x".repeat(size)); } catch { /* try a shorter one */ }
      }
    }
  },
  "holds null": holding("null"),
  "holds something else": holding('{"typed":{},"attempt":{"text":"hello","key":"\\n"}}'),
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
