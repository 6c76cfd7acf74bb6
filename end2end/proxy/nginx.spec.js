// Tests a page behind the proxy of docs/nginx.conf, over TLS and under another host name.
import { Proxy, NAME } from "../fixtures/proxy.js";
import { expect, test as base } from "../fixtures/index.js";

const test = base.extend({
  settings: { "allow-host": NAME },

  /** nginx between the server and windows that are opened later. */
  nginx: async ({ server, feed }, use) => {
    const nginx = await Proxy.to(server.port);
    feed.origin = nginx.origin;
    await use(nginx);
    await nginx.close();
  },
});

test("an event posted behind the proxy appears in its tenant's windows alone", async ({ feed, nginx }) => {
  const [writer, reader, stranger] = await feed.open("tenant_a", "tenant_a", "tenant_b");
  expect(writer.page.url()).toContain(nginx.origin);
  await writer.post("hello from A");
  await expect(reader.messages).toHaveText(["hello from A"]);
  await stranger.post("hello from B"); // a leak would be below it
  await expect(stranger.messages).toHaveText(["hello from B"]);
});

test("a page reconnects after the server behind the proxy restarts", async ({ feed, server, nginx }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  expect(window.page.url()).toContain(nginx.origin);
  await server.kill();
  await window.isNot("live");
  expect(await window.page.evaluate(async () => (await fetch("/healthz")).status)).toBe(502);
  await server.restart();
  await server.post("tenant_a", "after the restart");
  await window.live();
  await expect(window.messages).toHaveText(["after the restart"]);
  await expect(window.notice).toContainText("The server restarted");
});

test("a page reconnects after the proxy restarts, and misses nothing", async ({ feed, server, nginx }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await nginx.stop();
  await window.isNot("live");
  await server.post("tenant_a", "meanwhile");
  await nginx.start();
  await window.live();
  await expect(window.messages).toHaveText(["meanwhile"]);
  await expect(window.notice).toContainText("1 new event");
});

test.describe("without --allow-host", () => {
  test.use({ settings: {} });

  test("the server refuses the proxy's host name", async ({ feed, nginx }) => {
    feed.expectNetworkErrors();
    expect(feed.origin).toBe(nginx.origin);
    const { response } = await feed.visit("?tenant=tenant_a");
    expect(response.status()).toBe(421);
    expect((await response.json()).detail).toContain(`--allow-host ${NAME}`);
  });
});
