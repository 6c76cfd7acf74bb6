import { NAME } from "./fixtures/proxy.js";
import base from "./playwright.config.js";

const chromium = base.projects.filter(({ name }) => name.startsWith("chromium"));

/** Tests the pages behind the proxy of docs/nginx.conf, under its host name and with a self-signed certificate. */
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
