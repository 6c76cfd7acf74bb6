// Tests that the page works if extensions, translators or browsers change the document before or after hydration. (The
// no-build page creates its elements itself, so that it has no hydration.)
import { deferred, expect, test } from "../../fixtures/index.js";

/** Changes to a page before its hydration, by their cause. Each runs in the page. */
const CHANGES = {
  "a browser makes a link of a phone number": () => {
    const [message] = document.querySelectorAll("article .message");
    const link = Object.assign(document.createElement("a"), { href: "tel:+41445550123" });
    link.append(message.firstChild);
    message.append(link, " is our number");
  },
  "an extension adds an element to the form": () => {
    document.querySelector("form[aria-label]").prepend(document.createElement("div"));
  },
  "an extension adds an element to the list": () => {
    document.getElementById("feed").prepend(document.createElement("article"));
  },
  "an extension takes an element away": () => document.getElementById("message-count").remove(),
  "an extension wraps the text field": () => {
    const field = document.getElementById("message");
    const box = document.createElement("span");
    field.before(box);
    box.append(field);
  },
  "a translator replaces every text": () => {
    const walker = document.createTreeWalker(document.getElementById("app"), NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const font = document.createElement("font");
      text.replaceWith(font);
      font.append(text);
    }
  },
};

/** Opens a page whose client does not load until `act` has changed the page. `before` runs before the change. */
async function change(page, address, act, before = () => {}) {
  const held = deferred();
  await page.route("**/*.wasm", async (route) => {
    await held.promise;
    await route.continue();
  });
  await page.goto(address, { waitUntil: "commit" });
  await page.locator("#page").waitFor({ state: "attached" });
  await before(page);
  await page.evaluate(act);
  held.resolve();
}

const ready = (page) => expect(page.locator("html")).toHaveAttribute("data-client", "ready");

for (const [what, act] of Object.entries(CHANGES)) {
  test(`${what}, and the feed works`, async ({ feed, server }) => {
    await server.post("tenant_a", "+41 44 555 01 23");
    const window = await feed.visit("?tenant=tenant_a", async (page) => {
      await change(page, feed.address("?tenant=tenant_a"), act);
      await ready(page);
      await page.unroute("**/*.wasm");
    });
    await window.live();
    await window.post("still works");
    await expect(window.messages).toHaveText(["still works", "+41 44 555 01 23"]);
    await expect(window.count).toHaveText("0 / 500");
    await window.pause.click();
    await window.is("paused");
  });
}

test("the draft, the selection and the focus stay when the page is restored", async ({ feed, context }) => {
  const page = await context.newPage();
  const added = CHANGES["an extension adds an element to the form"];
  await change(page, feed.address("?tenant=tenant_a"), added, async () => {
    await page.getByLabel("Message").fill("half a message");
    await page.getByLabel("Message").evaluate((field) => field.setSelectionRange(2, 5));
  });
  await ready(page);
  const field = page.getByLabel("Message");
  await expect(field).toHaveValue("half a message");
  await expect(field).toBeFocused();
  expect(await field.evaluate(({ selectionStart, selectionEnd }) => [selectionStart, selectionEnd])).toEqual([2, 5]);
  await expect(page.locator("#message-count")).toHaveText("14 / 500");
});

for (const search of ["", "isolation", "?tenant=tenant_a"]) {
  test(`an extension that changes /${search} before it is copied does no harm`, async ({ feed, context, server }) => {
    await server.post("tenant_a", "hello");
    const page = await context.newPage();
    await page.addInitScript(() => {
      const seen = new WeakSet();
      new MutationObserver(() => {
        for (const element of document.querySelectorAll("#app form, #app section, #app [role=feed]")) {
          if (!seen.has(element) && !document.documentElement.dataset.client) {
            seen.add(element);
            element.prepend(document.createElement("span"));
          }
        }
      }).observe(document, { childList: true, subtree: true });
    });
    await page.goto(`${feed.origin}/${search}`);
    await ready(page);
    await expect(page.locator("#client-failed")).toBeHidden();
    for (const state of await page.locator("[data-connection]").all()) {
      await expect(state).toHaveAttribute("data-connection", "live");
    }
    if (search.startsWith("?")) {
      await page.getByLabel("Message").fill("works");
      await page.getByLabel("Message").press("Enter");
      await expect(page.locator("article .message")).toHaveText(["works", "hello"]);
    }
  });

  test(`a translator that changes /${search} before hydration does no harm`, async ({ feed, context }) => {
    const page = await context.newPage();
    await change(page, `${feed.origin}/${search}`, CHANGES["a translator replaces every text"]);
    await ready(page);
    await expect(page.locator("#client-failed")).toBeHidden();
    for (const state of await page.locator("[data-connection]").all()) {
      await expect(state).toHaveAttribute("data-connection", "live");
    }
  });
}

test("a program that fails to load once is loaded again", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const page = await context.newPage();
  await page.route("**/*.wasm", (route) => route.abort(), { times: 1 });
  await page.goto(feed.address("?tenant=tenant_a"));
  await ready(page);
});

test("after a translation the page still works: state, counter, buttons, notice", async ({ feed, server }) => {
  feed.expectNetworkErrors();
  await server.post("tenant_a", "hello");
  const [window] = await feed.open("tenant_a");
  await window.page.evaluate(CHANGES["a translator replaces every text"]);
  await window.message.fill("hello");
  await expect(window.count).toHaveText("5 / 500");
  await window.pause.click();
  await expect(window.connection).toHaveText("Paused");
  await server.post("tenant_a", "waits");
  await expect(window.pending).toHaveText("1 new event");
  await window.resume.click();
  await server.kill();
  await expect(window.connection).toHaveText(/^Reconnecting/);
  await server.restart();
  await expect(window.connection).toHaveText("Live");
  await expect(window.notice).toContainText("The server restarted");
  await window.post("   ");
  await expect(window.error).toHaveText("Write a message first.");
});

test("after a translation the isolation view still works", async ({ feed, server }) => {
  const window = await feed.isolation();
  await window.live();
  await window.page.evaluate(CHANGES["a translator replaces every text"]);
  await server.post("tenant_a", "one");
  await expect(window.panel("Tenant A").count("Events received live")).toHaveText("1");
  await window.check();
  await expect(window.verdict).toContainText("Isolated");
});
