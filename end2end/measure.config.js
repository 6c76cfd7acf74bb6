import base, { chromiumProjects } from "./playwright.config.js";

/** Measurements with limits, one after another, for an idle machine. They are not part of `script/test`. */
export default {
  ...base,
  testDir: "measure",
  workers: 1,
  timeout: 120_000,
  use: { ...base.use, trace: "off" },
  projects: chromiumProjects,
};
