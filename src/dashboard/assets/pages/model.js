// One model: its versions, what they reached, where they come from, and the aliases that callers name them by.

import { h, redraw } from "../lib/dom.js";
import { del, get, put } from "../lib/api.js";
import { bytes, number, plural, relativeTime } from "../lib/format.js";
import { action, confirm, crumbs, failed, field, heading, section, select, table, toast } from "../lib/widgets.js";
import { headline } from "../lib/jobs.js";
import { usage } from "../lib/serving.js";

/** Versions whose figures are asked for at first. */
const PAGE = 30;

export const title = ({ name }) => name;

export async function render(root, { params: { name }, navigate, signal }) {
  const place = h("div", { class: "stack wide-gap" });
  const used = h("div", { class: "stack" });
  root.append(place, section("In use", {}, used));
  usage(used, signal, { only: (model) => model.name === name, none: "No version is loaded. One is as soon as it is asked." });
  const state = { name, shown: PAGE, navigate, signal };
  const renew = async () => {
    state.model = await get(`/v1/models/${name}`, {}, { signal });
    const numbers = state.model.versions.slice(0, state.shown);
    state.versions = await Promise.all(numbers.map((version) => get(`/v1/models/${name}/versions/${version}`, {}, { signal })));
    redraw(place, draw(state, renew));
  };
  await renew();
}

function draw(state, renew) {
  const { name, model, versions } = state;
  const rest = model.versions.length - versions.length;
  return [
    heading(name, {
      above: crumbs(["/models", "Models"]),
      beside: h("span", { class: "muted" }, plural(model.versions.length, "version")),
      actions: [h("a", { class: "button primary", href: `/models/${name}/${model.latest}` }, "Try it")],
    }),
    section("Versions", {}, list(state, renew), rest > 0 && action(`Show ${Math.min(rest, PAGE)} more`, () => {
      state.shown += PAGE;
      return renew();
    })),
    section("Aliases", { note: "Names that callers use instead of a number. \"latest\" moves by itself." }, aliases(state, renew)),
  ];
}

function list({ name, versions, model, navigate }, renew) {
  return table([
    { title: "Version", class: "nowrap", cell: ({ version }) => h("a", { href: `/models/${name}/${version}` }, `version ${version}`) },
    { title: "Result", numeric: true, cell: ({ metrics }) => {
      const best = headline(metrics);
      return best ? [h("span", { class: "muted" }, `${best.name.replaceAll("_", " ")} `), number(best.value)] : "–";
    } },
    { title: "Aliases", cell: ({ aliases: own }) => own.map((alias) => h("span", { class: "tag" }, alias)) },
    { title: "Learned from", class: "nowrap", cell: ({ spec }) => dataset(spec) },
    { title: "Job", class: "nowrap", cell: ({ job }) => h("a", { href: `/jobs/${job}` }, job.slice(-8)) },
    { title: "Weights", numeric: true, cell: (one) => bytes(one.bytes) },
    { title: "Made", class: "nowrap", cell: ({ created_at: at }) => relativeTime(at) },
    { title: "", cell: ({ version }) => action("Delete", async () => {
      if (!(await confirm(`Delete version ${version}?`, "Callers that name it are answered that there is no such version.", "Delete"))) return;
      await del(`/v1/models/${name}/versions/${version}`);
      toast(`Version ${version} is deleted.`, { tone: "good" });
      if (model.versions.length === 1) await navigate("/models");
      else await renew();
    }, { kind: "plain", "aria-label": `Delete version ${version}` }) },
  ], versions, { caption: `Versions of ${name}` });
}

function dataset(spec) {
  const { name, version } = spec.training?.dataset ?? {};
  return name ? h("a", { href: `/datasets/${name}/${version}` }, `${name} ${version}`) : "–";
}

function aliases({ name, model }, renew) {
  const choices = model.versions.map((version) => [version, `version ${version}`]);
  const move = async (alias, version) => {
    await put(`/v1/models/${name}/aliases/${alias}`, { version: Number(version) });
    toast(`${alias} is version ${version} now.`, { tone: "good" });
    await renew();
  };
  const known = Object.entries(model.aliases).filter(([alias]) => alias !== "latest");
  const rows = table([
    { title: "Alias", cell: ([alias]) => alias },
    { title: "Points at", cell: ([alias, version]) => select(choices, version, (to) => move(alias, to).catch(failed), { "aria-label": `Version that ${alias} points at` }) },
    { title: "", cell: ([alias]) => action("Remove", async () => {
      await del(`/v1/models/${name}/aliases/${alias}`);
      await renew();
    }, { kind: "plain", "aria-label": `Remove ${alias}` }) },
  ], known, { caption: "Aliases", empty: h("p", { class: "muted" }, "None but \"latest\".") });
  const word = h("input", { type: "text", autocomplete: "off", spellcheck: "false", maxlength: "63", placeholder: "production" });
  const version = select(choices, model.latest);
  const form = h("form", { class: "row form-row", onsubmit: (event) => event.preventDefault() },
    field("New alias", word), field("Version", version),
    action("Set", () => move(encodeURIComponent(word.value.trim()), version.value), { kind: "primary" }));
  return h("div", { class: "stack" }, rows, form);
}
