// One job, as it trains and after: the head with what can be done, and a part each for curves, network, spec, events
// and files.

import { eachFrame, h, redraw, replace, text } from "../lib/dom.js";
import { get, patch } from "../lib/api.js";
import { live } from "../lib/live.js";
import { between, duration, number, percent, plural, relativeTime, short } from "../lib/format.js";
import { action, badge, confirm, crumbs, editable, empty, facts, failed, heading, menu, progress, section, snippet, dialog, button, tabs, toast, trouble } from "../lib/widgets.js";
import { act, allowed, finished, posted } from "../lib/jobs.js";
import { curl } from "../lib/spec.js";
import { labelEditor } from "../lib/labels.js";
import { mistakes } from "../lib/mistakes.js";
import { Metrics } from "../lib/series.js";
import { curves } from "./job/curves.js";
import { network } from "./job/network.js";
import { spec } from "./job/spec.js";
import { events } from "./job/events.js";
import { files } from "./job/files.js";

export const title = () => "Job";

export async function render(root, { params, query, navigate, signal }) {
  const { id } = params;
  const state = { job: null, metrics: new Metrics(), heard: [] };
  // Events are kept from before the answers were asked for, so that none falls between the two.
  await live.start();
  const early = [];
  let take = (event) => early.push(event);
  live.on("*", id, (event) => take(event), signal);
  // Where the stream opened late, nobody knows what it has missed.
  live.on("place", null, () => navigate(location.href, { replace: true }), signal);
  const [job, series] = await Promise.all([get(`/v1/jobs/${id}`, {}, { signal }), get(`/v1/jobs/${id}/metrics`, { max_points: 2000 }, { signal })]);
  state.job = job;
  state.metrics.load(series.data);
  document.title = `${job.name} · Lyceum`;

  const standing = h("div", { class: "job-standing" });
  const changed = new Set();
  /** Parts that want to know of events: `(event) => void`, each frame at most. */
  const listeners = new Set();
  const flush = eachFrame(() => {
    for (const listener of listeners) listener(changed);
    if (changed.has("status") || changed.has("end")) {
      head.draw();
      drawStanding(standing, state, signal);
    } else if (changed.has("progress")) standing.progress?.(state.job);
    changed.clear();
  }, signal);
  take = (event) => {
    state.metrics.hear(event);
    if (event.kind === "progress") state.job.progress = event.data;
    if (event.kind === "log" || event.kind === "checkpoint" || event.kind === "status" || event.kind === "resumed" || event.kind === "end") {
      state.heard.push(event);
      if (state.heard.length > 2000) state.heard.splice(0, 1000);
    }
    if (event.kind === "status") state.job.status = event.data.status;
    if (event.kind === "status" || event.kind === "end") reload();
    changed.add(event.kind);
    flush();
  };
  let asks = 0;
  const reload = async () => {
    const own = (asks += 1);
    try {
      const next = await get(`/v1/jobs/${id}`, {}, { signal });
      // It was asked again since, and that answer knows more.
      if (own !== asks) return;
      state.job = next;
    } catch (error) {
      if (error.status !== 404) failed(error);
      return;
    }
    changed.add("status");
    flush();
  };

  const head = header(state, { navigate, reload });
  head.draw();
  drawStanding(standing, state, signal);
  root.append(head.node, standing, words(state));
  for (const event of early) take(event);
  const context = { state, signal, navigate, listen: (listener, until) => {
    listeners.add(listener);
    until.addEventListener("abort", () => listeners.delete(listener));
  } };
  let leaving = new AbortController();
  signal.addEventListener("abort", () => leaving.abort());
  const part = (render) => async function show(panel) {
    leaving.abort();
    leaving = new AbortController();
    if (signal.aborted) leaving.abort();
    const { signal: own } = leaving;
    try {
      await render(replace(panel), { ...context, signal: own });
    } catch (error) {
      if (!own.aborted && error.name !== "AbortError") replace(panel, trouble(error, () => show(panel)));
    }
  };
  root.append(tabs("Parts of the job", [
    { id: "curves", title: "Curves", render: part(curves) },
    { id: "network", title: "Network", render: part(network) },
    { id: "spec", title: "Spec", render: part(spec) },
    { id: "events", title: "Events and log", render: part(events) },
    { id: "files", title: "Files", render: part(files) },
    { id: "mistakes", title: "Mistakes", render: part(wrong) },
  ], {
    selected: query.get("part"),
    onselect: (chosen) => {
      const address = new URL(location.href);
      if (chosen === "curves") address.searchParams.delete("part");
      else address.searchParams.set("part", chosen);
      history.replaceState(null, "", address);
    },
  }));
}

/** The head: its node, and what draws it as the job stands now. What has not changed stays, so that an open menu does. */
function header(state, { navigate, reload }) {
  const { id, name } = state.job;
  const [beside, actions, more] = [h("span", { class: "row" }), h("div", { class: "row" }), h("div")];
  const does = (what, words, options) => action(words, async () => {
    const next = await act(what, state.job);
    if (what === "retry") {
      toast("Posted again.", { tone: "good" });
      return navigate(`/jobs/${next.id}`);
    }
    await reload();
  }, options);
  const remove = async () => {
    if (!(await confirm("Delete this job?", "Its runs, metrics and files will be gone. A model that came of it stays.", "Delete"))) return;
    await act("delete", state.job);
    toast(`${name} is deleted.`);
    navigate("/jobs");
  };
  const drawMenu = (may) => {
    const held = more.contains(document.activeElement);
    replace(more, menu("More", [
      { words: "The curl that makes it", act: () => showCurl(state.job) },
      { words: "Compare with others", href: `/compare?jobs=${id}` },
      may.delete && { words: "Delete", kind: "danger", act: remove },
    ]));
    if (held) more.querySelector("button").focus();
  };
  let drawn = {};
  const draw = () => {
    const { status, desired } = state.job;
    const may = allowed(state.job);
    if (status === drawn.status && desired === drawn.desired) return;
    if (may.delete !== drawn.deletable) drawMenu(may);
    drawn = { status, desired, deletable: may.delete };
    replace(beside, badge(status), desired && h("span", { class: "muted" }, `${desired} was asked for`));
    redraw(actions,
      may.pause && does("pause", "Pause"),
      may.resume && does("resume", "Resume", { kind: "primary" }),
      may.retry && does("retry", "Retry"),
      h("a", { class: "button", href: `/jobs/new?clone=${id}` }, "Clone and edit"),
      may.cancel && does("cancel", "Cancel", { kind: "danger" }));
  };
  return { node: heading(name, { above: crumbs(["/jobs", "Jobs"]), beside, actions: [actions, more] }), draw };
}

/** What the model gets wrong, as soon as there is one. */
function wrong(panel, { state, signal, listen }) {
  let shown = false;
  const draw = () => {
    if (shown || !state.job.model) return;
    shown = true;
    replace(panel, section("What the model gets wrong", {}, mistakes({ ...state.job.model, signal })));
  };
  panel.append(empty("No model", h("p", {}, "What the model gets wrong is here when the job has succeeded.")));
  draw();
  listen(draw, signal);
}

async function showCurl(job) {
  const body = (await posted(job)) ?? job.spec;
  await dialog("The call that makes this job", (close) => [snippet(curl(body), "the command"), h("div", { class: "row end" }, button("Close", () => close()))], { class: "wide" });
}

/** Where the job stands: how far, why it waits, why it failed, and what it is. */
function drawStanding(node, state, signal) {
  const { job } = state;
  const bar = progress(job.progress.fraction, "How far the job is");
  bar.classList.add(`tone-${job.status}`);
  const words = h("p", { class: "job-progress-words" });
  const took = h("span");
  node.progress = (now) => {
    bar.set(now.progress.fraction);
    text(words, progressWords(now));
    text(took, duration(between(now.started_at, now.finished_at)));
  };
  node.progress(job);
  const first = job.runs.find((run) => run.started_at);
  const dataset = job.spec.training.dataset;
  const model = job.model && h("a", { href: `/models/${job.model.name}/${job.model.version}` }, `${job.model.name} ${job.model.version}`);
  redraw(node,
    h("div", { class: "job-progress" }, bar, words),
    job.error && failure(job.error),
    job.status === "queued" && waiting(job, signal),
    job.result && h("div", { class: "card" }, facts(Object.entries(job.result).map(([name, value]) => [name, number(value)]))),
    facts([
      ["Started", first ? relativeTime(first.started_at) : "not yet"],
      ["Took", took],
      model && ["Model", model],
      dataset?.name && ["Data set", h("a", { href: `/datasets/${dataset.name}/${dataset.version}` }, `${dataset.name} ${dataset.version}`)],
      ["Device", job.runs.at(-1)?.device ?? job.spec.resources?.device ?? "–"],
      job.spec.resources && ["Resources", `${plural(job.spec.resources.threads, "thread")}, ${number(job.spec.resources.memory_mb)} MiB`],
      ["Seed", String(job.spec.seed ?? "–"), job.deterministic === false && " (not reproducible here)"],
      ["Runs", plural(job.runs.length, "run")],
    ], { class: "job-facts" }));
}

/** What the user says of the job. It is made once, so that nobody loses what is being typed when the job goes on. */
function words(state) {
  const save = (key) => async (value) => {
    const next = await patch(`/v1/jobs/${state.job.id}`, { [key]: value });
    state.job = { ...state.job, [key]: next[key] };
    return next[key];
  };
  return facts([
    ["Labels", labelEditor(state.job.labels, save("labels"))],
    ["Notes", editable(state.job.notes, save("notes"), { label: "Notes", placeholder: "Add notes", long: true })],
  ], { class: "job-facts job-words" });
}

function progressWords({ status, progress: { epoch, epochs, step, steps, fraction, eta_seconds: eta, examples_per_second: rate } }) {
  return [
    percent(fraction),
    epochs > 0 && `epoch ${number(epoch)} of ${number(epochs)}`,
    steps > 0 && `step ${number(step)} of ${number(steps)}`,
    rate > 0 && `${short(rate)} examples/s`,
    status === "running" && eta !== null && `${duration(eta)} to go`,
  ].filter(Boolean).join(" · ");
}

function failure({ kind, detail, hint }) {
  return h("div", { class: "job-error", role: "alert" },
    h("strong", {}, `Failed: ${kind.replaceAll("_", " ")}`), h("p", {}, detail), hint && h("p", { class: "job-hint" }, hint));
}

/** Why a job waits; asked again when it is looked at anew. */
function waiting(job, signal) {
  const node = h("div", { class: "job-why", role: "status" }, "It waits in the queue.");
  get(`/v1/jobs/${job.id}/why`, {}, { signal }).then((why) => {
    replace(node, h("strong", {}, `Waits: ${why.detail}. `),
      why.expected_at && ["Expected to start ", relativeTime(why.expected_at), ". "],
      why.ahead.length > 0 && ["Ahead: ", why.ahead.slice(0, 5).map(({ id, name }, index) => [index > 0 && ", ", h("a", { href: `/jobs/${id}` }, name)]), why.ahead.length > 5 && ` and ${why.ahead.length - 5} more`, "."]);
  }, () => {});
  return node;
}
