// The models in use, as the stream tells of them: what each has done since the server started, and how fast it goes now.

import { h, replace, text } from "./dom.js";
import { live } from "./live.js";
import { bytes, duration, number, plural, relativeTime } from "./format.js";

/** Reports that are remembered of each, for its curves. */
const REMEMBERED = 120;
/** A report comes a second after another while there is something to tell. When none comes, nothing is asked. */
const STILL = 2500;

/** By name and version; `null` until the stream has told of them. */
let known = null;
let reported = 0;
let silence = 0;
const listeners = new Set();

const key = ({ name, version }) => `${name} ${version}`;

/** A report with what it adds to the one before: requests a second, and the mean time of those. */
function since(before, model, seconds) {
  const more = before ? Math.max(model.requests - before.requests, 0) : 0;
  const latency = more > 0 ? (model.request_seconds - before.request_seconds) / more : before?.latency ?? mean(model, "request_seconds");
  const rate = more / seconds;
  return {
    ...model,
    rate,
    latency,
    rates: [...(before?.rates ?? []), rate].slice(-REMEMBERED),
    latencies: [...(before?.latencies ?? []), ...(more > 0 ? [latency] : [])].slice(-REMEMBERED),
  };
}

function tell() {
  for (const listener of [...listeners]) listener();
}

/** Hears of every report, and of the last at once. */
export function onServing(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
  listener();
}

/** All that are in use, the one that was asked last first; `null` until that is known. */
export const inUse = () => known && [...known.values()];

/** Seconds of a kind for each request that was answered; `null` where there was none. */
export const mean = (model, name) => (model.requests > 0 ? model[name] / model.requests : null);

/** A short time as people read it: 0.42 ms, 12 ms, 1.3 s. */
export function short(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return Number(seconds.toPrecision(3)) < 1 ? `${number(seconds * 1000, 3)} ms` : duration(seconds);
}

/** Requests a second, of whatever size. */
export const rate = (value) => `${number(value, value < 10 ? 2 : 3)}/s`;

/** A list of those that are in use and fit, renewed as they are told of. What stays is not made anew, so that nobody
 * loses their place in it. */
export function usage(place, signal, { only = () => true, none } = {}) {
  const rows = new Map();
  const list = h("ul", { class: "lines" });
  onServing(() => {
    const models = inUse()?.filter(only);
    if (!models) return;
    if (models.length === 0) {
      rows.clear();
      return replace(place, h("p", { class: "muted" }, none));
    }
    const wanted = models.map((model) => {
      const row = rows.get(key(model)) ?? line(model);
      rows.set(key(model), row);
      row.update(model);
      return row.node;
    });
    if (wanted.length !== list.children.length || wanted.some((node, at) => node !== list.children[at])) replace(list, wanted);
    if (list.parentNode !== place) replace(place, list);
  }, signal);
}

function line({ name, version }) {
  const [words, asked] = [h("span", { class: "muted grow" }), h("span")];
  return {
    node: h("li", {}, h("a", { href: `/models/${name}/${version}` }, `${name} ${version}`), words, asked),
    update: ({ requests, rate: now, latency, memory_bytes: size, last_request_at: at }) => {
      text(words, [plural(requests, "request"), now > 0 && rate(now), latency !== null && `${short(latency)} each`, bytes(size)].filter(Boolean).join(" · "));
      replace(asked, at && relativeTime(at));
    },
  };
}

/** Whether reports may have been missed: a page that nobody sees hears none after a while. */
let unseen = false;
document.addEventListener("visibilitychange", () => (unseen ||= document.hidden));

live.on("serving", null, ({ data, time }) => {
  // What is told after a silence has happened within the last second of it; what was missed, at any time since.
  const seconds = time - reported > STILL && !unseen ? 1 : Math.max((time - reported) / 1000, 0.1);
  reported = time;
  unseen = document.hidden;
  known = new Map(data.models.map((model) => [key(model), since(known?.get(key(model)), model, seconds)]));
  tell();
  clearTimeout(silence);
  silence = setTimeout(() => {
    for (const model of known.values()) {
      model.rate = 0;
      model.rates = [...model.rates, 0].slice(-REMEMBERED);
    }
    tell();
  }, STILL);
});
