// Trying a model: what is drawn, dropped or typed is asked of it at once, and its answer moves along.

import { h, replace, text } from "../../lib/dom.js";
import { post } from "../../lib/api.js";
import { number, percent } from "../../lib/format.js";
import { button, failed, field, requestLine, select } from "../../lib/widgets.js";
import { digitPad } from "../../lib/digit.js";

/** Classes whose bars are shown. */
const MOST = 12;

/** The form of a version's inputs, and its answers beside it. */
export function trial(version, signal) {
  const answer = h("div", { class: "answer", role: "status", "aria-live": "polite" }, h("p", { class: "muted" }, "Its answer stands here."));
  const took = h("p", { class: "muted" });
  const ask = asker(version, { answer, took, signal });
  return h("div", { class: "trial" }, h("div", { class: "trial-inputs" }, form(version, ask)), h("div", { class: "trial-answer" }, answer, took));
}

/** Asks one thing at a time, and the newest at the end: what came in between is left out. */
function asker({ model, version }, { answer, took, signal }) {
  let next;
  let asking = false;
  return async (input) => {
    next = input;
    if (asking) return;
    asking = true;
    while (next !== undefined && !signal.aborted) {
      const now = next;
      next = undefined;
      if (now === null) {
        replace(answer, h("p", { class: "muted" }, "Its answer stands here."));
        text(took, "");
        continue;
      }
      const begun = performance.now();
      try {
        const { predictions } = await post(`/v1/models/${model}/versions/${version}/predict`, { inputs: [now] }, { signal });
        show(answer, predictions[0]);
        text(took, `Answered in ${number(performance.now() - begun, 3)} ms`);
      } catch (error) {
        if (error.name === "AbortError") break;
        const mistakes = error.errors?.map(({ pointer, detail }) => `${pointer.replace("/inputs/0", "") || "The input"}: ${detail}`) ?? [];
        replace(answer, h("p", { class: "field-error", role: "alert" }, mistakes.length ? mistakes.join("; ") : error.detail || error.message, requestLine(error)));
        text(took, "");
      }
    }
    asking = false;
  };
}

function form({ inputs, outputs }, ask) {
  const [only] = inputs;
  if (inputs.length === 1 && only.kind === "image") return image(only, outputs, ask);
  return row(inputs, ask);
}

/** A drawing where the pictures are digits, and a file of any other. */
function image({ shape }, outputs, ask) {
  const [channels, height, width] = shape;
  const digits = channels === 1 && height === 28 && width === 28;
  const chosen = h("input", { type: "file", accept: "image/png,image/jpeg", onchange: () => take(chosen.files[0]) });
  const take = (file) => file && read(file).catch(failed);
  const read = async (file) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let binary = "";
    for (let start = 0; start < bytes.length; start += 32768) binary += String.fromCharCode(...bytes.subarray(start, start + 32768));
    await ask(btoa(binary));
  };
  const drop = h("div", {
    class: "drop",
    ondragover: (event) => {
      event.preventDefault();
      drop.classList.add("over");
    },
    ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      take(event.dataTransfer.files[0]);
    },
  }, field(digits ? "Or drop a picture here" : "Drop a picture here, or choose one", chosen));
  return h("div", { class: "stack" }, digits && digitPad(ask), drop);
}

/** A control for each column. */
function row(inputs, ask) {
  const controls = inputs.filter(({ optional }) => !optional).map((input) => [input, control(input)]);
  const read = () => Object.fromEntries(controls.map(([{ name, kind, shape }, node]) => [name, value(kind, shape, node.value)]));
  const renew = () => ask(controls.every(([, node]) => node.value === "") ? null : read());
  return h("form", {
    class: "trial-form",
    oninput: renew,
    onsubmit: (event) => {
      event.preventDefault();
      ask(read());
    },
  }, controls.map(([{ name }, node]) => field(name, node)), button("Ask", () => ask(read()), { kind: "primary" }));
}

function control({ kind, classes, shape }) {
  if (kind === "category" && classes.length <= 200) return select([["", "missing"], ...classes.map((word) => [word, word])], "");
  if (kind === "number" && shape.length === 0) return h("input", { type: "text", inputmode: "decimal", autocomplete: "off", placeholder: "missing" });
  if (kind === "text") return h("textarea", { rows: "3" });
  return h("textarea", { rows: "3", spellcheck: "false", placeholder: "[…]" });
}

/** What is typed as the model takes it: a table's cell as it stands, an array as JSON. */
function value(kind, shape, typed) {
  if (typed === "") return null;
  if (shape.length === 0) return typed;
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

function show(node, prediction) {
  const single = "class" in prediction || "value" in prediction;
  const parts = single ? [["", prediction]] : Object.entries(prediction);
  replace(node, parts.map(([name, one]) => h("div", { class: "stack" }, name && h("h3", {}, name), one.probabilities ? bars(one) : plain(one))));
}

function plain(one) {
  const shown = (found) => (Array.isArray(found) ? JSON.stringify(found) : number(found, 6));
  if ("class" in one) return [h("p", { class: "answer-class" }, one.class), h("p", { class: "muted" }, `score ${number(one.score)}`)];
  return [h("p", { class: "answer-class" }, shown(one.value)), one.deviation !== undefined && h("p", { class: "muted" }, `± ${number(one.deviation)}`)];
}

/** The classes in their own order, so that bars move and do not jump; of many the likeliest. */
function bars({ class: best, probabilities }) {
  const all = Object.entries(probabilities);
  const likely = new Set(all.toSorted(([, one], [, other]) => other - one).slice(0, MOST).map(([name]) => name));
  return [
    h("p", { class: "answer-class" }, best),
    h("ul", { class: "bars" }, all.filter(([name]) => likely.has(name)).map(([name, share]) =>
      h("li", { class: name === best ? "best" : null },
        h("span", { class: "bar-name" }, name),
        h("span", { class: "bar-track", "aria-hidden": "true" }, h("span", { class: "bar-fill", style: { width: `${share * 100}%` } })),
        h("span", { class: "bar-value" }, percent(share, 1))))),
  ];
}
