// The browsers that the suite runs in: Playwright's own where they are installed, else the system's. And all that a
// test has to know of their differences.
import { existsSync } from "node:fs";
import process from "node:process";

import { chromium, firefox, webkit } from "@playwright/test";

const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];
// Names of foreign sites, which lead to this machine: for what they may try.
const foreign = ["--host-resolver-rules=MAP *.example 127.0.0.1"];

/** Lines on the console that engines write themselves, about requests refused or failed and sockets cut. */
export const NETWORK_LINES = [
  /^Failed to load resource: /, // Chromium, WebKit
  /^WebSocket connection to '[^']*' failed/, // Chromium, WebKit
  /^Firefox can’t establish a connection to the server at wss?:/,
  /^The connection to wss?:\S+ was interrupted while the page was loading/, // Firefox
];
/** What `fetch` throws, in each engine's words, where the server cannot be reached. */
export const FETCH_FAILED = /Failed to fetch|NetworkError when attempting to fetch|Load failed/;

/** Why a test that bears such a tag is left out. A test that needs one more gets one more tag here. */
const ONCE = { "@once": "no engine makes a difference here: it runs in Chromium" };
const BY_BIDI = {
  ...ONCE,
  "@no-script": "a stock Firefox cannot be told, by WebDriver BiDi, to run no script",
  "@post-body": "a stock Firefox does not tell, by WebDriver BiDi, the body of a request that is routed",
};

/** A system's browser, and what Playwright has to be told of it. */
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

/** Those that are here, by name, with what to `use`. */
export const engines = Object.fromEntries(found.filter(([, use]) => use));

/** Says once, before the first test, where the browsers come from and which are not here. */
export default function say() {
  for (const [name, use] of found) {
    const from = use ? use.launchOptions?.executablePath ?? "Playwright's own" : "not installed, so not tested in";
    process.stdout.write(`${name}: ${from}\n`);
  }
}
