// The frame around all pages: where links lead, the theme, what is not there, and signing in.

import { accessible, api, expect, jobs, looks, open, test } from "./support.js";
import { Server, iris, long } from "./server.js";

test("the bar leads to every page, and the back button back", async ({ page }) => {
  await open(page, "/");
  const bar = page.getByRole("navigation", { name: "Pages" });
  const names = await bar.getByRole("link").allTextContents();
  expect(names).toContain("Jobs");
  for (const name of names) {
    await bar.getByRole("link", { name, exact: true }).click();
    await expect(bar.getByRole("link", { name, exact: true })).toHaveAttribute("aria-current", "page");
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page).toHaveTitle(/Lyceum$/);
  }
  await page.goBack();
  await expect(bar.getByRole("link", { name: names.at(-2), exact: true })).toHaveAttribute("aria-current", "page");
});

test("who comes back to a page finds the place where they were", async ({ page }) => {
  await open(page, `/jobs/${jobs().done[0]}`);
  await expect(page.locator("figure.chart")).not.toHaveCount(0);
  await page.evaluate(() => scrollTo(0, 150));
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Jobs", exact: true }).click();
  await expect(page.getByRole("grid", { name: "Jobs" })).toBeVisible();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(150);
});

test("a page that nobody sees gives its connection back, and misses nothing", async ({ page }) => {
  await page.addInitScript(() => {
    const Own = window.EventSource;
    window.EventSource = class extends Own {
      constructor(...given) {
        super(...given);
        window.source = this;
      }
    };
  });
  const { id } = await api("POST", "/v1/jobs", long({ name: "unseen" }));
  await open(page, "/jobs?name=unseen");
  const row = page.locator('.jobs-body [role="row"]');
  await expect(row).toContainText("running");
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await hide(true);
  await expect.poll(() => page.evaluate(() => window.source.readyState), { timeout: 15_000 }).toBe(2);
  await api("POST", `/v1/jobs/${id}/cancel`);
  await expect.poll(async () => (await api("GET", `/v1/jobs/${id}`)).status).toBe("cancelled");
  await expect(row).toContainText("running");
  await expect(page.getByText("Connecting again…")).toBeHidden();
  await hide(false);
  await expect(row).toContainText("cancelled");
});

test("the keyboard skips the bar", async ({ page }) => {
  await open(page, "/jobs");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("main")).toBeFocused();
});

test("the theme is the system's until one is chosen, and that is kept", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open(page, "/");
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.getByRole("button", { name: /^Theme: system/ }).click();
  const light = await background();
  expect(light).not.toBe(dark);
  await page.reload();
  await expect(page.getByRole("button", { name: /^Theme: light/ })).toBeVisible();
  expect(await background()).toBe(light);
  await page.getByRole("button", { name: /^Theme: light/ }).click();
  expect(await background()).toBe(dark);
});

test("an address that cannot be read leads nowhere, and says so", async ({ page }) => {
  await open(page, "/jobs/%zz");
  await expect(page.getByRole("alert")).toContainText("There is nothing here");
});

test.describe("what is not there", () => {
  test.use({ expected: /404/ });

  test("is said, with the request and a way out", async ({ page }) => {
    await open(page, "/jobs/01a21441-0000-7000-8000-000000000000");
    const trouble = page.getByRole("alert");
    await expect(trouble).toContainText("There is nothing here");
    await expect(trouble).toContainText(/Request [0-9a-f-]{36}/);
    await accessible(page);
    await trouble.getByRole("link", { name: "To the overview" }).click();
    await expect(page).toHaveURL(/\/$/);
  });
});

test.describe("with keys", () => {
  test.use({ expected: /401|403/ });
  const key = "a-key-of-more-than-thirty-two-characters";
  let server;
  test.beforeAll(async () => (server = await Server.start({ key })));
  test.afterAll(() => server.stop());

  test("one signs in, does something, and signs out", async ({ page }) => {
    await page.goto(`${server.address}/jobs?status=failed`);
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await looks(page, "sign-in");
    await page.getByLabel("Key", { exact: true }).fill("x".repeat(40));
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByText("The key is unknown, expired or revoked.")).toBeVisible();
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/jobs\?status=failed$/);
    await expect(page.getByText("No job fits")).toBeVisible();

    // The cookie is for no script, and a change without the page's token is refused.
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    expect(await page.evaluate(() => document.cookie)).toBe("");
    const forged = await page.evaluate(async () => (await fetch("/v1/session", { method: "DELETE" })).status);
    expect(forged).toBe(403);

    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await page.goto(`${server.address}/jobs`);
    await expect(page).toHaveURL(/sign-in\?next=%2Fjobs$/);
  });

  test("calls are shown with the key that they need, and without its secret", async ({ page }) => {
    const job = await server.train(iris({ epochs: 1 }));
    await page.goto(`${server.address}/sign-in?next=${encodeURIComponent("/models/iris/1")}`);
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.keyboard.press("Enter");
    const code = page.getByRole("tabpanel").locator("code");
    for (const [language, words] of [["curl", '-H "authorization: Bearer $LYCEUM_KEY"'], ["Python", 'os.environ["LYCEUM_KEY"]'], ["JavaScript", "process.env.LYCEUM_KEY"], ["Rust", 'bearer_auth(std::env::var("LYCEUM_KEY")?)']]) {
      await page.getByRole("tab", { name: language, exact: true }).click();
      await expect(code).toContainText(words);
    }
    await page.goto(`${server.address}/jobs/${job.id}?part=spec`);
    await expect(page.getByLabel("the command", { exact: true })).toContainText("$LYCEUM_KEY");
    expect(await page.content()).not.toContain(key);
  });

  test("an address that leads elsewhere is not followed", async ({ page }) => {
    await page.goto(`${server.address}/sign-in?next=${encodeURIComponent("//evil.example/")}`);
    await page.getByLabel("Key", { exact: true }).fill(key);
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(`${server.address}/`);
  });
});
