import process from "node:process";

import { defineConfig } from "@playwright/test";

import { engines } from "./engines.js";

const clients = ["leptos", "vanilla"];

const config = defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  globalSetup: "./engines.js",
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  retries: 0, // a retry would hide a race
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 }, // generous, so that a slow machine does not fail; `npm run measure` measures speed
  reporter: "list",
  use: { trace: "retain-on-failure", locale: "en-GB", timezoneId: "UTC" },
  // Each project runs the tests for both clients, and those for its own client.
  projects: Object.entries(engines).flatMap(([engine, use]) =>
    clients.map((client) => ({
      name: `${engine} ${client}`,
      testMatch: [`both/**/*.spec.js`, `${client}/**/*.spec.js`],
      use: { ...use, client },
    })),
  ),
});

export default config;

/** The projects for tests in another folder: both clients in Chromium. Tests tagged "@leptos" are for that client. */
export const chromiumProjects = config.projects
  .filter(({ name }) => name.startsWith("chromium"))
  .map((project) => ({
    ...project,
    testMatch: "**/*.spec.js",
    grepInvert: project.use.client === "leptos" ? undefined : /@leptos/,
  }));
