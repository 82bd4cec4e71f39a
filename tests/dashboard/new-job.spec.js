// A job written in the browser: its plan, its mistakes at their lines, and posted.

import { api, expect, jobs, looks, open, test } from "./support.js";

const text = (page) => page.getByLabel("The body of the job, as JSON");

test("four choices make a body that is right, and it is posted", async ({ page }) => {
  await open(page, "/jobs/new?dataset=iris");
  await expect(page.getByText("The body is right.")).toBeVisible();
  await page.getByLabel("Network").selectOption("linear");
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

test("every component is at hand by its name", async ({ page }) => {
  await open(page, "/jobs/new");
  await page.getByLabel("Search").fill("dropout");
  await page.locator("summary").filter({ hasText: /^dropout / }).click();
  await expect(page.getByLabel("Example of dropout", { exact: true })).toContainText('"rate"');
  await page.getByRole("button", { name: "optimizer", exact: true }).click();
  await expect(page.locator("summary").filter({ hasText: /^adam / })).toBeVisible();
});
