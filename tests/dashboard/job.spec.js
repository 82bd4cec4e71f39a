// The page of a job: every part of it, and everything that can be done there.

import { readFileSync } from "node:fs";
import { api, expect, jobs, looks, open, test } from "./support.js";
import { iris, long } from "./server.js";

const chart = (page, name) => page.locator("figure.chart").filter({ has: page.getByRole("heading", { name, exact: true }) });

/** Where the middle of a chart's drawing is, or another part of its width. */
async function within(chart, share = 0.5) {
  const box = await chart.locator(".u-over").boundingBox();
  return [box.x + box.width * share, box.y + box.height / 2];
}

test.describe("a job that has succeeded", () => {
  test.beforeEach(({ page }) => open(page, `/jobs/${jobs().done[1]}`));

  test("shows its curves, and looks as it should", async ({ page }) => {
    await expect(page.getByRole("heading", { level: 1, name: "iris-rates" })).toBeVisible();
    await expect(page).toHaveTitle("iris-rates · Lyceum");
    for (const name of ["loss", "accuracy", "learning rate", "gradient norm"]) await expect(chart(page, name)).toBeVisible();
    const loss = chart(page, "loss");
    for (const line of ["train", "validation", "train, each step"]) await expect(loss.getByText(line, { exact: true })).toBeVisible();
    await expect(loss.getByRole("img", { name: /^loss: train from [\d.]+ to [\d.]+; validation from/ })).toBeVisible();
    await looks(page, "job", { docs: "job" });
  });

  test("reads out all series under the pointer, along each axis", async ({ page }) => {
    const loss = chart(page, "loss");
    const values = () => loss.locator(".chart-value").allTextContents();
    const last = await values();
    await page.mouse.move(...await within(loss, 0.1));
    await expect(loss.locator(".chart-where")).toHaveText(/^step \d+/);
    expect(await values()).not.toEqual(last);
    expect((await values()).every((value) => /^[\d.e−]+$/.test(value))).toBe(true);
    // The other charts read out the same place.
    await expect(chart(page, "accuracy").locator(".chart-where")).toHaveText(/^step \d+/);
    await page.getByRole("button", { name: "Epoch", exact: true }).click();
    await page.mouse.move(...await within(loss, 0.4));
    await expect(loss.locator(".chart-where")).toHaveText(/^epoch [\d.]+/);
    await page.getByRole("button", { name: "Time", exact: true }).click();
    await page.mouse.move(...await within(loss, 0.6));
    await expect(loss.locator(".chart-where")).toHaveText(/^after [\d.]+ s/);
  });

  test("zooms by drag, pans, and goes back", async ({ page }) => {
    const loss = chart(page, "loss");
    const drag = async (from, to) => {
      await page.mouse.move(...await within(loss, from));
      await page.mouse.down();
      await page.mouse.move(...await within(loss, to), { steps: 8 });
      await page.mouse.up();
    };
    const at = async (share) => {
      await page.mouse.move(...await within(loss, share));
      return Number((await loss.locator(".chart-where").textContent()).match(/\d+/)[0]);
    };
    const whole = await at(0.95);
    await drag(0.2, 0.5);
    await expect(loss.getByRole("button", { name: "Reset zoom" })).toBeVisible();
    const near = await at(0.95);
    expect(near).toBeLessThan(whole * 0.7);
    await page.keyboard.down("Shift");
    await drag(0.3, 0.7);
    await page.keyboard.up("Shift");
    expect(await at(0.95)).toBeLessThan(near);
    await loss.getByRole("button", { name: "Reset zoom" }).click();
    expect(await at(0.95)).toBe(whole);
    // And by keys.
    await loss.getByRole("img", { name: /^loss/ }).focus();
    await page.keyboard.press("+");
    await expect(loss.getByRole("button", { name: "Reset zoom" })).toBeVisible();
    await page.keyboard.press("ArrowRight");
    await expect(loss.locator(".chart-where")).toHaveText(/^step/);
    await page.keyboard.press("Escape");
    await expect(loss.getByRole("button", { name: "Reset zoom" })).toBeHidden();
  });

  test("a zoom along one axis is none along another", async ({ page }) => {
    const loss = chart(page, "loss");
    const reset = loss.getByRole("button", { name: "Reset zoom" });
    await loss.getByRole("img", { name: /^loss/ }).focus();
    await page.keyboard.press("+");
    await expect(reset).toBeVisible();
    await page.getByRole("button", { name: "Epoch", exact: true }).click();
    await expect(reset).toBeHidden();
    // The whole axis is there: the last of 30 epochs are at its end.
    await page.mouse.move(...await within(loss, 0.95));
    await expect(loss.locator(".chart-where")).toHaveText(/^epoch 2[6-9]/);
  });

  test("smooths, and shows logarithms", async ({ page }) => {
    const loss = chart(page, "loss");
    const train = () => loss.locator(".chart-value").first().textContent();
    const raw = await train();
    const smoothing = page.getByRole("slider", { name: "Smoothing" });
    await smoothing.fill("0.9");
    await expect.poll(train).not.toBe(raw);
    await smoothing.fill("0");
    await expect.poll(train).toBe(raw);
    const picture = () => loss.locator("canvas").evaluate((canvas) => canvas.toDataURL());
    const before = await picture();
    await page.getByLabel("Logarithmic").check();
    await expect.poll(picture).not.toBe(before);
  });

  test("gives its points as CSV, as a picture, and as a table", async ({ page }) => {
    const loss = chart(page, "loss");
    const save = async (what) => {
      await loss.getByRole("button", { name: "Save loss" }).click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: what }).click()]);
      return [download.suggestedFilename(), readFileSync(await download.path())];
    };
    const [name, csv] = await save("Points as CSV");
    expect(name).toBe("loss.csv");
    const lines = csv.toString().trim().split("\n");
    expect(lines[0]).toBe("series,step,epoch,seconds,value");
    const series = (await api("GET", `/v1/jobs/${jobs().done[1]}/metrics?name=val_loss`)).data[0];
    const validation = lines.filter((line) => line.startsWith("validation,"));
    expect(validation.length).toBe(series.points.length);
    expect(Number(validation.at(-1).split(",").at(-1))).toBe(series.points.at(-1)[3]);
    const [pictureName, png] = await save("Picture as PNG");
    expect(pictureName).toBe("loss.png");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    await loss.getByText("Values", { exact: true }).click();
    await expect(loss.getByRole("row")).toHaveCount(13);
  });

  test("shows its network as a graph and as a table", async ({ page }) => {
    await page.getByRole("tab", { name: "Network" }).click();
    await expect(page).toHaveURL(/part=network/);
    await expect(page.locator(".network-graph .node")).toHaveCount(3);
    const layers = page.getByRole("region", { name: "The network's layers" });
    await expect(layers.getByRole("row").nth(2)).toContainText("dense16");
    await looks(page, "job-network", { docs: "network" });
  });

  test("tells what of the spec was written from what was filled in", async ({ page }) => {
    await page.getByRole("tab", { name: "Spec" }).click();
    const listing = page.getByLabel("The canonical spec");
    await expect(listing.locator(".own").filter({ hasText: '"units": 16' })).toBeVisible();
    await expect(listing.locator(".own").filter({ hasText: '"beta_1"' })).toHaveCount(0);
    await expect(listing.getByText('"beta_1"')).toBeVisible();
    await page.getByLabel("Only what was written").check();
    await expect(listing.getByText('"beta_1"')).toHaveCount(0);
    await expect(listing.getByText('"units": 16')).toBeVisible();
    await expect(page.getByLabel("the command", { exact: true })).toContainText("curl -s");
    await looks(page, "job-spec");
  });

  test("shows events, runs and the log", async ({ page }) => {
    await page.getByRole("tab", { name: "Events and log" }).click();
    const events = page.getByRole("region", { name: "All events" });
    await expect(events.getByRole("listitem").first()).toContainText("end");
    await expect(events.getByRole("listitem").last()).toContainText("queued");
    await expect(page.getByLabel("Lines of the log")).toContainText("a run begins");
    await expect(page.getByRole("region", { name: "Runs" }).getByRole("row")).toHaveCount(2);
    await looks(page, "job-events");
  });

  test("shows files, and draws the confusion matrix", async ({ page }) => {
    await page.getByRole("tab", { name: "Files" }).click();
    await expect(page.getByRole("heading", { name: "Validation confusion matrix" })).toBeVisible();
    const matrix = page.getByRole("region", { name: "Confusion matrix" }).first();
    await expect(matrix.getByRole("rowheader", { name: "setosa" })).toBeVisible();
    const cells = await matrix.locator("td.right, td.wrong").allTextContents();
    const counted = cells.reduce((sum, cell) => sum + Number(cell.replace(",", "") || 0), 0);
    expect([120, 30]).toContain(counted);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "val_confusion_matrix.json" }).click()]);
    expect(JSON.parse(readFileSync(await download.path()))).toMatchObject({ labels: ["setosa", "versicolor", "virginica"] });
    await expect(page.getByRole("region", { name: "Checkpoints" }).getByRole("row")).not.toHaveCount(1);
    await looks(page, "job-files", { docs: "confusion-matrix" });
  });

  test("shows what its model gets wrong", async ({ page }) => {
    await page.getByRole("tab", { name: "Mistakes" }).click();
    await expect(page.getByRole("heading", { name: "What the model gets wrong" })).toBeVisible();
    const { model } = await api("GET", `/v1/jobs/${jobs().done[1]}`);
    await page.getByLabel("Which examples").selectOption("all");
    const { examples, wrong, data } = await api("GET", `/v1/models/${model.name}/versions/${model.version}/mistakes?split=all`);
    await expect(page.getByText(`${wrong} of ${examples} examples`)).toBeVisible();
    const rows = page.getByRole("table", { name: "Examples that are answered wrong" }).getByRole("row");
    await expect(rows).toHaveCount(1 + data.length);
    await expect(rows.nth(1).getByRole("cell").nth(0)).toHaveText(data[0].answer);
    await expect(rows.nth(1).getByRole("cell").nth(1)).toHaveText(data[0].truth);
    await expect(rows.nth(1)).toContainText(String(data[0].row));
    await looks(page, "job-mistakes");
  });

  test("parts are reached by arrows, and are in the address", async ({ page }) => {
    await page.getByRole("tab", { name: "Curves" }).focus();
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("tab", { name: "Network" })).toBeFocused();
    await expect(page).toHaveURL(/part=network/);
    await page.keyboard.press("End");
    await expect(page.getByRole("tab", { name: "Mistakes" })).toHaveAttribute("aria-selected", "true");
    await page.reload();
    await expect(page.getByRole("tab", { name: "Mistakes" })).toHaveAttribute("aria-selected", "true");
  });

  test("says the call that makes it, and leads to a copy", async ({ page }) => {
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "The curl that makes it" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("the command", { exact: true })).toContainText('"name": "iris-rates"');
    await page.keyboard.press("Escape");
    await expect(dialog).toHaveCount(0);
    await expect(page.getByRole("link", { name: "Clone and edit" })).toHaveAttribute("href", `/jobs/new?clone=${jobs().done[1]}`);
  });
});

test("lines that grow while they are smoothed are drawn as if they had been so long before", async ({ page }) => {
  await open(page, "/compare");
  const [grown, whole] = await page.evaluate(async () => {
    const [{ Curves }, { Series }] = await Promise.all([import("/assets/lib/chart.js"), import("/assets/lib/series.js")]);
    const root = document.querySelector(".page");
    root.replaceChildren();
    const frames = async () => {
      for (let frame = 0; frame < 5; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
    };
    const series = ["one", "two"].map((name) => new Series(name));
    const grow = (step) => series.forEach((own, at) => own.push(step, step, step, 5 * at + (step % 2)));
    const lines = () => series.map((own, at) => ({ label: own.name, series: own, tone: at + 1, dash: 0 }));
    const charts = ["grown", "whole"].map((title) => new Curves(root, title, { smoothing: 0.5 }));
    grow(1);
    grow(2);
    charts[0].set(lines());
    await frames();
    // A line of three points has its raw values behind it.
    grow(3);
    charts[0].set(lines());
    charts[1].set(lines());
    await frames();
    return charts.map(({ stage }) => stage.querySelector("canvas").toDataURL());
  });
  expect(grown).toBe(whole);
});

test("a job that failed says why, and what to do", async ({ page }) => {
  await open(page, `/jobs/${jobs().diverged}`);
  const error = page.getByRole("alert");
  await expect(error).toContainText("Failed: diverged");
  await expect(error).toContainText(/the loss became .* at step/);
  await expect(error).toContainText("lower the learning rate");
  await looks(page, "job-failed");
});

test.describe("a job that changes while it is looked at", () => {
  // Asked why it waits when it has just begun, the server says that it does not.
  test.use({ expected: /409/ });

  test("a job is followed live, paused, resumed and cancelled", async ({ page }) => {
    const { id } = await api("POST", "/v1/jobs", long());
    await open(page, `/jobs/${id}`);
    const status = page.locator(".page-title .badge");
    await expect(status).toHaveText("running");
    const step = async () => Number((await page.locator(".job-progress-words").textContent()).match(/step ([\d,]+)/)?.[1].replaceAll(",", "") ?? 0);
    const before = await step();
    await expect.poll(step).toBeGreaterThan(before);
    await expect(chart(page, "loss")).toBeVisible();
    await expect(page.locator(".job-progress-words")).toContainText("to go");
    await page.getByRole("button", { name: "Pause" }).click();
    await expect(status).toHaveText("paused");
    await page.getByRole("button", { name: "Resume" }).click();
    await expect(status).toHaveText("running");
    await page.getByRole("tab", { name: "Events and log" }).click();
    await expect(page.getByRole("region", { name: "All events" })).toContainText("goes on from step");
    await page.getByRole("button", { name: "Cancel", exact: true }).click();
    await expect(status).toHaveText("cancelled");
    await expect(page.getByRole("button", { name: "Cancel", exact: true })).toHaveCount(0);
  });

  test("a job that waits says why", async ({ page }) => {
    const running = await api("POST", "/v1/jobs", long({ resources: { threads: 2, memory_mb: 256 } }));
    const { id } = await api("POST", "/v1/jobs", long({ name: "waits", resources: { threads: 2, memory_mb: 256 } }));
    await open(page, `/jobs/${id}`);
    await expect(page.locator(".job-why")).toContainText(/Waits: it is next, and \d threads? (is|are) missing/);
    await api("POST", `/v1/jobs/${running.id}/cancel`);
    await expect(page.locator(".page-title .badge")).toHaveText("running");
    await expect(page.locator(".job-why")).toHaveCount(0);
    await api("POST", `/v1/jobs/${id}/cancel`);
  });
});

test("a job is posted again, and deleted after a question", async ({ page }) => {
  const { id } = await api("POST", "/v1/jobs", iris({ name: "again", epochs: 2 }));
  await open(page, `/jobs/${id}`);
  await expect(page.locator(".page-title .badge")).toHaveText("succeeded");
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.locator(".page-title .badge")).toHaveText("succeeded");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "again" })).toBeVisible();
  await page.getByRole("button", { name: "More" }).press("ArrowDown");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/jobs$/);
  expect((await api("GET", "/v1/jobs?name=again")).data.map((job) => job.id)).toEqual([id]);
});

test("notes and labels are edited in place", async ({ page }) => {
  const { id } = await api("POST", "/v1/jobs", iris({ name: "noted", epochs: 1 }));
  await open(page, `/jobs/${id}`);
  await page.getByRole("button", { name: /^Notes: Add notes/ }).click();
  await page.getByRole("textbox", { name: "Notes" }).fill("better than before");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: /^Notes: better than before/ })).toBeFocused();
  await page.getByRole("button", { name: "Add a label" }).click();
  await page.getByRole("textbox", { name: /^New label/ }).fill("course=6.S191");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "course=6.S191" })).toBeVisible();
  await expect.poll(async () => { const { labels, notes } = await api("GET", `/v1/jobs/${id}`); return { labels, notes }; }).toEqual({ labels: { course: "6.S191" }, notes: "better than before" });
  // Escape leaves it as it was.
  await page.getByRole("button", { name: /^Notes: better/ }).click();
  await page.getByRole("textbox", { name: "Notes" }).fill("worse");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: /^Notes: better than before/ })).toBeVisible();
  await page.getByRole("button", { name: "Remove the label course=6.S191" }).click();
  await expect.poll(async () => (await api("GET", `/v1/jobs/${id}`)).labels).toEqual({});
});
