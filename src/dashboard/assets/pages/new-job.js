// A job written: the body, its plan as one types, and its mistakes at the very line.

import { h, later, replace } from "../lib/dom.js";
import { all, blob, get, post } from "../lib/api.js";
import { bytes, number, plural } from "../lib/format.js";
import { action, button, crumbs, facts, failed, field, heading, section, select, table, toast } from "../lib/widgets.js";
import { posted } from "../lib/jobs.js";
import { lineOf, positions } from "../lib/positions.js";
import { FIRST_MODEL } from "../lib/first-model.js";
import { body, KINDS } from "./new-job/body.js";
import { Completion } from "./new-job/completion.js";
import { reference } from "./new-job/reference.js";
import { templates } from "./new-job/templates.js";

/** What says which keys do what in the text. */
const KEYS = "body-keys";

export const title = () => "New job";

export async function render(root, { query, navigate, signal }) {
  const [sets, models, examples, components] = await Promise.all([
    datasets(query, signal), all("/v1/models", {}, { signal }),
    get("/v1/examples", {}, { signal }), get("/v1/components", {}, { signal }),
  ]);
  const editor = new Editor(names(sets), signal);
  const submit = action("Post the job", async () => {
    const read = editor.read();
    if (!read) return;
    const job = await post("/v1/jobs", read, { idempotent: true });
    await navigate(`/jobs/${job.id}`);
  }, { kind: "primary" });
  root.append(
    heading("New job", { above: crumbs(["/jobs", "Jobs"]), actions: [submit] }),
    form(sets, query, (made) => editor.write(made)),
    templates({
      examples: examples.data, sets, models, selected: query.get("template"), ready: () => editor.ask(),
      chosen: async ({ name }) => {
        history.replaceState(null, "", `/jobs/new?template=${name}`);
        await editor.writeLater(template(name, signal));
      },
    }),
    h("div", { class: "new-job" }, section("Body", { note: h("span", { id: KEYS }, "Names are offered as you type, and by Ctrl+Space. Tab indents; Escape, then Tab leaves the text.") }, editor.node), section("Plan", {}, editor.plan)),
    section("Words", { note: "Every component that a body may name, with its fields." }, reference(components.data)));
  const named = query.get("template");
  if (named) await editor.writeLater(template(named, signal));
  else if (query.get("clone")) editor.write(await cloned(query.get("clone"), signal), { own: true });
  else editor.write(first(query, sets));
}

/** All data sets in their latest versions; the one that was being looked at in the version that was, and first. */
async function datasets(query, signal) {
  const sets = await all("/v1/datasets", {}, { signal });
  const [name, version] = [query.get("dataset"), query.get("version")];
  if (!name || !version) return sets;
  const looked = await get(`/v1/datasets/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`, {}, { signal }).catch((error) => {
    if (error.status !== 404) throw error;
  });
  if (!looked) return sets;
  return [looked, ...sets.filter((set) => set.name !== name)];
}

/** An example's body, in the lines in which somebody wrote it. */
const template = async (name, signal) => (await blob(`/v1/examples/${encodeURIComponent(name)}`, { signal })).text();

/** The names of data sets and of their columns, where a body has them. */
const names = (sets) => (path, said) => {
  if (path === "training/dataset/name") return sets.map(({ name, examples }) => ({ label: name, detail: plural(examples, "example") }));
  if (!/^training\/dataset\/(input|target)(\/\*)?$/.test(path)) return [];
  const set = sets.find(({ name }) => name === said("name"));
  return (set?.columns ?? []).map(({ name, kind }) => ({ label: name, detail: kind }));
};

/** The body of a job that is to be changed. */
async function cloned(id, signal) {
  const job = await get(`/v1/jobs/${id}`, {}, { signal });
  return (await posted(job)) ?? job.spec;
}

/** What the page begins with otherwise: the data set that was being looked at, or the first model. */
function first(query, sets) {
  const set = sets.find(({ name }) => name === query.get("dataset"));
  if (set) return body(set, { kind: KINDS[0][0] });
  const { labels, ...model } = FIRST_MODEL;
  return model;
}

/** The common case, said with four choices. */
function form(sets, query, made) {
  if (sets.length === 0) return h("p", { class: "muted" }, "There is no data set yet: ", h("a", { href: "/datasets/new" }, "add one"), ".");
  const named = sets.find(({ name }) => name === query.get("dataset")) ?? sets[0];
  const choice = { set: named, target: "", kind: KINDS[0][0], epochs: 5 };
  const targets = h("div", {});
  const renew = () => made(body(choice.set, choice));
  const drawTargets = () => {
    choice.target = choice.set.columns.at(-1).name;
    replace(targets, field("To predict", select(choice.set.columns.filter(({ kind }) => kind !== "image").map(({ name }) => [name, name]), choice.target, (to) => {
      choice.target = to;
      renew();
    })));
  };
  drawTargets();
  const epochs = h("input", { type: "number", min: "1", max: "1000000", value: "5", oninput: () => {
    choice.epochs = Math.max(1, Number(epochs.value) || 1);
    renew();
  } });
  return section("In short", { note: "Each choice writes the body anew." }, h("form", { class: "row form-row", onsubmit: (event) => event.preventDefault() },
    field("Data set", select(sets.map(({ name }) => [name, name]), named.name, (to) => {
      choice.set = sets.find(({ name }) => name === to);
      drawTargets();
      renew();
    })),
    targets,
    field("Network", select(KINDS, choice.kind, (to) => {
      choice.kind = to;
      renew();
    })),
    field("Epochs", epochs)));
}

/** The body as text, with the numbers of its lines, the mistakes under it, and its plan. */
class Editor {
  constructor(known, signal) {
    this.signal = signal;
    // Both count, so that of two answers the newer stays: what was asked of the plan, and what was written.
    this.asked = 0;
    this.changes = 0;
    this.area = h("textarea", { class: "editor-text", spellcheck: "false", autocapitalize: "off", wrap: "off", "aria-label": "The body of the job, as JSON", "aria-describedby": KEYS, oninput: () => this.#typed(), onscroll: () => this.#scrolled(), onkeydown: (event) => this.#key(event) });
    this.gutter = h("div", { class: "editor-lines", "aria-hidden": "true" });
    this.mistakes = h("div", { class: "editor-mistakes", role: "status", "aria-live": "polite" });
    const frame = h("div", { class: "editor-frame" }, h("div", { class: "editor" }, this.gutter, this.area));
    this.node = h("div", { class: "stack" }, frame, this.mistakes);
    this.completion = new Completion(this.area, frame, { known, signal });
    this.plan = h("div", { class: "stack" }, h("p", { class: "muted" }, "The plan stands here as soon as the body is right."));
    this.ask = later(() => this.#ask(), 250, signal);
  }

  write(value, options) {
    this.writeText(JSON.stringify(value, null, 2), options);
  }

  /** Puts a text in the place of the one that stands. What somebody wrote can be had back: what was typed, and a text that
   * is their `own`, such as the body of a job. */
  writeText(words, { own = false } = {}) {
    const { value } = this.area;
    if (value && value !== this.made) this.#keep(value);
    this.area.value = words.trimEnd();
    this.made = own ? null : this.area.value;
    this.#changed();
  }

  /** The same with a text that is still to come, unless something else is written meanwhile. */
  async writeLater(coming) {
    const change = (this.changes += 1);
    const words = await coming;
    if (change === this.changes && !this.signal.aborted) this.writeText(words);
  }

  /** Offers a text that has lost its place. */
  #keep(words) {
    const note = toast(["The body is written anew. ", button("Undo", () => {
      note.remove();
      this.writeText(words, { own: true });
      this.area.focus();
    }, { kind: "small" })], { seconds: 20 });
    this.signal.addEventListener("abort", () => note.remove());
  }

  /** The body, where it is JSON. */
  read() {
    const { wrong } = positions(this.area.value);
    if (!wrong) return JSON.parse(this.area.value);
    this.#tell([{ line: wrong.line, detail: wrong.words }]);
    this.area.focus();
    return null;
  }

  #typed() {
    this.#changed();
    this.completion.offer();
  }

  #changed() {
    this.changes += 1;
    // The plan that may be on its way is that of another text.
    this.asked += 1;
    this.#number(new Set());
    this.ask();
  }

  #number(marked) {
    const count = this.area.value.split("\n").length;
    replace(this.gutter, Array.from({ length: count }, (_, line) => h("div", { class: marked.has(line) ? "wrong" : null }, String(line + 1))));
    this.area.style.height = `${Math.min(Math.max(count, 12), 40) * 20 + 24}px`;
    this.#scrolled();
  }

  #scrolled() {
    this.gutter.style.transform = `translateY(${-this.area.scrollTop}px)`;
  }

  /** What is offered takes its keys first. Tab indents; Escape and then Tab leaves the text, so that nobody is caught in
   * it. */
  #key(event) {
    if (this.completion.key(event)) return;
    if (event.key === "Tab" && !event.shiftKey && !this.leaving) {
      event.preventDefault();
      document.execCommand("insertText", false, "  ");
    }
    this.leaving = event.key === "Escape";
  }

  async #ask() {
    const asked = (this.asked += 1);
    const { lines, wrong } = positions(this.area.value);
    if (wrong) return this.#tell([{ line: wrong.line, detail: wrong.words }]);
    try {
      const plan = await post("/v1/plans", JSON.parse(this.area.value), { signal: this.signal });
      if (asked !== this.asked) return;
      this.#tell([]);
      replace(this.plan, drawn(plan));
    } catch (error) {
      if (error.name === "AbortError" || asked !== this.asked) return;
      if (!error.errors?.length) return failed(error);
      this.#tell(error.errors.map(({ pointer, detail }) => ({ line: lineOf(lines, pointer), pointer, detail })));
    }
  }

  #tell(mistakes) {
    this.#number(new Set(mistakes.map(({ line }) => line)));
    if (mistakes.length === 0) return replace(this.mistakes, h("p", { class: "muted" }, "The body is right."));
    replace(this.mistakes, h("ul", { class: "mistake-list" }, mistakes.map(({ line, pointer, detail }) => h("li", {},
      h("button", { type: "button", class: "link-button", onclick: () => this.#go(line) }, `Line ${line + 1}`), pointer && [" ", h("code", {}, pointer)], " ", detail))));
  }

  #go(line) {
    const starts = this.area.value.split("\n");
    const start = starts.slice(0, line).join("\n").length + (line > 0 ? 1 : 0);
    this.area.focus();
    this.area.setSelectionRange(start, start + starts[line].length);
    this.area.scrollTop = Math.max(0, line * 20 - 100);
  }
}

function drawn({ nodes, parameters, step, steps_per_epoch: steps, warnings }) {
  return [
    facts([["Parameters", number(parameters.total)], ["Memory of a step", bytes(step.memory_bytes)], ["An epoch", plural(steps, "step")]]),
    warnings.length > 0 && h("ul", {}, warnings.map((words) => h("li", {}, words))),
    table([
      { title: "Node", cell: (node) => h("code", {}, node.name) },
      { title: "Type", cell: (node) => node.type },
      { title: "Shape", numeric: true, cell: (node) => node.output_shape.join(" × ") || "scalar" },
      { title: "Parameters", numeric: true, cell: (node) => number(node.parameters) },
    ], nodes, { caption: "The network's layers" }),
  ];
}
