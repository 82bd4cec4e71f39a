// One version of a model: tried with a drawing, a picture or a row, called from a program, traced to where it comes from.

import { h, replace } from "../lib/dom.js";
import { del, get, post } from "../lib/api.js";
import { bytes, number, relativeTime } from "../lib/format.js";
import { mistakes } from "../lib/mistakes.js";
import { action, button, confirm, crumbs, facts, field, heading, section, snippet, table, tabs } from "../lib/widgets.js";
import { load } from "./version/load.js";
import { snippets } from "./version/snippets.js";
import { trial } from "./version/try.js";

export const title = ({ name, version }) => `${name} ${version}`;

export async function render(root, { params: { name, version }, navigate, signal }) {
  const found = await get(`/v1/models/${name}/versions/${version}`, {}, { signal });
  root.append(
    heading(`${name} ${found.version}`, {
      above: crumbs(["/models", "Models"], [`/models/${name}`, name]),
      beside: found.aliases.map((alias) => h("span", { class: "tag" }, alias)),
      actions: [
        h("a", { class: "button", href: `/v1/models/${name}/versions/${found.version}/weights`, download: `${name}-${found.version}.safetensors` }, `Weights, ${bytes(found.bytes)}`),
        action("Delete", async () => {
          if (!(await confirm(`Delete version ${found.version}?`, "Callers that name it are answered that there is no such version.", "Delete"))) return;
          await del(`/v1/models/${name}/versions/${found.version}`);
          await navigate(`/models/${name}`);
        }, { kind: "danger" }),
      ],
    }),
    section("Try it", {}, trial(found, signal)),
    h("div", { class: "columns" },
      section("Where it comes from", {}, lineage(found)),
      section("What it reached", {}, metrics(found))),
    section("What it gets wrong", {}, wrong(found, signal)),
    section("Other data", { note: "Loss and metrics on a split or on another data set with the same columns." }, evaluation(found)),
    section("Load", { note: "Since the server started, as it happens." }, load(found, signal)),
    section("Call it", {}, calls(found, version)));
}

/** Asked for by a button, since the model answers a whole part of its data set for it. */
function wrong({ model: name, version }, signal) {
  const place = h("div", {}, button("Show its mistakes", () => replace(place, mistakes({ name, version, signal }))));
  return place;
}

function lineage({ spec, job, created_at: at, sha256 }) {
  const { name, version } = spec.training?.dataset ?? {};
  return facts([
    name && ["Data", h("a", { href: `/datasets/${name}/${version}` }, `${name}, version ${version}`)],
    ["Job", h("a", { href: `/jobs/${job}` }, spec.name)],
    spec.training?.initialize_from && ["Begun with", h("a", { href: `/models/${spec.training.initialize_from.model}/${spec.training.initialize_from.version}` }, `${spec.training.initialize_from.model} ${spec.training.initialize_from.version}`)],
    ["Made", relativeTime(at)],
    ["Digest", h("code", { title: sha256 }, `${sha256.slice(0, 16)}…`)],
  ]);
}

function metrics({ metrics: values }) {
  const chosen = Object.entries(values).filter(([name]) => !["learning_rate", "gradient_norm", "step_loss"].includes(name));
  return table([
    { title: "Metric", cell: ([name]) => name.replaceAll("_", " ") },
    { title: "Value", numeric: true, cell: ([, value]) => number(value) },
  ], chosen, { caption: "Metrics", empty: h("p", { class: "muted" }, "Nothing was measured.") });
}

function evaluation({ model, version, spec }) {
  const own = spec.training?.dataset ?? {};
  const name = h("input", { type: "text", value: own.name ?? "", autocomplete: "off", spellcheck: "false" });
  const split = h("input", { type: "text", value: "", placeholder: "test, or all", autocomplete: "off", spellcheck: "false" });
  const place = h("div", { role: "status" });
  const ask = action("Evaluate", async () => {
    const dataset = { name: name.value.trim() };
    if (split.value.trim()) dataset.split = split.value.trim();
    const found = await post(`/v1/models/${model}/versions/${version}/evaluate`, { dataset });
    replace(place, h("p", { class: "muted" }, `${number(found.examples)} examples of ${found.dataset.name} ${found.dataset.version}, ${found.dataset.split}`),
      facts(Object.entries(found.metrics).map(([metric, value]) => [metric.replaceAll("_", " "), number(value)])));
  }, { kind: "primary" });
  return h("div", { class: "stack" }, h("form", { class: "row form-row", onsubmit: (event) => event.preventDefault() }, field("Data set", name), field("Split", split), ask), place);
}

function calls(found, named) {
  const parts = snippets(found, named).map(({ id, title: words, code }) => ({
    id,
    title: words,
    render: (panel) => panel.append(snippet(code, words)),
  }));
  return tabs("Languages", parts);
}
