// The stream of events: one for all, that loses nothing when it breaks, and that a flood does not drown.

import { expect, test } from "./support.js";
import { Server, long } from "./server.js";

test.describe("a server that goes and comes again", () => {
  test.use({ expected: /ERR_|Failed to load/ });

  test("is followed on without a gap", async ({ page }) => {
    let server = await Server.start();
    const { id } = await server.post("/v1/jobs", long({ epochs: 1_000_000, report: { every_steps: 50 } }));
    try {
      await page.addInitScript(() => {
        window.sources = 0;
        const Own = window.EventSource;
        window.EventSource = class extends Own {
          constructor(...given) {
            super(...given);
            window.sources += 1;
          }
        };
      });
      await page.goto(`${server.address}/jobs/${id}`);
      await expect(page.locator(".page-title .badge")).toHaveText("running");
      await expect(page.locator("figure.chart").first()).toBeVisible();
      const { port, folder } = server;
      await server.stop({ keep: true });
      await expect(page.getByText("Connecting again…")).toBeVisible();
      server = await Server.start({ port, folder });
      server.own = true;
      await expect(page.getByText("Connecting again…")).toBeHidden({ timeout: 20_000 });
      await expect(page.locator(".page-title .badge")).toHaveText("running", { timeout: 20_000 });
      await page.getByRole("button", { name: "Cancel", exact: true }).click();
      await expect(page.locator(".page-title .badge")).toHaveText("cancelled");
      // What the page shows is what the server has, the time without a connection included.
      const stored = [];
      let after;
      do {
        const list = await server.get(`/v1/jobs/${id}/events?limit=1000${after ? `&after=${after}` : ""}`);
        stored.push(...list.data);
        after = list.next;
      } while (after);
      await page.getByRole("tab", { name: "Events and log" }).click();
      const shown = stored.filter(({ event }) => event !== "metrics" && event !== "progress").length;
      await expect(page.getByRole("region", { name: "All events" }).getByRole("listitem")).toHaveCount(Math.min(shown, 500));
      const last = stored.filter(({ event }) => event === "metrics").flatMap(({ data }) => data.points).filter(({ name }) => name === "step_loss").at(-1);
      await page.getByRole("tab", { name: "Curves" }).click();
      const drawn = await page.locator("figure.chart").first().locator(".chart-value").last().textContent();
      expect(Number(drawn.replace("−", "-"))).toBeCloseTo(last.value, 3);
      expect(await page.evaluate(() => window.sources)).toBeLessThanOrEqual(20);
    } finally {
      await page.goto("about:blank");
      await server.stop();
    }
  });
});
