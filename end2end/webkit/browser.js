// Drives the system's WebKit (WebKitGTK, with Safari's engine) by WebDriver. The driver gives no access to the console,
// so that each page records its own errors and warnings.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";

import { Builder, By } from "selenium-webdriver";

import { freePort } from "../fixtures/free_port.js";

const TIMEOUT_MS = 15_000;

/** The path of an executable on the PATH. */
const onPath = (name) =>
  process.env.PATH.split(":")
    .map((directory) => `${directory}/${name}`)
    .find((path) => existsSync(path));

/** Debian installs it in the folder of the library, which has the architecture in its path. */
function miniBrowser() {
  const places = ["/usr/lib", ...readdirSync("/usr/lib").map((kind) => `/usr/lib/${kind}`), "/usr/libexec"];
  return places.map((place) => `${place}/webkit2gtk-4.1/MiniBrowser`).find((path) => existsSync(path));
}

/** The reason why this engine cannot be tested, or "". */
export function missing() {
  if (process.platform !== "linux") return "WebKitGTK is for Linux: elsewhere the suite tests Playwright's own WebKit";
  if (!onPath("WebKitWebDriver") || !miniBrowser()) return "no WebKitWebDriver with its MiniBrowser is installed";
  return process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? "" : "no display: run this with `npm run webkit`";
}

/** Repeats a question until its answer is true. The error holds the last other answer. */
export async function until(what, ask) {
  let last;
  for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await pause(25)) {
    last = await ask().catch((error) => String(error));
    if (last === true) return;
  }
  throw new Error(`${what}: ${JSON.stringify(last)}`);
}

/** Runs in the page: records errors, warnings and violations of the page's policy. */
function listen() {
  if (globalThis.complaints) return;
  const complaints = (globalThis.complaints = []);
  addEventListener("error", (event) => complaints.push(`error: ${event.message}`));
  addEventListener("unhandledrejection", (event) => complaints.push(`rejection: ${event.reason}`));
  addEventListener("securitypolicyviolation", (event) => complaints.push(`policy: ${event.violatedDirective}`));
  const { console } = globalThis;
  for (const level of ["error", "warn"]) console[level] = (...words) => complaints.push(`${level}: ${words.join(" ")}`);
}

export class Browser {
  /** Starts a browser with one window. */
  static async start() {
    const browser = new Browser();
    const port = await freePort();
    browser.process = spawn("WebKitWebDriver", [`--port=${port}`], { stdio: "ignore" });
    const ready = () => fetch(`http://127.0.0.1:${port}/status`).then((answer) => answer.ok);
    await until("WebKitWebDriver answers", ready);
    browser.driver = await new Builder()
      .usingServer(`http://127.0.0.1:${port}`)
      .withCapabilities({
        browserName: "MiniBrowser",
        pageLoadStrategy: "eager", // so that errors are recorded before the page is idle
        "webkitgtk:browserOptions": { binary: miniBrowser(), args: ["--automation"] },
      })
      .build();
    return browser;
  }

  /** Opens an address in a new window. */
  async open(address) {
    await this.driver.switchTo().newWindow("window");
    const window = new Window(this.driver, await this.driver.getWindowHandle());
    await window.visit(address);
    return window;
  }

  async close() {
    await this.driver.quit();
    const ended = once(this.process, "exit");
    this.process.kill();
    await ended;
  }
}

/** A window. Each command brings it to the front first. */
class Window {
  constructor(driver, handle) {
    this.driver = driver;
    this.handle = handle;
  }

  async front() {
    await this.driver.switchTo().window(this.handle);
    return this.driver;
  }

  async visit(address) {
    await (await this.front()).get(address);
    await this.run(listen);
  }

  /**
   * Goes back with a script, since the driver's own command waits for a load, which a page from the back/forward cache
   * does not have. The driver loses commands while pages change: `changed` must wait for the change in another way.
   */
  async back(changed) {
    await this.run(() => {
      setTimeout(() => history.back());
    });
    await changed();
    await this.run(listen);
  }

  async run(script, ...values) {
    return (await this.front()).executeScript(script, ...values);
  }

  async find(selector) {
    return (await this.front()).findElement(By.css(selector));
  }

  /** Waits until the page's script runs and the stream is live. */
  async live() {
    await until("the page is live", () =>
      this.run(() => {
        const { client } = document.documentElement.dataset;
        const state = document.querySelector("[data-connection]")?.dataset.connection;
        return (client === "ready" && state === "live") || [client, state];
      }),
    );
    await this.run(listen);
  }

  /** Waits until the connection's state is this one. */
  async is(state) {
    await until(`the page is ${state}`, () =>
      this.run((wanted) => {
        const { connection } = document.querySelector("[data-connection]").dataset;
        return connection === wanted || connection;
      }, state),
    );
  }

  /** Waits until exactly these messages are shown, newest first. */
  async shows(...messages) {
    await until(`the page shows ${messages}`, () =>
      this.run((wanted) => {
        const shown = Array.from(document.querySelectorAll("[role=feed] .message"), (node) => node.textContent);
        return JSON.stringify(shown) === JSON.stringify(wanted) || shown;
      }, messages),
    );
  }

  /** Returns the errors and warnings since the last call. */
  async complaints() {
    return this.run(() => globalThis.complaints.splice(0));
  }
}
