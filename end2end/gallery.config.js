import base, { chromiumProjects } from "./playwright.config.js";

/** Takes screenshots with the fixtures of the suite. */
export default { ...base, testDir: "gallery", projects: chromiumProjects };
