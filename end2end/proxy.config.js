import { NAME } from "./fixtures/proxy.js";
import base from "./playwright.config.js";

const chromium = base.projects.filter(({ name }) => name.startsWith("chromium"));

/** The pages behind the README's proxy, under its name, with a certificate that nobody has signed. */
export default {
  ...base,
  testDir: "proxy",
  projects: chromium.map(({ use, ...project }) => ({
    ...project,
    testMatch: "**/*.spec.js",
    use: {
      ...use,
      ignoreHTTPSErrors: true,
      launchOptions: {
        ...use.launchOptions,
        args: [...use.launchOptions.args, `--host-resolver-rules=MAP ${NAME} 127.0.0.1`],
      },
    },
  })),
};
