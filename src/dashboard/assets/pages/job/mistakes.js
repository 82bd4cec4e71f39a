// The examples that the job's model gets wrong, the worst first.

import { h, replace } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { number, percent } from "../../lib/format.js";
import { empty, section, trouble } from "../../lib/widgets.js";

export async function mistakes(panel, { state, signal }) {
  const { name, version } = state.job.model;
  replace(panel, h("p", { class: "muted" }, "Asking the model…"));
  let found;
  try {
    found = await get(`/v1/models/${name}/versions/${version}/mistakes`, { limit: 60 }, { signal });
  } catch (error) {
    if (error.name !== "AbortError") replace(panel, trouble(error));
    return;
  }
  if (signal.aborted) return;
  replace(panel, section("What it gets wrong", { note: "The surest mistakes first." }, found.data.length === 0
    ? empty("No mistakes", h("p", {}, "The model answers every example of this part right."))
    : h("ul", { class: "mistakes" }, found.data.map(card))));
}

function card({ row, truth, answer, probability, image, example }) {
  const cells = example && Object.entries(example).filter(([, value]) => value === null || typeof value !== "object");
  return h("li", { class: "card mistake" },
    image && h("img", { src: image, alt: `Example ${row}`, loading: "lazy", width: 84, height: 84 }),
    h("p", {}, h("strong", {}, String(answer)), probability !== null && probability !== undefined && ` ${percent(probability)}`),
    h("p", { class: "muted" }, `is ${truth} · row ${number(row)}`),
    !image && cells && h("p", { class: "muted mistake-cells" }, cells.map(([key, value]) => `${key} ${value}`).join(", ")));
}
