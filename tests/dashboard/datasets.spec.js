// Data sets: added from a file, looked at, trained on.

import { HOSTILE, expect, looks, open, test } from "./support.js";

test("shows the columns and the examples of a set", async ({ page }) => {
  await open(page, "/datasets");
  await expect(page.getByRole("table", { name: "Data sets" })).toContainText("iris");
  await looks(page, "datasets");
  await page.getByRole("link", { name: "mnist", exact: true }).click();
  await expect(page.getByRole("img", { name: "image" })).toHaveCount(24);
  await expect(page.getByText("1 to 24 of 60,000")).toBeVisible();
  await page.getByRole("button", { name: "On", exact: true }).click();
  await expect(page.getByText("25 to 48 of 60,000")).toBeVisible();
  await page.getByLabel("Split").selectOption("test");
  await expect(page.getByText("1 to 24 of 10,000")).toBeVisible();
  await looks(page, "dataset", { docs: "dataset" });
  await page.getByRole("link", { name: "Train on this" }).click();
  await expect(page.getByLabel("The body of the job, as JSON")).toHaveValue(/"name": "mnist"/);
});

test("a file becomes a set, and what is hostile in it is text", async ({ page }) => {
  const table = `"${HOSTILE.replaceAll('"', '""')}",class\n1,"${HOSTILE.replaceAll('"', '""')}"\n2,b\n3,"${HOSTILE.replaceAll('"', '""')}"\n4,b\n`;
  await open(page, "/datasets/new");
  await looks(page, "dataset-new");
  await page.getByLabel("File").setInputFiles({ name: "<b>Odd Name</b>.csv", mimeType: "text/csv", buffer: Buffer.from(table) });
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue(/^[a-z0-9][a-z0-9._-]*$/);
  await page.getByLabel("Name", { exact: true }).fill("odd");
  await page.getByRole("button", { name: "Add it" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "odd" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Columns" })).toContainText(HOSTILE);
  await expect(page.getByRole("table", { name: "Examples" })).toContainText(HOSTILE);
  await expect(page).not.toHaveTitle("run");
  await looks(page, "dataset-hostile");
});

test.describe("a file that is wrong", () => {
  test.use({ expected: /422/ });
  test("is refused with its line", async ({ page }) => {
    await open(page, "/datasets/new");
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByText("Choose a file first.")).toBeVisible();
    await page.getByLabel("File").setInputFiles({ name: "torn.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n3\n") });
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "line 3" })).toBeVisible();
  });
});
