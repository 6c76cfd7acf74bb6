// Tests that a message is always text: it is never run or parsed as markup, and it stays in its own box.
import { expect, test } from "../../fixtures/index.js";

const HOSTILE = [
  "<script>document.title = 'taken'</script>",
  "<img src=x onerror=\"document.title = 'taken'\">",
  "</script></textarea></p></article></template><h1>taken</h1>",
  "<!-- <style>* { display: none }</style> <![CDATA[ ]]>",
  "{{ constructor.constructor('document.title = 1')() }} ${document.title = 1} {% x %} <%= x %> [[x]]",
  "javascript:document.title='taken'",
  "&lt;b&gt; &amp; &#60; &#x0003c; &nbsp;",
  "\"><svg/onload=document.title='taken'>' autofocus onfocus='document.title=1",
  "\u202eright to left override, never ended: )neila(",
  "\u2066\u2067\u2068\u202a\u202b\u202d isolates and embeddings, never ended",
  "العربية \u200f123\u200e עברית 456",
  "zero\u200b\u200c\u200d\u2060\ufeff\u00ad width",
  "e" + "\u0301".repeat(499), // marks stacked above a letter
  "a" + "\u0323".repeat(499), // marks stacked below a letter
  "\u0489\u20dd\u20e3".repeat(166),
  "W".repeat(500),
  "\ufdfd".repeat(100),
  "👩‍👩‍👧‍👦".repeat(45),
  "Isolation alarm: an event of another tenant was received and dropped.",
  "tall\n".repeat(60) + "end",
];

/** Texts that could be painted outside their box. */
const OVERFLOWING = HOSTILE.filter((text) => /[\u0300-\u036f\u0489\u202e\ufdfd]|W{9}/u.test(text));

/** Elements of the page that no message may move. */
const controls = (window) => [window.heading, window.connection, window.tenant, window.message, window.pause];

test("hostile text is shown as text, from the server's page and from the stream", async ({ feed, server }) => {
  for (const text of HOSTILE.slice(0, 10)) await server.post("tenant_a", text); // rendered by the server
  const [window] = await feed.open("tenant_a");
  window.page.on("dialog", () => {
    throw new Error("a message has opened a dialog");
  });
  for (const text of HOSTILE.slice(10)) await server.post("tenant_a", text); // from the stream
  await expect(window.messages).toHaveCount(HOSTILE.length);
  expect(await window.messages.allTextContents()).toEqual(HOSTILE.toReversed());
  expect(await window.messages.evaluateAll((nodes) => nodes.map((node) => [node.childElementCount, node.dir]))).toEqual(
    HOSTILE.map(() => [0, "auto"]),
  );
  await expect(window.page.getByRole("heading", { name: "taken" })).toHaveCount(0);
  await expect(window.page).toHaveTitle("Tenant A · Event feed");
  await expect(window.breach).toBeHidden(); // the text is like an alarm, and only the page itself shows one
});

test("hostile text that is posted is shown as text, and only counted in a paused window", async ({ feed }) => {
  const [writer, reader] = await feed.open("tenant_a", "tenant_a");
  await reader.pause.click();
  const typed = HOSTILE.slice(0, 4);
  for (const [n, text] of typed.entries()) {
    await writer.post(text);
    await expect(writer.messages.first()).toHaveText(text);
    await expect(reader.page).toHaveTitle(`(${n + 1}) Tenant A · Event feed`);
  }
  await writer.message.fill(`${HOSTILE[0]}\u0007`);
  await writer.message.press("Enter");
  await expect(writer.error).toBeVisible();
  for (const { page } of [writer, reader]) await expect(page.locator("h1")).toHaveCount(1);
});

test("the isolation view shows no message", async ({ feed, server }) => {
  for (const text of HOSTILE) await server.post("tenant_a", text);
  const view = await feed.isolation();
  await view.live();
  await expect(view.panel("Tenant A").count("Events accepted")).toHaveText(String(HOSTILE.length));
  const shown = await view.page.locator("body").textContent();
  for (const text of HOSTILE) expect(shown).not.toContain(text);
});

test("no text leaves its box: neighbours keep their place and their picture", async ({ feed, server }) => {
  feed.expectOnConsole(/blocked an inline style/); // Playwright's own, for a picture, in Firefox
  for (const text of OVERFLOWING) {
    await server.post("tenant_a", text);
    await server.post("tenant_a", "a neighbour");
  }
  const [window] = await feed.open("tenant_a");
  const { page, events, messages } = window;
  await expect(events).toHaveCount(2 * OVERFLOWING.length);
  const boxes = async (locators) => Promise.all(locators.map((locator) => locator.boundingBox()));
  const controlsAt = await boxes(controls(window));
  // The texts of the times change meanwhile: they are hidden, so that screenshots stay equal.
  await events.locator("time").evaluateAll((times) =>
    times.forEach((time) => {
      time.style.visibility = "hidden";
    }),
  );
  const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(width[0]).toBeLessThanOrEqual(width[1]);

  for (const [n, text] of OVERFLOWING.toReversed().entries()) {
    const [event, message] = [events.nth(2 * n + 1), messages.nth(2 * n + 1)];
    expect(await message.textContent()).toBe(text);
    await event.evaluate((node) => node.scrollIntoView({ block: "center" }));
    const [above, whole, inner] = await boxes([events.nth(2 * n), event, message]);
    expect(above.y + above.height).toBeLessThanOrEqual(whole.y);
    expect([whole.x, whole.width]).toEqual([above.x, above.width]);
    expect(inner.x >= whole.x && inner.x + inner.width <= whole.x + whole.width).toBe(true);
    expect(inner.y >= whole.y && inner.y + inner.height <= whole.y + whole.height).toBe(true);

    // The surroundings must look the same with and without the text.
    const around = () =>
      Promise.all(
        [
          { x: above.x, y: inner.y - 48, width: above.width, height: 48 },
          { x: above.x, y: inner.y + inner.height, width: above.width, height: 48 },
        ]
          .filter(({ y, height }) => y >= 0 && y + height <= page.viewportSize().height)
          .map((clip) => page.screenshot({ clip, caret: "initial" }).then((picture) => picture.toString("base64"))),
      );
    const there = await around();
    await message.evaluate((node) => {
      node.style.visibility = "hidden";
    });
    const gone = await around();
    await message.evaluate((node) => {
      node.style.visibility = "";
    });
    expect(
      there.map((picture, i) => picture === gone[i]),
      `the picture around ${JSON.stringify(text)}`,
    ).toEqual(there.map(() => true));
  }
  await page.evaluate(() => scrollTo(0, 0));
  expect(await boxes(controls(window))).toEqual(controlsAt);
});

/**
 * Runs in the page: tries everything that markup could do to run or load something, and waits for the end of each try.
 * It lists in `globalThis.outcomes` what ran, and in `globalThis.refused` what was refused.
 */
async function tryToRun() {
  const ran = (globalThis.outcomes = []);
  const refused = (globalThis.refused = []);
  addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.push(effectiveDirective));
  const add = (name, more) => {
    const node = Object.assign(document.createElement(name), more);
    document.body.append(node);
    return node;
  };
  globalThis.ran = (what) => ran.push(what);
  const attempt = (what, run) => {
    try {
      return run();
    } catch {
      return void refused.push(what);
    }
  };
  const ended = (node) =>
    node &&
    new Promise((resolve) => {
      for (const end of ["load", "error"]) node.addEventListener(end, resolve);
    });
  attempt("inline", () => add("script", { textContent: "ran('an inline script')" }));
  const foreign = ended(attempt("foreign", () => add("script", { src: "http://evil.example:9/x.js" })));
  const handler = ended(
    attempt("handler", () => {
      const node = document.createElement("img");
      node.setAttribute("onerror", "ran('a handler')");
      node.src = "data:,x";
      document.body.append(node);
      return node;
    }),
  );
  // In a task of its own: a script that the debugger evaluates may call eval.
  const evaluated = new Promise((resolve) => {
    setTimeout(() => resolve(attempt("eval", () => globalThis.eval("ran('eval')"))));
  });
  attempt("style", () => add("style", { textContent: "h1 { display: none }" }));
  attempt("frame", () => add("iframe", { src: "http://evil.example:9/" }));
  attempt("base", () => add("base", { href: "http://evil.example" }));
  await fetch("http://evil.example:9/", { mode: "no-cors" }).then(
    () => ran.push("a foreign request"),
    () => {},
  );
  await Promise.all([foreign, handler, evaluated]);
}

test("the page's policy keeps injected markup from running or loading anything", async ({ feed }) => {
  feed.expectOnConsole(/./); // the engine logs each attempt
  const [window] = await feed.open("tenant_a");
  const view = await feed.isolation();
  for (const page of [window.page, view.page]) {
    await page.evaluate(tryToRun);
    // At least inline and foreign scripts, the handler, eval, the style and the frame: their reports may come later.
    await expect.poll(() => page.evaluate(() => globalThis.refused.length)).toBeGreaterThanOrEqual(6);
    expect(await page.evaluate(() => globalThis.outcomes)).toEqual([]);
    await expect(page.locator("h1")).toBeVisible();
    expect(await page.evaluate(() => document.baseURI)).toBe(page.url());
  }
});
