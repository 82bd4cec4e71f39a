// What goes on: what runs, what waits and why, what failed and why, what came of it, and the machine under it all.

import { eachFrame, h, redraw, replace, soon, text } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { live } from "../lib/live.js";
import { bytes, duration, number, percent, plural, relativeTime, short } from "../lib/format.js";
import { action, badge, empty, facts, failed, heading, progress, requestLine, section, toast } from "../lib/widgets.js";
import { headline, seriesOf } from "../lib/jobs.js";
import { sparkline } from "../lib/chart.js";
import { inUse, onServing, usage } from "../lib/serving.js";
import { FIRST_MODEL, TOUR } from "../lib/first-model.js";

export const title = () => "Overview";

/** As many of a kind as are told here; the table of jobs has all. */
const MOST = 8;
const POINTS = 60;
/** How often the machine is asked at most, while jobs tell of themselves. */
const MACHINE = 10000;

export async function render(root, { signal, navigate }) {
  await live.start();
  const state = { jobs: new Map(), cards: new Map(), curves: new Map(), system: {} };
  const places = Object.fromEntries(["tour", "running", "waiting", "failed", "done", "models", "serving", "machine"].map((name) => [name, h("div", { class: "stack" })]));
  const beside = h("span", { class: "muted", role: "status" });
  root.append(
    heading("Overview", { beside, actions: h("a", { class: "button primary", href: "/jobs/new" }, "New job") }),
    places.tour,
    h("div", { class: "overview" },
      h("div", { class: "stack wide-gap" },
        section("Running", {}, places.running), section("Waiting", {}, places.waiting), section("Failed of late", {}, places.failed), section("Finished of late", {}, places.done)),
      h("div", { class: "stack wide-gap" }, section("Machine", {}, places.machine), section("Models in use", {}, places.serving), section("Models", {}, places.models))));
  usage(places.serving, signal, { none: "No model is loaded. One is as soon as it is asked." });

  let asks = 0;
  const ask = async () => {
    const own = (asks += 1);
    const jobs = (status, limit = MOST) => get("/v1/jobs", { status, limit }, { signal });
    const [running, waiting, broken, done, tour, models, system] = await Promise.all([
      jobs("running,paused,retrying", 20), jobs("queued"), jobs("failed", 5), jobs("succeeded", 5),
      get("/v1/jobs", { label: `${TOUR.name}=${TOUR.value}`, limit: 1 }, { signal }), get("/v1/models", { limit: MOST }, { signal }), asked("/v1/system", signal),
    ]);
    // What was asked later is newer, though it may have been answered first.
    if (own !== asks) return;
    state.system = system;
    drawTour(places.tour, tour.data[0], models.data, { navigate, signal, renew });
    drawRunning(places.running, running, state);
    drawWaiting(places.waiting, waiting, signal);
    drawFailed(places.failed, broken);
    drawDone(places.done, done);
    drawModels(places.models, models);
    drawMachine(places.machine, system);
    draw();
    await drawCurves(state, signal);
  };
  const renew = soon(() => ask().catch((error) => error.name !== "AbortError" && failed(error)), 400, signal);
  const renewMachine = soon(async () => {
    const own = asks;
    const system = await asked("/v1/system", signal).catch(() => null);
    // Where everything is asked anew, the machine is among it.
    if (!system || own !== asks) return;
    state.system = system;
    drawMachine(places.machine, system);
    draw();
  }, MACHINE, signal);
  const draw = eachFrame(() => {
    text(beside, standing(state));
    for (const card of state.cards.values()) card.draw();
  }, signal);
  onServing(draw, signal);
  live.on("*", null, ({ kind, job, data }) => {
    // A stream that opens late has told of nothing before.
    if (kind === "status" || kind === "end" || kind === "place") return renew();
    if (kind !== "serving") renewMachine();
    const known = state.jobs.get(job);
    if (!known) return;
    if (kind === "progress") known.progress = data;
    if (kind === "metrics") {
      const curve = state.curves.get(job);
      for (const { name, value } of data.points) {
        known.metrics[name] = value;
        if (curve?.name === name) curve.values.push(value);
      }
      if (curve?.values.length > 4 * POINTS) curve.values = curve.values.filter((_, at) => at % 2 === 0);
    }
    draw();
  }, signal);
  await ask();
}

/** What a part of the page shows, or why it could not be asked: the others are shown all the same. */
const asked = (path, signal) => get(path, {}, { signal }).catch((error) => {
  if (error.name === "AbortError" || error.status === 401) throw error;
  return { error };
});

/** Everything in a sentence, with what is learned and answered in a second. */
function standing({ system: { jobs }, jobs: known }) {
  if (!jobs) return "";
  const answers = (inUse() ?? []).reduce((sum, { rate: own }) => sum + own, 0);
  const rate = [...known.values()].filter(({ status }) => status === "running").reduce((sum, { progress: { examples_per_second: own } }) => sum + own, 0);
  const words = [["running", "running"], ["queued", "waiting"], ["paused", "paused"]].filter(([status]) => jobs[status] > 0).map(([status, word]) => `${number(jobs[status])} ${word}`);
  if (rate > 0) words.push(`${short(rate)} examples/s`);
  if (answers > 0) words.push(`${short(answers)} predictions/s`);
  return words.join(", ") || "Nothing runs";
}

/** From nothing to a digit that is read, in three steps of a click each. */
function drawTour(node, job, models, { navigate, renew }) {
  if (localStorage.getItem("tour") === "done" || (!job && models.length > 0)) return redraw(node);
  const made = job?.model;
  const began = job && !["failed", "cancelled"].includes(job.status);
  const step = (index, title, words, control, done) => h("li", { class: `tour-step${done ? " done" : ""}` },
    h("span", { class: "tour-number", "aria-hidden": "true" }, done ? "✓" : index), h("div", { class: "grow" }, h("h3", {}, title), h("p", { class: "muted" }, words)), control);
  redraw(node, h("section", { class: "tour card", "aria-labelledby": "tour-title" },
    h("div", { class: "section-head" }, h("h2", { id: "tour-title" }, "From nothing to a model in three steps"),
      h("div", { class: "row" }, h("button", { type: "button", class: "button small", onclick: () => {
        localStorage.setItem("tour", "done");
        redraw(node);
      } }, "Dismiss"))),
    h("ol", { class: "tour-steps" },
      step(1, "Train a network", "A small convolutional network learns to read 60,000 handwritten digits, in a minute or so.",
        !began && action("Train it", async () => {
          const posted = await post("/v1/jobs", FIRST_MODEL, { idempotent: true });
          toast("It trains.", { tone: "good", link: { href: `/jobs/${posted.id}`, words: "Watch" } });
          renew();
        }, { kind: "primary" }), began),
      step(2, "Watch it learn", "Its loss falls and its accuracy rises while you look.",
        began && h("a", { class: made ? "button" : "button primary", href: `/jobs/${job.id}` }, "Watch"), Boolean(made)),
      step(3, "Draw a digit", "Draw with the mouse or a finger, and see what the model takes it for.",
        made && h("a", { class: "button primary", href: `/models/${made.name}/${made.version}`, onclick: () => localStorage.setItem("tour", "done") }, "Draw"), false))));
}

function drawRunning(node, { data, next }, state) {
  const wanted = new Set(data.map(({ id }) => id));
  for (const id of state.cards.keys()) {
    if (!wanted.has(id)) {
      state.cards.delete(id);
      state.jobs.delete(id);
      state.curves.delete(id);
    }
  }
  for (const job of data) {
    const known = state.jobs.get(job.id);
    if (known) Object.assign(known, job);
    else {
      state.jobs.set(job.id, job);
      state.cards.set(job.id, card(job, state));
    }
    state.cards.get(job.id).draw();
  }
  // Cards that stay are not put in anew: nobody loses the focus to it.
  const order = [...wanted, Boolean(next)].join();
  if (order === state.order) return;
  state.order = order;
  redraw(node, data.length === 0
    ? empty("Nothing runs", h("p", {}, "Post a job, and its progress is here as it happens."))
    : h("div", { class: "cards" }, data.map(({ id }) => state.cards.get(id).node)), next && h("a", { href: "/jobs?status=running,paused,retrying" }, "All that run"));
}

function card(job, state) {
  const [status, words, best, curve] = [h("span"), h("p", { class: "muted" }), h("strong", { class: "running-value" }), h("span", { class: "running-curve" })];
  const bar = progress(0, `How far ${job.name} is`);
  let shown = "";
  let drawn = 0;
  const draw = () => {
    const { fraction, epoch, epochs, eta_seconds: eta, examples_per_second: rate } = job.progress;
    if (shown !== job.status) replace(status, badge(job.status));
    shown = job.status;
    bar.set(fraction);
    text(words, [percent(fraction), epochs > 0 && `epoch ${number(epoch)} of ${number(epochs)}`, rate > 0 && `${short(rate)} examples/s`, job.status === "running" && eta !== null && `${duration(eta)} to go`].filter(Boolean).join(" · "));
    const value = headline(job.metrics);
    text(best, value ? `${value.name.replaceAll("_", " ")} ${number(value.value)}` : "");
    const known = state.curves.get(job.id);
    if (known && known.values.length > 1 && known.values.length !== drawn) {
      drawn = known.values.length;
      replace(curve, sparkline(known.values, { width: 260, height: 44, label: `${known.name.replaceAll("_", " ")}, now ${number(known.values.at(-1))}` }));
    }
  };
  const node = h("article", { class: "card running" },
    h("div", { class: "running-head" }, h("h3", {}, h("a", { href: `/jobs/${job.id}` }, job.name)), status), curve, best, bar, words);
  return { node, draw };
}

/** The loss of each that runs, so far; what comes is added as it is told. */
async function drawCurves(state, signal) {
  const missing = [...state.jobs.keys()].filter((id) => !state.curves.has(id));
  if (missing.length === 0) return;
  for (const id of missing) state.curves.set(id, { name: "step_loss", values: [] });
  for (const name of ["step_loss", "loss"]) {
    const few = missing.filter((id) => state.curves.get(id)?.values.length < 2);
    if (few.length === 0) continue;
    for (const [id, points] of Object.entries(await seriesOf(few, name, POINTS, { signal }))) {
      if (points.length > 1) state.curves.set(id, { name, values: points.map((point) => point[3]) });
      state.cards.get(id)?.draw();
    }
  }
}

function drawWaiting(node, { data, total }, signal) {
  if (data.length === 0) return redraw(node, h("p", { class: "muted" }, "No job waits."));
  redraw(node, h("ul", { class: "lines" }, data.map((job) => {
    const why = h("span", { class: "muted" }, `place ${job.queue_position ?? "–"} in the queue`);
    get(`/v1/jobs/${job.id}/why`, {}, { signal }).then((known) => {
      replace(why, known.detail, known.expected_at && [", starts ", relativeTime(known.expected_at)]);
    }, () => {});
    return h("li", {}, badge(job.status), h("a", { href: `/jobs/${job.id}` }, job.name), why);
  })), total > data.length && h("a", { href: "/jobs?status=queued" }, `All ${number(total)} that wait`));
}

function drawFailed(node, { data, total }) {
  if (data.length === 0) return redraw(node, h("p", { class: "muted" }, "No job has failed."));
  redraw(node, h("ul", { class: "lines" }, data.map((job) => h("li", {}, badge(job.status), h("a", { href: `/jobs/${job.id}` }, job.name),
    h("span", { class: "grow" }, h("span", {}, job.error?.detail ?? ""), job.error?.hint && h("span", { class: "muted" }, ` – ${job.error.hint}`)), relativeTime(job.finished_at)))),
  total > data.length && h("a", { href: "/jobs?status=failed" }, `All ${number(total)} that failed`));
}

function drawDone(node, { data, total }) {
  if (data.length === 0) return redraw(node, h("p", { class: "muted" }, "No job has finished yet."));
  redraw(node, h("ul", { class: "lines" }, data.map((job) => {
    const best = headline(job.metrics);
    return h("li", {}, badge(job.status), h("a", { href: `/jobs/${job.id}` }, job.name),
      h("span", { class: "grow" }, best && `${best.name.replaceAll("_", " ")} ${number(best.value)}`, job.model && [" · ", h("a", { href: `/models/${job.model.name}/${job.model.version}` }, `${job.model.name} ${job.model.version}`)]), relativeTime(job.finished_at));
  })), total > data.length && h("a", { href: "/jobs?status=succeeded" }, `All ${number(total)} that succeeded`));
}

function drawModels(node, { data, next }) {
  if (data.length === 0) return redraw(node, h("p", { class: "muted" }, "A job that succeeds leaves a model here."));
  redraw(node, h("ul", { class: "lines" }, data.map(({ name, latest, versions, updated_at: at }) => h("li", {},
    h("a", { href: `/models/${name}` }, name), h("span", { class: "muted grow" }, `version ${latest}`, versions.length > 1 && ` of ${versions.length}`), relativeTime(at)))),
  next && h("a", { href: "/models" }, "All models"));
}

/** How full something is, in a bar and in words. */
function meter(words, used, whole, told) {
  const bar = progress(whole > 0 ? used / whole : 0, words);
  return h("div", { class: "meter" }, h("div", { class: "meter-head" }, h("span", {}, words), h("span", { class: "muted" }, told)), bar);
}

function drawMachine(node, system) {
  redraw(node, h("div", { class: "card stack" }, system.error ? h("p", { class: "muted" }, `Could not be asked: ${system.error.message} `, requestLine(system.error)) : machine(system)));
}

function machine({ version, uptime_seconds: uptime, cores, threads, memory, disk, gpus }) {
  return [
    meter("Threads", threads.used, threads.total, `${number(threads.used)} of ${number(threads.total)}`),
    meter("Memory for jobs", memory.used_mb, memory.total_mb, `${bytes(memory.used_mb * 1048576)} of ${bytes(memory.total_mb * 1048576)}`),
    meter("Disk", disk.total_bytes - disk.free_bytes, disk.total_bytes, `${bytes(disk.free_bytes)} free`),
    gpus.map((gpu) => meter(gpu.name, gpu.used ? 1 : 0, 1, gpu.used ? "in use" : "free")),
    facts([
      ["Cores", number(cores)],
      ["Data folder", bytes(disk.data_bytes)],
      ["Up for", duration(uptime)],
      ["Version", version],
    ]),
  ];
}
