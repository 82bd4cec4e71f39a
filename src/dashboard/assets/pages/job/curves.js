// A chart for each metric, with training, validation and test in one; and one each for the learning rate, the norm of
// gradients and whatever else is measured.

import { h, replace } from "../../lib/dom.js";
import { empty } from "../../lib/widgets.js";
import { Curves, chartControls } from "../../lib/chart.js";
import { part } from "../../lib/series.js";

/** How the parts look: the same everywhere, by colour and by dash. */
const LOOKS = {
  train: { label: "train", tone: 1, dash: 0 },
  step: { label: "train, each step", tone: 1, dash: 0, faint: true },
  validation: { label: "validation", tone: 2, dash: 1 },
  test: { label: "test", tone: 3, dash: 2 },
};
const LAST = ["learning_rate", "gradient_norm"];
const ORDER = ["train", "validation", "test", "step"];

export function curves(panel, { state, signal, listen }) {
  const shown = { axis: "step", log: false, smoothing: 0 };
  const charts = new Map();
  const grid = h("div", { class: "charts" });
  const none = empty("No points yet", h("p", {}, "Curves appear here by themselves as soon as the job trains."));
  panel.append(chartControls(shown, (change) => {
    Object.assign(shown, change);
    for (const chart of charts.values()) chart.change(change);
  }), none, grid);
  const draw = () => {
    const groups = grouped(state.metrics);
    none.hidden = groups.length > 0;
    for (const [metric, lines] of groups) {
      if (!charts.has(metric)) {
        charts.set(metric, new Curves(grid, metric.replaceAll("_", " "), { signal, ...shown }));
        // In the same order however they came.
        replace(grid, groups.flatMap(([name]) => charts.get(name)?.node ?? []));
      }
      charts.get(metric).set(lines);
    }
  };
  draw();
  listen((changed) => (changed.has("metrics") || changed.has("resumed")) && draw(), signal);
}

function grouped(metrics) {
  const names = metrics.names;
  const groups = new Map();
  for (const name of names) {
    const { metric, part: of } = part(name, names);
    const series = metrics.get(name);
    if (series.length === 0) continue;
    if (!groups.has(metric)) groups.set(metric, []);
    groups.get(metric).push({ ...LOOKS[of], of, series });
  }
  const rank = (name) => (name === "loss" ? -1 : LAST.indexOf(name) + 1);
  const start = Math.min(...[...groups.values()].flat().map(({ series }) => series.time[0]));
  return [...groups]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([metric, lines]) => [metric, lines.sort((a, b) => ORDER.indexOf(a.of) - ORDER.indexOf(b.of)).map((line) => ({ ...line, start }))]);
}
