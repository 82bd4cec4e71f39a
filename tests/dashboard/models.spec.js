// Models: their versions and aliases, and one that is tried.

import { HOSTILE, api, expect, looks, open, test } from "./support.js";
import { iris } from "./server.js";

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

test("a call names the version that is looked at, with values of the shapes that it takes", async ({ page }) => {
  await open(page, "/models/iris-rates/1");
  await page.getByRole("tab", { name: "Python" }).click();
  await expect(page.getByRole("tabpanel")).toContainText("/v1/models/iris-rates/versions/1/predict");
  const sample = await page.evaluate(async () => (await import("/assets/pages/version/snippets.js")).sample([
    { name: "series", kind: "tensor", classes: [], shape: [2, 3], optional: false },
    { name: "age", kind: "number", classes: [], shape: [], optional: false },
  ]));
  expect(sample).toEqual({ series: [[0, 0, 0], [0, 0, 0]], age: 1 });
});

test("the load of an endpoint is told as it happens, by the one stream", async ({ page }) => {
  const trained = await api("POST", "/v1/jobs", iris({ name: "busy", epochs: 2 }));
  await open(page, `/jobs/${trained.id}`);
  await expect(page.locator(".page-title .badge")).toHaveText("succeeded");
  await open(page, "/models/busy/1");
  const load = page.getByRole("region", { name: "Load" });
  await expect(load).toContainText("It is not loaded");
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const row = { sepal_length_cm: "6.7", sepal_width_cm: "3.1", petal_length_cm: "5.6", petal_width_cm: "2.4" };
  const ask = async (times) => {
    for (let time = 0; time < times; time += 1) await api("POST", "/v1/models/busy/predict", { inputs: [row, row] });
  };
  const figure = (name) => load.locator("dl > div").filter({ hasText: name }).locator("dd");
  await ask(20);
  await expect(figure("Requests answered")).toHaveText("20");
  await expect(figure("Latency, mean")).toHaveText(/^[\d.]+ ms$/);
  await expect(figure("Of it in the network")).toHaveText(/^[\d.]+ ms$/);
  await expect(figure("Examples a batch")).toHaveText("2");
  await ask(15);
  await expect(figure("Requests answered")).toHaveText("35");
  await expect(load.getByRole("img", { name: /^Requests, now / })).toBeVisible();
  await looks(page, "version-load");
  // When nobody asks any more, that is said, too.
  await expect(load.locator("figcaption").first()).toHaveText("Requests now0/s");
  expect(asked).toEqual([]);
  await open(page, "/models/busy");
  await expect(page.getByRole("region", { name: "In use" })).toContainText("busy 135 requests · ");
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  const used = page.getByRole("region", { name: "Models in use" });
  await expect(used.getByRole("listitem").first()).toContainText(/^busy 135 requests · [\d.]+ ms each · [\d.]+ MB/);
  await ask(5);
  await expect(used).toContainText("40 requests");
  await used.getByRole("link", { name: "busy 1" }).click();
  await expect(figure("Requests answered")).toHaveText("40");
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
