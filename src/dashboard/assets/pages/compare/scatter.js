// A point a job: one thing that differs along, the result upwards.

import { h, replace, svg } from "../../lib/dom.js";
import { number } from "../../lib/format.js";
import { select } from "../../lib/widgets.js";
import { scale, shade } from "./scales.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, GAP] = [720, 280, 70, 40, 14];

/** `chosen` is the axis that was chosen before; `onchoose(axis)` hears of another. */
export function scatter(axes, rows, result, chosen, onchoose) {
  const place = h("div", { class: "scatter-frame" });
  const numeric = axes.find(({ at, words }) => words !== "seed" && rows.every(({ values }) => Number.isFinite(values[at])));
  const first = numeric ?? axes.find(({ words }) => words !== "seed") ?? axes[0];
  const draw = (at) => replace(place, picture(axes.find((axis) => axis.at === Number(at)), rows, result));
  const shown = chosen ?? first.at;
  draw(shown);
  return h("div", { class: "card stack" },
    h("label", { class: "smoothing" }, "Along", select(axes.map(({ at, words }) => [at, words]), shown, (at) => {
      onchoose(at);
      draw(at);
    }, { "aria-label": "Along" })), place);
}

function picture({ at, words }, rows, result) {
  const [along, up] = [scale(rows.map(({ values }) => values[at])), scale(rows.map((row) => row.result))];
  const x = (where) => LEFT + GAP + where * (WIDTH - LEFT - 2 * GAP - 40);
  const y = (where) => GAP + (1 - where) * (HEIGHT - BOTTOM - 2 * GAP);
  const points = rows.map((row) => svg("circle", { cx: x(along.place(row.values[at])).toFixed(1), cy: y(up.place(row.result)).toFixed(1), r: 5, class: "scatter-point", style: { fill: shade(up.place(row.result)) } },
    svg("title", {}, `${row.label}: ${words} ${typeof row.values[at] === "number" ? number(row.values[at]) : JSON.stringify(row.values[at])}, ${result} ${number(row.result)}`)));
  return svg("svg", { class: "scatter", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${result} against ${words} of ${rows.length} jobs; the table above has the values` },
    up.marks.map(([where, mark]) => [svg("line", { x1: LEFT, x2: WIDTH - 30, y1: y(where), y2: y(where), class: "scatter-grid" }), svg("text", { x: LEFT - 8, y: y(where) + 4, class: "scatter-mark end" }, mark)]),
    along.marks.map(([where, mark]) => svg("text", { x: x(where), y: HEIGHT - BOTTOM + 16, class: "scatter-mark middle" }, mark)),
    svg("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, class: "scatter-mark middle" }, words),
    points);
}
