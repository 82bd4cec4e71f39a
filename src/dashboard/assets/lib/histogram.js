// How numbers are spread, as bars from edge to edge. What the bars show is said in words too.

import { h, svg } from "./dom.js";
import { number, plural } from "./format.js";

const WIDTH = 260;
const HEIGHT = 64;
/** Of the lowest bar, so that one among many can be seen. */
const LEAST = 1.5;

/** Bars for `{edges, counts}`. `of` names what is counted, `unit` what stands along the axis, `whole` whether there are no
 * fractions. */
export function histogram({ edges, counts }, { label, of = "value", unit = "", whole = false }) {
  const most = Math.max(...counts);
  const width = WIDTH / counts.length;
  const end = last(edges, counts.length - 1, whole);
  const words = `${label}: ${plural(counts.reduce((sum, count) => sum + count, 0), of)}; the highest bar, ${part(edges, counts.indexOf(most), whole)}, holds ${number(most)}`;
  return h("div", { class: "histogram" },
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
      counts.map((count, at) => {
        const height = count > 0 ? Math.max((count / most) * HEIGHT, LEAST) : 0;
        return svg("g", {},
          svg("title", {}, `${part(edges, at, whole)}: ${number(count)}`),
          svg("rect", { class: "histogram-space", x: at * width, y: 0, width, height: HEIGHT }),
          svg("rect", { class: "histogram-bar", x: at * width, y: HEIGHT - height, width: Math.max(width - 1, 0.5), height }));
      })),
    h("div", { class: "histogram-ends", "aria-hidden": "true" }, h("span", {}, number(edges[0])), h("span", {}, unit), end !== edges[0] && h("span", {}, number(end))));
}

/** A bin in words. */
function part(edges, at, whole) {
  const [from, to] = [edges[at], last(edges, at, whole)];
  return from === to ? `at ${number(from)}` : `from ${number(from)} to ${number(to)}`;
}

/** What a bin reaches to: its end is the next one's beginning, so that of whole numbers the one before is its last. */
function last(edges, at, whole) {
  return whole && edges.length > 2 ? edges[at + 1] - 1 : edges[at + 1];
}
