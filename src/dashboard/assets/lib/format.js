// Numbers, sizes and times as people read them.

import { h, text } from "./dom.js";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A number with as many digits as say something: 60,000; 0.9731; 1.2e-5. */
export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return grouped.format(value).replace("-", "−");
  if (size >= 1e6 || size < 1e-3) return value.toExponential(Math.max(digits - 2, 0)).replace("e+", "e").replaceAll("-", "−");
  if (size >= 1000) return grouped.format(value).replace("-", "−");
  const rounded = Number(value.toPrecision(digits));
  // What is not quite 1 is not said to be.
  const shown = size < 1 && Math.abs(rounded) === 1 ? Number((Math.sign(value) * (1 - 10 ** -digits)).toFixed(digits)) : rounded;
  return String(shown).replace("-", "−");
}

/** A count in a few letters: 950, 61.7 k, 1.2 M. */
export function short(value) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(value.toPrecision(3));
  for (const [size, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(rounded) >= size) return `${Number((rounded / size).toPrecision(3))} ${letter}`;
  }
  return number(value, 3);
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (Number(value.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${units[unit]}`;
}

export function percent(fraction, digits = 0) {
  if (fraction === null || fraction === undefined) return "–";
  const words = (fraction * 100).toFixed(digits);
  // What is not whole yet is not said to be.
  return `${fraction < 1 && Number(words) === 100 ? (100 - 10 ** -digits).toFixed(digits) : words} %`;
}

/** Seconds as a person says them: 0.4 s, 42 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => whole >= size);
  const [size, unit] = parts[first];
  const [rest, restUnit] = parts[first + 1] ?? [];
  const remaining = rest ? Math.floor((whole % size) / rest) : 0;
  return `${Math.floor(whole / size)} ${unit}${remaining ? ` ${remaining} ${restUnit}` : ""}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** Seconds between two times of the API, up to now where the second is open. */
export function between(start, end) {
  if (!start) return null;
  return ((end ? Date.parse(end) : Date.now()) - Date.parse(start)) / 1000;
}

const shown = new Set();
let timer = 0;

function told(time) {
  const seconds = (Date.now() - time) / 1000;
  const ahead = seconds < -1;
  const size = Math.abs(seconds);
  const words = size < 10 ? "now" : size < 60 ? `${Math.floor(size / 10) * 10} s` : duration(size).split(" ").slice(0, 2).join(" ");
  if (words === "now") return ahead ? "in a moment" : "just now";
  return ahead ? `in ${words}` : `${words} ago`;
}

function renew() {
  for (const reference of [...shown]) {
    const node = reference.deref();
    if (!node?.isConnected) shown.delete(reference);
    else text(node, told(Number(node.dataset.at)));
  }
}

/** A `<time>` that says how long ago, and exactly when on hover. All are renewed by one timer. */
export function relativeTime(time) {
  if (!time) return h("span", { class: "muted" }, "–");
  const at = typeof time === "number" ? time : Date.parse(time);
  const date = new Date(at);
  const node = h("time", { datetime: date.toISOString(), title: exact.format(date), "data-at": at }, told(at));
  shown.add(new WeakRef(node));
  if (!timer) timer = setInterval(renew, 10000);
  return node;
}
