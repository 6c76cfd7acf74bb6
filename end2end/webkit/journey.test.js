// Tests the core journey in WebKitGTK, for both clients.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Key } from "selenium-webdriver";

import { Server } from "../fixtures/server.js";
import { Browser, missing, until } from "./browser.js";

const why = missing();

for (const [client, path] of [
  ["leptos", "/"],
  ["vanilla", "/vanilla/"],
]) {
  describe(`WebKitGTK, ${client}`, { skip: why || false }, () => {
    let server, browser;
    const address = (tenant) => `${server.origin}${path}${tenant ? `?tenant=${tenant}` : ""}`;
    const connected = (wanted) =>
      until("the server counts the sockets", async () => {
        const counts = await server.connections();
        return JSON.stringify(counts) === JSON.stringify(wanted) || counts;
      });
    const quiet = async (...windows) => {
      for (const window of windows) assert.deepEqual(await window.complaints(), [], "the console");
    };

    before(async () => {
      server = await Server.start({ heartbeat: 1_000 });
      browser = await Browser.start();
    });
    after(async () => {
      await browser?.close();
      await server?.kill();
    });

    test("a posted message appears in both windows of its tenant and not in the other tenant's", async () => {
      const writer = await browser.open(address());
      const choice = await writer.find("select[name=tenant] option[value=tenant_a]");
      await until("the client is ready", () => writer.run(() => document.documentElement.dataset.client === "ready"));
      await quiet(writer);
      await choice.click();
      await connected({ tenant_a: 1, tenant_b: 0 });
      await writer.live();
      const reader = await browser.open(address("tenant_a"));
      const stranger = await browser.open(address("tenant_b"));
      await reader.live();
      await stranger.live();
      await connected({ tenant_a: 2, tenant_b: 1 });

      await (await writer.find("textarea")).sendKeys("hello from A", Key.ENTER);
      await reader.shows("hello from A");
      await writer.shows("hello from A");
      await (await stranger.find("textarea")).sendKeys("hello from B", Key.ENTER);
      await stranger.shows("hello from B"); // a leak would be below it
      await server.post("tenant_a", "العربية 😀\nin two lines");
      await reader.shows("العربية 😀\nin two lines", "hello from A");
      await server.post("tenant_b", "marker");
      await stranger.shows("marker", "hello from B");
      await quiet(writer, reader, stranger);
      for (const window of [writer, reader, stranger]) await window.visit(`${server.origin}/healthz`);
      await connected({ tenant_a: 0, tenant_b: 0 });
    });

    test("a page reconnects by itself after the server is killed and restarted", async () => {
      const window = await browser.open(address("tenant_a"));
      await window.live();
      await window.run(() => {
        const message = document.querySelector("textarea");
        message.value = "half a thought 😀";
        message.dispatchEvent(new Event("input", { bubbles: true }));
      });
      await server.kill();
      await until("the page notices", () =>
        window.run(() => document.querySelector("[data-connection]").dataset.connection !== "live"),
      );
      await server.restart();
      await window.live();
      await until("the page shows a notice of the restart", () =>
        window.run(() => {
          const notice = document.querySelector("#notice").textContent;
          return /The server restarted \(noticed at/.test(notice) || notice;
        }),
      );
      await (await window.find("textarea")).sendKeys(Key.ENTER);
      await until("the message is live", () =>
        window.run(() => document.querySelector("[role=feed] .message")?.textContent === "half a thought 😀"),
      );
      assert.equal((await server.list("tenant_a")).length, 1);
      await quiet(window);
      await window.visit(`${server.origin}/healthz`);
    });

    test("after Back and Forward the page has one socket, and its own list and tenant", async () => {
      const window = await browser.open(address("tenant_a"));
      await window.live();
      await connected({ tenant_a: 1, tenant_b: 0 });
      await (await window.find("#tenant option[value=tenant_b]")).click();
      await connected({ tenant_a: 0, tenant_b: 1 });
      await window.live();
      await server.post("tenant_a", "meanwhile");
      await window.back(() => connected({ tenant_a: 1, tenant_b: 0 }));
      await window.live();
      await until("the list is current", () =>
        window.run(() => document.querySelector("[role=feed] .message")?.textContent === "meanwhile"),
      );
      assert.equal(await window.run(() => document.querySelector("#tenant").value), "tenant_a");
      await connected({ tenant_a: 1, tenant_b: 0 });
      await quiet(window);
      await window.visit(`${server.origin}/healthz`);
    });

    test("hostile text is shown as text, once, and does not move a reader further down", async () => {
      const hostile = "<img src=x onerror=\"document.title = 'taken'\">";
      for (let n = 0; n < 40; n += 1) await server.post("tenant_b", `event ${n}`);
      const window = await browser.open(address("tenant_b"));
      await server.post("tenant_b", hostile); // the page may still be under way
      await window.live();
      await until("the text is shown, once", () =>
        window.run((text) => {
          const shown = Array.from(document.querySelectorAll("[role=feed] .message"), (node) => node.textContent);
          // The stream may bring it before the list brings the 40 others.
          const isComplete = shown.length === 41 && shown[0] === text && shown.lastIndexOf(text) === 0;
          return isComplete || shown.slice(0, 3);
        }, hostile),
      );
      assert.equal(await window.run(() => document.querySelectorAll("[role=feed] img").length), 0);

      const place = () => window.run(() => globalThis.reading.getBoundingClientRect().top);
      await window.run(() => {
        globalThis.reading = document.querySelectorAll("[role=feed] > article")[20];
        globalThis.reading.scrollIntoView({ block: "center" });
      });
      // Rows are laid out some frames after they come into view: wait until the position is stable for ten questions.
      let before,
        still = 0;
      await until("the position is stable", async () => {
        const now = await place();
        still = now === before ? still + 1 : 0;
        before = now;
        return still === 10;
      });
      for (let n = 0; n < 50; n += 1) await server.post("tenant_b", `arrival ${n}`);
      await until("the new events are counted", () =>
        window.run(() => {
          const words = document.querySelector("#pending").textContent;
          return words === "50 new events" || words;
        }),
      );
      const after = await place();
      assert.ok(Math.abs(after - before) <= 1, `moved from ${before} to ${after}`);
      await quiet(window);
    });
  });
}
