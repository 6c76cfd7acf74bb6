import { expect, test, violations } from "../../fixtures/index.js";

/** The four cells, row by row. */
const CELLS = ["Tenant A", "Tenant B"].flatMap((sentTo) => ["Tenant A", "Tenant B"].map((seenBy) => [sentTo, seenBy]));
const TENANTS = [["tenant_a", "Tenant A"], ["tenant_b", "Tenant B"]];

test("both tenants stand side by side, each live through its own socket, with its own counts", async ({
  feed, server, wire,
}) => {
  await server.post("tenant_b", "before the view");
  const view = await feed.isolation();
  await view.live();
  expect(wire.sockets.map((socket) => new URL(socket.url()).search).sort())
    .toEqual(["?tenant=tenant_a", "?tenant=tenant_b"]);
  const [a, b] = TENANTS.map(([, label]) => view.panel(label));
  const [left, right] = await Promise.all([a, b].map(({ region }) => region.boundingBox()));
  expect(right.x).toBeGreaterThanOrEqual(left.x + left.width);
  expect(Math.abs(left.y - right.y)).toBeLessThanOrEqual(1);

  for (const text of ["one", "two"]) await server.post("tenant_a", text);
  await expect(a.count("Events received live")).toHaveText("2");
  await expect(b.count("Events received live")).toHaveText("0");
  for (const { foreign } of [a, b]) {
    await expect(foreign).toHaveText("0 foreign events received");
    await expect(foreign).toHaveAttribute("data-foreign", "none");
  }
  await expect(a.count("Delivery time")).toHaveText(/^\d+ ms$/);
  await expect(b.count("Delivery time")).toHaveText("none yet");
  await expect(a.count("Events accepted by the server")).toHaveText("2");
  await expect(b.count("Events accepted by the server")).toHaveText("1");
  for (const panel of [a, b]) await expect(panel.count("Connections")).toHaveText("1");
});

test("the server's counts say why connections ended", async ({ feed }) => {
  const view = await feed.isolation();
  await view.live();
  await view.page.evaluate(() => new Promise((closed) => {
    const socket = new WebSocket("/ws?tenant=tenant_b");
    socket.onmessage = () => socket.send("a client has nothing to say");
    socket.onclose = closed;
  }));
  await expect(view.panel("Tenant B").count("Ended: broke the rules")).toHaveText("1");
  await expect(view.panel("Tenant A").count("Ended: broke the rules")).toHaveText("0");
});

test("the check says beforehand what it does, and gives its verdict in words and in a table", async ({
  feed, server,
}) => {
  const [reader] = await feed.open("tenant_a");
  const view = await feed.isolation();
  await view.live();
  await expect(view.page.getByText("The probes appear in both tenants' feeds")).toBeVisible();
  await expect(view.table).toBeHidden();
  await expect(view.verdict).toHaveCSS("border-top-width", "0px"); // no box is drawn around nothing
  await view.check();
  await expect(view.verdict).toHaveText(/^Isolated: each tenant saw every probe of its own and none of the other's/);
  await expect(view.verdict).toHaveAttribute("data-verdict", "isolated");
  for (const [sentTo, seenBy] of CELLS) {
    const cell = view.cell(sentTo, seenBy);
    await expect(cell).toHaveText(sentTo === seenBy ? /^5 seen, the slowest in \d+ ms$/ : "0 seen");
    await expect(cell).toHaveAttribute("data-cell", "right");
  }
  for (const [tenant, label] of TENANTS) {
    const probes = (await server.list(tenant)).map(({ message }) => message);
    expect(probes).toHaveLength(5);
    for (const probe of probes) expect(probe).toMatch(new RegExp(`^Isolation check \\w+: probe \\d of 5 to ${label}$`));
    await expect(view.panel(label).count("Events received live")).toHaveText("5");
    await expect(view.panel(label).count("Events accepted by the server")).toHaveText("5");
  }
  await expect(reader.messages).toHaveCount(5);

  await view.check(); // once more: the new probes are others
  await expect(view.verdict).toHaveAttribute("data-verdict", "isolated");
  await expect(view.cell("Tenant A", "Tenant A")).toContainText("5 seen, the slowest");
});

test("no message's text is on the view: there is no login", async ({ feed, server }) => {
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

/** Lets what tenant A's socket brings reach tenant B's too, as `altered`: a leak that only a test can make. */
function leak(wire, altered = (frame) => frame) {
  wire.pass = (frame) => {
    if (frame.event?.tenant_id === "tenant_a") wire.of("tenant_b").send(JSON.stringify(altered(frame)));
    return [frame];
  };
}

/** What a leak of tenant A's probes to tenant B has to look like. */
async function expectAlarm(view) {
  await expect(view.verdict).toHaveText("LEAK: a tenant has seen probes of the other.");
  await expect(view.verdict).toHaveAttribute("data-verdict", "leaked");
  const [right, wrong] = [view.cell("Tenant A", "Tenant A"), view.cell("Tenant A", "Tenant B")];
  await expect(wrong).toHaveText(/^5 seen, the slowest in \d+ ms$/);
  await expect(wrong).toHaveAttribute("data-cell", "wrong");
  await expect(right).toHaveAttribute("data-cell", "right");
  await expect(view.cell("Tenant B", "Tenant A")).toHaveText("0 seen");
  const colour = (node) => node.evaluate((element) => getComputedStyle(element).color);
  expect(await colour(wrong)).toBe(await colour(view.verdict));
  expect(await colour(wrong)).not.toBe(await colour(right));
}

test("a leak turns the count, the table and the verdict red", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  const alarm = view.page.getByRole("alert");
  await expect(alarm).toBeHidden();
  leak(wire);
  await view.check();
  await expectAlarm(view);
  await expect(alarm).toHaveText("Isolation alarm: an event of another tenant was received and dropped.");
  await expect(view.panel("Tenant B").foreign).toHaveText("5 foreign events received");
  await expect(view.panel("Tenant B").foreign).toHaveAttribute("data-foreign", "some");
  await expect(view.panel("Tenant A").foreign).toHaveText("0 foreign events received");
  expect(await view.page.content()).not.toContain("probe 1 of 5");
});

test("a leak that bears the right tenant's name is found all the same", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  leak(wire, (frame) => ({ ...frame, event: { ...frame.event, tenant_id: "tenant_b" } }));
  await view.check();
  await expectAlarm(view);
});

test("probes that do not arrive prove nothing, and the verdict says so", async ({ feed, wire }) => {
  const view = await feed.isolation();
  await view.live();
  wire.pass = (frame) => (frame.event?.tenant_id === "tenant_b" ? [] : [frame]);
  await view.check();
  await expect(view.verdict).toHaveText(/^Not proven: /);
  await expect(view.verdict).toHaveAttribute("data-verdict", "incomplete");
  await expect(view.cell("Tenant B", "Tenant B")).toHaveAttribute("data-cell", "wrong");
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 320]) {
    test.describe(`${colorScheme}, ${width} px wide`, { tag: "@once" }, () => {
      test.use({ colorScheme, viewport: { width, height: 720 }, contextOptions: { reducedMotion: "reduce" } });

      test("axe finds nothing, and nothing is wider than the window", async ({ feed, wire }) => {
        const view = await feed.isolation();
        await view.live();
        expect.soft(await violations(view.page), "before the check").toEqual([]);
        leak(wire);
        await view.check();
        expect.soft(await violations(view.page), "after a leak").toEqual([]);
        expect(await view.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      });
    });
  }
}

test.describe("with --no-isolation", () => {
  test.use({ settings: { "no-isolation": true } });

  test("there is no such page, no counts behind it, and no link to it", async ({ feed, server }) => {
    expect((await fetch(`${server.origin}/isolation`)).status).toBe(404);
    const counts = await fetch(`${server.origin}/api/isolation_report`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
    });
    expect(counts.status).toBe(404);
    const [{ page }] = await feed.open("tenant_a");
    await expect(page.getByRole("link", { name: /simple|no-build|plain/i })).not.toHaveCount(0);
    await expect(page.locator("a[href='/isolation']")).toHaveCount(0);
  });
});
