// Data sets: added from a file, looked at, trained on.

import { HOSTILE, expect, looks, open, test, upload } from "./support.js";

test("shows the columns and the examples of a set", async ({ page }) => {
  await open(page, "/datasets");
  await expect(page.getByRole("table", { name: "Data sets" })).toContainText("iris");
  await looks(page, "datasets");
  await page.getByRole("link", { name: "mnist", exact: true }).click();
  await expect(page.getByRole("img", { name: "image" })).toHaveCount(24);
  await expect(page.getByText("1 to 24 of 60,000")).toBeVisible();
  await page.getByRole("button", { name: "On", exact: true }).click();
  await expect(page.getByText("25 to 48 of 60,000")).toBeVisible();
  await expect(page).toHaveURL(/\?from=25$/);
  await page.reload();
  await expect(page.getByText("25 to 48 of 60,000")).toBeVisible();
  await page.getByLabel("Split").selectOption("test");
  await expect(page.getByText("1 to 24 of 10,000")).toBeVisible();
  await looks(page, "dataset", { docs: "dataset" });
  await page.getByRole("link", { name: "Train on this" }).click();
  await expect(page.getByLabel("The body of the job, as JSON")).toHaveValue(/"name": "mnist"/);
});

test("tells how numbers are spread, what is missing, and how often classes come, split by split", async ({ page }) => {
  await upload("people", "age,town,note\n22,Rome,a\n35,Rome,b\n,Oslo,c\n41,Rome,dd\n80,,e\n", "types=note:text");
  await open(page, "/datasets/people/1");
  const statistics = page.getByRole("region", { name: "What they hold" });
  const of = (name) => statistics.getByRole("article", { name: `Statistics of ${name}` });
  await expect(of("age").getByRole("img", { name: "How age is spread: 4 values; the highest bar, from 20 to 24, holds 1" })).toBeVisible();
  await expect(of("age").locator(".histogram-bar")).toHaveCount(13);
  await expect(of("age")).toContainText("20.0 % missing, 1 of 5");
  await expect(of("age")).toContainText("22 to 80");
  await expect(of("town").getByRole("listitem")).toHaveText([/Rome.*3 · 75.0 %/, /Oslo.*1 · 25.0 %/]);
  await expect(of("note").getByRole("img", { name: /^Lengths of note in characters: 5 texts; the highest bar, at 1, holds 4$/ })).toBeVisible();
  await expect(statistics.getByLabel("Rows that are summarised")).toHaveCount(0);
  await open(page, "/datasets/iris/1");
  // What there is to learn comes first.
  await expect(statistics.getByRole("article").first()).toHaveAccessibleName("Statistics of species");
  await expect(of("species").getByRole("listitem")).toHaveCount(3);
  await expect(of("species")).toContainText("even");
  await looks(page, "dataset-statistics");
  await open(page, "/datasets/mnist/1");
  await expect(of("label").getByRole("listitem").first()).toHaveText(/1.*7,877 · 11.3 %/);
  await statistics.getByLabel("Rows that are summarised").selectOption("test");
  await expect(of("label").getByRole("listitem").first()).toHaveText(/1.*1,135 · 11.3 %/);
  await expect(of("image").getByRole("img", { name: /^Brightness of image.*: 10,000 pictures/ })).toBeVisible();
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
  await expect(page.getByRole("list", { name: "Classes of class" }).getByRole("listitem").first()).toContainText(HOSTILE);
  await expect(page).not.toHaveTitle("run");
  await looks(page, "dataset-hostile");
});

test("a page of examples is one that there is, and at the end one goes no further", async ({ page }) => {
  await open(page, "/datasets/iris/1?from=99999");
  const [back, on] = ["Back", "On"].map((name) => page.getByRole("button", { name, exact: true }));
  await expect(page.getByText("145 to 150 of 150")).toBeVisible();
  await expect(page).toHaveURL(/\?from=145$/);
  await expect(on).toHaveAttribute("aria-disabled", "true");
  await back.click();
  await expect(page.getByText("121 to 144 of 150")).toBeVisible();
  await on.click();
  await expect(page.getByText("145 to 150 of 150")).toBeVisible();
  // It is said to be of no use, and keeps the focus.
  await expect(on).toHaveAttribute("aria-disabled", "true");
  await expect(on).toBeFocused();
});

test.describe("an older version", () => {
  // So few rows may make no job.
  test.use({ expected: /422/ });
  test("is the one that is trained on where it was looked at", async ({ page }) => {
    const days = (column) => `day,${column}\n${Array.from({ length: 20 }, (_, day) => `${day},${day < 10 ? "cold" : "warm"}`).join("\n")}\n`;
    await upload("days", days("season"));
    await upload("days", days("weather"));
    await open(page, "/datasets/days/1");
    await page.getByRole("link", { name: "Train on this" }).click();
    const body = page.getByLabel("The body of the job, as JSON");
    await expect(body).toHaveValue(/"version": 1,\s*"target": "season"/);
    await page.getByLabel("Epochs").fill("3");
    await expect(body).toHaveValue(/"version": 1,\s*"target": "season"/);
  });
});

test("what is asked of a file depends on its format, and its name is taken until one is typed", async ({ page }) => {
  await open(page, "/datasets/new");
  const file = (name) => page.getByLabel("File", { exact: true }).setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from("a,b\n1,2\n") });
  const name = page.getByLabel("Name", { exact: true });
  await file("first.csv");
  await expect(name).toHaveValue("first");
  await expect(page.getByLabel("Size", { exact: true })).toBeHidden();
  await expect(page.getByLabel("Names of the classes")).toBeHidden();
  await file("second.zip");
  await expect(name).toHaveValue("second");
  await expect(page.getByLabel("Size", { exact: true })).toBeVisible();
  await page.getByLabel("Format").selectOption("idx");
  await expect(page.getByLabel("Size", { exact: true })).toBeHidden();
  await expect(page.getByLabel("Names of the classes")).toBeVisible();
  await name.fill("mine");
  await file("third.csv");
  await expect(name).toHaveValue("mine");
});

test.describe("a file that is wrong", () => {
  test.use({ expected: /422/ });
  test("is refused with its line", async ({ page }) => {
    await open(page, "/datasets/new");
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByText("Choose a file first.")).toBeVisible();
    await page.getByLabel("File").setInputFiles({ name: "torn.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n3\n") });
    await page.getByRole("button", { name: "Add it" }).click();
    const wrong = page.getByRole("alert").filter({ hasText: "line 3" });
    await expect(wrong).toBeVisible();
    await expect(wrong).toContainText(/Request [0-9a-f-]{36}/);
  });
});
