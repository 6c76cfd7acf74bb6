import base from "./playwright.config.js";

const chromium = base.projects.filter(({ name }) => name.startsWith("chromium"));

/** Figures and their bars: for a quiet machine, one after another; no part of the gate. */
export default {
  ...base,
  testDir: "measure",
  workers: 1,
  timeout: 120_000,
  use: { ...base.use, trace: "off" },
  projects: chromium.map((project) => ({ ...project, testMatch: "**/*.spec.js" })),
};
