import base from "./playwright.config.js";

/** The same browsers and fixtures; what is made here are pictures. */
export default {
  ...base,
  testDir: "gallery",
  projects: base.projects.map((project) => ({ ...project, testMatch: "**/*.spec.js" })),
};
