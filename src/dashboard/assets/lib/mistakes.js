// What a version of a model gets wrong: pictures side by side, or rows in a table, the worst first.

import { h, replace } from "./dom.js";
import { get } from "./api.js";
import { number, percent, plural } from "./format.js";
import { empty, field, select, table, trouble } from "./widgets.js";

/** How many are shown at most. */
const MOST = 60;

/** Fields of an example that are shown under its picture. */
const CELLS = 6;

const PARTS = [["", "What was held out"], ["train", "What it learned from"], ["all", "The whole data set"]];

/** The mistakes of a version, of the part that is chosen; asked for at once. */
export function mistakes({ name, version, signal }) {
  const place = h("div", { class: "stack", role: "status" });
  let asked = 0;
  const ask = async (split) => {
    const own = (asked += 1);
    replace(place, h("p", { class: "muted" }, "Asking the model…"));
    try {
      const found = await get(`/v1/models/${name}/versions/${version}/mistakes`, { split, limit: MOST }, { signal });
      if (own === asked) replace(place, shown(found));
    } catch (error) {
      if (error.name !== "AbortError" && own === asked) replace(place, trouble(error, () => ask(split)));
    }
  };
  ask("");
  return h("div", { class: "stack" }, h("div", { class: "row form-row" }, field("Which examples", select(PARTS, "", ask))), place);
}

function shown(found) {
  const { data, examples, wrong, dataset } = found;
  if (examples === 0) return empty("No examples", h("p", {}, `No example of ${part(dataset)} says what would be right.`));
  if (wrong === 0) return empty("No mistakes", h("p", {}, `Every one of ${plural(examples, "example")} of ${part(dataset)} is answered right.`));
  const pictured = data.some(({ image }) => image);
  return [h("p", {}, ...summary(found)), pictured ? h("ul", { class: "mistakes" }, data.map((mistake) => card(mistake, found))) : rows(found)];
}

const part = ({ name, version, split }) => (split === "all" ? `${name} ${version}` : `the ${split} part of ${name} ${version}`);

function summary({ data, examples, wrong, dataset }) {
  const where = part(dataset);
  const order = wrong === null ? "Those that it is farthest off come first" : "The surest mistakes come first";
  const told = data.length < (wrong ?? examples) ? `; ${number(data.length)} are shown.` : ".";
  if (wrong === null) return [`${plural(examples, "example")} of ${where}. `, order, told];
  return [h("strong", {}, `${number(wrong)} of ${plural(examples, "example")}`), ` (${percent(wrong / examples, 1)}) of ${where} ${wrong === 1 ? "is" : "are"} answered wrong. `, order, told];
}

/** What was said and what is right, target by target: of several classes those that differ, of numbers all. */
function differences({ truth, answer }) {
  if (truth === null || typeof truth !== "object") return [{ answer, truth }];
  const all = Object.keys(truth).map((target) => ({ target, answer: answer[target], truth: truth[target] }));
  return all.filter((one) => typeof one.truth === "number" || one.answer !== one.truth);
}

function card(mistake, { targets }) {
  const { row, probability, error, image, example } = mistake;
  const cells = Object.entries(example).filter(([key, value]) => value !== image && typeof value !== "object" && !targets.includes(key)).slice(0, CELLS);
  return h("li", { class: "card mistake" },
    image && h("img", { src: image, alt: `Example ${row}`, loading: "lazy", width: 84, height: 84 }),
    differences(mistake).map(({ target, answer, truth }) => h("p", {}, target && h("span", { class: "muted" }, `${target}: `), h("strong", {}, said(answer)), h("span", { class: "muted" }, ` is ${said(truth)}`))),
    h("p", { class: "muted" }, probability !== null && `${sure(probability)} sure`, error !== null && `${number(error)} off`),
    h("p", { class: "muted" }, `row ${number(row)}`),
    cells.length > 0 && h("p", { class: "muted mistake-cells" }, cells.map(([key, value]) => `${key} ${said(value)}`).join(", ")));
}

function rows({ data, targets, wrong }) {
  const fields = Object.keys(data[0].example).filter((key) => !targets.includes(key));
  const words = (key) => (mistake) => differences(mistake).map(({ target, ...one }) => h("div", {}, target && h("span", { class: "muted" }, `${target} `), said(one[key])));
  return table([
    { title: "Answer", class: "mistake-answer", cell: words("answer") },
    { title: "Truth", cell: words("truth") },
    wrong === null ? { title: "Off by", numeric: true, cell: ({ error }) => number(error) } : { title: "Sure", numeric: true, cell: ({ probability }) => sure(probability) },
    { title: "Row", numeric: true, cell: ({ row }) => number(row) },
    ...fields.map((key) => ({ title: key, class: "muted mistake-cell", cell: ({ example }) => said(example[key]) })),
  ], data, { caption: "Examples that are answered wrong" });
}

/** A probability so that a sure one is not rounded to certain. */
function sure(probability) {
  if (probability === null) return "–";
  return probability < 1 && probability > 0.995 ? "> 99.5 %" : percent(probability);
}

function said(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value);
  if (typeof value === "object") return "…";
  return String(value);
}
