// Prints the size of the newest client, and what each page loads, as it travels: the head of each answer, and its
// body in the coding that Chromium asks for. In kB of 1,000 bytes.
import process from "node:process";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { chromium } from "@playwright/test";

import { engines } from "../engines.js";
import { Server } from "../fixtures/server.js";
import { ENDINGS, clientFile } from "./client_files.js";
import { texts } from "./texts.js";

const PACKINGS = [
  ["raw", (file) => file],
  ["gzip", (file) => gzipSync(file, { level: constants.Z_BEST_COMPRESSION })],
  ["brotli", (file) => brotliCompressSync(file)], // at quality 11, the default and the best
];
/** The files that pages load, by a part of the address and of the media type. The first that fits counts. */
const PARTS = [
  ["list", ({ path }) => path === "/events"],
  ["HTML", ({ type }) => type.startsWith("text/html")],
  ["style", ({ type }) => type.startsWith("text/css")],
  ["script", ({ type }) => type.startsWith("text/javascript")],
  ["WASM", ({ type }) => type === "application/wasm"],
  ["other", () => true],
];
const FEEDS = ["/?tenant=tenant_a", "/vanilla/?tenant=tenant_a"];

const line = (name, cells) =>
  process.stdout.write(`${name.padEnd(58)}${cells.map((cell) => cell.padStart(8)).join("")}\n`);
const kilobytes = (bytes) => (bytes / 1000).toFixed(1);
const sum = (numbers) => numbers.reduce((all, number) => all + number, 0);
const names = (parts) => parts.map(([name]) => name);

/** Records the size of each answer that a page loads, and of the frames of its sockets. */
async function record(page) {
  const session = await page.context().newCDPSession(page);
  const [answers, loaded] = [new Map(), []];
  session.on("Network.responseReceived", ({ requestId, response }) => {
    const { pathname: path } = new URL(response.url);
    answers.set(requestId, { path, type: response.mimeType });
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength: size }) => {
    const answer = answers.get(requestId);
    if (answer) loaded.push({ ...answer, size });
  });
  session.on("Network.webSocketHandshakeResponseReceived", ({ response: { headersText } }) => {
    loaded.push({ path: "/ws", type: "", size: headersText.length });
  });
  session.on("Network.webSocketFrameReceived", ({ response: { payloadData } }) => {
    loaded.push({ path: "/ws", type: "", size: payloadData.length });
  });
  await session.send("Network.enable");
  return () => loaded.splice(0);
}

/** Prints the sizes of what was loaded, by part. */
function printLoad(name, loaded) {
  const sizes = PARTS.map(() => 0);
  for (const answer of loaded) sizes[PARTS.findIndex(([, fits]) => fits(answer))] += answer.size;
  line(name, [...sizes, sum(sizes)].map(kilobytes));
}

const live = (page) => page.locator('[data-connection="live"]').waitFor();

/** Prints what a page loads the first time, and what a feed loads when it returns after its connection was lost. */
async function load(browser, server, address, what) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const recorded = await record(page);
  await page.goto(server.origin + address);
  const isFeed = FEEDS.includes(address);
  if (isFeed) await live(page);
  await page.waitForLoadState("networkidle");
  printLoad(`${address}${what}`, recorded());
  if (isFeed) {
    // A restart would empty the feed. So the page is shown again after a time in the browser's page cache, as by Back.
    await page.evaluate(() => {
      globalThis.dispatchEvent(new globalThis.PageTransitionEvent("pagehide", { persisted: true }));
      globalThis.dispatchEvent(new globalThis.PageTransitionEvent("pageshow", { persisted: true }));
    });
    await live(page);
    await page.waitForLoadState("networkidle");
    printLoad("    a return with nothing missed", recorded());
  }
  await context.close();
}

const sizes = ENDINGS.map((ending) => {
  const file = clientFile(ending);
  return PACKINGS.map(([, pack]) => pack(file).length);
});
line("the client's files, kB", names(PACKINGS));
ENDINGS.forEach((ending, row) => line(ending.slice(1), sizes[row].map(kilobytes)));
line(
  "in all",
  PACKINGS.map((_, column) => kilobytes(sum(sizes.map((row) => row[column])))),
);

const browser = await chromium.launch(engines.chromium.launchOptions);
const server = await Server.start();
try {
  line("\nfirst load of a page, kB", [...names(PARTS), "in all"]);
  for (const page of ["/", "/isolation"]) await load(browser, server, page, "");
  for (const [count, length] of [
    [0, 0],
    [100, 80],
    [1_000, 500],
  ]) {
    for (const text of texts(count, length)) await server.post("tenant_a", text);
    const what = count === 0 ? ", no event" : `, ${count} events of ${length} characters`;
    for (const feed of FEEDS) await load(browser, server, feed, what);
  }
} finally {
  await browser.close();
  await server.kill();
}
