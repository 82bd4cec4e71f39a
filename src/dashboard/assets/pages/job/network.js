// The plan as a graph: each node with its shape and its parameters, and the same as a table.

import { h, replace, svg } from "../../lib/dom.js";
import { post } from "../../lib/api.js";
import { bytes, number, percent, short } from "../../lib/format.js";
import { empty, facts, section, table, trouble } from "../../lib/widgets.js";

const BOX = { width: 200, height: 50, gapX: 36, gapY: 28 };

export async function network(panel, { state, signal }) {
  replace(panel, h("p", { class: "muted" }, "Asking for the plan…"));
  let plan;
  try {
    plan = await post("/v1/plans", state.job.spec, { signal });
  } catch (error) {
    if (error.name !== "AbortError") replace(panel, trouble(error));
    return;
  }
  if (signal.aborted) return;
  const { nodes, parameters } = plan;
  if (!nodes?.length) return replace(panel, empty("No network", h("p", {}, "The plan of this job has no nodes to draw.")));
  replace(panel,
    facts([
      ["Parameters", number(parameters.total)],
      ["Trainable", number(parameters.trainable)],
      ["Memory of a step", bytes(plan.step.memory_bytes)],
      ["Operations of a step", `${short(plan.step.flops)}FLOP`],
      plan.steps_per_epoch && ["Steps of an epoch", number(plan.steps_per_epoch)],
    ], { class: "card" }),
    plan.warnings.length > 0 && h("div", { class: "job-why" }, h("strong", {}, "Warnings"), h("ul", {}, plan.warnings.map((warning) => h("li", {}, typeof warning === "string" ? warning : warning.detail)))),
    h("div", { class: "network" },
      section("Graph", {}, h("div", { class: "network-frame", tabindex: "0", role: "region", "aria-label": "The network as a graph" }, graph(nodes))),
      section("Layers", {}, table([
        { title: "Node", cell: (node) => h("code", {}, node.name) },
        { title: "Type", cell: (node) => node.type },
        { title: "Shape", numeric: true, cell: (node) => shape(node.output_shape) },
        { title: "Parameters", numeric: true, cell: (node) => number(node.parameters) },
        { title: "Share", numeric: true, cell: (node) => (parameters.total > 0 ? percent(node.parameters / parameters.total, 1) : "–") },
      ], nodes, { caption: "The network's layers" }))),
    plan.rewrites.length > 0 && h("p", { class: "muted" }, "Rewritten to run faster: ", plan.rewrites.map(({ name, nodes: of }) => `${name.replaceAll("_", " ")} (${of.join(", ")})`).join("; "), "."));
}

const shape = (extents) => (extents && extents.length > 0 ? extents.map((extent) => extent ?? "?").join(" × ") : "scalar");

/** Rows by the longest way from an input; within a row by where a node's inputs stand. */
function layout(nodes) {
  const row = new Map();
  for (const node of nodes) row.set(node.name, Math.max(-1, ...(node.inputs ?? []).map((input) => row.get(input) ?? -1)) + 1);
  const rows = [];
  for (const node of nodes) (rows[row.get(node.name)] ??= []).push(node);
  const places = new Map();
  const widest = Math.max(...rows.map((own) => own.length));
  const width = widest * (BOX.width + BOX.gapX) - BOX.gapX;
  rows.forEach((own, index) => {
    const middle = (node) => {
      const known = (node.inputs ?? []).map((input) => places.get(input)?.x).filter((x) => x !== undefined);
      return known.length > 0 ? known.reduce((sum, x) => sum + x, 0) / known.length : 0;
    };
    const ordered = own.length > 1 ? [...own].sort((a, b) => middle(a) - middle(b)) : own;
    const start = (width - (ordered.length * (BOX.width + BOX.gapX) - BOX.gapX)) / 2;
    ordered.forEach((node, at) => places.set(node.name, { node, row: index, x: start + at * (BOX.width + BOX.gapX), y: index * (BOX.height + BOX.gapY) }));
  });
  return { places, width, height: rows.length * (BOX.height + BOX.gapY) - BOX.gapY };
}

function graph(nodes) {
  const { places, width, height } = layout(nodes);
  const skips = nodes.some(({ name, inputs }) => (inputs ?? []).some((input) => places.get(name).row - (places.get(input)?.row ?? 0) > 1));
  const margin = skips ? 70 : 8;
  const edges = nodes.flatMap(({ name, inputs }) => (inputs ?? []).filter((input) => places.has(input)).map((input) => edge(places.get(input), places.get(name))));
  const boxes = [...places.values()].map(({ node, x, y }) => svg("g", { transform: `translate(${x} ${y})`, class: node.type === "input" ? "node node-input" : "node" },
    svg("title", {}, `${node.name}: ${node.type}, ${shape(node.output_shape)}, ${number(node.parameters)} parameters`),
    svg("rect", { width: BOX.width, height: BOX.height, rx: 8 }),
    svg("text", { x: 12, y: 21, class: "node-name" }, cut(node.name, node.parameters > 0 ? 18 : 24)),
    svg("text", { x: 12, y: 39, class: "node-shape" }, cut(`${node.type === node.name ? "" : `${node.type} `}${shape(node.output_shape)}`, 30)),
    node.parameters > 0 && svg("text", { x: BOX.width - 12, y: 21, class: "node-count" }, short(node.parameters))));
  const [w, t] = [width + 2 * margin, height + 16];
  return svg("svg", { class: "network-graph", width: w, height: t, viewBox: `${-margin} -8 ${w} ${t}`, role: "img", "aria-label": `A graph of ${nodes.length} nodes, which the table of layers tells in words` }, edges, boxes);
}

/** From the lower edge of one box to the upper of another; around the boxes between where it passes any. */
function edge(from, to) {
  const [x1, y1, x2, y2] = [from.x + BOX.width / 2, from.y + BOX.height, to.x + BOX.width / 2, to.y];
  if (to.row - from.row <= 1 || x1 !== x2) {
    const bend = (y2 - y1) / 2;
    return svg("path", { class: "edge", d: `M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}` });
  }
  const side = from.x + BOX.width + 46;
  const [startX, startY, endX, endY] = [from.x + BOX.width, from.y + BOX.height / 2, to.x + BOX.width, to.y + BOX.height / 2];
  return svg("path", { class: "edge", d: `M${startX} ${startY} C${side} ${startY} ${side} ${startY} ${side} ${startY + 24} L${side} ${endY - 24} C${side} ${endY} ${side} ${endY} ${endX} ${endY}` });
}

const cut = (words, most) => (words.length > most ? `${words.slice(0, most - 1)}…` : words);
