// What every file of tests needs: a page that fails its test when a script fails, and the checks that hold on each page.

import AxeBuilder from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Server, iris } from "./server.js";

export { expect };

/** What nobody should ever have run. */
export const HOSTILE = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;

const HERE = import.meta.dirname;
const DOCS = join(HERE, "../../docs/screenshots");

/** Where pictures to be looked at are left. */
export const SCREENSHOTS = join(process.env.LYCEUM_DASHBOARD_OUTPUT ?? join(HERE, "results"), "../screenshots");

/** The server that the tests of this process share, and the jobs that it begins with. */
let shared = null;
export const jobs = () => shared.jobs;
/** Calls it. */
export const api = (method, path, body) => shared.server.call(method, path, body);
/** Adds a table to it. */
export const upload = (name, table, more) => shared.server.upload(name, table, more);

/** A server with jobs of every kind that there is to see: `done` (two seeds by two learning rates), `diverged`,
 * `hostile`. */
async function furnished() {
  const server = await Server.start({ args: ["--threads", "2"] });
  const done = [];
  for (const seed of [1, 2]) {
    for (const rate of [0.002, 0.02]) done.push(await server.train(iris({ name: "iris-rates", seed, rate, labels: { sweep: "rates" } })));
  }
  const diverged = await server.train(iris({ name: "diverges", rate: 1000, optimizer: "sgd", epochs: 100 }));
  const hostile = await server.train(iris({ name: "hostile", labels: { "<b>bold</b>": HOSTILE } }));
  await server.call("PATCH", `/v1/jobs/${hostile.id}`, { notes: HOSTILE });
  return { server, jobs: { done: done.map(({ id }) => id), diverged: diverged.id, hostile: hostile.id } };
}

/** The page of a test. Whatever the browser complains of fails the test: a script that throws, a policy that is
 * broken, a file that is missing; `test.use({ expected: /…/ })` says what a test wants to see. What a test leaves to do is
 * cancelled. */
export const test = base.extend({
  expected: [/$^/, { option: true }],
  shared: [async ({}, use) => {
    shared = await furnished();
    await use(shared);
    await shared.server.stop();
  }, { scope: "worker", timeout: 60_000 }],
  baseURL: async ({ shared: { server } }, use) => use(server.address),
  page: async ({ page, expected }, use) => {
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(error.stack));
    page.on("console", (message) => message.type() === "error" && wrong.push(`${message.text()} ${message.location().url}`));
    await use(page);
    await page.goto("about:blank");
    await cancelAll();
    // A job may begin while it is asked why it waits.
    const harmless = /409 .*\/why$/;
    expect(wrong.filter((words) => !expected.test(words) && !harmless.test(words))).toEqual([]);
  },
});

/** Ends what trains and what waits, so that the next test has the machine to itself. */
async function cancelAll() {
  const { data } = await api("GET", "/v1/jobs?status=queued,running,paused,retrying&limit=1000");
  for (const { id } of data.reverse()) await api("POST", `/v1/jobs/${id}/cancel`).catch(() => {});
  await expect.poll(async () => (await api("GET", "/v1/jobs?status=queued,running,paused,retrying")).data.length).toBe(0);
}

const AXE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const WIDTHS = [360, 820, 1440];

/** Nothing of the page keeps anybody out, in either theme. */
export async function accessible(page) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await new AxeBuilder({ page }).withTags(AXE).analyze();
    const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.slice(0, 4).map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`).join("\n  ")}`);
    expect(told, `${colorScheme} theme of ${page.url()}`).toEqual([]);
  }
}

/** Pictures at three widths in both themes, to be looked at; at none is the page wider than the window. `docs` names
 * the one that the documentation shows, of the greatest width, in the light theme. */
export async function pictures(page, name, { docs, theme = "light" } = {}) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width < 500 ? 780 : 900 });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, `${name} at ${width} pixels is too wide`).toBeLessThanOrEqual(0);
      const path = join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: width < 1440 });
      if (docs && process.env.LYCEUM_UPDATE_SCREENSHOTS && width === 1440 && colorScheme === theme) {
        mkdirSync(DOCS, { recursive: true });
        copyFileSync(path, join(DOCS, `${docs}.png`));
      }
    }
  }
}

/** Both of these. */
export async function looks(page, name, options) {
  await accessible(page);
  await pictures(page, name, options);
}

/** Goes to a page and waits until it stands. */
export async function open(page, path) {
  await page.goto(path);
  await expect(page.locator("main:not([aria-busy]) .page, main:not([aria-busy]) .trouble").first()).toBeVisible();
}
