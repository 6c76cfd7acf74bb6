// Runs Lighthouse on every page with its mobile settings, and prints the median of three runs.
import process from "node:process";

import { chromium } from "@playwright/test";
import lighthouse from "lighthouse";

import { engines } from "../engines.js";
import { freePort } from "../fixtures/free_port.js";
import { Server } from "../fixtures/server.js";

const PAGES = ["/", "/?tenant=tenant_a", "/isolation", "/vanilla/", "/vanilla/?tenant=tenant_a"];
/** The lowest score that passes. */
const BARS = { performance: 0.95, accessibility: 1, "best-practices": 1, seo: 1 };
const RUNS = 3;

const say = (line) => process.stdout.write(`${line}\n`);

/** Runs Lighthouse once, and returns the scores, the metrics, and the audits that lost points. */
async function run(address, port) {
  const { lhr } = await lighthouse(address, { port, logLevel: "error", onlyCategories: Object.keys(BARS) });
  const scores = Object.fromEntries(Object.keys(BARS).map((name) => [name, lhr.categories[name].score]));
  const audits = Object.values(lhr.categories).flatMap(({ auditRefs }) => auditRefs);
  const lost = audits
    .filter(({ weight }) => weight > 0)
    .map(({ id }) => lhr.audits[id])
    .filter(({ score }) => score !== null && score < 0.9);
  const metrics = [
    "first-contentful-paint",
    "largest-contentful-paint",
    "total-blocking-time",
    "cumulative-layout-shift",
    "speed-index",
  ].map((id) => lhr.audits[id].displayValue);
  return { scores, metrics, lost: lost.map(({ title, displayValue = "" }) => `${title} ${displayValue}`.trim()) };
}

const server = await Server.start();
const port = await freePort(); // Playwright does not report the port that Chromium would choose
const { executablePath, args = [] } = engines.chromium.launchOptions;
const browser = await chromium.launch({ executablePath, args: [...args, `--remote-debugging-port=${port}`] });
try {
  for (let n = 1; n <= 20; n += 1) await server.post("tenant_a", `Event ${n}: a line of an ordinary length`);
  for (const page of PAGES) {
    const runs = [];
    for (let n = 0; n < RUNS; n += 1) runs.push(await run(`${server.origin}${page}`, port));
    const median = runs.toSorted((a, b) => a.scores.performance - b.scores.performance)[Math.floor(RUNS / 2)];
    const words = Object.entries(median.scores).map(([name, score]) => `${name} ${Math.round(score * 100)}`);
    say(`${page}: ${words.join(", ")} (FCP, LCP, TBT, CLS, SI: ${median.metrics.join(", ")})`);
    for (const line of median.lost) say(`    lost on: ${line}`);
    for (const [name, bar] of Object.entries(BARS)) if (median.scores[name] < bar) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await server.kill();
}
