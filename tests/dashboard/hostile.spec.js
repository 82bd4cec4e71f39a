// What users write is text wherever it is shown, however much it looks like a page.

import { HOSTILE, api, expect, jobs, open, test } from "./support.js";

test("a hostile label, note and value are shown as text on every page that has them", async ({ page }) => {
  const { hostile, done } = jobs();
  for (const path of [`/jobs/${hostile}`, `/jobs/${hostile}?part=spec`, `/jobs/${hostile}?part=events`, "/jobs?name=hostile", `/compare?jobs=${hostile},${done[0]}`, "/", `/jobs?label=${encodeURIComponent(HOSTILE)}`]) {
    await open(page, path);
    await expect(page.locator("main h1")).toBeVisible();
    expect(await page.locator("main img[src=x], main script, main b").count(), path).toBe(0);
    expect(await page.title(), path).not.toBe("run");
  }
  await open(page, `/jobs/${hostile}`);
  await expect(page.getByText(HOSTILE).first()).toBeVisible();
});

test("a hostile line of the log and message of a failure are text", async ({ page }) => {
  const { done } = jobs();
  const message = HOSTILE;
  // As a worker would have written them: the answers of the server are as they would be.
  await page.route(`**/v1/jobs/${done[0]}/logs*`, (route) => route.fulfill({ contentType: "text/plain; charset=utf-8", body: `${message}\n` }));
  await page.route(`**/v1/jobs/${done[0]}`, async (route) => {
    const job = await api("GET", `/v1/jobs/${done[0]}`);
    await route.fulfill({ json: { ...job, status: "failed", error: { kind: "internal", detail: message, hint: message } } });
  });
  await open(page, `/jobs/${done[0]}?part=events`);
  await expect(page.getByRole("alert")).toContainText(message);
  await expect(page.getByLabel("Lines of the log")).toContainText(message);
  expect(await page.locator("main img[src=x], main script").count()).toBe(0);
  expect(await page.title()).not.toBe("run");
});
