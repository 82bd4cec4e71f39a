// A matrix of counts as a map: the darker a cell, the greater its share of its row.

import { h } from "./dom.js";
import { number, percent } from "./format.js";

/** Rows are the truth, columns the answers. A table, so that it is read as one. */
export function heatMap(labels, matrix) {
  const sums = matrix.map((row) => row.reduce((sum, count) => sum + count, 0));
  return h("div", { class: "heat-frame", tabindex: "0", role: "region", "aria-label": "Confusion matrix" }, h("table", { class: "heat" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Truth"), labels.map((label) => h("th", { scope: "col", title: label }, label)), h("th", { scope: "col" }, "Right"))),
    h("tbody", {}, matrix.map((row, at) => h("tr", {},
      h("th", { scope: "row", title: labels[at] }, labels[at]),
      row.map((count, column) => {
        const share = sums[at] > 0 ? count / sums[at] : 0;
        return h("td", {
          class: `${at === column ? "right" : "wrong"}${share > 0.5 ? " strong" : ""}`,
          style: { "--share": String(count > 0 ? Math.max(share, 0.05) : 0) },
          title: `${labels[at]} taken for ${labels[column]}: ${number(count)}, ${percent(share, 1)}`,
        }, count === 0 ? "" : number(count));
      }),
      h("td", { class: "heat-share" }, sums[at] > 0 ? percent(row[at] / sums[at], 1) : "–"))))));
}
