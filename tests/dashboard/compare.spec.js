// Jobs side by side.

import { api, expect, jobs, looks, open, test } from "./support.js";
import { iris, long } from "./server.js";

const legend = (page) => page.locator("figure.chart").first().locator(".chart-legend li");
const table = (page) => page.getByRole("region", { name: "What differs" });

test("overlays curves, tells what differs, and draws how the result hangs on it", async ({ page }) => {
  await open(page, `/compare?jobs=${jobs().done.join(",")}`);
  await expect(page.locator("figure.chart")).toHaveCount(2);
  await expect(legend(page)).toHaveCount(4);
  await expect(legend(page).first().locator(".chart-value")).toHaveText(/[\d.]+/);
  const heads = await table(page).getByRole("columnheader").allTextContents();
  expect(heads).toEqual(expect.arrayContaining(["learning_rate", "seed", "val accuracy"]));
  expect(heads).not.toContain("batch_size");
  await expect(page.locator(".parallel-line")).toHaveCount(4);
  await expect(page.locator(".parallel-name")).toHaveCount(3);
  await expect(page.locator(".scatter-point")).toHaveCount(4);
  await looks(page, "compare", { docs: "compare" });
  await page.getByRole("group", { name: "Curves of" }).getByRole("button", { name: "gradient norm" }).click();
  await expect(page.locator("figure.chart")).toHaveCount(3);
  await page.getByLabel("Along").selectOption("seed");
  await expect(page.getByRole("img", { name: /^val accuracy against seed/ })).toBeVisible();
  await page.getByLabel("Result", { exact: true }).selectOption("loss");
  await expect(page.getByRole("img", { name: /^loss against/ })).toBeVisible();
});

test("seeds are one line with a band", async ({ page }) => {
  await open(page, `/compare?jobs=${jobs().done.join(",")}`);
  await expect(legend(page)).toHaveCount(4);
  await page.getByLabel("Mean over seeds").check();
  await expect(legend(page)).toHaveCount(2);
  await expect(legend(page).first()).toContainText(/iris-rates, learning_rate 0\.0\d+, 2 seeds/);
  const mean = Number(await legend(page).first().locator(".chart-value").textContent());
  const of = await Promise.all([jobs().done[0], jobs().done[2]].map(async (id) => (await api("GET", `/v1/jobs/${id}`)).metrics.val_accuracy));
  expect(mean).toBeCloseTo((of[0] + of[1]) / 2, 3);
});

test("jobs are sorted, hidden, taken out and added", async ({ page }) => {
  await open(page, `/compare?jobs=${jobs().done.join(",")}`);
  await table(page).getByRole("button", { name: "learning_rate" }).click();
  const rates = () => table(page).locator("tbody tr").evaluateAll((rows) => rows.map((row) => row.textContent.match(/0\.0\d+/g).at(-1)));
  await expect(table(page).getByRole("columnheader", { name: "learning_rate" })).toHaveAttribute("aria-sort", "ascending");
  await expect(table(page).getByRole("button", { name: "learning_rate" })).toBeFocused();
  await table(page).getByRole("button", { name: "learning_rate" }).click();
  await expect(table(page).getByRole("columnheader", { name: "learning_rate" })).toHaveAttribute("aria-sort", "descending");
  expect((await rates()).length).toBe(4);
  await table(page).getByRole("checkbox").first().uncheck();
  await expect(legend(page)).toHaveCount(3);
  await table(page).getByRole("button", { name: /^Take .* out$/ }).first().click();
  await expect(table(page).locator("tbody tr")).toHaveCount(3);
  expect(new URL(page.url()).searchParams.get("jobs").split(",")).toHaveLength(3);
  const { id } = await api("POST", "/v1/jobs", iris({ name: "added-later", epochs: 2 }));
  const search = page.getByRole("combobox", { name: "Add a job by name" });
  await search.fill("added-later");
  await expect(page.locator("#jobs-to-add option")).toHaveCount(1);
  await search.fill(`added-later · ${id.slice(-6)}`);
  await expect(table(page).locator("tbody tr")).toHaveCount(4);
});

test("jobs that have not begun have their curves as soon as they train", async ({ page }) => {
  const running = await api("POST", "/v1/jobs", long({ name: "before", resources: { threads: 2, memory_mb: 256 } }));
  const { id } = await api("POST", "/v1/jobs", iris({ name: "begins", resources: { threads: 2, memory_mb: 256 } }));
  await open(page, `/compare?jobs=${id}`);
  await expect(table(page).locator("tbody")).toContainText("queued");
  await expect(page.locator("figure.chart")).toHaveCount(0);
  await api("POST", `/v1/jobs/${running.id}/cancel`);
  await expect(table(page).locator("tbody")).toContainText("succeeded");
  await expect(page.locator("figure.chart")).toHaveCount(2);
  await expect(page.getByRole("group", { name: "Curves of" }).getByRole("button", { name: "val accuracy" })).toHaveAttribute("aria-pressed", "true");
  await expect(legend(page).first().locator(".chart-value")).toHaveText(/[\d.]+/);
});

test("with nothing to compare it says what to do", async ({ page }) => {
  await open(page, "/compare");
  await expect(page.getByText("Nothing to compare yet")).toBeVisible();
  await looks(page, "compare-empty");
});
