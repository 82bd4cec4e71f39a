// What happened to the job, and what its runs wrote.

import { eachFrame, h, redraw, replace, soon } from "../../lib/dom.js";
import { get, text } from "../../lib/api.js";
import { duration, number, relativeTime } from "../../lib/format.js";
import { badge, requestLine, section, table } from "../../lib/widgets.js";

/** As many as anybody reads; the log itself holds all. */
const MOST = 500;

export async function events(panel, { state, signal, listen }) {
  const list = h("ol", { class: "events" });
  const log = h("pre", { class: "log", tabindex: "0", "aria-label": "Lines of the log" });
  const id = state.job.id;
  const runs = h("div");
  replace(panel,
    section("Runs", {}, runs),
    section("Events", { note: "Newest first." }, h("div", { class: "events-frame", tabindex: "0", role: "region", "aria-label": "All events" }, list)),
    section("Log", { note: "What the latest run wrote." }, log));
  const stored = await past(id, signal);
  if (signal.aborted) return;
  let [asks, taken] = [0, 0];
  const askLog = async () => {
    const own = (asks += 1);
    try {
      const words = await text(`/v1/jobs/${id}/logs`, { tail: 400 }, { signal });
      // What was asked later is newer, though it may have been answered first.
      if (own < taken) return;
      taken = own;
      drawLog(log, words || "Nothing was written yet.");
    } catch (error) {
      if (error.name !== "AbortError") replace(log, error.message, " ", requestLine(error));
    }
  };
  const renewLog = soon(askLog, 500, signal);
  let last = stored.at(-1)?.id ?? 0;
  list.append(...stored.slice(-MOST).reverse().map(line));
  const draw = eachFrame(() => {
    const fresh = state.heard.filter(({ id: own }) => own > last).slice(-MOST);
    last = fresh.at(-1)?.id ?? last;
    list.prepend(...fresh.reverse().map(line));
    while (list.children.length > MOST) list.lastChild.remove();
    redraw(runs, runTable(state.job));
  }, signal);
  draw();
  listen((changed) => {
    if (["status", "log", "checkpoint", "resumed", "end"].some((kind) => changed.has(kind))) {
      draw();
      if (changed.has("status") || changed.has("log") || changed.has("end")) renewLog();
    }
  }, signal);
  await askLog();
}

/** Shows a log. Lines that are there already stay, with whatever is selected in them. */
function drawLog(log, words) {
  const shown = log.textContent;
  if (words === shown) return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  if (shown && words.startsWith(shown)) log.append(words.slice(shown.length));
  else log.textContent = words;
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** The events of before, without metrics and progress, which the curves show. */
async function past(id, signal) {
  const found = [];
  let after;
  do {
    const page = await get(`/v1/jobs/${id}/events`, { limit: 1000, after }, { signal });
    for (const { id: own, event, data, time } of page.data) {
      if (event !== "metrics" && event !== "progress") found.push({ id: own, kind: event, data, time: Date.parse(time) });
    }
    if (found.length > 4 * MOST) found.splice(0, found.length - 2 * MOST);
    after = page.next;
  } while (after && !signal.aborted);
  return found;
}

function line({ kind, data, time }) {
  const words = {
    status: () => badge(data.status),
    checkpoint: () => `checkpoint at step ${number(data.step)}`,
    resumed: () => `goes on from step ${number(data.from_step)}`,
    log: () => [h("span", { class: `level level-${data.level}` }, data.level), " ", data.message],
    end: () => [badge(data.status), data.error ? ` ${data.error.detail}` : ""],
  }[kind];
  return h("li", {}, relativeTime(time), h("span", { class: "event-kind" }, kind), h("span", { class: "event-words" }, words?.() ?? JSON.stringify(data)));
}

function runTable(job) {
  return table([
    { title: "Attempt", cell: (run) => number(run.attempt) },
    { title: "Status", cell: (run) => badge(run.status) },
    { title: "Device", cell: (run) => run.device },
    { title: "From step", numeric: true, cell: (run) => number(run.from_step) },
    { title: "Started", cell: (run) => relativeTime(run.started_at) },
    { title: "Took", numeric: true, cell: (run) => (run.started_at ? duration(((run.finished_at ? Date.parse(run.finished_at) : Date.now()) - Date.parse(run.started_at)) / 1000) : "–") },
    { title: "Error", cell: (run) => (run.error ? `${run.error.kind}: ${run.error.detail}` : "") },
  ], [...job.runs].reverse(), { caption: "Runs", empty: h("p", { class: "muted" }, "No run has begun.") });
}
