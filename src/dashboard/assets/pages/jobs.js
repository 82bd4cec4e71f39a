// All jobs, newest first. Only the rows that can be seen are in the page; more are asked for as one scrolls.

import { eachFrame, h, later, replace, soon, text } from "../lib/dom.js";
import { get, patch } from "../lib/api.js";
import { live } from "../lib/live.js";
import { between, duration, number, percent, plural, relativeTime, short } from "../lib/format.js";
import { action, announce, badge, editable, empty, failed, field, heading } from "../lib/widgets.js";
import { STATUSES, actAll, finished, headline, seriesOf } from "../lib/jobs.js";
import { labelEditor } from "../lib/labels.js";
import { sparkline } from "../lib/chart.js";

const PAGE = 100;
const HEIGHT = 46;
/** Rows beyond the edge that are there already. */
const MARGIN = 12;
/** Points of a row's curve. */
const POINTS = 48;

export const title = () => "Jobs";

export async function render(root, { query, signal }) {
  await live.start();
  const view = new View(root, query, signal);
  await view.load();
}

class View {
  #jobs = [];
  #byId = new Map();
  #next = null;
  #total = null;
  #asking = false;
  #asked = 0;
  #rows = new Map();
  #curves = new Map();
  #chosen = new Set();
  #active = 0;
  #anchor = 0;
  /** Whether a row is there only because somebody is in it. */
  #kept = false;

  constructor(root, query, signal) {
    this.signal = signal;
    this.filter = { name: query.get("name") ?? "", status: (query.get("status") ?? "").split(",").filter((word) => STATUSES.includes(word)), label: query.get("label") ?? "" };
    this.count = h("span", { class: "muted", role: "status" });
    this.bar = h("div", { class: "selection", role: "toolbar", "aria-label": "What to do with the chosen jobs", hidden: true });
    this.body = h("div", { class: "jobs-body", role: "rowgroup", onfocusout: () => this.#kept && this.renew() });
    this.all = h("input", { type: "checkbox", "aria-label": "Choose all that are loaded", onchange: () => this.#chooseAll(this.all.checked) });
    this.grid = h("div", { class: "jobs", role: "grid", "aria-label": "Jobs", "aria-multiselectable": "true", onkeydown: (event) => this.#key(event) },
      h("div", { role: "rowgroup", class: "jobs-head" }, h("div", { role: "row", class: "job-row" },
        [this.all, "Status", "Name", "Curve", "Result", "Labels", "Notes", "Took", "Posted"].map((words, at) => h("span", { role: "columnheader", class: COLUMNS[at] }, words)))),
      this.body);
    this.none = h("div", { hidden: true });
    root.append(
      heading("Jobs", { beside: this.count, actions: [h("a", { class: "button primary", href: "/jobs/new" }, "New job")] }),
      this.#filters(), this.bar, this.grid, this.none);
    this.draw = eachFrame(() => this.#draw(), signal);
    this.redrawBar = eachFrame(() => this.#drawBar(), signal);
    this.wantCurves = later(() => this.#askCurves(), 80, signal);
    this.renew = soon(() => this.#renew(), 400, signal);
    addEventListener("scroll", this.draw, { signal, passive: true });
    addEventListener("resize", this.draw, { signal });
    live.on("*", null, (event) => this.#hear(event), signal);
  }

  #filters() {
    const apply = later(() => this.#filtered(), 200, this.signal);
    const input = (key, label, placeholder) => field(label, h("input", { type: "search", value: this.filter[key], placeholder, oninput: (event) => {
      this.filter[key] = event.target.value.trim();
      apply();
    } }));
    const states = STATUSES.map((status) => h("button", { type: "button", class: "choice", "aria-pressed": String(this.filter.status.includes(status)), onclick: (event) => {
      const on = !this.filter.status.includes(status);
      this.filter.status = on ? [...this.filter.status, status] : this.filter.status.filter((other) => other !== status);
      event.currentTarget.setAttribute("aria-pressed", String(on));
      this.#filtered();
    } }, status));
    return h("div", { class: "filters" }, input("name", "Name", "Any"), input("label", "Label", "name or name=value"),
      h("div", { class: "field" }, h("span", { class: "field-title", id: "status-filter" }, "Status"), h("div", { class: "choices wrap", role: "group", "aria-labelledby": "status-filter" }, states)));
  }

  /** What the address says is what is shown. */
  #filtered() {
    const address = new URL(location.href);
    for (const [key, value] of Object.entries({ ...this.filter, status: this.filter.status.join(",") })) {
      if (value) address.searchParams.set(key, value);
      else address.searchParams.delete(key);
    }
    history.replaceState(null, "", address);
    this.#next = null;
    this.load().catch(failed);
  }

  #query() {
    return { search: this.filter.name, status: this.filter.status.join(","), label: this.filter.label, limit: PAGE };
  }

  /** The first page anew. */
  async load() {
    const asked = (this.#asked += 1);
    const [page, news] = await live.meanwhile(get("/v1/jobs", this.#query(), { signal: this.signal }));
    if (asked !== this.#asked) return;
    this.#jobs = [];
    this.#byId.clear();
    this.#chosen.clear();
    this.#active = this.#anchor = 0;
    for (const row of this.#rows.values()) row.node.remove();
    this.#rows.clear();
    this.#take(page);
    this.#hearAll(news);
    this.#chosenChanged();
  }

  #take(page) {
    for (const job of page.data) {
      if (this.#byId.has(job.id)) continue;
      this.#byId.set(job.id, job);
      this.#jobs.push(job);
    }
    this.#next = page.next;
    this.#total = page.total ?? this.#total;
    const shown = this.#total ?? this.#jobs.length;
    text(this.count, this.#total === null && this.#next ? `${number(shown)} and more` : plural(shown, "job"));
    const filtered = this.filter.name || this.filter.label || this.filter.status.length > 0;
    this.none.hidden = this.#jobs.length > 0;
    this.grid.hidden = this.#jobs.length === 0;
    replace(this.none, filtered
      ? empty("No job fits", h("p", {}, "Take something out of the filters."))
      : empty("No jobs yet", h("p", {}, "A job trains a network on a data set."), h("a", { class: "button primary", href: "/jobs/new" }, "Make the first")));
    this.draw();
  }

  async #more() {
    if (this.#asking || !this.#next) return;
    this.#asking = true;
    const asked = this.#asked;
    try {
      const [page, news] = await live.meanwhile(get("/v1/jobs", { ...this.#query(), after: this.#next }, { signal: this.signal }));
      if (asked !== this.#asked) return;
      this.#take(page);
      this.#hearAll(news);
    } catch (error) {
      failed(error);
    } finally {
      this.#asking = false;
    }
  }

  /** New jobs come in, and those go that no longer fit. */
  async #renew() {
    const asked = this.#asked;
    const [page, news] = await live.meanwhile(get("/v1/jobs", this.#query(), { signal: this.signal }).catch(() => null));
    if (!page || asked !== this.#asked) return;
    const fresh = page.data.filter((job) => !this.#byId.has(job.id));
    // Where a whole page is new, others may lie between it and what is known.
    if (page.next && fresh.length === page.data.length) return this.load().catch(failed);
    for (const job of page.data) this.#set(job);
    for (const job of fresh) this.#byId.set(job.id, job);
    this.#hearAll(news);
    this.#arrange(fresh);
    this.#take({ data: [], next: this.#next, total: page.total });
  }

  /** Puts new jobs in their places and takes out what does not fit, but for a row that somebody is in. Where the keyboard
   * is, and where a choice began, goes with its job. */
  #arrange(fresh) {
    const [active, anchor] = [this.#jobs[this.#active], this.#jobs[this.#anchor]];
    const settled = this.#chosen.size > 0 || this.body.contains(document.activeElement);
    const jobs = [...this.#jobs, ...fresh];
    const unfit = jobs.filter(({ status }) => this.filter.status.length > 0 && !this.filter.status.includes(status));
    const gone = unfit.filter(({ id }) => !this.#rows.get(id)?.node.contains(document.activeElement));
    this.#kept = gone.length < unfit.length;
    if (fresh.length === 0 && gone.length === 0) return;
    const chosen = this.#chosen.size;
    for (const { id } of gone) {
      this.#rows.get(id)?.node.remove();
      this.#rows.delete(id);
      this.#byId.delete(id);
      this.#chosen.delete(id);
    }
    // The ids of newer jobs are greater.
    this.#jobs = jobs.filter(({ id }) => this.#byId.has(id)).sort((a, b) => (a.id < b.id ? 1 : -1));
    const place = (job, before) => {
      if (before === 0 && !settled) return 0;
      const now = this.#jobs.indexOf(job);
      return now >= 0 ? now : Math.max(Math.min(before, this.#jobs.length - 1), 0);
    };
    [this.#active, this.#anchor] = [place(active, this.#active), place(anchor, this.#anchor)];
    if (this.#chosen.size < chosen) this.#chosenChanged();
  }

  /** A job as the server tells it, in the place of what was known. */
  #set(job) {
    const known = this.#byId.get(job.id);
    if (!known) return;
    Object.assign(known, job);
    this.#rows.get(job.id)?.update();
  }

  /** What has changed while an answer was on its way, which may not know of it. */
  #hearAll(news) {
    for (const event of news) this.#hear(event);
  }

  #hear({ kind, job: id, data, time }) {
    const job = this.#byId.get(id);
    const filtered = this.filter.status.length > 0 && (kind === "status" || kind === "end");
    if (kind === "place" || filtered || (!job && kind === "status" && data.status === "queued")) this.renew();
    if (!job) return;
    if (kind === "status") {
      job.status = data.status;
      if (data.status === "running") job.started_at ??= new Date(time).toISOString();
    } else if (kind === "progress") job.progress = data;
    else if (kind === "metrics") {
      for (const { name, value } of data.points) job.metrics[name] = value;
      const curve = this.#curves.get(id);
      for (const { name, value } of data.points) {
        if (curve?.name !== name) continue;
        curve.values.push(value);
        if (curve.values.length > 4 * POINTS) curve.values = curve.values.filter((_, at) => at % 2 === 0);
      }
    } else if (kind === "end") {
      Object.assign(job, { status: data.status, metrics: data.metrics ?? job.metrics, model: data.model, error: data.error, desired: null, finished_at: new Date(time).toISOString() });
    } else return;
    job.stale = true;
    this.draw();
    // What can be done with the chosen hangs on how they stand.
    if (kind !== "progress" && kind !== "metrics" && this.#chosen.has(id)) this.redrawBar();
  }

  #draw() {
    const top = this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / HEIGHT) - MARGIN);
    const last = Math.min(this.#jobs.length, Math.ceil((innerHeight - top) / HEIGHT) + MARGIN);
    this.body.style.height = `${this.#jobs.length * HEIGHT}px`;
    this.grid.setAttribute("aria-rowcount", String((this.#total ?? this.#jobs.length) + 1));
    const wanted = new Set();
    for (let index = first; index < last; index += 1) {
      const job = this.#jobs[index];
      wanted.add(job.id);
      let row = this.#rows.get(job.id);
      if (!row) {
        row = this.#row(job);
        this.#rows.set(job.id, row);
      } else if (job.stale) row.update();
      job.stale = false;
      row.place(index);
    }
    for (const [id, row] of this.#rows) {
      if (!wanted.has(id) && !row.node.contains(document.activeElement)) {
        row.node.remove();
        this.#rows.delete(id);
      }
    }
    // In the order that is seen, which is the order that is read.
    let before = null;
    for (let index = first; index < last; index += 1) {
      const { node } = this.#rows.get(this.#jobs[index].id);
      const follows = before ? before.nextSibling : this.body.firstChild;
      if (node !== follows) this.body.insertBefore(node, follows);
      before = node;
    }
    if (last >= this.#jobs.length - MARGIN) this.#more();
    this.wantCurves();
  }

  #row(job) {
    const box = h("input", { type: "checkbox", tabindex: "-1", "aria-label": `Choose ${job.name}`, onclick: (event) => this.#toggle(this.#jobs.indexOf(job), event.shiftKey, box.checked) });
    const cell = (at, ...children) => h("span", { role: "gridcell", class: COLUMNS[at] }, children);
    const [status, curve, result, took] = [cell(1), cell(3), cell(4), cell(7)];
    const save = (key) => async (value) => {
      const next = await patch(`/v1/jobs/${job.id}`, { [key]: value });
      job[key] = next[key];
      return next[key];
    };
    const node = h("div", { role: "row", class: "job-row", tabindex: "-1", onfocus: () => (this.#active = this.#jobs.indexOf(job)) },
      cell(0, box), status, cell(2, h("a", { href: `/jobs/${job.id}` }, job.name)), curve, result,
      cell(5, labelEditor(job.labels, save("labels"))), cell(6, editable(job.notes, save("notes"), { label: `Notes of ${job.name}`, placeholder: "–" })), took, cell(8, relativeTime(job.created_at)));
    let shown = "";
    const row = {
      node,
      update: () => {
        if (shown !== job.status) replace(status, badge(job.status));
        shown = job.status;
        text(result, resultWords(job));
        result.title = result.textContent;
        text(took, job.started_at ? duration(between(job.started_at, job.finished_at)) : "–");
        const known = this.#curves.get(job.id);
        if (known && known.drawn !== known.values.length) {
          known.drawn = known.values.length;
          replace(curve, known.values.length > 1 && sparkline(known.values, { label: `${known.name} from ${number(known.values[0])} to ${number(known.values.at(-1))}` }));
        }
      },
      place: (index) => {
        node.style.transform = `translateY(${index * HEIGHT}px)`;
        node.setAttribute("aria-rowindex", String(index + 2));
        node.tabIndex = index === this.#active ? 0 : -1;
        const chosen = this.#chosen.has(job.id);
        box.checked = chosen;
        node.setAttribute("aria-selected", String(chosen));
      },
    };
    const known = this.#curves.get(job.id);
    if (known) known.drawn = -1;
    row.update();
    return row;
  }

  /** The curves of the rows that can be seen, all in one answer. */
  async #askCurves() {
    const missing = [...this.#rows.keys()].filter((id) => !this.#curves.has(id) && this.#byId.get(id)?.status !== "queued");
    if (missing.length === 0) return;
    for (const id of missing) this.#curves.set(id, { name: "loss", values: [], drawn: 0 });
    try {
      for (const name of ["loss", "step_loss"]) {
        const few = missing.filter((id) => this.#curves.get(id).values.length < 3);
        if (few.length === 0) continue;
        for (const [id, points] of Object.entries(await seriesOf(few, name, POINTS, { signal: this.signal }))) {
          const values = points.map((point) => point[3]);
          if (values.length > this.#curves.get(id).values.length) this.#curves.set(id, { name, values, drawn: 0 });
          this.#rows.get(id)?.update();
        }
      }
    } catch (error) {
      for (const id of missing) this.#curves.delete(id);
      if (error.name !== "AbortError" && !this.curvesFailed) failed(error);
      this.curvesFailed = true;
    }
    if (this.#curves.size > 2000) for (const id of [...this.#curves.keys()].slice(0, 1000)) if (!this.#rows.has(id)) this.#curves.delete(id);
  }

  // Choosing

  #toggle(index, through, on) {
    const [from, to] = through ? [Math.min(this.#anchor, index), Math.max(this.#anchor, index)] : [index, index];
    for (let at = from; at <= to; at += 1) {
      if (on) this.#chosen.add(this.#jobs[at].id);
      else this.#chosen.delete(this.#jobs[at].id);
    }
    this.#anchor = index;
    this.#chosenChanged();
  }

  #chooseAll(on) {
    this.#chosen = new Set(on ? this.#jobs.map(({ id }) => id) : []);
    this.#chosenChanged();
  }

  #chosenChanged() {
    const count = this.#chosen.size;
    this.all.checked = count > 0 && count === this.#jobs.length;
    this.all.indeterminate = count > 0 && count < this.#jobs.length;
    this.bar.hidden = count === 0;
    this.draw();
    if (count === 0) return;
    this.#drawBar();
    announce(`${count} chosen`);
  }

  #drawBar() {
    const count = this.#chosen.size;
    const jobs = [...this.#chosen].map((id) => this.#byId.get(id));
    const held = this.bar.contains(document.activeElement) ? document.activeElement.textContent : null;
    const does = (name, words, options) => action(words, async () => {
      const [results, news] = await live.meanwhile(actAll(name, [...this.#chosen]));
      if (!results) return;
      if (name === "delete" || name === "retry") await this.load();
      else {
        for (const { job } of results) if (job) this.#set(job);
        this.#hearAll(news);
        this.#chosenChanged();
      }
    }, options);
    replace(this.bar, h("strong", {}, `${number(count)} chosen`),
      does("pause", "Pause"), does("resume", "Resume"), does("cancel", "Cancel"), does("retry", "Retry"),
      count > 1 && h("a", { class: "button", href: `/compare?jobs=${jobs.slice(0, 100).map(({ id }) => id).join(",")}` }, "Compare"),
      jobs.every(finished) && does("delete", "Delete", { kind: "danger" }),
      h("button", { type: "button", class: "button", onclick: () => this.#chooseAll(false) }, "Clear"));
    if (held) [...this.bar.querySelectorAll("button, a")].find((node) => node.textContent === held)?.focus();
  }

  // The keyboard

  #key(event) {
    const row = event.target.closest('.jobs-body [role="row"]');
    if (!row || event.target !== row) return;
    const at = this.#active;
    const page = Math.max(1, Math.floor((innerHeight - 200) / HEIGHT));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.#jobs.length - 1 }[event.key];
    if (to !== undefined) {
      const target = Math.min(Math.max(to, 0), this.#jobs.length - 1);
      if (event.shiftKey) {
        const on = true;
        if (!this.#chosen.has(this.#jobs[at].id)) this.#anchor = at;
        this.#toggle(this.#anchor, false, on);
        const anchor = this.#anchor;
        this.#toggle(target, true, on);
        this.#anchor = anchor;
      }
      this.#focus(target);
    } else if (event.key === " ") {
      this.#toggle(at, false, !this.#chosen.has(this.#jobs[at].id));
    } else if (event.key === "Enter") {
      row.querySelector("a[href]").click();
    } else if (event.key === "Escape") {
      this.#chooseAll(false);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      this.#chooseAll(true);
    } else return;
    event.preventDefault();
  }

  #focus(index) {
    this.#active = index;
    const top = this.body.getBoundingClientRect().top + scrollY + index * HEIGHT;
    if (top - scrollY < 110) scrollTo({ top: top - 110 });
    else if (top + HEIGHT - scrollY > innerHeight - 60) scrollTo({ top: top + HEIGHT - innerHeight + 60 });
    this.#draw();
    this.#rows.get(this.#jobs[index].id)?.node.focus({ preventScroll: true });
  }
}

const COLUMNS = ["col-box", "col-status", "col-name", "col-curve", "col-result", "col-labels", "col-notes", "col-took", "col-posted"];

/** How far it is while it trains, how good it is afterwards. */
function resultWords(job) {
  if (job.status === "running" || job.status === "paused") {
    const { fraction, eta_seconds: eta } = job.progress;
    return `${percent(fraction)}${job.status === "running" && eta ? `, ${duration(eta)} to go` : ""}`;
  }
  if (job.error) return job.error.kind.replaceAll("_", " ");
  const best = headline(job.metrics);
  return best ? `${best.name.replaceAll("_", " ")} ${number(best.value)}` : job.queue_position ? `${short(job.queue_position)} in the queue` : "";
}
