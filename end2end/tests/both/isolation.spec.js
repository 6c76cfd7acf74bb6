import { FOREIGN, expect, test } from "../../fixtures/index.js";

test("two tenants that post at the same time see their own events alone", async ({ feed, server }) => {
  const [a, b] = await feed.open("tenant_a", "tenant_b");
  const own = (tenant) => Array.from({ length: 10 }, (_, i) => `${tenant} ${i}`);
  for (const [forA, forB] of own("A").map((text, i) => [text, own("B")[i]])) {
    await Promise.all([server.post("tenant_a", forA), server.post("tenant_b", forB)]);
  }
  await expect(a.messages).toHaveText(own("A").toReversed());
  await expect(b.messages).toHaveText(own("B").toReversed());
  for (const window of [a, b]) await expect(window.breach).toBeHidden();
});

test("a foreign event in the stream is dropped with an alarm and never rendered", async ({ feed, wire, server }) => {
  const [window] = await feed.open("tenant_a");
  await expect(window.breach).toBeHidden();
  wire.inject({ type: "event_created", seq: 1, event: FOREIGN });
  await expect(window.breach).toHaveText("Isolation alarm: an event of another tenant was received and dropped.");
  await server.post("tenant_a", "marker");
  await expect(window.messages).toHaveText(["marker"]);
  await expect(window.page.getByText(FOREIGN.message)).toHaveCount(0);
  await expect(window.breach).toBeVisible();
});

test("a foreign event in the list is dropped with an alarm and never rendered", async ({
  feed,
  context,
  server,
  wire,
}) => {
  wire.refuse();
  const window = await feed.visit("?tenant=tenant_a");
  await window.is("reconnecting");
  const mine = await server.post("tenant_a", "mine");
  await context.route(/\/events$/, async (route) => {
    const response = await route.fetch();
    return route.fulfill({
      response,
      json: [FOREIGN, mine],
      headers: { ...response.headers(), "feed-position": response.headers()["feed-position"].replace(/:1$/, ":2") },
    });
  });
  wire.restore();
  await expect(window.breach).toContainText("Isolation alarm");
  await expect(window.messages).toHaveText(["mine"]);
  await expect(window.page.getByText(FOREIGN.message)).toHaveCount(0);
});

test("no request and no socket of a page names the other tenant", async ({ feed, context, wire }) => {
  const named = new Set();
  context.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    named.add(request.headers()["x-tenant-id"]);
    if (pathname === "/events" || pathname.startsWith("/api/")) expect(search).toBe("");
  });
  const [window] = await feed.open("tenant_b");
  await window.post("mine");
  await expect(window.messages).toHaveText(["mine"]);
  named.delete(undefined);
  expect([...named]).toEqual(["tenant_b"]);
  expect(wire.sockets.map((socket) => new URL(socket.url()).search)).toEqual(["?tenant=tenant_b"]);
});
