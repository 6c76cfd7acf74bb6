// Tests in a real browser what a page of another site can do. Each attempt has a control: the same from this server's
// own page.
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, createServer as createListener } from "node:net";

import { expect, test as base } from "../../fixtures/index.js";

const test = base.extend({
  /** The origin of another site, which answers every request with an empty page. */
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names
  evil: async ({}, use) => {
    const site = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html>"));
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    await use(`http://evil.example:${site.address().port}`);
    site.closeAllConnections();
    site.close();
  },

  /** Reads the isolation report. */
  report: async ({ server }, use) =>
    use(async () => {
      const headers = { "Content-Type": "application/json" };
      return (await fetch(`${server.origin}/api/isolation_report`, { method: "POST", headers, body: "{}" })).json();
    }),
});

/** Runs in the page: opens a socket, and returns whether it connected. */
const openSocket = (address) =>
  new Promise((resolve) => {
    const socket = new WebSocket(address);
    socket.onmessage = () => resolve("connected");
    socket.onclose = socket.onerror = () => resolve("refused");
  });

/** A TCP listener that passes the first bytes of each connection to `answer`. */
const createRelay = (answer) =>
  createListener((near) => {
    near.on("error", () => {});
    near.once("data", (first) => answer(first, near));
  });

const socketOf = (server, tenant = "tenant_a") => `${server.origin.replace("http", "ws")}/ws?tenant=${tenant}`;
const empty = async (server) => {
  for (const tenant of ["tenant_a", "tenant_b"]) expect(await server.list(tenant)).toEqual([]);
};

test.describe("another site", { tag: "@once" }, () => {
  test("cannot open a socket", async ({ page, server, evil, report }) => {
    await page.goto(`${server.origin}/`);
    expect(await page.evaluate(openSocket, socketOf(server)), "the control").toBe("connected");
    const tries = [evil, evil.replace("evil.example", "127.0.0.1"), evil.replace("evil.example", "localhost")];
    for (const [n, origin] of tries.entries()) {
      await page.goto(origin);
      expect(await page.evaluate(openSocket, socketOf(server)), origin).toBe("refused");
      expect((await report()).refused_origin, `by the server: ${origin}`).toBe(n + 1);
    }
    // The same server under another name is another site. There the page's own policy refuses first.
    await page.goto(server.origin.replace("127.0.0.1", "localhost"));
    expect(await page.evaluate(openSocket, socketOf(server))).toBe("refused");
    // A sandboxed frame has no origin.
    await page.goto(evil);
    const outcome = page.evaluate(
      () =>
        new Promise((resolve) => {
          addEventListener("message", ({ data }) => resolve(data));
        }),
    );
    await page.evaluate((address) => {
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts";
      frame.srcdoc = `<script>
        const socket = new WebSocket("${address}");
        socket.onmessage = () => parent.postMessage("connected", "*");
        socket.onclose = socket.onerror = () => parent.postMessage(origin + " refused", "*");
      </script>`;
      document.body.append(frame);
    }, socketOf(server));
    expect(await outcome).toBe("null refused");
    expect((await report()).refused_origin).toBe(tries.length + 1);
  });

  test("cannot post, by any kind of request", async ({ page, server, evil }) => {
    const events = `${server.origin}/events`;
    await page.goto(evil);
    const answers = await page.evaluate(
      async ([address, call]) => {
        const body = JSON.stringify({ message: "forged" });
        const tenant = { "X-Tenant-ID": "tenant_a" },
          json = { "Content-Type": "application/json" };
        const tries = [address, call].flatMap((to) => [
          [to, { method: "POST", body, headers: { ...tenant, ...json } }],
          [to, { method: "POST", body, headers: { ...tenant, ...json }, mode: "no-cors" }],
          [to, { method: "POST", body, headers: json }],
          [to, { method: "POST", body, headers: { "Content-Type": "text/plain" } }],
          [to, { method: "POST", body, mode: "no-cors", credentials: "include", keepalive: true }],
          [`${to}?tenant=tenant_a&X-Tenant-ID=tenant_a`, { method: "POST", body, mode: "no-cors" }],
        ]);
        const outcomes = [];
        for (const [to, request] of tries) {
          outcomes.push(
            await fetch(to, request).then(
              ({ type, status }) => `${type} ${status}`,
              () => "refused",
            ),
          );
        }
        navigator.sendBeacon(address, new Blob([body], json));
        navigator.sendBeacon(address, body);
        return outcomes;
      },
      [events, `${server.origin}/api/post_event`],
    );
    // A request that the browser sends gets an opaque answer: the page cannot read even its status.
    expect(
      answers.every((answer) => ["refused", "opaque 0"].includes(answer)),
      String(answers),
    ).toBe(true);

    for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      await page.goto(evil);
      const [answer] = await Promise.all([
        page.waitForNavigation(),
        page.evaluate(
          ([action, kind]) => {
            const form = Object.assign(document.createElement("form"), { method: "post", action, enctype: kind });
            // As plain text, the name and the value of this field form valid JSON.
            form.append(Object.assign(document.createElement("input"), { name: '{"message":"forged', value: '"}' }));
            document.body.append(form);
            form.submit();
          },
          [`${events}?tenant=tenant_a`, enctype],
        ),
      ]);
      expect(answer.status(), enctype).toBe(401);
    }
    await empty(server);
    await server.post("tenant_a", "the control");
    expect(await server.list("tenant_a")).toHaveLength(1);
  });

  test("cannot read events, counts or files", async ({ page, server, evil }) => {
    await server.post("tenant_a", "not for these eyes");
    await page.goto(evil);
    const read = await page.evaluate(async (origin) => {
      const headers = { "X-Tenant-ID": "tenant_a" };
      const tries = [
        ["/events", { headers }],
        ["/?tenant=tenant_a", {}],
        ["/vanilla/", {}],
        ["/openapi.json", {}],
        ["/api/isolation_report", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }],
      ];
      const texts = tries.map(([path, request]) =>
        fetch(origin + path, request).then(
          (answer) => answer.text(),
          () => "",
        ),
      );
      const image = new Image();
      const shown = new Promise((resolve) => {
        image.onload = () => resolve("shown");
        image.onerror = () => resolve("");
      });
      image.src = `${origin}/favicon.svg`; // Cross-Origin-Resource-Policy
      return Promise.all([...texts, shown]);
    }, server.origin);
    expect(read.join("")).toBe("");
  });

  test("cannot frame a page, and has no access to a window that it opens", async ({ page, server, evil }) => {
    const paths = ["/", "/?tenant=tenant_a", "/isolation", "/vanilla/?tenant=tenant_a", "/events"];
    for (const path of paths) {
      await page.goto(evil);
      const loaded = page.waitForResponse((answer) => answer.url() === server.origin + path).catch(() => null);
      await page.evaluate((address) => {
        const frame = document.createElement("iframe");
        frame.src = address;
        document.body.append(frame);
        return new Promise((resolve) => {
          frame.onload = resolve;
        });
      }, server.origin + path);
      await loaded;
      const [frame] = page.mainFrame().childFrames();
      expect(await frame.evaluate(() => document.body?.innerText ?? ""), path).not.toMatch(/tenant|Tenant|event/);
    }
    await page.goto(evil);
    const [opened] = await Promise.all([
      page.waitForEvent("popup"),
      page.evaluate((address) => {
        globalThis.opened = open(address);
      }, `${server.origin}/?tenant=tenant_a`),
    ]);
    await opened.waitForLoadState();
    expect(await opened.evaluate(() => opener), "Cross-Origin-Opener-Policy").toBeNull();
    expect(await page.evaluate(() => globalThis.opened.closed)).toBe(true);
  });

  test("cannot use a host name that resolves to this server", async ({ page, server, report }) => {
    // DNS rebinding: the first answer comes from the site's own server, and every later one from this server.
    const name = createRelay((first, near) => {
      if (first.toString("latin1").startsWith("GET /attack")) {
        return near.end("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<!doctype html>");
      }
      const far = connect(server.port, "127.0.0.1", () => far.write(first));
      return near
        .pipe(far)
        .pipe(near)
        .on("error", () => {});
    });
    await once(name.listen(0, "127.0.0.1"), "listening");
    const rebound = `http://rebound.example:${name.address().port}`;
    await page.goto(`${rebound}/attack`);
    const answers = await page.evaluate(async () => {
      const json = { "Content-Type": "application/json" },
        tenant = { "X-Tenant-ID": "tenant_a" };
      const body = JSON.stringify({ message: "forged" });
      const post = { method: "POST", headers: { ...tenant, ...json }, body };
      const tries = [
        ["/events", { headers: tenant }],
        ["/events", post],
        ["/api/post_event", post],
        ["/api/isolation_report", { method: "POST", headers: json, body: "{}" }],
        ["/?tenant=tenant_a", {}],
        ["/vanilla/", {}],
        ["/healthz", {}],
      ];
      return Promise.all(tries.map(([path, request]) => fetch(path, request).then(({ status }) => status)));
    });
    expect(answers).toEqual(answers.map(() => 421)); // readable: for the browser they have the page's origin
    expect(await page.evaluate(openSocket, socketOf({ origin: rebound }))).toBe("refused");
    expect((await report()).refused_host).toBeGreaterThan(answers.length); // a browser retries after a 421
    await empty(server);
    const direct = server.origin.replace("127.0.0.1", "rebound.example");
    expect((await page.goto(`${direct}/?tenant=tenant_a`)).status()).toBe(421);
    name.close();
  });
});
