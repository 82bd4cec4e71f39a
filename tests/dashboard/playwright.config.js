// How the browser is driven: Debian's Chromium, two pages at once, each with a server of its own; then what is measured,
// with the machine to itself.

import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  workers: 2,
  timeout: 40_000,
  // Where others take the cores away a page may be late once; what is wrong is wrong twice.
  retries: process.env.CI ? 1 : 0,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  projects: [
    { name: "pages", testIgnore: "scale.spec.js" },
    { name: "figures", testMatch: "scale.spec.js", dependencies: ["pages"] },
  ],
  outputDir: process.env.LYCEUM_DASHBOARD_OUTPUT ?? "results",
  use: {
    browserName: "chromium",
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
});
