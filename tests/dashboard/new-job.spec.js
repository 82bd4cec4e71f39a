// A job written in the browser: its plan, its mistakes at their lines, and posted.

import { join } from "node:path";
import { SCREENSHOTS, accessible, api, expect, jobs, looks, open, test } from "./support.js";

const text = (page) => page.getByLabel("The body of the job, as JSON");

test("four choices make a body that is right, and it is posted", async ({ page }) => {
  await open(page, "/jobs/new?dataset=iris");
  await expect(page.getByText("The body is right.")).toBeVisible();
  await page.getByLabel("Network", { exact: true }).selectOption("linear");
  await page.getByLabel("Epochs").fill("3");
  await expect(text(page)).toHaveValue(/"epochs": 3/);
  await expect(page.getByRole("table", { name: "The network's layers" }).getByRole("row")).toHaveCount(3);
  await looks(page, "new-job", { docs: "new-job" });
  await page.getByRole("button", { name: "Post the job" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "iris" })).toBeVisible();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
});

test("a job is cloned as it was posted", async ({ page }) => {
  const [id] = jobs().done;
  await open(page, `/jobs/new?clone=${id}`);
  const posted = await api("GET", `/v1/jobs/${id}/posted`);
  expect(JSON.parse(await text(page).inputValue())).toEqual(posted);
});

test.describe("what is wrong", () => {
  test.use({ expected: /422/ });
  test("stands at its line as one types", async ({ page }) => {
    await open(page, "/jobs/new?dataset=iris");
    const body = JSON.parse(await text(page).inputValue());
    body.training.model.layers[0].unit = 3;
    body.training.epochs = -1;
    const written = JSON.stringify(body, null, 2);
    await text(page).fill(written);
    const line = (words) => written.split("\n").findIndex((one) => one.includes(words)) + 1;
    const mistakes = page.locator(".mistake-list li");
    await expect(mistakes.filter({ hasText: "did you mean" })).toContainText(`Line ${line('"unit"')} `);
    await expect(mistakes.filter({ hasText: "/training/epochs" })).toContainText(`Line ${line('"epochs"')} `);
    await page.evaluate(() => scrollTo(0, 0));
    await looks(page, "new-job-wrong");
    await page.getByRole("button", { name: `Line ${line('"epochs"')}`, exact: true }).click();
    expect(await page.evaluate(() => document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd))).toContain('"epochs": -1');
    await text(page).fill(`${written.slice(0, -1)},`);
    await expect(mistakes.filter({ hasText: "a name in quotes is missing" })).toHaveCount(1);
    await page.getByRole("button", { name: "Post the job" }).click();
    await expect(mistakes).toHaveCount(1);
  });
});

/** Holds the answers of an address back until they are let go. */
async function hold(page, address) {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route(address, async (route) => {
    await held;
    await route.continue();
  });
  return async () => {
    const answered = page.waitForResponse(address);
    release();
    await (await answered).finished();
    // What the page makes of it, it does at once.
    await page.waitForTimeout(100);
  };
}

test("a plan that comes late does not take the mistakes of what was typed since away", async ({ page }) => {
  await open(page, "/jobs/new?dataset=iris");
  await expect(page.getByText("The body is right.")).toBeVisible();
  const release = await hold(page, "**/v1/plans");
  const body = await text(page).inputValue();
  const asked = page.waitForRequest("**/v1/plans");
  await text(page).fill(`${body} `);
  await asked;
  await text(page).fill(body.slice(0, -1));
  const mistakes = page.locator(".mistake-list li");
  await expect(mistakes).toContainText(['"}" is missing at the end']);
  await release();
  await expect(mistakes).toContainText(['"}" is missing at the end']);
});

test("what only looks like JSON is told", async ({ page }) => {
  await open(page, "/jobs/new?dataset=iris");
  const mistakes = page.locator(".mistake-list li");
  await text(page).fill('{"seed": 007}');
  await expect(mistakes).toContainText(['is missing before "0"']);
  await text(page).fill('{\u00a0"seed": 7}');
  await expect(mistakes).toContainText(["a name in quotes is missing"]);
});

test("of two examples the one that was chosen last stands, however late the first comes", async ({ page }) => {
  await open(page, "/jobs/new");
  const release = await hold(page, "**/v1/examples/iris-logistic-regression");
  const choose = page.getByLabel("Example", { exact: true });
  await choose.selectOption("iris-logistic-regression");
  await choose.selectOption("mnist-lab-cnn");
  await expect(text(page)).toHaveValue(/"name": "mnist-lab-cnn"/);
  await release();
  await expect(text(page)).toHaveValue(/"name": "mnist-lab-cnn"/);
});

test.describe("a body that somebody wrote", () => {
  // The data set that is first in the list may fit no such network.
  test.use({ expected: /422/ });
  test("is had back when a choice has written another", async ({ page }) => {
    await open(page, `/jobs/new?clone=${jobs().done[0]}`);
    const before = await text(page).inputValue();
    await page.getByLabel("Network", { exact: true }).selectOption("linear");
    await expect(text(page)).not.toHaveValue(before);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(text(page)).toHaveValue(before);
    await expect(page.getByRole("button", { name: "Undo" })).toHaveCount(0);
  });
});

test("every component is at hand by its name", async ({ page }) => {
  await open(page, "/jobs/new");
  await page.getByLabel("Search").fill("dropout");
  await page.locator("summary").filter({ hasText: /^dropout / }).click();
  await expect(page.getByLabel("Example of dropout", { exact: true })).toContainText('"rate"');
  await page.getByRole("button", { name: "optimizer", exact: true }).click();
  await expect(page.locator("summary").filter({ hasText: /^adam / })).toBeVisible();
});

test.describe("an example", () => {
  // What it needs is not there at first, which its plan says.
  test.use({ expected: /422/ });
  test("stands in the body, and its data is added by a button", async ({ page }) => {
    await open(page, "/jobs/new");
    await page.getByLabel("Example", { exact: true }).selectOption("wine-logistic-regression");
    await expect(page.getByText("13 measurements of wines from three cultivars.")).toBeVisible();
    await expect(page).toHaveURL(/\/jobs\/new\?template=wine-logistic-regression$/);
    await expect(text(page)).toHaveValue(/"name": "wine-logistic-regression", "seed": 1/);
    await expect(page.locator(".mistake-list")).toContainText("there is no data set \"wine\"");
    await page.evaluate(() => scrollTo(0, 0));
    await looks(page, "new-job-example");
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByText("The body is right.")).toBeVisible();
    await expect(page.getByText("which is not here yet")).toHaveCount(0);
    expect((await api("GET", "/v1/datasets/wine")).examples).toBe(178);
    await page.getByRole("button", { name: "Post the job" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "wine-logistic-regression" })).toBeVisible();
  });

  test("is named by the address, and says which model it begins with", async ({ page }) => {
    await open(page, "/jobs/new?template=few-digits");
    await expect(page.getByLabel("Example", { exact: true })).toHaveValue("few-digits");
    expect(JSON.parse(await text(page).inputValue()).training.initialize_from.model).toBe("mnist-lab-cnn");
    await page.getByRole("link", { name: "post the job that makes it" }).click();
    await expect(text(page)).toHaveValue(/"name": "mnist-lab-cnn"/);
    await expect(page.getByText("The body is right.")).toBeVisible();
  });
});

test.describe("as one types", () => {
  // A body that is not whole yet has mistakes.
  test.use({ expected: /422/ });
  const offered = (page) => page.getByRole("listbox", { name: "What may stand here" });
  const chosen = (page) => offered(page).getByRole("option", { selected: true });

  /** Puts the cursor where `|` stands. */
  async function write(page, words) {
    const at = words.indexOf("|");
    await text(page).fill(words.replace("|", ""));
    await page.keyboard.press("Escape");
    await text(page).evaluate((area, to) => area.setSelectionRange(to, to), at);
  }

  test("names and kinds are offered, and taken by keyboard", async ({ page }) => {
    await open(page, "/jobs/new?dataset=iris");
    await write(page, '{"training": {"method": "supervised", |}}');
    await page.keyboard.type('"opt');
    await expect(chosen(page)).toContainText("optimizer");
    await expect(text(page)).toHaveAttribute("aria-activedescendant", await chosen(page).getAttribute("id"));
    await page.keyboard.press("Tab");
    await expect(text(page)).toHaveValue('{"training": {"method": "supervised", "optimizer": }}');
    // What may stand behind the name is offered at once.
    await expect(chosen(page)).toContainText("sgd");
    await page.keyboard.press("ArrowDown");
    await expect(chosen(page)).toContainText("adam");
    await expect(chosen(page)).toContainText("Adam (Kingma and Ba");
    await page.evaluate(() => scrollTo(0, 0));
    await accessible(page);
    await page.keyboard.press("Enter");
    await expect(text(page)).toHaveValue('{"training": {"method": "supervised", "optimizer": "adam"}}');
    await expect(offered(page)).toBeHidden();
    await page.keyboard.press("ControlOrMeta+z");
    await expect(text(page)).toHaveValue('{"training": {"method": "supervised", "optimizer": }}');
  });

  test("a layer is offered with what it needs, and fields by their kind", async ({ page }) => {
    await open(page, "/jobs/new?dataset=iris");
    await write(page, '{"training": {"model": {"layers": [|]}}}');
    await page.keyboard.press("Control+Space");
    await page.keyboard.type("conv2");
    await expect(chosen(page)).toContainText("conv2d filters, kernel_size");
    await page.keyboard.press("Enter");
    await page.keyboard.type("8");
    await expect(text(page)).toHaveValue('{"training": {"model": {"layers": [{"type": "conv2d", "filters": 8, "kernel_size": }]}}}');
    await write(page, '{"training": {"optimizer": {"type": "sgd", |}}}');
    await page.keyboard.press("Control+Space");
    await expect(offered(page).getByRole("option")).toHaveText([/^learning_rate/, /^momentum 0.0|^momentum 0/, /^nesterov false/, /^weight_decay/]);
    await page.keyboard.press("Escape");
    await expect(offered(page)).toBeHidden();
    await expect(text(page)).toBeFocused();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    await expect(text(page)).not.toBeFocused();
  });

  test("data sets and their columns are offered by their names", async ({ page }) => {
    await open(page, "/jobs/new?dataset=iris");
    await write(page, '{"training": {"dataset": {"name": "i|"}}}');
    await page.keyboard.type("r");
    await expect(chosen(page)).toContainText("iris 150 examples");
    await page.keyboard.press("Enter");
    await write(page, '{"training": {"dataset": {"name": "iris", "input": ["petal_width_cm", |], "target": "species"}}}');
    await page.keyboard.type('"sepal_w');
    await expect(chosen(page)).toContainText("sepal_width_cm number");
    await page.keyboard.press("Tab");
    await expect(text(page)).toHaveValue('{"training": {"dataset": {"name": "iris", "input": ["petal_width_cm", "sepal_width_cm"], "target": "species"}}}');
  });

  test("the list stands under the text, by pointer too", async ({ page }) => {
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await open(page, "/jobs/new?dataset=iris");
      await write(page, '{\n  "training": {\n    "loss": |\n  }\n}');
      await page.keyboard.press("Control+Space");
      const [list, area] = [await offered(page).boundingBox(), await text(page).boundingBox()];
      expect(list.y).toBeGreaterThan(area.y + 12 + 3 * 20 - 1);
      expect(list.y).toBeLessThan(area.y + 12 + 3 * 20 + 10);
      expect(list.x + list.width).toBeLessThanOrEqual(width);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: join(SCREENSHOTS, `new-job-completion-${width}-${colorScheme}.png`) });
      }
      await offered(page).getByRole("option", { name: /^huber/ }).first().click();
      await expect(text(page)).toHaveValue(/"loss": "huber"\n/);
      await expect(text(page)).toBeFocused();
    }
  });
});
