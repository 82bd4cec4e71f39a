// The table of jobs.

import { api, expect, jobs, looks, open, test } from "./support.js";
import { iris, long } from "./server.js";

const rows = (page) => page.locator('.jobs-body [role="row"]');
const named = (page, name) => rows(page).filter({ has: page.getByRole("link", { name, exact: true }) });

test("shows all jobs with their curves, and looks as it should", async ({ page }) => {
  await open(page, "/jobs");
  await expect(named(page, "diverges")).toContainText("failed");
  await expect(named(page, "diverges")).toContainText("diverged");
  await expect(named(page, "iris-rates").first()).toContainText(/val accuracy [\d.]+/);
  await expect(named(page, "iris-rates").first().getByRole("img", { name: /^loss from [\d.]+ to [\d.]+/ })).toBeVisible();
  await looks(page, "jobs", { docs: "jobs", theme: "dark" });
});

test("filters stand in the address, and an address is a filter", async ({ page }) => {
  await open(page, "/jobs");
  await page.getByRole("searchbox", { name: "Label" }).fill("sweep=rates");
  await expect(rows(page)).toHaveCount(4);
  await expect(page).toHaveURL(/label=sweep%3Drates/);
  await page.getByRole("button", { name: "failed", exact: true }).click();
  await expect(page.getByText("No job fits")).toBeVisible();
  await page.getByRole("button", { name: "failed", exact: true }).click();
  await page.getByRole("searchbox", { name: "Label" }).fill("");
  await page.getByRole("searchbox", { name: "Name" }).fill("diverg");
  await expect(rows(page)).toHaveCount(1);
  await page.reload();
  await expect(rows(page)).toHaveCount(1);
  await expect(page.getByRole("searchbox", { name: "Name" })).toHaveValue("diverg");
  await page.goto("/jobs?status=failed,cancelled");
  await expect(page.getByRole("button", { name: "failed", exact: true })).toHaveAttribute("aria-pressed", "true");
  await expect(named(page, "diverges")).toBeVisible();
  await expect(named(page, "iris-rates")).toHaveCount(0);
});

test("jobs are chosen by keyboard, and compared", async ({ page }) => {
  await open(page, "/jobs?label=sweep%3Drates");
  await expect(rows(page)).toHaveCount(4);
  await rows(page).first().focus();
  await page.keyboard.press("Space");
  await expect(rows(page).first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await expect(page.getByRole("toolbar")).toContainText("3 chosen");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("toolbar")).toBeHidden();
  await page.keyboard.press("ControlOrMeta+a");
  await expect(page.getByRole("toolbar")).toContainText("4 chosen");
  await page.getByRole("link", { name: "Compare", exact: true }).last().click();
  await expect(page).toHaveURL(/\/compare\?jobs=/);
  await page.goBack();
  await expect(rows(page)).toHaveCount(4);
  await rows(page).first().focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`/jobs/${jobs().done[0]}$`));
});

test("many are paused, resumed, cancelled, posted again and deleted at once", async ({ page }) => {
  for (const seed of [1, 2, 3]) await api("POST", "/v1/jobs", long({ name: "bulk", seed, labels: { bulk: "yes" } }));
  await open(page, "/jobs?label=bulk");
  await expect(rows(page)).toHaveCount(3);
  const choose = () => page.getByLabel("Choose all that are loaded").check();
  const toolbar = page.getByRole("toolbar");
  const states = () => page.locator(".jobs-body .badge").allTextContents();
  await choose();
  await toolbar.getByRole("button", { name: "Pause" }).click();
  await expect.poll(states).toEqual(["paused", "paused", "paused"]);
  await toolbar.getByRole("button", { name: "Resume" }).click();
  await expect.poll(states).not.toContain("paused");
  await toolbar.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(states).toEqual(["cancelled", "cancelled", "cancelled"]);
  await toolbar.getByRole("button", { name: "Retry" }).click();
  await expect(rows(page)).toHaveCount(6);
  await choose();
  await toolbar.getByRole("button", { name: "Cancel" }).click();
  await expect.poll(async () => (await states()).filter((state) => state === "cancelled").length).toBe(6);
  await toolbar.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No job fits")).toBeVisible();
  expect((await api("GET", "/v1/jobs?label=bulk")).data).toEqual([]);
});

test("rows change as it happens, and new ones come in at the top", async ({ page }) => {
  await open(page, "/jobs");
  const { id } = await api("POST", "/v1/jobs", long({ name: "comes-in" }));
  const row = named(page, "comes-in");
  await expect(row).toContainText("running");
  await expect(rows(page).first()).toContainText("comes-in");
  await expect(row).toContainText("to go");
  await api("POST", `/v1/jobs/${id}/cancel`);
  await expect(row).toContainText("cancelled");
});

test("who is at a row stays at it when others come in above", async ({ page }) => {
  const post = (name) => api("POST", "/v1/jobs", iris({ name, epochs: 1, labels: { stays: "yes" } }));
  await post("older");
  await post("newer");
  await open(page, "/jobs?label=stays");
  await expect(rows(page)).toHaveCount(2);
  await rows(page).first().focus();
  await post("newest");
  await expect(rows(page)).toHaveCount(3);
  await expect(named(page, "newer")).toBeFocused();
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowDown");
  await expect(named(page, "newer")).toHaveAttribute("aria-selected", "true");
  await expect(named(page, "older")).toHaveAttribute("aria-selected", "true");
  await expect(named(page, "newest")).toHaveAttribute("aria-selected", "false");
});

test("a table of one status holds the jobs of that status, as it changes", async ({ page }) => {
  await open(page, "/jobs?status=running&name=fits");
  await expect(page.getByText("No job fits")).toBeVisible();
  const { id } = await api("POST", "/v1/jobs", long({ name: "fits" }));
  await expect(named(page, "fits")).toContainText("running");
  await api("POST", `/v1/jobs/${id}/cancel`);
  await expect(page.getByText("No job fits")).toBeVisible();
  await expect(rows(page)).toHaveCount(0);
});

test("more new jobs than are asked for at once leave no hole", async ({ page }) => {
  const post = (seed) => api("POST", "/v1/jobs", long({ name: "hole", seed, labels: { hole: "yes" }, resources: { threads: 2, memory_mb: 256 } }));
  await post(0);
  await open(page, "/jobs?label=hole");
  await expect(rows(page)).toHaveCount(1);
  let done;
  const posted = new Promise((resolve) => (done = resolve));
  await page.route(/\/v1\/jobs\?/, async (route) => {
    await posted;
    await route.continue();
  });
  for (let seed = 1; seed <= 120; seed += 1) await post(seed);
  done();
  await expect(page.getByText("121 jobs", { exact: true })).toBeVisible();
  await rows(page).first().focus();
  await expect.poll(async () => {
    await page.keyboard.press("End");
    return page.evaluate(() => document.activeElement.getAttribute("aria-rowindex"));
  }).toBe("122");
});

test.describe("where no stream of events is to be had", () => {
  test.use({ expected: /429/ });

  test("the jobs are shown all the same, and followed as soon as there is one", async ({ page }) => {
    await page.route(/\/v1\/events\?/, (route) => route.fulfill({ status: 429, json: { title: "Too many" } }));
    await open(page, "/jobs");
    await expect(rows(page).first()).toBeVisible();
    await expect(page.getByText("Connecting again…")).toBeVisible();
    await page.unrouteAll();
    await expect(page.getByText("Connecting again…")).toBeHidden({ timeout: 20_000 });
    await api("POST", "/v1/jobs", iris({ name: "after-all", epochs: 1 }));
    await expect(named(page, "after-all")).toContainText("succeeded");
  });
});

test("notes and labels are edited in the row", async ({ page }) => {
  const { id } = await api("POST", "/v1/jobs", iris({ name: "in-row", epochs: 1 }));
  await open(page, "/jobs?name=in-row");
  await page.getByRole("button", { name: /^Notes of in-row: –/ }).click();
  await page.getByRole("textbox", { name: "Notes of in-row" }).fill("seen");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Add a label" }).click();
  await page.getByRole("textbox", { name: /^New label/ }).fill("kept");
  await page.keyboard.press("Enter");
  await expect.poll(async () => { const { labels, notes } = await api("GET", `/v1/jobs/${id}`); return { labels, notes }; }).toEqual({ labels: { kept: "" }, notes: "seen" });
});
