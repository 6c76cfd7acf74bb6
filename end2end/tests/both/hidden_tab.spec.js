// Tests a tab that is really hidden. Playwright makes every page believe that it is visible, so that this test drives
// Chromium by its own protocol, with a second tab in front.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

import WebSocket from "ws";

import { chromiumCommand } from "../../engines.js";
import { expect, test as base } from "../../fixtures/index.js";

const START_MS = 10_000;

/** A Chromium that Playwright does not control. */
class Chromium {
  #calls = new Map();
  #last = 0;
  #profile = mkdtempSync(join(tmpdir(), "event-feed-chromium-"));
  #process;
  #socket;

  async start() {
    const { path, args } = chromiumCommand();
    const flags = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${this.#profile}`, ...args];
    this.#process = spawn(path, [...flags, "about:blank"], { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    await once(this.#process, "spawn");
    await this.#connect(await this.#address());
  }

  /** Waits until Chromium has logged the address of its protocol. */
  async #address() {
    const { stderr } = this.#process;
    let address;
    for await (const line of createInterface({ input: stderr, signal: AbortSignal.timeout(START_MS) })) {
      [address] = /ws:\/\/\S+/.exec(line) ?? [];
      if (address) break;
    }
    if (!address) throw new Error("Chromium has not logged its address");
    stderr.resume(); // the log is read to its end, so that its pipe never fills
    return address;
  }

  async #connect(address) {
    this.#socket = new WebSocket(address);
    this.#socket.on("message", (data) => {
      const { id, result, error } = JSON.parse(data);
      const { resolve, reject } = this.#calls.get(id) ?? {};
      this.#calls.delete(id);
      if (error) reject?.(new Error(error.message));
      else resolve?.(result);
    });
    await once(this.#socket, "open");
  }

  /** Calls a method of the protocol, for the browser or for a tab's session. */
  call(method, params = {}, sessionId = undefined) {
    const id = (this.#last += 1);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
    });
  }

  /** Opens a tab in front. It runs `script` before the scripts of any page. */
  async open(address, script = "") {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const call = (method, params) => this.call(method, params, sessionId);
    await call("Page.enable");
    await call("Page.addScriptToEvaluateOnNewDocument", { source: script });
    await call("Page.navigate", { url: address });
    return {
      front: () => this.call("Target.activateTarget", { targetId }),
      value: async (expression) => {
        const { result } = await call("Runtime.evaluate", { expression, returnByValue: true });
        return result.value;
      },
    };
  }

  /** Ends Chromium, however far its start came, and removes its profile. */
  async close() {
    const { pid, exitCode, signalCode } = this.#process ?? {};
    if (pid && exitCode === null && signalCode === null) {
      const ended = once(this.#process, "exit");
      // A signal to the first process alone would not end its children, which write into the profile.
      if (this.#socket?.readyState === WebSocket.OPEN) await this.call("Browser.close");
      else process.kill(-pid, "SIGKILL");
      await ended;
    }
    this.#socket?.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

const test = base.extend({
  // eslint-disable-next-line no-empty-pattern -- Playwright reads the names
  chromium: async ({}, use) => {
    const chromium = new Chromium();
    try {
      await chromium.start();
      await use(chromium);
    } finally {
      await chromium.close();
    }
  },
});

/** Runs in the page before its scripts: counts the requested animation frames that have not run yet. */
function countFrames() {
  const { cancelAnimationFrame: cancel, requestAnimationFrame: request } = globalThis;
  const pending = new Set();
  globalThis.mostFrames = 0;
  globalThis.requestAnimationFrame = (callback) => {
    const id = request((time) => {
      pending.delete(id);
      callback(time);
    });
    pending.add(id);
    globalThis.mostFrames = Math.max(globalThis.mostFrames, pending.size);
    return id;
  };
  globalThis.cancelAnimationFrame = (id) => {
    pending.delete(id);
    cancel(id);
  };
}

const EVENTS = 45;

test(
  "a hidden tab counts in its title, queues at most one animation frame, and is complete once visible",
  {
    tag: "@once",
  },
  async ({ feed, server, chromium }) => {
    await server.post("tenant_a", "before");
    const tab = await chromium.open(feed.address("?tenant=tenant_a"), `(${countFrames})()`);
    const state = () => tab.value("document.querySelector('[data-connection]')?.dataset.connection");
    const shown = () => tab.value("document.querySelectorAll('[role=feed] > article').length");
    await expect.poll(state).toBe("live");
    await expect.poll(shown).toBe(1);
    await chromium.open("about:blank");
    await expect.poll(() => tab.value("document.visibilityState")).toBe("hidden");
    await tab.value("globalThis.mostFrames = 0");
    for (let n = 1; n <= EVENTS; n += 1) {
      await server.post("tenant_a", `event ${n}`);
      // A pace and not a wait: events that arrive together would be one change, and ask for one animation frame.
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    await expect.poll(() => tab.value("document.title")).toBe(`(${EVENTS}) Tenant A · Event feed`);
    expect(await tab.value("globalThis.mostFrames")).toBeLessThanOrEqual(1);
    expect(await tab.value("document.visibilityState")).toBe("hidden");
    await tab.front();
    await expect.poll(() => tab.value("document.visibilityState")).toBe("visible");
    await expect.poll(shown).toBe(EVENTS + 1);
    const ids = await tab.value("[...document.querySelectorAll('[role=feed] article')].map((row) => row.dataset.id)");
    expect(ids).toEqual((await server.list("tenant_a")).map(({ id }) => id));
    await expect.poll(() => tab.value("document.title")).toBe("Tenant A · Event feed");
  },
);
