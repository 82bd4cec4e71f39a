// Jobs that differ in nothing but their seed, as one line: the mean, and a band of one standard deviation about it.

import { COLOURS, nearest } from "../../lib/chart.js";
import { number, plural } from "../../lib/format.js";
import { Series } from "../../lib/series.js";

/** The lines of the groups of these jobs. `told` says what else differs between them: `[{words, value(job)}]`. */
export function bundles(jobs, of, told) {
  const groups = new Map();
  for (const job of jobs) {
    const { seed, name, labels, model_name: model, ...rest } = job.spec;
    const key = JSON.stringify(rest);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(job);
  }
  return [...groups.values()].map((group, index) => ({ label: label(group, told), tone: (index % COLOURS) + 1, dash: Math.floor(index / COLOURS) % 4, ...mean(group.map((job) => of.get(job.id))) }));
}

/** The name, what else tells the group from others, and how many they are. */
function label([first, ...rest], told) {
  const words = told.slice(0, 3).map(({ words: name, value }) => [name, value(first)]).filter(([, value]) => value !== undefined).map(([name, value]) => `${name} ${typeof value === "number" ? number(value) : value}`);
  return [`${first.name}, `, words.length > 0 && `${words.join(", ")}, `, plural(rest.length + 1, "seed")].filter(Boolean).join("");
}

/** Over the steps of the longest: the mean of all that have come so far, each at its nearest step. */
function mean(all) {
  const longest = all.reduce((most, series) => (series.length > most.length ? series : most));
  const series = new Series(longest.name);
  const [low, high] = [[], []];
  for (let at = 0; at < longest.length; at += 1) {
    const step = longest.step[at];
    const values = all.filter(({ lastStep }) => lastStep >= step || lastStep === longest.lastStep).map((own) => own.value[nearest(own.step, step)]).filter(Number.isFinite);
    const middle = values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
    const spread = values.length > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)) : 0;
    series.push(step, longest.epoch[at], longest.time[at], middle);
    low.push(middle === null ? null : middle - spread);
    high.push(middle === null ? null : middle + spread);
  }
  return { series, low, high };
}
