import base from "./playwright.config.js";

const chromium = base.projects.filter(({ name }) => name.startsWith("chromium"));

/** Measurements with limits, one after another, for an idle machine. They are not part of `script/test`. */
export default {
  ...base,
  testDir: "measure",
  workers: 1,
  timeout: 120_000,
  use: { ...base.use, trace: "off" },
  projects: chromium.map((project) => ({ ...project, testMatch: "**/*.spec.js" })),
};
