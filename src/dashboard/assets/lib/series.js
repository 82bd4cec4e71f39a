// Points of metrics as pages keep them: columns, in the order of their steps, never more than a chart can show.

/** Above twice this many points of a series every other one goes, by the least and the greatest of each four. */
const MOST = 4000;

/** A series: its columns grow together. */
export class Series {
  constructor(name) {
    this.name = name;
    this.step = [];
    this.epoch = [];
    this.time = [];
    this.value = [];
  }

  get length() {
    return this.step.length;
  }

  get lastStep() {
    return this.step.at(-1) ?? -1;
  }

  get last() {
    return this.value.at(-1) ?? null;
  }

  push(step, epoch, time, value) {
    this.step.push(step);
    this.epoch.push(epoch);
    this.time.push(time);
    this.value.push(value);
    if (this.step.length > 2 * MOST) this.#thin();
  }

  /** Forgets what an earlier run had reached behind this step: the run that took over does it anew. */
  cut(step) {
    let keep = this.step.length;
    while (keep > 0 && this.step[keep - 1] > step) keep -= 1;
    this.#keep(keep);
  }

  #keep(length) {
    for (const column of [this.step, this.epoch, this.time, this.value]) column.length = length;
  }

  #thin() {
    let kept = 0;
    const keep = (at) => {
      for (const column of [this.step, this.epoch, this.time, this.value]) column[kept] = column[at];
      kept += 1;
    };
    // The newest points stay as they are.
    const end = this.step.length - 1000;
    for (let start = 0; start < end; start += 4) {
      let [least, greatest] = [start, start];
      for (let at = start; at < Math.min(start + 4, end); at += 1) {
        if (this.value[at] < this.value[least]) least = at;
        if (this.value[at] > this.value[greatest]) greatest = at;
      }
      keep(Math.min(least, greatest));
      if (least !== greatest) keep(Math.max(least, greatest));
    }
    for (let at = end; at < this.step.length; at += 1) keep(at);
    this.#keep(kept);
  }
}

/** The series of one job. */
export class Metrics {
  #series = new Map();

  get names() {
    return [...this.#series.keys()];
  }

  get(name) {
    return this.#series.get(name);
  }

  #of(name) {
    if (!this.#series.has(name)) this.#series.set(name, new Series(name));
    return this.#series.get(name);
  }

  /** Takes what the API answered. */
  load(list) {
    for (const { name, points } of list) {
      const series = this.#of(name);
      for (const [step, epoch, time, value] of points) {
        if (step > series.lastStep) series.push(step, epoch, Date.parse(time) / 1000, value);
      }
    }
  }

  /** Takes an event; points that are there already are passed over. */
  hear({ kind, data, time }) {
    if (kind === "metrics") {
      for (const { name, step, epoch, value } of data.points) {
        const series = this.#of(name);
        if (step > series.lastStep) series.push(step, epoch, time / 1000, value);
      }
    } else if (kind === "resumed") {
      for (const series of this.#series.values()) series.cut(data.from_step);
    }
  }
}

const PARTS = [["val_", "validation"], ["test_", "test"], ["step_", "step"]];

/** What a series measures, and on which part: `val_loss` is the loss, on validation. */
export function part(name, names) {
  for (const [prefix, words] of PARTS) {
    const base = name.slice(prefix.length);
    if (name.startsWith(prefix) && (names.includes(base) || prefix !== "step_")) return { metric: base, part: words };
  }
  return { metric: name, part: "train" };
}

/** Exponential smoothing, without its bias towards the first value (Kingma and Ba, 2015, section 3). */
export function smoothed(values, weight) {
  if (weight === 0) return values;
  let [mean, seen] = [0, 0];
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    mean = weight * mean + (1 - weight) * value;
    seen += 1;
    return mean / (1 - weight ** seen);
  });
}
