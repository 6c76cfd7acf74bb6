// Finds the browsers for the suite: Playwright's own if they are installed, else the system's. It also describes the
// differences between engines that tests depend on.
import { existsSync } from "node:fs";
import process from "node:process";

import { chromium, firefox, webkit } from "@playwright/test";

const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const quiet = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
// Host names of other sites that resolve to this machine, for tests of what such a site can do.
const foreign = ["--host-resolver-rules=MAP *.example 127.0.0.1"];

/** Console messages of the engines themselves about refused or failed requests and closed sockets. */
export const NETWORK_LINES = [
  /^Failed to load resource: /, // Chromium, WebKit
  /^WebSocket connection to '[^']*' failed/, // Chromium, WebKit
  /^Firefox can’t establish a connection to the server at wss?:/,
  /^The connection to wss?:\S+ was interrupted while the page was loading/, // Firefox
];
/** The error of `fetch` in each engine if the server cannot be reached. */
export const FETCH_FAILED = /Failed to fetch|NetworkError when attempting to fetch|Load failed/;

/** The reason why tests with a tag are skipped. A test that needs another reason gets a new tag here. */
const ONCE = { "@once": "it does not depend on the engine: it runs in Chromium" };
const BY_BIDI = {
  ...ONCE,
  "@no-script": "WebDriver BiDi cannot disable scripts in a stock Firefox",
  "@post-body": "WebDriver BiDi does not give the body of an intercepted request in a stock Firefox",
};

/** The system's browsers, with their options for Playwright. */
const systems = {
  chromium: { launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" } },
  firefox: {
    channel: "moz-firefox",
    launchOptions: { executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr" },
    leftOut: BY_BIDI,
  },
};

function find(type) {
  const browserName = type.name();
  const leftOut = browserName === "chromium" ? {} : ONCE;
  const own = existsSync(type.executablePath()) && { browserName, leftOut };
  const system = existsSync(systems[browserName]?.launchOptions.executablePath) && systems[browserName];
  const use = own || (system && { browserName, leftOut, ...system });
  if (use && browserName === "chromium") {
    use.launchOptions = { ...use.launchOptions, args: [...quiet, ...foreign, ...sandbox] };
  }
  return [browserName, use];
}

const found = [chromium, firefox, webkit].map(find);

/** The installed engines by name, each with its `use` options. */
export const engines = Object.fromEntries(found.filter(([, use]) => use));

/** The command of the installed Chromium, for a test that starts it without Playwright. */
export const chromiumCommand = () => ({
  path: engines.chromium.launchOptions.executablePath ?? chromium.executablePath(),
  args: engines.chromium.launchOptions.args,
});

/** Prints once, before the first test, the path of each browser, or that it is not installed. */
export default function report() {
  for (const [name, use] of found) {
    const from = use ? (use.launchOptions?.executablePath ?? "Playwright's own") : "not installed, and not tested";
    process.stdout.write(`${name}: ${from}\n`);
  }
}
