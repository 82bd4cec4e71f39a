// What the columns of a data set hold: how numbers are spread, how often classes come, how long texts are and how bright
// pictures, and what is missing.

import { h, replace } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { number, percent, plural } from "../../lib/format.js";
import { button, facts, requestLine, section, select } from "../../lib/widgets.js";
import { histogram } from "../../lib/histogram.js";

/** Columns that are shown at once. */
const PAGE = 24;
/** Classes that have a bar of their own. */
const CLASSES = 12;

/** The section, which asks by itself: counting may take a while, and the rest of the page does not wait. */
export function statistics(set, path, signal) {
  const place = h("div", { class: "stack" });
  const state = { split: "", asks: 0 };
  const show = async () => {
    const own = (state.asks += 1);
    replace(place, h("p", { class: "muted", role: "status" }, "Counting…"));
    try {
      const found = await get(`${path}/statistics`, { split: state.split }, { signal });
      if (own === state.asks) replace(place, summaries(set, found));
    } catch (error) {
      if (error.name === "AbortError" || own !== state.asks) return;
      replace(place, h("p", { class: "row", role: "alert" }, error.detail || error.message, button("Try again", show, { kind: "small" }), requestLine(error)));
    }
  };
  const splits = Object.keys(set.splits);
  const choose = splits.length > 1 && select([["", "all rows"], ...splits.map((split) => [split, split])], "", (split) => {
    state.split = split;
    show();
  }, { "aria-label": "Rows that are summarised" });
  show();
  return section("What they hold", { actions: [choose] }, place);
}

/** A card a column, that of the label first. */
function summaries(set, { label, examples, columns }) {
  const types = new Map(set.columns.map(({ name, dtype }) => [name, dtype]));
  const ordered = columns.toSorted((one, other) => Number(other.name === label) - Number(one.name === label));
  const cards = h("div", { class: "cards summaries" });
  const more = button("More columns", () => add());
  const add = () => {
    const from = cards.childElementCount;
    cards.append(...ordered.slice(from, from + PAGE).map((column) => summary(column, { examples, isLabel: column.name === label, whole: types.get(column.name)?.includes("int") })));
    more.hidden = cards.childElementCount >= ordered.length;
  };
  add();
  return [cards, more];
}

function summary(column, { examples, isLabel, whole }) {
  return h("article", { class: "card summary", "aria-label": `Statistics of ${column.name}` },
    h("div", { class: "summary-head" }, h("h3", {}, column.name), h("span", { class: "tag" }, isLabel ? "label" : column.kind)),
    body(column, whole),
    h("p", { class: "muted summary-note" }, [filled(column), different(column), sampled(column, examples)].filter(Boolean).join(" · ")));
}

function body({ name, numbers, classes, lengths, elements, pixels }, whole) {
  if (numbers) return spread(numbers, { label: `How ${name} is spread`, whole });
  if (classes) return balance(classes, name);
  if (lengths) return spread(lengths, { label: `Lengths of ${name} in characters`, of: "text", unit: "characters", whole: true });
  if (elements) return spread(elements, { label: `How the elements of ${name} are spread`, of: "element", whole });
  if (pixels) return pictures(pixels, name);
  return h("p", { class: "muted" }, "No cell holds anything.");
}

function spread({ least, greatest, mean, standard_deviation: deviation, quartiles, histogram: bins }, { label, of, unit, whole }) {
  const [lower, median, upper] = quartiles.map((quartile) => number(quartile));
  return [
    histogram(bins, { label, of, unit, whole }),
    facts([
      ["Mean", `${number(mean)} ± ${number(deviation)}`],
      ["Median", median],
      ["Middle half", `${lower} to ${upper}`],
      ["Range", `${number(least)} to ${number(greatest)}`],
    ], { class: "summary-facts" }),
  ];
}

/** How often each class comes: a bar as long as its share of the commonest. */
function balance({ commonest, others, absent, evenness }, name) {
  const shown = commonest.slice(0, CLASSES);
  const folded = commonest.slice(CLASSES);
  const sum = (counted) => counted.reduce((so_far, { count }) => so_far + count, 0);
  const all = sum(commonest) + others.count;
  const rows = shown.map(({ class: word, count }) => [word, count]);
  const rest = folded.length + others.classes;
  if (rest > 0) rows.push([`${plural(rest, "other class", "other classes")}`, sum(folded) + others.count]);
  const most = commonest[0].count;
  return [
    h("ul", { class: "bars summary-bars", "aria-label": `Classes of ${name}` }, rows.map(([word, count], at) =>
      h("li", { class: at >= shown.length ? "muted" : null },
        h("span", { class: "bar-name", title: word }, word),
        h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { class: "bar-fill", style: { width: `${Math.min(count / most, 1) * 100}%` } })),
        h("span", { class: "bar-value" }, `${number(count)} · ${percent(count / all, 1)}`)))),
    facts([
      evenness !== null && ["Balance", evenness > 0.9995 ? "even" : percent(evenness, 1)],
      absent > 0 && ["Absent here", plural(absent, "class", "classes")],
    ], { class: "summary-facts" }),
  ];
}

function pictures({ channels, brightness }, name) {
  const names = channels.length === 3 ? ["Red", "Green", "Blue"] : channels.length === 1 ? ["Pixels"] : channels.map((_, at) => `Channel ${at + 1}`);
  return [
    histogram(brightness, { label: `Brightness of ${name}, from black at 0 to white at 1`, of: "picture", unit: "brightness" }),
    facts(channels.map(({ mean, standard_deviation: deviation }, at) => [names[at], `${number(mean)} ± ${number(deviation)}`]), { class: "summary-facts" }),
  ];
}

function filled({ missing, examined }) {
  if (examined === 0) return "no rows";
  return missing > 0 ? `${percent(missing / examined, 1)} missing, ${number(missing)} of ${number(examined)}` : "none missing";
}

function different({ distinct, classes }) {
  if (!distinct) return "";
  const words = classes ? ["class", "classes"] : ["different value", "different values"];
  return `${distinct.exact ? "" : "more than "}${plural(distinct.count, ...words)}`;
}

function sampled({ examined }, examples) {
  return examined < examples ? `of ${number(examined)} rows, spread evenly over ${number(examples)}` : "";
}
