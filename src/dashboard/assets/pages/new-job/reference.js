// Every component by its name: what it is, and how it may stand in a body.

import { h, replace } from "../../lib/dom.js";
import { choice, field } from "../../lib/widgets.js";

/** Components that are shown at once. */
const MOST = 12;

export function reference(components) {
  const kinds = [...new Set(components.map(({ kind }) => kind))];
  const state = { kind: "layer", text: "" };
  const place = h("div", { class: "words" });
  const draw = () => {
    const wanted = state.text.toLowerCase();
    const fits = ({ kind, name, documentation }) => (wanted ? name.includes(wanted) || documentation.toLowerCase().includes(wanted) : kind === state.kind);
    const found = components.filter(fits);
    replace(place, found.slice(0, wanted ? MOST : found.length).map(entry));
  };
  const search = h("input", { type: "search", placeholder: "dropout", autocomplete: "off", oninput: () => {
    state.text = search.value.trim();
    draw();
  } });
  draw();
  return h("div", { class: "stack" }, h("div", { class: "row form-row" }, field("Search", search),
    wrapping(choice("Kind", kinds.map((kind) => [kind, kind]), state.kind, (kind) => {
      Object.assign(state, { kind, text: "" });
      search.value = "";
      draw();
    }))), place);
}

function wrapping(choices) {
  choices.classList.add("wrap");
  return choices;
}

function entry({ kind, name, documentation, schema, example }) {
  const fields = Object.entries(schema.properties).filter(([field]) => field !== "type");
  return h("details", { class: "card" }, h("summary", {}, h("code", {}, name), " ", h("span", { class: "muted" }, kind)),
    documentation.split("\n\n").map((words) => h("p", {}, words)),
    fields.length > 0 && h("dl", { class: "word-fields" }, fields.map(([field, { description, default: usual }]) => [
      h("dt", {}, h("code", {}, field), usual !== undefined && h("span", { class: "muted" }, ` ${JSON.stringify(usual)}`)), h("dd", {}, description ?? "")])),
    h("pre", { tabindex: "0", "aria-label": `Example of ${name}` }, h("code", {}, JSON.stringify(example, null, 2))));
}
