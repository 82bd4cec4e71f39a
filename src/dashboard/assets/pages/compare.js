// Any jobs side by side: their curves in one chart, what differs in their specs, and how a result hangs on it.

import { eachFrame, h, later, redraw, replace } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { live } from "../lib/live.js";
import { number, plural } from "../lib/format.js";
import { badge, empty, failed, heading, section, select, toggle } from "../lib/widgets.js";
import { COLOURS, Curves, chartControls, swatch } from "../lib/chart.js";
import { headline, seriesOf } from "../lib/jobs.js";
import { Series } from "../lib/series.js";
import { differences, path, shortPaths } from "../lib/spec.js";
import { parallel } from "./compare/parallel.js";
import { scatter } from "./compare/scatter.js";
import { bundles } from "./compare/seeds.js";

/** More lines than these nobody tells apart. */
const MOST = 100;
const POINTS = 400;
/** What tells jobs apart without making them do anything else. */
const NAMES = ["/name", "/model_name", "/labels", "/priority"];

export const title = () => "Compare";

export async function render(root, { query, navigate, signal }) {
  await live.start();
  const ids = [...new Set((query.get("jobs") ?? "").split(",").filter(Boolean))].slice(0, MOST);
  const go = (next) => navigate(`/compare?jobs=${next.join(",")}`, { replace: true });
  const adder = picker(ids, go, signal);
  if (ids.length === 0) {
    root.append(heading("Compare", { actions: adder }), empty("Nothing to compare yet", h("p", {}, "Add jobs by name here, or choose some in the table and press Compare."), h("a", { class: "button primary", href: "/jobs" }, "To the jobs")));
    return;
  }
  // Where the stream opened late, nobody knows what it has missed.
  live.on("place", null, () => navigate(location.href, { replace: true }), signal);
  const [{ data }, news] = await live.meanwhile(get("/v1/jobs", { id: ids.join(","), limit: MOST }, { signal }));
  const found = ids.map((id) => data.find((job) => job.id === id)).filter(Boolean);
  const jobs = found.map((job, index) => ({ ...job, tone: (index % COLOURS) + 1, dash: Math.floor(index / COLOURS) % 4, hidden: false }));
  const comparison = new Comparison(root, jobs, { ids: jobs.map(({ id }) => id), go, adder, signal, missing: ids.length - jobs.length });
  for (const event of news) comparison.changed(event);
}

/** Adds jobs by their names. */
function picker(ids, go, signal) {
  const options = h("datalist", { id: "jobs-to-add" });
  const known = new Map();
  let asks = 0;
  const ask = later(async (name) => {
    const own = (asks += 1);
    try {
      const { data } = await get("/v1/jobs", { search: name, limit: 20 }, { signal });
      if (own !== asks) return;
      known.clear();
      for (const job of data) if (!ids.includes(job.id)) known.set(`${job.name} · ${job.id.slice(-6)}`, job.id);
      replace(options, [...known.keys()].map((words) => h("option", { value: words })));
    } catch (error) {
      failed(error);
    }
  }, 150, signal);
  const control = h("input", { type: "search", list: "jobs-to-add", placeholder: "Add a job by name", "aria-label": "Add a job by name", oninput: () => {
    const id = known.get(control.value);
    if (id) go([...ids, id]);
    else ask(control.value.trim());
  } });
  return [control, options];
}

class Comparison {
  #series = new Map();
  #charts = new Map();
  #shown = { axis: "step", log: false, smoothing: 0 };

  constructor(root, jobs, { ids, go, adder, signal, missing }) {
    Object.assign(this, { jobs, ids, go, signal, grouped: false, names: [], drawn: new Set() });
    this.byId = new Map(jobs.map((job) => [job.id, job]));
    this.different = differences(jobs.map(({ spec }) => spec)).filter(({ pointer }) => !NAMES.some((name) => pointer === name || pointer.startsWith(`${name}/`)));
    const words = shortPaths(this.different.map(({ pointer }) => pointer));
    this.different.forEach((difference, at) => (difference.words = words[at]));
    // What some jobs lack and the others agree on, such as the fields of another optimiser, explains nothing.
    this.telling = this.different.filter(({ values }) => new Set(values.filter((value) => value !== undefined).map((value) => JSON.stringify(value))).size > 1);
    this.sort = null;

    this.grid = h("div", { class: "charts wide" });
    this.table = h("div");
    this.relations = h("div", { class: "compare-relations" });
    this.chips = h("div", { class: "choices wrap", role: "group", "aria-label": "Curves of" });
    this.judged = h("label", { class: "smoothing" });
    this.curves = section("Curves", { actions: toggle("Mean over seeds", false, (on) => {
      this.grouped = on;
      this.#draw(true);
    }) }, this.chips, chartControls(this.#shown, (change) => {
      Object.assign(this.#shown, change);
      for (const chart of this.#charts.values()) chart.change(change);
    }), this.grid);
    root.append(
      heading("Compare", { beside: h("span", { class: "muted" }, plural(jobs.length, "job"), missing > 0 && `, ${plural(missing, "other")} not there any more`), actions: adder }),
      this.curves,
      section("What differs", { actions: this.judged, note: this.different.length === 0 ? "Their specs are the same." : null }, this.table),
      this.relations);
    this.draw = eachFrame(() => this.#draw(), signal);
    live.on("metrics", null, ({ job, data, time }) => this.#hear(job, data, time), signal);
    this.renew = eachFrame(() => this.#drawResults(), signal);
    for (const kind of ["status", "end"]) live.on(kind, null, (event) => this.changed(event), signal);
    this.#name();
    this.#drawResults();
  }

  /** A job stands otherwise than before. */
  changed({ job, data }) {
    const known = this.byId.get(job);
    if (!known) return;
    Object.assign(known, { status: data.status, metrics: data.metrics ?? known.metrics });
    this.#name();
    this.renew();
  }

  /** Takes in what is measured by now. What is shown first is chosen from that, until somebody chooses. */
  #name() {
    const names = [...new Set([...this.names, ...this.jobs.flatMap(({ metrics }) => Object.keys(metrics))])].sort();
    this.curves.hidden = this.judged.hidden = names.length === 0;
    if (names.length === this.names.length) return;
    this.names = names;
    const first = this.jobs.map(({ metrics }) => headline(metrics)?.name).find(Boolean) ?? names[0];
    if (!this.judging) this.metric = first;
    if (!this.drawing) this.drawn = new Set([first, names.includes("val_loss") ? "val_loss" : "loss"].filter((name) => names.includes(name)));
    redraw(this.chips, names.map((name) => h("button", {
      type: "button", class: "choice", "aria-pressed": String(this.drawn.has(name)), onclick: (event) => {
        this.drawing = true;
        if (!this.drawn.delete(name)) this.drawn.add(name);
        event.currentTarget.setAttribute("aria-pressed", String(this.drawn.has(name)));
        this.#ask();
      },
    }, name.replaceAll("_", " "))));
    redraw(this.judged, h("span", {}, "Result"), select(names.map((name) => [name, name.replaceAll("_", " ")]), this.metric, (name) => {
      this.judging = true;
      this.metric = name;
      this.#drawResults();
    }, { "aria-label": "Result" }));
    this.#ask();
  }

  #drawResults() {
    this.#drawTable();
    this.#drawRelations();
  }

  /** The curves that are to be shown and are not there yet. */
  async #ask() {
    this.#draw(true);
    for (const name of this.drawn) {
      if (this.#series.has(name)) continue;
      const found = new Map();
      this.#series.set(name, found);
      try {
        for (const [id, points] of Object.entries(await seriesOf(this.ids, name, POINTS, { signal: this.signal }))) {
          const series = new Series(name);
          for (const [step, epoch, time, value] of points) series.push(step, epoch, Date.parse(time) / 1000, value);
          const early = found.get(id);
          for (let at = 0; early && at < early.length; at += 1) if (early.step[at] > series.lastStep) series.push(early.step[at], early.epoch[at], early.time[at], early.value[at]);
          found.set(id, series);
        }
      } catch (error) {
        this.#series.delete(name);
        failed(error);
      }
      this.#draw(true);
    }
  }

  #hear(id, data, time) {
    const job = this.byId.get(id);
    if (!job) return;
    for (const { name, step, epoch, value } of data.points) {
      job.metrics[name] = value;
      const of = this.#series.get(name);
      if (!of) continue;
      if (!of.has(id)) of.set(id, new Series(name));
      if (step > of.get(id).lastStep) of.get(id).push(step, epoch, time / 1000, value);
    }
    if (data.points.some(({ name }) => !this.names.includes(name))) {
      this.#name();
      this.renew();
    }
    this.draw();
  }

  #draw(all = false) {
    for (const [name, chart] of this.#charts) {
      if (!this.drawn.has(name)) {
        chart.node.remove();
        chart.end.abort();
        this.#charts.delete(name);
      }
    }
    for (const name of this.drawn) {
      if (!this.#charts.has(name)) {
        const end = new AbortController();
        this.signal.addEventListener("abort", () => end.abort());
        const chart = new Curves(this.grid, name.replaceAll("_", " "), { signal: end.signal, height: 300, ...this.#shown });
        chart.end = end;
        this.#charts.set(name, chart);
      }
      const of = this.#series.get(name);
      if (of) this.#charts.get(name).set(this.#lines(of));
    }
    if (all) this.grid.classList.toggle("one", this.drawn.size === 1);
  }

  #lines(of) {
    const visible = this.jobs.filter((job) => !job.hidden && of.get(job.id)?.length > 0);
    if (this.grouped) return bundles(visible, of, this.telling.filter(({ pointer }) => pointer !== "/seed").map(({ words, values }) => ({ words, value: (job) => values[this.jobs.indexOf(job)] })));
    return visible.map((job) => ({ label: this.#label(job), href: `/jobs/${job.id}`, series: of.get(job.id), tone: job.tone, dash: job.dash }));
  }

  /** A name that tells a job from the others. */
  #label(job) {
    const alike = this.jobs.filter(({ name }) => name === job.name).length > 1;
    return alike ? `${job.name} ${job.id.slice(-4)}` : job.name;
  }

  #drawTable() {
    const value = (job, at) => this.different[at]?.values[this.jobs.indexOf(job)];
    const columns = [
      { title: "Job", words: (job) => this.#label(job), cell: (job) => h("span", { class: "compare-job" }, swatch(job), h("a", { href: `/jobs/${job.id}` }, this.#label(job))) },
      { title: "Status", words: (job) => job.status, cell: (job) => badge(job.status) },
      this.metric && { title: this.metric.replaceAll("_", " "), numeric: true, words: (job) => job.metrics[this.metric] ?? null, cell: (job) => h("strong", {}, number(job.metrics[this.metric] ?? null)) },
      ...this.different.slice(0, 40).map(({ words: name, pointer }, at) => ({ title: name, hint: path(pointer), numeric: typeof value(this.jobs[0], at) === "number", words: (job) => value(job, at) ?? null, cell: (job) => shown(value(job, at)) })),
    ].filter(Boolean);
    const rows = [...this.jobs];
    if (this.sort) {
      const { words } = columns.find(({ title: name }) => name === this.sort.title) ?? columns[0];
      const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true }));
      rows.sort((a, b) => order(words(a), words(b)) * this.sort.way);
    }
    const head = columns.map((column) => {
      const own = this.sort?.title === column.title;
      return h("th", { scope: "col", class: column.numeric ? "numeric" : null, title: column.hint, "aria-sort": own ? (this.sort.way > 0 ? "ascending" : "descending") : null },
        h("button", { type: "button", class: "sorter", "aria-label": column.title, onclick: () => {
          this.sort = { title: column.title, way: own ? -this.sort.way : 1 };
          this.#drawTable();
        } }, column.title, own && h("span", { "aria-hidden": "true" }, this.sort.way > 0 ? " ↑" : " ↓")));
    });
    const line = (job) => h("tr", { class: job.hidden ? "hidden-job" : null }, h("td", { class: "compare-tools" },
      h("input", { type: "checkbox", checked: !job.hidden, "aria-label": `Show ${this.#label(job)}`, onchange: (event) => {
        job.hidden = !event.target.checked;
        this.#draw(true);
        this.#drawRelations();
      } })),
    columns.map((column) => h("td", { class: column.numeric ? "numeric" : null }, column.cell(job))),
    h("td", {}, h("button", { type: "button", class: "icon-button", "aria-label": `Take ${this.#label(job)} out`, onclick: () => this.go(this.ids.filter((id) => id !== job.id)) }, "×")));
    redraw(this.table, h("div", { class: "table-frame compare-table", tabindex: "0", role: "region", "aria-label": "What differs" }, h("table", {},
      h("caption", { class: "visually-hidden" }, "The jobs, and what differs in their specs"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Shown")), head, h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Take out")))),
      h("tbody", {}, rows.map(line)))));
  }

  #drawRelations() {
    const rows = this.jobs.map((job, at) => ({ job, label: this.#label(job), result: job.metrics[this.metric] ?? null, values: this.telling.map(({ values }) => values[at]) }))
      .filter(({ job, result }) => !job.hidden && Number.isFinite(result));
    const axes = this.telling.map(({ words, pointer }, at) => ({ at, words, hint: path(pointer) }));
    const result = this.metric?.replaceAll("_", " ");
    redraw(this.relations, rows.length > 1 && axes.length > 0 && [
      section("Parallel coordinates", { note: "A line a job; the colour is the result.", class: axes.length > 3 ? "many" : "" }, parallel(axes.slice(0, 8), rows, result)),
      section("One against the result", {}, scatter(axes, rows, result, this.along, (at) => (this.along = at))),
    ]);
  }
}

const shown = (value) => (value === undefined ? h("span", { class: "muted" }, "–") : typeof value === "number" ? number(value) : value === null ? "null" : typeof value === "string" ? value : JSON.stringify(value));
