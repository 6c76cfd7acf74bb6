import base from "./playwright.config.js";

const chromium = base.projects.filter(({ name }) => name.startsWith("chromium"));

/** Takes screenshots with the fixtures of the suite. */
export default {
  ...base,
  testDir: "gallery",
  projects: chromium.map((project) => ({
    ...project,
    testMatch: "**/*.spec.js",
    grepInvert: project.name.endsWith("leptos") ? undefined : /@leptos/,
  })),
};
