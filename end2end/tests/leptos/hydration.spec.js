// Tests that the page works if extensions, translators or browsers change the document before or after hydration. (The
// no-build page creates its elements itself, so that it has no hydration.)
import { FETCH_FAILED, PROGRAM, expect, holdClient, test } from "../../fixtures/index.js";

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
  const release = await holdClient(page);
  await page.goto(address, { waitUntil: "commit" });
  await page.locator("#page").waitFor({ state: "attached" });
  await before(page);
  await page.evaluate(act);
  release();
}

const ready = (page) => expect(page.locator("html")).toHaveAttribute("data-client", "ready");

for (const [what, act] of Object.entries(CHANGES)) {
  test(`${what}, and the feed works`, async ({ feed, server }) => {
    await server.post("tenant_a", "+41 44 555 01 23");
    const window = await feed.visit("?tenant=tenant_a", async (page) => {
      await change(page, feed.address("?tenant=tenant_a"), act);
      await ready(page);
      await page.unroute(PROGRAM);
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

for (const search of ["", "isolation", "?tenant=tenant_a"]) {
  for (const [what, act] of Object.entries({
    "adds an element behind the page": () => {
      const app = document.getElementById("app");
      if (app && !document.getElementById("stranger")) {
        app.after(Object.assign(document.createElement("div"), { id: "stranger" }));
      }
    },
    "takes the page's data away": () => {
      if (!document.documentElement.dataset.client && !globalThis.taken && document.getElementById("page")) {
        globalThis.taken = true;
        document.getElementById("page").remove();
      }
    },
  })) {
    test(`an extension that ${what} does no harm to /${search}`, { tag: "@once" }, async ({ feed, context }) => {
      const page = await context.newPage();
      await page.addInitScript(`new MutationObserver(${act}).observe(document, { childList: true, subtree: true })`);
      await page.goto(`${feed.origin}/${search}`);
      await ready(page);
      await expect(page.locator("#app h1")).toBeVisible();
    });
  }
}

for (const name of ["Post", "Open", "an event"]) {
  test(`the focus on ${name} stays when the page is put back`, { tag: "@once" }, async ({ feed, context, server }) => {
    await server.post("tenant_a", "hello");
    const page = await context.newPage();
    const control = name === "an event" ? page.getByRole("article") : page.getByRole("button", { name, exact: true });
    const added = CHANGES["an extension adds an element to the list"];
    await change(page, feed.address("?tenant=tenant_a"), added, () => control.focus());
    await ready(page);
    await expect(page.locator(":focus")).toBeVisible();
    if (name !== "Open") await expect(control).toBeFocused(); // "Open" hides: the dropdown names the page's own tenant
  });
}

test("a page that cannot start leads to the one that can, with what was typed", async ({ feed }) => {
  feed.expectNetworkErrors();
  feed.expectOnConsole(FETCH_FAILED);
  await feed.context.route(PROGRAM, (route) => route.abort());
  const window = await feed.visit("?tenant=tenant_a");
  const offer = window.page.getByRole("alert").getByRole("link", { name: "Try the simple page." });
  await expect(offer).toBeVisible();
  await window.message.fill("kept");
  await window.message.press("Enter");
  await expect(offer).toBeFocused();
  await window.page.keyboard.press("Enter");
  await window.live();
  await expect(window.message).toHaveValue("kept");
});

test("a program that fails to load once is loaded again", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const page = await context.newPage();
  await page.route(PROGRAM, (route) => route.abort(), { times: 1 });
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
