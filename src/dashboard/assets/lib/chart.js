// Curves over uPlot: series in the colours of the theme and with dashes of their own, a read-out of all of them under
// the pointer, zoom by drag, pan with shift or the arrow keys, and the same in words and as a table.

import uPlot from "/assets/vendor/uplot/uPlot.esm.js";
import { eachFrame, h, replace, svg, text } from "./dom.js";
import { duration, number, short } from "./format.js";
import { smoothed } from "./series.js";
import { button, download, menu } from "./widgets.js";

export const COLOURS = 7;
/** Distances of ticks, wide enough for what a diverging job counts. */
const TICKS = Array.from({ length: 60 }, (_, at) => 10 ** (at - 24)).flatMap((power) => [power, 2 * power, 2.5 * power, 5 * power]);
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** The value of a colour of the theme, as a canvas wants it. */
export function colour(name) {
  const probe = h("span", { style: { color: `var(${name})` }, hidden: true });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const AXES = {
  step: { title: "Step", column: (series) => series.step, words: (value) => (value < 100000 ? number(value) : short(value)), exact: (value) => `step ${number(value)}` },
  epoch: { title: "Epoch", column: (series) => series.epoch, words: (value) => number(value, 3), exact: (value) => `epoch ${number(value, 4)}` },
  time: { title: "Time", column: (series) => series.time, words: (value) => duration(value), exact: (value) => `after ${duration(value)}` },
};
/** What a drag does to the other charts of a page as well. */
const together = uPlot.sync("curves");

/** A chart of lines. `lines` of `{label, series, tone (1 to 7), dash (0 to 3), faint, start, low, high}`: `start` is the
 * time that the line's own counts from; `low` and `high` are columns beside the values, drawn as a band. */
export class Curves {
  #plot = null;
  #lines = [];
  #options;
  #columns = [];
  #built = "";
  #at = null;

  constructor(root, title, { signal, axis = "step", log = false, smoothing = 0, height = 240, synced = true } = {}) {
    this.title = title;
    this.signal = signal;
    this.#options = { axis, log, smoothing, height, synced };
    this.stage = h("div", { class: "chart-stage", tabindex: "0", role: "img", onkeydown: (event) => this.#key(event) });
    this.where = h("span", { class: "chart-where muted" });
    this.reset = button("Reset zoom", () => this.unzoom(), { class: "button small", hidden: true });
    this.reset.hidden = true;
    this.legend = h("ul", { class: "chart-legend" });
    this.table = h("details", { class: "chart-table", ontoggle: () => this.#drawTable() }, h("summary", {}, "Values"), h("div"));
    const save = menu("Save", [
      { words: "Points as CSV", act: () => this.csv() },
      { words: "Picture as PNG", act: () => this.png() },
    ], { label: `Save ${title}` });
    this.node = h("figure", { class: "chart" },
      h("div", { class: "chart-head" }, h("figcaption", {}, h("h3", {}, title)), this.where, h("div", { class: "row chart-tools" }, this.reset, save)),
      this.stage, this.legend, this.table);
    root.append(this.node);
    this.draw = eachFrame(() => this.#draw(), signal);
    const sized = new ResizeObserver(() => this.#plot?.setSize({ width: this.stage.clientWidth, height }));
    sized.observe(this.stage);
    const themed = () => this.#build();
    document.addEventListener("lyceum:theme", themed, { signal });
    signal?.addEventListener("abort", () => {
      sized.disconnect();
      this.#plot?.destroy();
      this.#plot = null;
    });
  }

  /** Shows these lines. */
  set(lines) {
    const same = lines.length === this.#lines.length && lines.every((line, index) => line.label === this.#lines[index].label && line.tone === this.#lines[index].tone);
    this.#lines = lines;
    if (!same || !this.#plot) this.#build();
    else this.draw();
  }

  change(options) {
    // A place along one axis is none along another.
    if ("axis" in options && options.axis !== this.#options.axis) {
      this.reset.hidden = true;
      this.#at = null;
    }
    Object.assign(this.#options, options);
    if ("log" in options || "axis" in options) this.#build();
    else this.draw();
  }

  unzoom() {
    this.reset.hidden = true;
    this.#draw();
  }

  /** The lines with what is drawn behind them: the raw values of a line that is smoothed, in a fainter colour. */
  #shown() {
    const { smoothing } = this.#options;
    return this.#lines.flatMap((line, index) => {
      const own = [{ line, index, kind: "value" }];
      if (line.low) own.unshift({ line, index, kind: "low" }, { line, index, kind: "high" });
      else if (smoothing > 0 && !line.faint && line.series.length > 2) own.unshift({ line, index, kind: "raw" });
      return own;
    });
  }

  #x(line) {
    const column = AXES[this.#options.axis].column(line.series);
    if (this.#options.axis !== "time") return column;
    const start = line.start ?? column[0];
    return column.map((time) => time - start);
  }

  /** Columns over one x: the steps of all lines, with holes where a line has none. */
  #data() {
    const { smoothing, log } = this.#options;
    const fit = (values) => (log ? values.map((value) => (value > 0 ? value : null)) : values);
    this.#columns = this.#lines.map((line) => ({ x: this.#x(line), y: fit(line.faint || line.low ? line.series.value : smoothed(line.series.value, smoothing)) }));
    const shown = this.#shown();
    if (shown.length === 0) return [[]];
    const tables = shown.map(({ line, index, kind }) => [this.#columns[index].x, kind === "value" ? this.#columns[index].y : fit(kind === "raw" ? line.series.value : line[kind])]);
    return joined(tables);
  }

  #build() {
    if (this.signal?.aborted) return;
    const zoom = this.#plot && this.reset.hidden === false ? { ...this.#plot.scales.x } : null;
    this.#plot?.destroy();
    const { axis, log, height, synced } = this.#options;
    const tones = Array.from({ length: COLOURS }, (_, index) => colour(`--series-${index + 1}`));
    const [line, muted] = [colour("--grid"), colour("--muted")];
    const font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const shown = this.#shown();
    this.#built = kinds(shown);
    const series = shown.map(({ line: { label, tone, dash, faint, series: own }, kind }) => ({
      label,
      stroke: alpha(tones[(tone - 1) % COLOURS], kind === "raw" ? 0.22 : faint ? 0.35 : kind === "value" ? 1 : 0),
      width: kind === "value" && !faint ? 2 : 1,
      dash: kind === "value" ? DASHES[dash ?? 0] : [],
      spanGaps: true,
      paths: kind === "value" || kind === "raw" ? dense : undefined,
      points: { show: kind === "value" && !faint && own.length < 30, size: own.length === 1 ? 9 : 6, fill: tones[(tone - 1) % COLOURS] },
    }));
    const bands = shown.flatMap(({ line: { tone }, kind }, index) => kind === "high" ? [{ series: [index + 1, index], fill: alpha(tones[(tone - 1) % COLOURS], 0.16) }] : []);
    const common = { stroke: muted, font, labelFont: font, grid: { stroke: line, width: 1 }, ticks: { show: false }, border: { show: false } };
    const words = AXES[axis].words;
    this.#plot = new uPlot({
      width: this.stage.clientWidth || 600,
      height,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: true },
        sync: synced ? { key: together.key, scales: ["x", null] } : undefined,
        bind: { dblclick: () => () => this.unzoom(), mousedown: (plot, target, handler) => (event) => event.shiftKey ? this.#pan(event) : handler(event) },
      },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1 } },
      axes: [
        { ...common, space: 70, size: 30, values: (plot, ticks) => ticks.map(words), grid: { show: false } },
        { ...common, size: 56, incrs: TICKS, values: (plot, ticks) => ticks.map((value) => (value === null ? "" : tick(value))) },
      ],
      series: [{}, ...series],
      bands,
      hooks: {
        setCursor: [(plot) => this.#read(plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") : null)],
        setSelect: [() => (this.reset.hidden = false)],
      },
    }, this.#data(), this.stage);
    if (zoom?.min !== undefined) this.#plot.setScale("x", { min: zoom.min, max: zoom.max });
    replace(this.legend, this.#lines.map((own) => h("li", {}, swatch(own), h("span", { class: "chart-label" }, own.href ? h("a", { href: own.href }, own.label) : own.label), h("output", { class: "chart-value" }))));
    this.#tell();
  }

  #draw() {
    if (!this.#plot) return;
    // A line that has grown long enough to be smoothed has a column more.
    if (kinds(this.#shown()) !== this.#built) return this.#build();
    const kept = this.reset.hidden ? null : { min: this.#plot.scales.x.min, max: this.#plot.scales.x.max };
    this.#plot.batch(() => {
      this.#plot.setData(this.#data(), !kept);
      if (kept) this.#plot.setScale("x", kept);
    });
    this.#tell();
  }

  /** What stands under the pointer, or last. */
  #read(at) {
    this.#at = at;
    text(this.where, at === null ? "" : AXES[this.#options.axis].exact(at));
    for (const [index, { x, y }] of this.#columns.entries()) {
      const value = this.legend.children[index]?.lastChild;
      if (value) text(value, number(y[at === null ? y.length - 1 : nearest(x, at)] ?? null, 4));
    }
  }

  #tell() {
    this.#read(this.#at);
    const words = this.#lines.filter((line) => line.series.length > 0).slice(0, 8).map(({ label, series: { value } }) => value.length === 1
      ? `${label} ${number(value[0])}`
      : `${label} from ${number(value[0])} to ${number(value.at(-1))}`);
    this.stage.setAttribute("aria-label", `${this.title}: ${words.join("; ") || "nothing yet"}`);
    if (this.table.open) this.#drawTable();
  }

  #drawTable() {
    if (!this.table.open) return;
    const longest = this.#lines.reduce((most, line) => (line.series.length > most.length ? line.series : most), { length: 0, step: [] });
    const count = Math.min(longest.length, 12);
    const steps = Array.from({ length: count }, (_, index) => longest.step[Math.round((index * (longest.length - 1)) / Math.max(count - 1, 1))]);
    const cells = (step) => this.#lines.map(({ series }) => h("td", { class: "numeric" }, number(series.value[nearest(series.step, step)] ?? null)));
    replace(this.table.lastChild, h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": `Values of ${this.title}` }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "numeric" }, "Step"), this.#lines.map(({ label }) => h("th", { scope: "col", class: "numeric" }, label)))),
      h("tbody", {}, steps.map((step) => h("tr", {}, h("th", { scope: "row", class: "numeric" }, number(step)), cells(step)))))));
  }

  #limits() {
    const { x } = this.#plot.scales;
    const whole = this.#plot.data[0];
    return { min: x.min, max: x.max, first: whole[0], last: whole.at(-1), span: x.max - x.min };
  }

  /** Shows another stretch of the axis, within what there is. */
  show(min, max) {
    const { first, last } = this.#limits();
    const span = Math.min(max - min, last - first);
    const start = Math.min(Math.max(min, first), last - span);
    this.reset.hidden = span >= last - first;
    this.#plot.setScale("x", { min: start, max: start + span });
  }

  #pan(event) {
    const { min, max, span } = this.#limits();
    const [from, width] = [event.clientX, this.#plot.over.clientWidth];
    let [to, ended] = [from, false];
    const draw = eachFrame(() => {
      const by = ((to - from) / width) * span;
      if (!ended) this.show(min - by, max - by);
    }, this.signal);
    const stop = new AbortController();
    addEventListener("pointermove", (moved) => {
      to = moved.clientX;
      draw();
    }, { signal: stop.signal });
    addEventListener("pointerup", () => {
      ended = true;
      stop.abort();
    }, { signal: stop.signal });
  }

  #key(event) {
    if (!this.#plot || this.#plot.data[0].length < 2) return;
    const { min, max, span, first, last } = this.#limits();
    const act = {
      "+": () => this.show(min + span / 4, max - span / 4),
      "-": () => this.show(min - span / 2, max + span / 2),
      Escape: () => this.unzoom(),
      Home: () => this.#point(min),
      End: () => this.#point(max),
      ArrowLeft: () => (event.shiftKey ? this.show(min - span / 10, max - span / 10) : this.#point((this.#at ?? last) - span / 50)),
      ArrowRight: () => (event.shiftKey ? this.show(min + span / 10, max + span / 10) : this.#point((this.#at ?? first) + span / 50)),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  /** Puts the read-out where no pointer is. */
  #point(at) {
    const { min, max } = this.#limits();
    const left = this.#plot.valToPos(Math.min(Math.max(at, min), max), "x");
    this.#plot.setCursor({ left, top: 10 });
  }

  csv() {
    const lines = [["series", "step", "epoch", "seconds", "value"]];
    for (const { label, series, start } of this.#lines) {
      const begin = start ?? series.time[0];
      series.step.forEach((step, at) => lines.push([label, step, series.epoch[at], (series.time[at] - begin).toFixed(6), series.value[at] ?? ""]));
    }
    const cell = (value) => (/[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : value);
    download(`${this.title}.csv`, "text/csv", `${lines.map((line) => line.map(cell).join(",")).join("\n")}\n`);
  }

  async png() {
    const drawn = this.#plot.ctx.canvas;
    const scale = devicePixelRatio;
    const rows = Math.ceil(this.#lines.length / 3);
    const picture = h("canvas", { width: drawn.width, height: drawn.height + (36 + rows * 20) * scale });
    const to = picture.getContext("2d");
    to.fillStyle = colour("--surface");
    to.fillRect(0, 0, picture.width, picture.height);
    to.drawImage(drawn, 0, 32 * scale);
    to.scale(scale, scale);
    to.fillStyle = colour("--text");
    to.font = `600 14px ${getComputedStyle(document.body).fontFamily}`;
    to.fillText(this.title, 12, 22);
    to.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    for (const [index, { label, tone, dash }] of this.#lines.entries()) {
      const [x, y] = [12 + (index % 3) * (drawn.width / scale / 3), drawn.height / scale + 44 + Math.floor(index / 3) * 20];
      to.strokeStyle = colour(`--series-${tone}`);
      to.setLineDash(DASHES[dash ?? 0]);
      to.lineWidth = 2;
      to.beginPath();
      to.moveTo(x, y);
      to.lineTo(x + 22, y);
      to.stroke();
      to.fillText(label, x + 28, y + 4);
    }
    const blob = await new Promise((resolve) => picture.toBlob(resolve, "image/png"));
    download(`${this.title}.png`, "image/png", blob);
  }
}

/** Which columns a plot has. */
const kinds = (shown) => shown.map(({ index, kind }) => `${index} ${kind}`).join();

/** The look of a line beside its name. */
export function swatch({ tone, dash, faint }) {
  const stroke = `var(--series-${((tone - 1) % COLOURS) + 1})`;
  return svg("svg", { class: "swatch", width: 22, height: 8, "aria-hidden": "true" },
    svg("line", { x1: 1, y1: 4, x2: 21, y2: 4, "stroke-width": faint ? 1 : 2.5, "stroke-dasharray": DASHES[dash ?? 0].join(" ") || null, style: { stroke, opacity: faint ? 0.5 : 1 } }));
}

const linear = uPlot.paths.linear();

/** The path of a line. Where there is more than a point to a pixel, the least and the greatest of each two pixels are
 * joined, which looks the same and is drawn in a fraction of the time. */
function dense(plot, index, first, last) {
  const { left, top, width, height } = plot.bbox;
  const columns = Math.floor(width / devicePixelRatio / 2);
  if (last - first < 2 * columns) return linear(plot, index, first, last);
  const [xs, ys] = [plot.data[0], plot.data[index]];
  const { x, y } = plot.scales;
  const log = y.distr === 3;
  const [low, high] = log ? [Math.log10(y.min), Math.log10(y.max)] : [y.min, y.max];
  const [across, up] = [width / (x.max - x.min), height / (high - low)];
  const stroke = new Path2D();
  const point = (at) => stroke.lineTo(left + (xs[at] - x.min) * across, top + height - ((log ? Math.log10(ys[at]) : ys[at]) - low) * up);
  let [column, least, greatest] = [-1, -1, -1];
  const close = () => {
    if (least < 0) return;
    point(Math.min(least, greatest));
    if (least !== greatest) point(Math.max(least, greatest));
  };
  const wide = columns / (x.max - x.min);
  for (let at = first; at <= last; at += 1) {
    const value = ys[at];
    if (value === null || value === undefined) continue;
    const own = Math.floor((xs[at] - x.min) * wide);
    if (own !== column) {
      close();
      [column, least, greatest] = [own, at, at];
    } else if (value < ys[least]) least = at;
    else if (value > ys[greatest]) greatest = at;
  }
  close();
  return { stroke, fill: null, clip: null, band: null, gaps: null, flags: 1 };
}

/** One x for all columns, and each column over it. */
function joined(tables) {
  const first = tables[0][0];
  const alike = tables.every(([x]) => x === first || (x.length === first.length && x[0] === first[0] && x.every((at, index) => at === first[index])));
  return alike ? [first, ...tables.map(([, y]) => y)] : uPlot.join(tables);
}

/** A number beside an axis: short, whatever its size. */
function tick(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return value.toExponential().replace("e+", "e");
  return size >= 1e4 ? short(value) : number(value, 4);
}

/** The index of the entry that is nearest to a value, in a growing column. */
export function nearest(column, value) {
  let [low, high] = [0, column.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - column[low - 1] < column[low] - value ? low - 1 : low;
}

function alpha(rgb, opacity) {
  return rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`);
}

/** A small curve without axes, for a row of a table. Not more than its values: the words beside it say what it is. */
export function sparkline(values, { tone = 1, width = 96, height = 24, label = "" } = {}) {
  const known = values.map((value, index) => [index, value]).filter(([, value]) => Number.isFinite(value));
  const [least, greatest] = known.reduce(([low, high], [, value]) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const x = (index) => 1 + (index / Math.max(values.length - 1, 1)) * (width - 2);
  const y = (value) => (greatest === least ? height / 2 : height - 2 - ((value - least) / (greatest - least)) * (height - 4));
  const points = known.map(([index, value]) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return svg("svg", { class: "sparkline", width, height, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    known.length > 1 && svg("polyline", { points, fill: "none", "stroke-width": 1.5, "stroke-linejoin": "round", "vector-effect": "non-scaling-stroke", style: { stroke: `var(--series-${tone})` } }));
}

/** What all charts of a page are shown by: the axis, its scale, smoothing. `onchange({axis, log, smoothing})`. */
export function chartControls(state, onchange) {
  const amount = h("output", { class: "muted" }, number(state.smoothing, 2));
  const slider = h("input", { type: "range", min: "0", max: "0.99", step: "0.01", value: state.smoothing, "aria-label": "Smoothing", oninput: () => {
    amount.textContent = number(Number(slider.value), 2);
    onchange({ smoothing: Number(slider.value) });
  } });
  const axes = Object.entries(AXES).map(([key, { title }]) => h("button", {
    type: "button", class: "choice", "aria-pressed": String(key === state.axis),
    onclick: (event) => {
      for (const other of axes) other.setAttribute("aria-pressed", String(other === event.currentTarget));
      onchange({ axis: key });
    },
  }, title));
  const log = h("input", { type: "checkbox", checked: state.log, onchange: () => onchange({ log: log.checked }) });
  return h("div", { class: "chart-controls" },
    h("div", { class: "choices", role: "group", "aria-label": "Horizontal axis" }, axes),
    h("label", { class: "toggle" }, log, "Logarithmic"),
    h("label", { class: "smoothing" }, h("span", {}, "Smoothing"), slider, amount));
}
