// Numbers as people read them, where rounding would say too much.

import { expect, open, test } from "./support.js";

test("what is not whole is not rounded to be, and what reaches the next unit is said in it", async ({ page }) => {
  await open(page, "/datasets");
  const said = await page.evaluate(async () => {
    const { bytes, number, percent, short } = await import("/assets/lib/format.js");
    return {
      number: [0.99996, -0.99996, 1, 1.00004, 0.97312].map((value) => number(value)),
      percent: [percent(0.996), percent(0.9996, 1), percent(1), percent(0.994)],
      short: [999_600, 999_400, 61_700, 950].map(short),
      bytes: [999_600, 999_400, 999].map(bytes),
    };
  });
  expect(said).toEqual({
    number: ["0.9999", "−0.9999", "1", "1", "0.9731"],
    percent: ["99 %", "99.9 %", "100 %", "99 %"],
    short: ["1 M", "999 k", "61.7 k", "950"],
    bytes: ["1 MB", "999 kB", "999 B"],
  });
});
