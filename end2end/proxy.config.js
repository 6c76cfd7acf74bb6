import { NAME } from "./fixtures/proxy.js";
import base, { chromiumProjects } from "./playwright.config.js";

/** Tests the pages behind the proxy of docs/nginx.conf, under its host name and with a self-signed certificate. */
export default {
  ...base,
  testDir: "proxy",
  projects: chromiumProjects.map(({ use, ...project }) => ({
    ...project,
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
