import { clocked } from "../../fixtures/clock.js";
import { deferred, expect, test, violations } from "../../fixtures/index.js";

/** The four cells, row by row. */
const CELLS = ["Tenant A", "Tenant B"].flatMap((sentTo) =>
  ["Tenant A", "Tenant B"].map((receivedBy) => [sentTo, receivedBy]),
);
const TENANTS = [
  ["tenant_a", "Tenant A"],
  ["tenant_b", "Tenant B"],
];
const REPORT = /\/api\/isolation_report$/;
const TIME = "\\d\\d:\\d\\d:\\d\\d";

/** A colour of the style sheet, as the page computes it. */
const colour = (view, name) =>
  view.page.evaluate((value) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(--${value})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }, name);

/** Closes a tenant's socket, and every new one until `wire.restore` is called. */
async function cut(wire, tenant) {
  wire.refuse();
  await wire.of(tenant).close({ code: 1001 });
}

test("both tenants are side by side, each live through its own socket, with its own counts", async ({
  feed,
  server,
  wire,
}) => {
  await server.post("tenant_b", "before the view");
  const view = await feed.isolation();
  await view.live();
  expect(wire.sockets.map((socket) => new URL(socket.url()).search).sort()).toEqual([
    "?tenant=tenant_a",
    "?tenant=tenant_b",
  ]);
  const [a, b] = TENANTS.map(([, label]) => view.panel(label));
  const [left, right] = await Promise.all([a, b].map(({ region }) => region.boundingBox()));
  expect(right.x).toBeGreaterThanOrEqual(left.x + left.width);
  expect(Math.abs(left.y - right.y)).toBeLessThanOrEqual(1);

  for (const text of ["one", "two"]) await server.post("tenant_a", text);
  await expect(a.count("Events received live")).toHaveText("2");
  await expect(b.count("Events received live")).toHaveText("0");
  for (const { foreign } of [a, b]) {
    await expect(foreign).toHaveText("0 events from the other tenant");
    await expect(foreign).toHaveAttribute("data-foreign", "none");
  }
  await expect(a.count("Events accepted by the server")).toHaveText("2");
  await expect(b.count("Events accepted by the server")).toHaveText("1");
  for (const panel of [a, b]) {
    await expect(panel.count("Connections")).toHaveText("1");
    await expect(panel.asOf).toHaveText("");
  }
});

test("the view counts, and counts on after a reconnect, without reading a list", async ({
  feed,
  server,
  context,
  wire,
}) => {
  for (const text of ["one", "two"]) await server.post("tenant_a", text);
  const requests = [];
  context.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  const view = await feed.isolation();
  await view.live();
  wire.of("tenant_a").send(JSON.stringify({ type: "heartbeat", seq: 5, reconnect_ms: 500, connections: 1 })); // a gap
  await server.post("tenant_a", "three");
  await expect(view.panel("Tenant A").count("Events received live")).toHaveText("1");
  await expect(view.panel("Tenant A").count("Events accepted by the server")).toHaveText("3");
  wire.refuse();
  await wire.of("tenant_a").close({ code: 1001 });
  await expect(view.panel("Tenant A").connection).toHaveAttribute("data-connection", "reconnecting");
  await server.post("tenant_a", "four");
  wire.restore();
  await view.live();
  await server.post("tenant_a", "five");
  await expect(view.panel("Tenant A").count("Events received live")).toHaveText("2");
  await view.check();
  await expect(view.outcome).toHaveAttribute("data-verdict", "isolated");
  expect(requests).toContain("POST /events");
  expect(requests).not.toContain("GET /events");
});

test("the last delivery is shown only if this page knows when it was posted", async ({ feed, server }) => {
  const view = await feed.isolation();
  await view.live();
  const a = view.panel("Tenant A");
  await expect(a.count("Last delivery")).toHaveText("–");
  await server.post("tenant_a", "by another clock");
  await expect(a.count("Events received live")).toHaveText("1");
  await expect(a.count("Last delivery")).toHaveText("–");
  await view.check();
  await expect(a.count("Last delivery")).toHaveText(/^\d+ ms$/);
  await server.post("tenant_a", "by another clock again");
  await expect(a.count("Last delivery")).toHaveText("–");
});

test("the counts show why connections were closed", async ({ feed }) => {
  const view = await feed.isolation();
  await view.live();
  await view.page.evaluate(
    () =>
      new Promise((closed) => {
        const socket = new WebSocket("/ws?tenant=tenant_b");
        socket.onmessage = () => socket.send("a client has nothing to say");
        socket.onclose = closed;
      }),
  );
  const [a, b] = TENANTS.map(([, label]) => view.panel(label));
  await expect(b.closed).toHaveText("Connections closed1");
  await expect(a.closed).toHaveText("Connections closed0");
  const figures = [
    "Events received live",
    "Last delivery",
    "Events accepted by the server",
    "Connections",
    "Frames delivered",
  ];
  expect(await a.region.getByRole("term").allTextContents()).toEqual(figures);

  await a.closed.click();
  const reasons = ["Too slow", "Timed out", "Server stopping", "Backplane lost", "Policy violation", "By client"];
  expect(await a.region.getByRole("term").allTextContents()).toEqual([...figures, ...reasons]);
  await expect(a.count("Policy violation")).toHaveText("0");
  await b.closed.press("Enter");
  await expect(b.count("Policy violation")).toHaveText("1");
  await expect(b.count("By client")).toHaveText("0");
  await b.closed.press("Enter");
  await expect(b.count("Policy violation")).toBeHidden();
  expect(await view.server.getByRole("term").allTextContents()).toEqual([
    "Rejected: Origin not allowed",
    "Rejected: Host not allowed",
  ]);
});

test("the check is explained beforehand, and its verdict has words and a table", async ({ feed, server, wire }) => {
  let build;
  wire.pass = (frame) => {
    build ??= frame.build;
    return [frame];
  };
  const [reader] = await feed.open("tenant_a");
  const view = await feed.isolation();
  await view.live();
  await expect(view.page.getByText("The test events appear in both tenants' feeds")).toBeVisible();
  await expect(view.verdict).toHaveText("Not run yet.");
  await expect(view.details).toHaveText("");
  for (const [sentTo, receivedBy] of CELLS) {
    await expect(view.cell(sentTo, receivedBy)).toHaveText("–");
    await expect(view.cell(sentTo, receivedBy)).toHaveAttribute("data-cell", "open");
  }
  await view.run.focus();
  await view.check();
  await expect(view.run).toBeFocused();
  await expect(view.verdict).toHaveText(
    "Isolated: each tenant received all of its own test events and none of the other's.",
  );
  await expect(view.outcome).toHaveAttribute("data-verdict", "isolated");
  for (const [sentTo, receivedBy] of CELLS) {
    const cell = view.cell(sentTo, receivedBy);
    await expect(cell).toHaveText(sentTo === receivedBy ? /^5 of 5 received, slowest in \d+ ms$/ : "0 received");
    await expect(cell).toHaveAttribute("data-cell", "right");
    expect(await cell.evaluate((place) => getComputedStyle(place, "::before").content)).toContain("✓");
  }
  const details = new RegExp(`^Checked at ${TIME} · Server build ${build} · Probe id (\\w{8})$`);
  await expect(view.details).toHaveText(details);
  const [, marker] = (await view.details.textContent()).match(details);
  for (const [tenant, label] of TENANTS) {
    const probes = (await server.list(tenant)).map(({ message }) => message);
    const expected = [5, 4, 3, 2, 1].map((n) => `Isolation check ${marker}: test event ${n} of 5 to ${label}`);
    expect(probes).toEqual(expected);
    await expect(view.panel(label).count("Events received live")).toHaveText("5");
    await expect(view.panel(label).count("Events accepted by the server")).toHaveText("5");
  }
  await expect(reader.messages).toHaveCount(5);

  await view.check(); // once more, with new test events
  await expect(view.outcome).toHaveAttribute("data-verdict", "isolated");
  await expect(view.cell("Tenant A", "Tenant A")).toContainText("5 of 5 received");
  await expect(view.details).not.toContainText(marker);
});

test("the view shows no message's text, since it has no login", async ({ feed, server }) => {
  for (const [tenant, label] of TENANTS) await server.post(tenant, `${label}'s secret of before`);
  const view = await feed.isolation();
  await view.live();
  for (const [tenant, label] of TENANTS) await server.post(tenant, `${label}'s secret of now`);
  for (const [, label] of TENANTS) {
    await expect(view.panel(label).count("Events received live")).toHaveText("1");
  }
  await view.check();
  expect(await view.page.content()).not.toContain("secret");
  expect(await (await view.page.request.get(view.page.url())).text()).not.toContain("secret");
});

/** Simulates a leak: sends each frame of tenant A's socket to tenant B's too, changed by `altered`. */
function leak(wire, altered = (frame) => frame) {
  wire.pass = (frame) => {
    if (frame.event?.tenant_id === "tenant_a") wire.of("tenant_b").send(JSON.stringify(altered(frame)));
    return [frame];
  };
}

/** Delays both tenants' test events from the third on. Returns a function that sends them. */
function hold(wire) {
  const held = [];
  let open = false;
  wire.pass = (frame, nth) => {
    if (open || !/test event [345] /.test(frame.event?.message)) return [frame];
    held.push([frame, wire.sockets[nth - 1]]);
    return [];
  };
  return () => {
    open = true;
    for (const [frame, socket] of held) socket.send(JSON.stringify(frame));
  };
}

/** Expects the view to show a leak of tenant A's test events to tenant B. */
async function expectAlarm(view) {
  await expect(view.verdict).toHaveText("Leak: a tenant received the other's test events.");
  await expect(view.outcome).toHaveAttribute("data-verdict", "leaked");
  const [right, wrong] = [view.cell("Tenant A", "Tenant A"), view.cell("Tenant A", "Tenant B")];
  await expect(wrong).toHaveText("5 received");
  await expect(wrong).toHaveAttribute("data-cell", "wrong");
  await expect(right).toHaveAttribute("data-cell", "right");
  await expect(view.cell("Tenant B", "Tenant A")).toHaveText("0 received");
  const red = await colour(view, "bad");
  await expect(wrong).toHaveCSS("background-color", red);
  await expect(view.outcome).toHaveCSS("background-color", red);
  await expect(right).not.toHaveCSS("background-color", red);
}

test("while a check runs its cells are neutral", async ({ feed, wire }) => {
  const release = hold(wire);
  const view = await feed.isolation();
  await view.live();
  await view.start();
  for (const [sentTo, receivedBy] of CELLS) {
    const cell = view.cell(sentTo, receivedBy);
    await expect(cell).toHaveText(sentTo === receivedBy ? "2 of 5…" : "0 so far…");
    await expect(cell).toHaveAttribute("data-cell", "open");
    await expect(cell).toHaveCSS("border-top-style", "dashed");
  }
  await expect(view.verdict).toHaveText("Watching both streams…");
  release();
  await view.done();
  await expect(view.outcome).toHaveAttribute("data-verdict", "isolated");
});

test("a running check is accessible", { tag: "@once" }, async ({ feed, wire }) => {
  hold(wire);
  const view = await feed.isolation();
  await view.live();
  await view.start();
  expect(await violations(view.page)).toEqual([]);
});

test("a leak is red at once, before the check ends", async ({ feed, wire }) => {
  const view = await feed.isolation();
  const release = hold(wire);
  const { pass } = wire;
  wire.pass = (frame, nth) => {
    if (/test event 1 of 5 to Tenant A/.test(frame.event?.message)) {
      wire.of("tenant_b").send(JSON.stringify({ ...frame, event: { ...frame.event, tenant_id: "tenant_b" } }));
    }
    return pass(frame, nth);
  };
  await view.live();
  await view.start();
  const cell = view.cell("Tenant A", "Tenant B");
  await expect(cell).toHaveText("1 received");
  await expect(cell).toHaveAttribute("data-cell", "wrong");
  await expect(view.running).toBeVisible();
  await expect(view.cell("Tenant A", "Tenant A")).toHaveAttribute("data-cell", "open");
  release();
  await view.done();
  await expect(view.outcome).toHaveAttribute("data-verdict", "leaked");
});

test("a leak turns the count, the table and the verdict red", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  const alarm = view.page.getByRole("alert");
  await expect(alarm).toBeHidden();
  leak(wire);
  await view.check();
  await expectAlarm(view);
  await expect(alarm).toHaveText("Isolation alarm: an event of another tenant was received and dropped.");
  await expect(view.panel("Tenant B").foreign).toHaveText("5 events from the other tenant");
  await expect(view.panel("Tenant B").foreign).toHaveAttribute("data-foreign", "some");
  await expect(view.panel("Tenant A").foreign).toHaveText("0 events from the other tenant");
  expect(await view.page.content()).not.toContain("test event 1 of 5");
});

test("a leak with the receiving tenant's id is detected too", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  leak(wire, (frame) => ({ ...frame, event: { ...frame.event, tenant_id: "tenant_b" } }));
  await view.check();
  await expectAlarm(view);
});

test("if test events do not arrive, the verdict is amber", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  wire.pass = (frame) => (frame.event?.tenant_id === "tenant_b" ? [] : [frame]);
  await view.check();
  await expect(view.verdict).toHaveText("Inconclusive: some test events weren't delivered. Run it again.");
  await expect(view.outcome).toHaveAttribute("data-verdict", "incomplete");
  const [short, open] = [view.cell("Tenant B", "Tenant B"), view.cell("Tenant B", "Tenant A")];
  await expect(short).toHaveText("0 of 5 received");
  await expect(short).toHaveAttribute("data-cell", "short");
  await expect(open).toHaveAttribute("data-cell", "open");
  const amber = await colour(view, "warn");
  for (const place of [view.outcome, short]) await expect(place).toHaveCSS("color", amber);
  await expect(view.details).toHaveText(/ · Probe id \w{8}$/);
});

test("if a stream is lost during a check, the verdict is amber even if all test events arrived", async ({
  feed,
  wire,
}) => {
  const view = await feed.isolation();
  await view.live();
  await view.start();
  for (const [, label] of TENANTS) await expect(view.cell(label, label)).toHaveText("5 of 5…");
  await wire.of("tenant_b").close({ code: 1001 });
  await view.done();
  await expect(view.verdict).toHaveText("Inconclusive: a connection was lost during the check. Run it again.");
  await expect(view.cell("Tenant A", "Tenant B")).toHaveAttribute("data-cell", "open");
});

test.describe("without script", { tag: "@no-script" }, () => {
  test.use({ javaScriptEnabled: false });

  test("streams have no figures, and the server's counts are dated", async ({ feed, server }) => {
    await server.post("tenant_a", "before the view");
    const view = await feed.isolation();
    for (const [, label] of TENANTS) {
      const panel = view.panel(label);
      await expect(panel.foreign).toHaveText("– events from the other tenant");
      await expect(panel.foreign).toHaveAttribute("data-foreign", "unknown");
      for (const name of ["Events received live", "Last delivery"]) await expect(panel.count(name)).toHaveText("–");
      await expect(panel.asOf).toHaveText(/^server counts as of \S.* UTC$/);
    }
    await expect(view.panel("Tenant A").count("Events accepted by the server")).toHaveText("1");
    await expect(view.page.locator("#run-check")).toBeHidden();
    const [heading, description] = await Promise.all(
      ["#check", ".check > p"].map((place) => view.page.locator(place).first().boundingBox()),
    );
    expect(description.y).toBeGreaterThanOrEqual(heading.y + heading.height);
  });
});

test("before the first hello the streams' figures are dashes", async ({ feed, wire }) => {
  wire.pass = () => [];
  const view = await feed.isolation();
  const { connection, foreign, count, asOf } = view.panel("Tenant A");
  await expect(asOf).toHaveText(""); // the page runs: it has read the server's counts
  await expect(connection).toHaveAttribute("data-connection", "connecting");
  await expect(foreign).toHaveText("– events from the other tenant");
  await expect(foreign).toHaveAttribute("data-foreign", "unknown");
  await expect(count("Events received live")).toHaveText("–");
  await expect(count("Connections")).not.toHaveText("–");
});

test("figures are neutral and dated while their source is disconnected", async ({ feed, wire, server, context }) => {
  feed.expectNetworkErrors();
  const view = await feed.isolation();
  await view.live();
  await server.post("tenant_a", "one");
  const [a, b] = TENANTS.map(([, label]) => view.panel(label));
  await expect(a.count("Events received live")).toHaveText("1");
  await cut(wire, "tenant_a");
  await expect(a.asOf).toHaveText(new RegExp(`^stream as of ${TIME}$`));
  await expect(a.foreign).toHaveText("0 events from the other tenant");
  await expect(a.foreign).toHaveAttribute("data-foreign", "unknown");
  await expect(a.foreign.locator("strong")).toHaveCSS("color", await colour(view, "quiet"));
  await expect(a.count("Events received live")).toHaveText("1");
  await expect(a.count("Events received live")).toHaveCSS("color", await colour(view, "quiet"));
  await expect(a.count("Connections")).toHaveCSS("color", await colour(view, "text"));
  await expect(b.asOf).toHaveText("");
  await expect(b.foreign).toHaveAttribute("data-foreign", "none");

  await context.route(REPORT, (route) => route.abort());
  await expect(a.asOf).toHaveText(new RegExp(`^as of ${TIME}$`));
  await expect(b.asOf).toHaveText(new RegExp(`^server counts as of ${TIME}$`));
  await expect(b.count("Connections")).toHaveCSS("color", await colour(view, "quiet"));
  await expect(view.server).toContainText(new RegExp(`server counts as of ${TIME}`));
  await expect(view.server.getByRole("status")).toHaveText("No newer counts: the server cannot be reached.");

  await context.unroute(REPORT);
  wire.restore();
  for (const { asOf, foreign } of [a, b]) {
    await expect(asOf).toHaveText("");
    await expect(foreign).toHaveAttribute("data-foreign", "none");
  }
  await expect(view.server.getByRole("status")).toHaveText("");
});

test("an alarm stays red after its stream is lost", async ({ feed, wire, server }) => {
  const view = await feed.isolation();
  await view.live();
  leak(wire);
  await server.post("tenant_a", "leaked");
  const { foreign, connection } = view.panel("Tenant B");
  await expect(foreign).toHaveAttribute("data-foreign", "some");
  await cut(wire, "tenant_b");
  await expect(connection).not.toHaveAttribute("data-connection", "live");
  await expect(foreign).toHaveText("1 event from the other tenant");
  await expect(foreign).toHaveAttribute("data-foreign", "some");
});

test("a restart is shown, and counts of two processes are never mixed", async ({ feed, server, context }) => {
  feed.expectNetworkErrors();
  const view = await feed.isolation();
  await view.live();
  await view.check();
  const { count, connection } = view.panel("Tenant A");
  await expect(count("Events received live")).toHaveText("5");
  await expect(count("Events accepted by the server")).toHaveText("5");
  await expect(count("Last delivery")).toHaveText(/ms$/);
  await expect(view.restart).toBeHidden();
  await view.page.evaluate(() => {
    globalThis.pairs = [];
    const [received, accepted] = ["Events received live", "Events accepted by the server"].map(
      (name) =>
        [...document.querySelectorAll("[data-tenant=tenant_a] dt")].find((term) => term.textContent === name)
          .nextElementSibling,
    );
    new MutationObserver(() => globalThis.pairs.push([received.textContent, accepted.textContent])).observe(
      document.body,
      { subtree: true, childList: true, characterData: true },
    );
  });
  // The report of the new process is delayed: until then its counts are unknown.
  const held = deferred();
  await server.kill();
  await context.route(REPORT, (route) => held.promise.then(() => route.continue()));
  await server.restart();
  await expect(connection).toHaveAttribute("data-connection", "live");
  await expect(view.restart).toHaveText(
    /^The server restarted \(noticed at \d\d:\d\d\)\. Counts below may have started again\.$/,
  );
  await expect(count("Events received live")).toHaveText("0");
  await expect(count("Events accepted by the server")).toHaveText("–");
  await expect(count("Last delivery")).toHaveText("–");
  await server.post("tenant_a", "one");
  await expect(count("Events received live")).toHaveText("1");
  held.resolve();
  await expect(count("Events accepted by the server")).toHaveText("1");
  const pairs = await view.page.evaluate(() => globalThis.pairs);
  expect(pairs).toContainEqual(["1", "1"]);
  expect(pairs.filter(([received, accepted]) => Number(received) > Number(accepted))).toEqual([]);
});

test("the count of accepted events includes every delivered one", async ({ feed, server, context }) => {
  const view = await feed.isolation();
  await view.live();
  const { count, asOf } = view.panel("Tenant A");
  await expect(asOf).toHaveText("");
  await context.route(REPORT, () => {}); // no newer report comes
  await server.post("tenant_a", "one");
  await expect(count("Events received live")).toHaveText("1");
  await expect(count("Events accepted by the server")).toHaveText("1");
  await expect(asOf).toHaveText(new RegExp(`^server counts as of ${TIME}$`), { timeout: 20_000 });
});

test("a translator that replaces all text nodes does not stop the figures and verdicts", async ({
  feed,
  server,
  wire,
}) => {
  feed.expectNetworkErrors();
  const view = await feed.isolation();
  await view.live();
  const [a, b] = TENANTS.map(([, label]) => view.panel(label));
  const translate = () =>
    view.page.evaluate(() => {
      const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) texts.push(walker.currentNode);
      for (const text of texts) {
        const font = document.createElement("font");
        font.textContent = text.data;
        text.replaceWith(font);
      }
    });
  await translate();
  await server.post("tenant_a", "one");
  await expect(a.count("Events received live")).toHaveText("1");
  await expect(a.count("Events accepted by the server")).toHaveText("1");
  await view.start();
  await translate();
  await view.done();
  await expect(view.verdict).toHaveText(/^Isolated: /);
  await expect(view.details).toHaveText(/^Checked at /);
  await expect(view.cell("Tenant A", "Tenant A")).toHaveText(/^5 of 5 received/);
  await expect(view.run).toHaveText("Run isolation check");
  await expect(a.count("Last delivery")).toHaveText(/ms$/);
  await translate();
  leak(wire);
  await server.post("tenant_a", "leaked");
  await expect(b.foreign).toHaveText("1 event from the other tenant");
  await server.kill();
  await expect(a.asOf).toHaveText(/as of/);
  await expect(a.connection).not.toHaveText("Live");
  await server.restart();
  await expect(view.restart).toHaveText(/^The server restarted/);
  await expect(a.count("Events received live")).toHaveText("0");
});

/**
 * Opens the view with a clock that a test can move by an hour without ending the connections. `before` can prepare its
 * page.
 */
async function openClocked(feed, wire, before = () => {}) {
  wire.pass = (frame) => [frame.heartbeat_ms ? { ...frame, heartbeat_ms: 7_200_000 } : frame];
  const view = await feed.isolation(async (page) => {
    await clocked(page);
    await before(page);
  });
  await view.live();
  return view;
}

for (const width of [360, 800, 1440, 2560]) {
  // Only Chromium reports shifts.
  test(
    `nothing moves while the page starts, runs a check and repeats it, ${width} px wide`,
    { tag: "@once" },
    async ({ feed, server, wire }) => {
      const view = await openClocked(feed, wire, async (page) => {
        await page.setViewportSize({ width, height: 900 });
        await page.addInitScript(() => {
          globalThis.shifts = [];
          new PerformanceObserver((list) => {
            for (const { value, sources } of list.getEntries()) {
              globalThis.shifts.push([
                value,
                ...sources.map(({ node }) => (node?.outerHTML ?? `${node?.parentElement?.outerHTML}`).slice(0, 90)),
              ]);
            }
          }).observe({ type: "layout-shift", buffered: true });
        });
      });
      const shifts = () => view.page.evaluate(() => globalThis.shifts);
      await server.post("tenant_a", "a figure");
      await expect(view.panel("Tenant A").count("Events accepted by the server")).toHaveText("1");
      expect(await shifts()).toEqual([]);
      await view.repeat.click();
      await view.check();
      await view.page.clock.fastForward(600_000);
      await expect(view.repeats).toContainText("1 of 1 isolated");
      await expect(view.panel("Tenant B").count("Events accepted by the server")).toHaveText("6");
      expect(await shifts()).toEqual([]);
    },
  );
}

/** Replaces the clipboard of a page: there is none, or copying is allowed while `globalThis.isAllowed` is. */
const useClipboard = (page, exists) =>
  page.addInitScript((has) => {
    const writeText = () => (globalThis.isAllowed ? Promise.resolve() : Promise.reject(new Error("forbidden")));
    Object.defineProperty(navigator, "clipboard", { value: has ? { writeText } : undefined });
  }, exists);

test("the report is copied, and has the time, build, epoch, verdict, table and times", async ({
  feed,
  server,
  wire,
}) => {
  let hello;
  wire.pass = (frame) => {
    hello ??= frame;
    return [frame];
  };
  const view = await feed.isolation();
  await view.live();
  await view.check();
  await expect(view.copied).toBeEmpty();
  await view.copy.focus();
  await view.page.keyboard.press("Enter");
  await expect(view.copied).toHaveText("Report copied.");
  await expect(view.copy).toBeFocused();
  await expect(view.report).toBeHidden();

  // The clipboard itself can be read only by pasting, here into the message of a feed.
  const [{ page, message }] = await feed.open("tenant_a");
  await message.focus();
  await page.keyboard.press("ControlOrMeta+V");
  const [details] = await view.details.allTextContents();
  const [, build, probe] = details.match(/Server build (\S+) · Probe id (\w+)/);
  const text = await message.inputValue();
  const times = (await Promise.all(["#times-a", "#times-b"].map((id) => view.page.locator(id).textContent()))).map(
    (words) => Number(words.match(/(\d+) ms/)[1]),
  );
  expect(text).toMatch(/^Isolation report\n\nTime: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n/);
  for (const line of [
    `Server build: ${hello.build}`,
    `Server epoch: ${hello.epoch}`,
    "Isolated: each tenant received all of its own test events and none of the other's.",
    `Sent to Tenant A: 5\n- epoch of its feed: ${hello.epoch}\n- received by Tenant A: 5\n- received by Tenant B: 0`,
    `Sent to Tenant B: 5\n- epoch of its feed: ${hello.epoch}\n- received by Tenant A: 0\n- received by Tenant B: 5`,
    "- events of the other tenant received since the page was loaded: 0",
  ]) {
    expect(text).toContain(line);
  }
  expect(text).toMatch(
    new RegExp(`Checked at \\d{4}-\\d\\d-\\d\\dT[\\d:.]{12}Z · Server build ${build} · Probe id ${probe}`),
  );
  const listed = [...text.matchAll(/oldest first:((?: \d+)+)/g)].map(([, list]) => list.trim().split(" ").map(Number));
  expect(listed.map((list) => [list.length, Math.max(...list)])).toEqual(times.map((slowest) => [5, slowest]));
  expect(await server.list("tenant_a")).toHaveLength(5); // nothing was posted by copying
});

for (const [why, exists] of [
  ["has no clipboard", false],
  ["forbids it", true],
]) {
  test(`if the browser ${why}, the report is shown and selected`, async ({ feed }) => {
    const view = await feed.isolation((page) => useClipboard(page, exists));
    await view.live();
    await view.copy.click();
    await expect(view.copied).toHaveText("Not copied. The report is selected below.");
    await expect(view.report).toContainText("Isolation report");
    await expect(view.report).toContainText("Not run yet.");
    const selected = await view.page.evaluate(() => getSelection().toString());
    expect(selected.trim()).toBe((await view.report.textContent()).trim());
    await view.report.focus(); // it may scroll
    await expect(view.report).toBeFocused();
    expect.soft(await violations(view.page)).toEqual([]);
  });
}

test("a report that can be copied again is hidden again", async ({ feed }) => {
  const view = await feed.isolation((page) => useClipboard(page, true));
  await view.live();
  await view.copy.click();
  await expect(view.report).toBeVisible();
  await view.page.evaluate(() => {
    globalThis.isAllowed = true;
  });
  await view.copy.click();
  await expect(view.report).toBeHidden();
  await expect(view.copied).toHaveText("Report copied.");
});

/** The test events that each tenant has. */
const probes = (server) =>
  Promise.all(TENANTS.map(async ([tenant]) => (await server.list(tenant)).map(({ message }) => message)));

test("the check is repeated every 10 minutes for an hour, with one test event for each tenant", async ({
  feed,
  server,
  wire,
}) => {
  const view = await openClocked(feed, wire);
  await expect(view.repeat).toHaveAttribute("aria-checked", "false");
  await expect(view.repeat).toHaveAccessibleDescription(
    "Posts one test event into both tenants' feeds each time, for at most an hour. Off whenever the page is loaded.",
  );
  await view.page.clock.fastForward(660_000); // it is off
  expect(await probes(server)).toEqual([[], []]);

  await view.repeat.focus();
  await view.page.keyboard.press("Space");
  await expect(view.repeat).toHaveAttribute("aria-checked", "true");
  await expect(view.repeats).toHaveText(/^The next is in 10 min\. *$/);
  await view.page.clock.fastForward(540_000);
  await expect(view.repeats).toHaveText(/^The next is in 1 min\. *$/);
  expect(await probes(server)).toEqual([[], []]);
  for (let run = 1; run <= 6; run += 1) {
    await view.page.clock.fastForward(run === 1 ? 60_000 : 600_000);
    await expect(view.repeats).toContainText(`${run} of ${run} isolated.`);
    for (const events of await probes(server)) expect(events).toHaveLength(run);
  }
  await expect(view.cell("Tenant A", "Tenant A")).toHaveText(/^1 of 1 received, slowest in \d+ ms$/);
  await expect(view.outcome).toHaveAttribute("data-verdict", "isolated");
  await expect(view.repeat).toHaveAttribute("aria-checked", "false");
  await expect(view.repeats).toHaveText("6 of 6 isolated.");
  expect(await view.bars("tenant_a")).toBe(6);
  await view.page.clock.fastForward(1_200_000);
  await view.check(); // it comes behind a further run, if there is one
  for (const events of await probes(server)) expect(events).toHaveLength(11);
});

test("the repetition can be switched off, and is off after a load", async ({ feed, server, wire }) => {
  const view = await openClocked(feed, wire);
  await view.repeat.click();
  await expect(view.repeat).toHaveAttribute("aria-checked", "true");
  await view.repeat.click();
  await expect(view.repeat).toHaveAttribute("aria-checked", "false");
  await expect(view.repeats).toHaveText("");
  await view.repeat.click();
  await view.page.reload();
  await view.live();
  await expect(view.repeat).toHaveAttribute("aria-checked", "false");
  await view.page.clock.fastForward(660_000);
  await view.check();
  for (const events of await probes(server)) expect(events).toHaveLength(5);
});

test("a repetition waits for both tenants, and a leak stops it", async ({ feed, server, wire }) => {
  const view = await openClocked(feed, wire);
  await view.repeat.click();
  await cut(wire, "tenant_b");
  await expect(view.panel("Tenant B").connection).not.toHaveAttribute("data-connection", "live");
  await view.page.clock.fastForward(660_000);
  await expect(view.repeats).toHaveText(/^The next is due\. *$/);
  expect(await probes(server)).toEqual([[], []]);
  leak(wire);
  wire.restore();
  await view.page.evaluate(() => dispatchEvent(new Event("online"))); // it reconnects at once if it still waits
  await expect(view.repeats).toHaveText("Stopped by a leak. 0 of 1 isolated.", { timeout: 20_000 });
  await expect(view.repeat).toHaveAttribute("aria-checked", "false");
  await expect(view.outcome).toHaveAttribute("data-verdict", "leaked");
});

test("the chart shows the page's own deliveries, and its words say the same", async ({ feed, server, wire }) => {
  const view = await feed.isolation();
  await view.live();
  await expect(view.deliveries).toContainText("Tenant A: none measured yet");
  expect([await view.bars("tenant_a"), await view.bars("tenant_b")]).toEqual([0, 0]);
  await expect(view.chart).toHaveAccessibleDescription("Tenant A: none measured yet Tenant B: none measured yet");
  await server.post("tenant_a", "by another clock");
  await expect(view.panel("Tenant A").count("Events received live")).toHaveText("1");
  expect(await view.bars("tenant_a")).toBe(0);

  wire.pass = (frame) => (/test event 2 .* Tenant B/.test(frame.event?.message) ? [] : [frame]);
  await view.check();
  await expect(view.chart).toHaveAccessibleDescription(
    /^Tenant A: slowest of 5 in \d+ ms Tenant B: slowest of 4 in \d+ ms$/,
  );
  expect([await view.bars("tenant_a"), await view.bars("tenant_b")]).toEqual([5, 4]);
  // The bars begin at the bottom of the frame and stay in it. The slowest has at least two fifths of its height.
  const bars = await view.chart.evaluate((svg) =>
    [...svg.querySelectorAll("path")].map((path) => {
      const { x, y, width, height } = path.getBBox();
      return { left: x, right: x + width, top: y, bottom: y + height };
    }),
  );
  for (const { left, right, top, bottom } of bars) {
    expect([left > 0, right < 180, top >= 0, bottom]).toEqual([true, true, true, 1_000]);
  }
  expect(Math.min(...bars.map(({ top }) => top))).toBeLessThanOrEqual(600);
});

for (const width of [1280, 390, 320]) {
  test(`the table stays within its card, ${width} px wide`, async ({ feed }) => {
    const view = await feed.isolation();
    await view.page.setViewportSize({ width, height: 720 });
    await view.live();
    await view.check();
    const overhang = await view.page.locator(".check").evaluate((card) => {
      const style = getComputedStyle(card);
      const box = card.getBoundingClientRect();
      const left = box.left + parseFloat(style.paddingLeft) + 1;
      const right = box.right - parseFloat(style.paddingRight) - 1;
      return [...card.querySelectorAll("th, [data-cell]")]
        .map((cell) => cell.getBoundingClientRect())
        .map((cell) => Math.max(left - cell.left, cell.right - right));
    });
    expect(overhang).toHaveLength(8);
    expect(Math.max(...overhang)).toBeLessThanOrEqual(0.5);
    expect(await view.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
}

test("with forced colours, the connection's state is not clipped", { tag: "@once" }, async ({ feed }) => {
  const view = await feed.isolation();
  await view.page.emulateMedia({ forcedColors: "active" });
  await view.live();
  for (const [, label] of TENANTS) {
    const { connection } = view.panel(label);
    // Its text must be inside the border, which is visible now, and inside the border's curve.
    const room = await connection.evaluate((state) => {
      const style = getComputedStyle(state);
      const curve = parseFloat(style.borderTopWidth) && parseFloat(style.borderTopLeftRadius);
      return { clipped: state.scrollWidth - state.clientWidth, padding: parseFloat(style.paddingLeft), curve };
    });
    expect(room.clipped).toBeLessThanOrEqual(0);
    expect(room.padding).toBeGreaterThanOrEqual(Math.min(room.curve, 8));
  }
});

test("the printed view has the verdict, the table and all counts, on white", { tag: "@once" }, async ({ feed }) => {
  const view = await feed.isolation();
  await view.live();
  await view.check();
  await view.page.emulateMedia({ media: "print", colorScheme: "dark" });
  const { page } = view;
  const shown = [
    page.getByRole("heading", { level: 1, name: "Isolation" }),
    view.verdict,
    view.details,
    view.table,
    ...TENANTS.map(([, label]) => view.panel(label).region),
    view.server,
  ];
  for (const part of shown) await expect(part).toBeVisible();
  for (const role of ["button", "navigation", "link"]) await expect(page.getByRole(role)).toHaveCount(0);
  await expect(view.page.locator("body")).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await expect(view.page.locator(".top")).toHaveCSS("background-color", "rgba(0, 0, 0, 0)");
  await expect(view.page.locator(".top")).toHaveCSS("position", "static");
  // The content of the first page begins at its top.
  expect((await view.page.locator("#check").boundingBox()).y).toBeLessThan(250);
  expect.soft(await violations(view.page)).toEqual([]);
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    test.describe(`${colorScheme}, ${width} px wide`, { tag: "@once" }, () => {
      test.use({ colorScheme, viewport: { width, height: 720 }, contextOptions: { reducedMotion: "reduce" } });

      test("axe finds nothing, and nothing is wider than the window", async ({ feed, wire, server, context }) => {
        feed.expectNetworkErrors();
        const view = await feed.isolation();
        await view.live();
        const look = async (state) => {
          expect.soft(await violations(view.page), state).toEqual([]);
          expect
            .soft(await view.page.evaluate(() => document.documentElement.scrollWidth), state)
            .toBeLessThanOrEqual(width);
        };
        await look("before the check");
        await view.check();
        for (const [, label] of TENANTS) await view.panel(label).closed.click();
        await view.repeat.click();
        await look("isolated");
        const { pass } = wire;
        wire.pass = (frame) => (frame.event?.tenant_id === "tenant_b" ? [] : [frame]);
        await view.check();
        await look("inconclusive");
        wire.pass = pass;
        leak(wire);
        await view.check();
        await look("after a leak");
        await server.kill();
        await server.restart();
        await expect(view.restart).toBeVisible();
        await view.live();
        await look("restarted");
        await context.route(REPORT, (route) => route.abort());
        await cut(wire, "tenant_a");
        await expect(view.panel("Tenant A").asOf).toHaveText(/^as of /);
        await look("stale");
      });
    });
  }
}

test.describe("with --no-isolation", () => {
  test.use({ settings: { "no-isolation": true } });

  test("the page, its counts and the links to it do not exist", async ({ feed, server }) => {
    expect((await fetch(`${server.origin}/isolation`)).status).toBe(404);
    const counts = await fetch(`${server.origin}/api/isolation_report`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: "{}",
    });
    expect(counts.status).toBe(404);
    const [{ page }] = await feed.open("tenant_a");
    await page.getByRole("button", { name: "Menu" }).click();
    await expect(page.getByRole("link", { name: /simple|no-build|plain/i })).not.toHaveCount(0);
    await expect(page.locator("a[href='/isolation']")).toHaveCount(0);
  });
});
