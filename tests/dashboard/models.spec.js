// Models: their versions and aliases, and one that is tried.

import { HOSTILE, api, expect, looks, open, test } from "./support.js";
import { Server } from "./server.js";

/** What the first steps train, for an epoch. */
const FIRST_MODEL = {
  name: "first-model",
  training: {
    method: "supervised",
    dataset: { name: "mnist", input: "image", target: "label" },
    model: { layers: [
      { type: "conv2d", filters: 16, kernel_size: 5, strides: 2, activation: "relu" },
      { type: "conv2d", filters: 32, kernel_size: 3, strides: 2, activation: "relu" },
      { type: "flatten" },
      { type: "dense", units: 64, activation: "relu" },
      { type: "dense", activation: "softmax" }] },
    loss: "categorical_cross_entropy",
    optimizer: { type: "adam", learning_rate: 0.002 },
    metrics: ["accuracy"],
    batch_size: 128,
    epochs: 1,
  },
  seed: 7,
  labels: { tour: "first-model" },
};

test.describe("models and their versions", () => {
  // A version that an alias names is not deleted.
  test.use({ expected: /409/ });
  test("are listed, and an alias is moved by hand", async ({ page }) => {
    await open(page, "/models");
    await expect(page.getByRole("table")).toContainText("iris-rates");
    await looks(page, "models");
    await page.getByRole("link", { name: "iris-rates", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: "iris-rates" })).toBeVisible();
    await expect(page.getByRole("table", { name: "Versions of iris-rates" }).getByRole("row")).toHaveCount(5);
    await page.getByLabel("New alias").fill("production");
    await page.getByLabel("Version", { exact: true }).selectOption("1");
    await page.getByRole("button", { name: "Set" }).click();
    await expect(page.getByLabel("Version that production points at")).toHaveValue("1");
    await page.getByLabel("Version that production points at").selectOption("2");
    await expect.poll(async () => (await api("GET", "/v1/models/iris-rates")).aliases.production).toBe(2);
    await looks(page, "model");
    await page.getByRole("button", { name: "Delete version 2" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(page.getByRole("alert")).toContainText("production");
    await page.getByRole("button", { name: "Remove production" }).click();
    await expect.poll(async () => (await api("GET", "/v1/models/iris-rates")).aliases.production).toBe(undefined);
  });
});

test("a row is asked of a model as it is typed", async ({ page }) => {
  await open(page, "/models/iris-rates/latest");
  for (const [name, value] of [["sepal_length_cm", "6.7"], ["sepal_width_cm", "3.1"], ["petal_length_cm", "5.6"], ["petal_width_cm", "2.4"]]) {
    await page.getByLabel(name).fill(value);
  }
  await expect(page.locator(".answer-class")).toHaveText("virginica");
  await expect(page.locator(".bars li")).toHaveCount(3);
  await expect(page.getByText(/Answered in [\d.]+ ms/)).toBeVisible();
  await looks(page, "version");
  await page.getByRole("button", { name: "Evaluate" }).click();
  await expect(page.getByText("150 examples of iris 1, all")).toBeVisible();
  await page.getByRole("tab", { name: "Python" }).click();
  await expect(page.getByRole("tabpanel")).toContainText("/v1/models/iris-rates/predict");
});

test("what a version gets wrong is shown when it is asked for", async ({ page }) => {
  await open(page, "/models/iris-rates/1");
  const asked = page.waitForResponse((answer) => answer.url().includes("/mistakes"));
  await page.getByRole("button", { name: "Show its mistakes" }).click();
  const held = await (await asked).json();
  expect(held.dataset.split).toBe("validation");
  await expect(page.getByRole("region", { name: "What it gets wrong" })).toContainText(held.wrong > 0 ? `${held.wrong} of ${held.examples} examples` : "No mistakes");
  await page.getByLabel("Which examples").selectOption("all");
  const { wrong } = await api("GET", "/v1/models/iris-rates/versions/1/mistakes?split=all");
  await expect(page.getByText(`${wrong} of 150 examples`)).toBeVisible();
  await expect(page.getByRole("table", { name: "Examples that are answered wrong" }).getByRole("row")).toHaveCount(1 + wrong);
  await looks(page, "version-mistakes");
});

test.describe("what a model refuses", () => {
  test.use({ expected: /422/ });
  test("is told beside the form, and shown as text", async ({ page }) => {
    await open(page, "/models/iris-rates/latest");
    await page.getByLabel("sepal_length_cm").fill(HOSTILE.slice(0, 40));
    await expect(page.getByRole("alert")).toContainText("sepal_length_cm");
    await expect(page).not.toHaveTitle("run");
  });
});

test("a digit that is drawn is recognised, by mouse and by keyboard", async ({ page }) => {
  test.setTimeout(120_000);
  const server = await Server.start();
  try {
    await server.post("/v1/jobs", FIRST_MODEL);
    await page.goto(server.address);
    await page.getByRole("link", { name: "Draw", exact: true }).click({ timeout: 90_000 });
    await expect(page).toHaveURL(/\/models\/first-model\/1$/);
    const pad = page.getByRole("img", { name: /Draw a digit/ });
    await pad.scrollIntoViewIfNeeded();
    const box = await pad.boundingBox();
    const at = (x, y) => page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 6 });
    await at(0.35, 0.25);
    await page.mouse.down();
    await at(0.68, 0.25);
    await at(0.45, 0.82);
    await page.mouse.up();
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
    await pad.focus();
    for (let step = 0; step < 3; step += 1) await page.keyboard.press("Shift+ArrowUp");
    await page.keyboard.press("Space");
    for (let step = 0; step < 6; step += 1) await page.keyboard.press("Shift+ArrowDown");
    await expect(page.locator(".answer-class")).toHaveText("1");
  } finally {
    await page.goto("about:blank");
    await server.stop();
  }
});
