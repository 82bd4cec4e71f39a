// What every file of tests needs: a page that fails its test when a script fails, and the checks that hold on each page.

import AxeBuilder from "@axe-core/playwright";
import { test as base, expect } from "@playwright/test";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

export { expect };

const HERE = import.meta.dirname;
const DOCS = join(HERE, "../../docs/screenshots");

export const address = () => process.env.LYCEUM_ADDRESS;
/** The jobs that the set-up made: `done`, `diverged`, `hostile`. */
export const jobs = () => JSON.parse(process.env.LYCEUM_JOBS);

/** Calls the shared server. */
export async function api(method, path, body) {
  const answer = await fetch(address() + path, { method, headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

/** The page of a test. Whatever the browser complains of fails the test: a script that throws, a policy that is
 * broken, a file that is missing; `test.use({ expected: [/…/] })` names what a test wants to see. */
export const test = base.extend({
  expected: [[], { option: true }],
  baseURL: async ({}, use) => use(address()),
  page: async ({ page, expected }, use) => {
    const wrong = [];
    page.on("pageerror", (error) => wrong.push(error.stack));
    page.on("console", (message) => message.type() === "error" && wrong.push(`${message.text()} ${message.location().url}`));
    await use(page);
    expect(wrong.filter((words) => !expected.some((pattern) => pattern.test(words)))).toEqual([]);
  },
});

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
  const folder = join(process.env.LYCEUM_DASHBOARD_OUTPUT ?? join(HERE, "results"), "../screenshots");
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: width < 500 ? 780 : 900 });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, `${name} at ${width} pixels is too wide`).toBeLessThanOrEqual(0);
      const path = join(folder, `${name}-${width}-${colorScheme}.png`);
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
