// Tests pages behind the proxy of docs/nginx.nodes.conf, in front of two servers that share one feed.
import { NATS_SERVER, Nats } from "../fixtures/nats.js";
import { NAME, Proxy } from "../fixtures/proxy.js";
import { Server } from "../fixtures/server.js";
import { expect, test as base } from "../fixtures/index.js";

base.skip(!NATS_SERVER, "there is no nats-server: script/setup installs one");

const test = base.extend({
  /** A nats-server for each tenant, two servers, and nginx in front of them. */
  cluster: async ({ feed }, use) => {
    const engines = await Promise.all([Nats.start(), Nats.start()]);
    const [a, b] = engines;
    const settings = { "backplane-a": a.settings["backplane-a"], "backplane-b": b.settings["backplane-b"] };
    const start = () => Server.start({ ...settings, "allow-host": NAME });
    const nodes = await Promise.all([start(), start()]);
    const nginx = await Proxy.to(...nodes.map(({ port }) => port));
    feed.origin = nginx.origin;
    await use({ engines, nodes });
    await nginx.close();
    await Promise.all(nodes.map((node) => node.kill()));
    await Promise.all(engines.map((engine) => engine.close()));
  },
});

test("an event of any server appears in its tenant's windows alone", async ({ feed, cluster: { nodes } }) => {
  const [reader, stranger] = await feed.open("tenant_a", "tenant_b");
  await nodes[0].post("tenant_a", "by the first");
  await nodes[1].post("tenant_a", "by the second");
  await reader.post("by the balancer's choice");
  await expect(reader.messages).toHaveText(["by the balancer's choice", "by the second", "by the first"]);
  await stranger.post("hello from B"); // a leak would be below it
  await expect(stranger.messages).toHaveText(["hello from B"]);
});

test("a page reconnects to another server when its own is killed, and misses nothing", async ({
  feed,
  cluster: { nodes },
}) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await window.post("before");
  const counts = await Promise.all(nodes.map((node) => node.connections()));
  const own = counts.findIndex(({ tenant_a }) => tenant_a === 1);
  await nodes[own].kill();
  await window.isNot("live");
  await nodes[1 - own].post("tenant_a", "meanwhile");
  await window.live();
  await expect(window.notice).toContainText("Reconnected"); // it may be back before or after the post
  await expect(window.messages).toHaveText(["meanwhile", "before"]);
  await window.post("after");
  await expect(window.messages).toHaveText(["after", "meanwhile", "before"]);
});

test("the loss of one tenant's nats-server leaves the other tenant alone", async ({ feed, cluster }) => {
  const { nodes, engines } = cluster;
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_b");
  await engines[0].kill();
  await expect.poll(() => nodes[0].list("tenant_a")).toMatchObject({ status: 503 });
  const statuses = await window.page.evaluate(async () => {
    const status = async (tenant) => (await fetch("/events", { headers: { "X-Tenant-ID": tenant } })).status;
    const all = [];
    for (let i = 0; i < 5; i++) all.push(await status("tenant_a"), await status("tenant_b"));
    return all;
  });
  expect(statuses).toEqual(Array(5).fill([503, 200]).flat());
  await window.post("still here");
  await expect(window.messages).toHaveText(["still here"]);
});
