// The overview, and the way of a newcomer.

import { api, expect, looks, open, test } from "./support.js";
import { Server, long } from "./server.js";

test("tells what runs, what waits, what failed, and the machine", async ({ page }) => {
  const running = await api("POST", "/v1/jobs", long({ name: "runs", resources: { threads: 2, memory_mb: 256 } }));
  const waiting = await api("POST", "/v1/jobs", long({ name: "waits", resources: { threads: 2, memory_mb: 256 } }));
  await open(page, "/");
  const card = page.getByRole("article").filter({ hasText: "runs" });
  await expect(card).toContainText(/\d % · epoch [\d,]+ of 50,000/);
  await expect(card.getByRole("img", { name: /loss, now/ })).toBeVisible();
  await expect(page.locator(".page-head")).toContainText(/1 running, 1 waiting, [\d.]+ k? ?examples\/s/);
  await expect(page.getByRole("region", { name: "Waiting" })).toContainText(/it is next, and \d threads? (is|are) missing/);
  await expect(page.getByRole("region", { name: "Failed of late" })).toContainText("the loss became");
  await expect(page.getByRole("region", { name: "Models", exact: true })).toContainText(/version \d/);
  await expect(page.getByRole("region", { name: "Machine" })).toContainText(/Threads/);
  await looks(page, "overview", { docs: "overview" });
  await api("POST", `/v1/jobs/${running.id}/cancel`);
  await expect(card).toHaveCount(0);
  await expect(page.getByRole("article").filter({ hasText: "waits" })).toBeVisible();
  await api("POST", `/v1/jobs/${waiting.id}/cancel`);
  await expect(page.getByText("Nothing runs").first()).toBeVisible();
});

test("a newcomer comes from an empty folder to a digit that is recognised, by mouse alone, and to those that are not", async ({ page }) => {
  test.setTimeout(240_000);
  const server = await Server.start();
  try {
    await page.goto(server.address);
    await expect(page.getByRole("heading", { name: "From nothing to a model in three steps" })).toBeVisible();
    await looks(page, "overview-first");
    await page.getByRole("button", { name: "Train it" }).click();
    await page.getByRole("link", { name: "Watch", exact: true }).last().click();
    await expect(page.getByRole("heading", { level: 1, name: "first-model" })).toBeVisible();
    await expect(page.locator("figure.chart").first()).toBeVisible();
    await expect(page.locator(".page-head .badge")).toHaveText("succeeded", { timeout: 200_000 });
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await page.getByRole("link", { name: "Draw", exact: true }).click();
    await expect(page).toHaveURL(/\/models\/first-model\/1$/);
    const stroke = await pen(page);
    await stroke([0.35, 0.25], [0.68, 0.25], [0.45, 0.82]);
    await expect(page.locator(".answer-class")).toHaveText("7");
    await looks(page, "draw", { docs: "draw" });
    await page.getByRole("button", { name: "Show its mistakes" }).click();
    const { wrong, data: [worst] } = await server.get("/v1/models/first-model/versions/1/mistakes?limit=1");
    await expect(page.getByText(`${wrong} of 10,000 examples`)).toBeVisible({ timeout: 60_000 });
    const cards = page.locator(".mistake");
    await expect(cards).toHaveCount(60);
    await expect(cards.first()).toContainText(`${worst.answer} is ${worst.truth}`);
    await expect(cards.first().getByRole("img")).toHaveJSProperty("naturalWidth", 28);
    await looks(page, "version-mistakes-images");
    await page.getByRole("button", { name: "Clear" }).click();
    await expect(page.getByText("Its answer stands here.")).toBeVisible();
    // And by keyboard.
    await page.getByRole("application", { name: /Draw a digit/ }).focus();
    for (let step = 0; step < 3; step += 1) await page.keyboard.press("Shift+ArrowUp");
    await page.keyboard.press("Space");
    for (let step = 0; step < 6; step += 1) await page.keyboard.press("Shift+ArrowDown");
    await expect(page.locator(".answer-class")).toHaveText("1");
    const { data } = await server.get("/v1/jobs");
    expect(data).toHaveLength(1);
  } finally {
    await page.goto("about:blank");
    await server.stop();
  }
});

test("the first steps are begun anew where their job was cancelled, and dismissed", async ({ page }) => {
  const server = await Server.start();
  try {
    await page.goto(server.address);
    await page.getByRole("button", { name: "Train it" }).click();
    await expect(page.getByRole("button", { name: "Train it" })).toHaveCount(0);
    const { data } = await server.get("/v1/jobs");
    await server.post(`/v1/jobs/${data[0].id}/cancel`);
    await expect(page.getByRole("button", { name: "Train it" })).toBeVisible();
    await page.getByRole("region", { name: "From nothing to a model in three steps" }).getByRole("button", { name: "Dismiss" }).click();
    await expect(page.getByRole("heading", { name: "From nothing to a model in three steps" })).toHaveCount(0);
  } finally {
    await page.goto("about:blank");
    await server.stop();
  }
});

/** What draws a line through points of the pad, which are parts of its width and height. */
async function pen(page) {
  const pad = page.getByRole("application", { name: /Draw a digit/ });
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  const move = ([x, y]) => page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 6 });
  return async (first, ...others) => {
    await move(first);
    await page.mouse.down();
    for (const point of others) await move(point);
    await page.mouse.up();
  };
}
