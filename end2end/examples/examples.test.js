// Runs each client of examples/ against a real server that restarts, and compares what it prints with what was posted.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Network } from "../fixtures/network.js";
import { Server } from "../fixtures/server.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = `${ROOT}target/examples/bin/python`; // script/examples makes it
const LIMIT_MS = 20_000;
const older = Number(process.versions.node.split(".")[0]) < 22;

const EXAMPLES = {
  "client.mjs": {
    command: [process.execPath, ...(older ? ["--experimental-websocket"] : []), "examples/client.mjs"],
    read: (line) => line,
  },
  "tail.rs": {
    command: [`${ROOT}target/debug/examples/tail`, "tenant_a"],
    read: (line) => JSON.parse(line).message,
  },
  "tail.py": {
    command: [PYTHON, "examples/tail.py", "tenant_a"],
    read: (line) => JSON.parse(line).message,
    skip: !existsSync(PYTHON) && "websockets cannot be installed here",
  },
};

/** An example in a process of its own. */
class Example {
  printed = [];

  constructor({ command: [program, ...flags], read }, address) {
    this.process = spawn(program, [...flags, address], { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
    createInterface(this.process.stdout).on("line", (line) => {
      this.printed.push(read(line));
      this.onprint?.();
    });
  }

  /** Waits until as many lines are printed as are expected, and compares them. */
  async prints(...expected) {
    const done = new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, LIMIT_MS);
      const fail = (code) => reject(new Error(`it ended with ${code} after ${JSON.stringify(this.printed)}`));
      this.process.once("exit", fail);
      this.onprint = () => {
        if (this.printed.length < expected.length) return;
        clearTimeout(timer);
        this.process.off("exit", fail);
        resolve();
      };
      this.onprint();
    });
    await done;
    assert.deepEqual(this.printed, expected);
  }

  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await ended;
  }
}

describe("an example", { concurrency: true }, () => {
  for (const [name, example] of Object.entries(EXAMPLES)) {
    describe(name, { skip: example.skip || false }, () => {
      /** Starts a server with one event, and the example behind a network, once it has printed that event. */
      async function start(t) {
        const server = await Server.start({ heartbeat: 500 });
        const network = await Network.to(server.port);
        await server.post("tenant_a", "kept");
        const client = new Example(example, new URL(network.origin).host);
        t.after(async () => {
          await client.kill();
          await server.kill();
          await network.close();
        });
        await client.prints("kept");
        return { server, network, client };
      }

      test("prints each event once and in order, over a restart of the server", async (t) => {
        const { server, client } = await start(t);
        await server.post("tenant_b", "foreign"); // a leak would be printed before the next
        await server.post("tenant_a", "live");
        await client.prints("kept", "live");
        await server.stop();
        await server.restart();
        await server.post("tenant_a", "meanwhile");
        await client.prints("kept", "live", "meanwhile");
        const burst = Array.from({ length: 50 }, (_, i) => `burst ${i}`);
        for (const message of burst) await server.post("tenant_a", message);
        await client.prints("kept", "live", "meanwhile", ...burst);
      });

      test("notices a connection that is silent, and misses nothing of what passed", async (t) => {
        const { server, network, client } = await start(t);
        server.freeze(); // its sockets stay open
        await once(network.listener, "connection", { signal: AbortSignal.timeout(LIMIT_MS) }); // it reconnects
        server.thaw();
        await server.post("tenant_a", "meanwhile");
        await client.prints("kept", "meanwhile");
        await server.post("tenant_a", "live");
        await client.prints("kept", "meanwhile", "live");
      });

      test("ends on Ctrl-C", async (t) => {
        const { client } = await start(t);
        const ended = once(client.process, "exit", { signal: AbortSignal.timeout(LIMIT_MS) });
        client.process.kill("SIGINT");
        const [code, signal] = await ended;
        assert.ok(code === 0 || signal === "SIGINT", `code ${code}, signal ${signal}`);
      });
    });
  }
});

test("the README shows client.mjs word for word", () => {
  const readme = readFileSync(`${ROOT}README.md`, "utf8");
  const shown = /```js\n(\/\/ Prints Tenant A[^]*?)```/.exec(readme)?.[1];
  assert.equal(shown, readFileSync(`${ROOT}examples/client.mjs`, "utf8"));
});
