// The overview, and the way of a newcomer.

import { api, expect, looks, open, test } from "./support.js";
import { Server, long } from "./server.js";

test("tells what runs, what waits, what failed, and the machine", async ({ page }) => {
  const running = await api("POST", "/v1/jobs", long({ name: "runs", resources: { threads: 2, memory_mb: 256 } }));
  const waiting = await api("POST", "/v1/jobs", long({ name: "waits", resources: { threads: 2, memory_mb: 256 } }));
  await open(page, "/");
  const card = page.getByRole("article").filter({ hasText: "runs" });
  await expect(card).toContainText(/\d % · epoch [\d]+ of 50000/);
  await expect(card.getByRole("img", { name: /loss, now/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Waiting" })).toContainText(/it is next, and \d threads? (is|are) missing/);
  await expect(page.getByRole("region", { name: "Failed of late" })).toContainText("the loss became");
  await expect(page.getByRole("region", { name: "Models" })).toContainText("iris-rates");
  await expect(page.getByRole("region", { name: "Machine" })).toContainText(/Threads/);
  await looks(page, "overview", { docs: "overview" });
  await api("POST", `/v1/jobs/${running.id}/cancel`);
  await expect(card).toHaveCount(0);
  await expect(page.getByRole("article").filter({ hasText: "waits" })).toBeVisible();
  await api("POST", `/v1/jobs/${waiting.id}/cancel`);
  await expect(page.getByText("Nothing runs").first()).toBeVisible();
});

test("a newcomer comes from an empty folder to a trained model by clicks alone", async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(server.address);
    await expect(page.getByRole("heading", { name: "From nothing to a model in three steps" })).toBeVisible();
    await looks(page, "overview-first");
    await page.getByRole("button", { name: "Train it" }).click();
    await page.getByRole("link", { name: "Watch", exact: true }).last().click();
    await expect(page.getByRole("heading", { level: 1, name: "first-model" })).toBeVisible();
    await expect(page.locator("figure.chart").first()).toBeVisible();
    const { data } = await server.get("/v1/jobs");
    expect(data).toHaveLength(1);
    await page.goto(server.address);
    await expect(page.getByRole("button", { name: "Train it" })).toHaveCount(0);
    await server.post(`/v1/jobs/${data[0].id}/cancel`);
    await expect(page.getByRole("button", { name: "Train it" })).toBeVisible();
    await page.getByRole("button", { name: "Dismiss" }).click();
    await expect(page.getByRole("heading", { name: "From nothing to a model in three steps" })).toHaveCount(0);
  } finally {
    await page.goto("about:blank");
    await server.stop();
  }
});
