import { existsSync } from "node:fs";
import process from "node:process";

import { chromium, defineConfig } from "@playwright/test";

/** Playwright's own browser where it is installed, else the system's. */
const executablePath = existsSync(chromium.executablePath()) ? undefined : process.env.CHROMIUM ?? "/usr/bin/chromium";
const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync"];

const engines = {
  chromium: { browserName: "chromium", launchOptions: { executablePath, args: [...quiet, ...sandbox] } },
};
const clients = ["leptos", "vanilla"];

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  retries: 0, // a retry would hide a race
  workers: 2,
  timeout: 30_000,
  reporter: "list",
  use: { trace: "retain-on-failure", locale: "en-GB", timezoneId: "UTC" },
  // Every journey runs over both clients; what only one of them has is beside it.
  projects: Object.entries(engines).flatMap(([engine, use]) => clients.map((client) => ({
    name: `${engine} ${client}`,
    testMatch: [`both/**/*.spec.js`, `${client}/**/*.spec.js`],
    use: { ...use, client },
  }))),
});
