// An axis for each thing that differs, and one for the result; each job is a line through its values.

import { h, svg } from "../../lib/dom.js";
import { number } from "../../lib/format.js";
import { scale, shade } from "./scales.js";

const HEIGHT = 240;
const TOP = 40;

export function parallel(axes, rows, result) {
  const all = [...axes.map(({ at, words, hint }) => ({ words, hint, value: (row) => row.values[at] })), { words: result, hint: result, value: (row) => row.result }];
  const scales = all.map(({ value }) => scale(rows.map(value)));
  const gap = Math.min(Math.max((all.length > 4 ? 1040 : 420) / (all.length - 1), 110), 300);
  const x = (at) => 60 + at * gap;
  const y = (place) => TOP + 10 + (1 - place) * (HEIGHT - 20);
  const width = x(all.length - 1) + 110;
  const lines = rows.map((row) => {
    const points = all.map(({ value }, at) => [x(at), y(scales[at].place(value(row)))]);
    const curve = points.map(([px, py], at) => (at === 0 ? `M${px} ${py.toFixed(1)}` : `C${px - gap / 2} ${points[at - 1][1].toFixed(1)} ${px - gap / 2} ${py.toFixed(1)} ${px} ${py.toFixed(1)}`)).join("");
    return svg("path", { d: curve, class: "parallel-line", style: { stroke: shade(scales.at(-1).place(row.result)) } }, svg("title", {}, `${row.label}: ${result} ${number(row.result)}`));
  });
  const frames = all.map(({ words, hint }, at) => svg("g", { transform: `translate(${x(at)} 0)` },
    svg("line", { y1: TOP, y2: TOP + HEIGHT, class: "parallel-axis" }),
    svg("text", { y: TOP - 16, class: "parallel-name" }, svg("title", {}, hint), cut(words, 20)),
    scales[at].marks.map(([place, mark]) => svg("text", { x: 8, y: y(place) + 4, class: "parallel-mark" }, cut(mark, 16)))));
  return h("div", { class: "card parallel-frame", tabindex: "0", role: "region", "aria-label": "Parallel coordinates" },
    svg("svg", { width, height: TOP + HEIGHT + 12, viewBox: `0 0 ${width} ${TOP + HEIGHT + 12}`, role: "img", "aria-label": `${rows.length} jobs by ${all.map(({ words }) => words).join(", ")}; the table above has the values` }, lines, frames));
}

const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
