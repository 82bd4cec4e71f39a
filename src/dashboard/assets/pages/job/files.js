// Checkpoints, and what the runs made beside weights; a confusion matrix is drawn.

import { h, redraw, soon } from "../../lib/dom.js";
import { all, get } from "../../lib/api.js";
import { bytes, number, relativeTime } from "../../lib/format.js";
import { empty, failed, section, table } from "../../lib/widgets.js";
import { heatMap } from "../../lib/heatmap.js";

export async function files(panel, { state, signal, listen }) {
  const { id } = state.job;
  let [asks, taken] = [0, 0];
  const draw = async () => {
    const own = (asks += 1);
    const [checkpoints, artifacts] = await Promise.all([all(`/v1/jobs/${id}/checkpoints`, {}, { signal }), all(`/v1/jobs/${id}/artifacts`, {}, { signal })]);
    const matrices = await Promise.all(artifacts.filter(({ name }) => /confusion_matrix\.json$/.test(name)).map(async ({ name }) => ({ name, content: await get(`/v1/jobs/${id}/artifacts/${encodeURIComponent(name)}`, {}, { signal }) })));
    // What was asked later is newer, though it may have been answered first.
    if (signal.aborted || own < taken) return;
    taken = own;
    redraw(panel,
      matrices.flatMap(({ name, content }) => Object.entries(content.matrices ?? { "": content.matrix }).map(([label, matrix]) =>
        section(`${part(name)} confusion matrix${label ? `: ${label}` : ""}`, { note: "Rows are the truth, columns the answers." }, heatMap(content.matrices ? ["no", "yes"] : content.labels, matrix)))),
      section("Artifacts", {}, table([
        { title: "Name", cell: ({ name }) => h("a", { href: `/v1/jobs/${id}/artifacts/${encodeURIComponent(name)}`, download: name }, name) },
        { title: "Type", cell: ({ media_type: type }) => type },
        { title: "Size", numeric: true, cell: ({ bytes: size }) => bytes(size) },
        { title: "Made", cell: ({ created_at: at }) => relativeTime(at) },
      ], artifacts, { caption: "Artifacts", empty: empty("No artifacts", h("p", {}, "Ask for the metric ", h("code", {}, "confusion_matrix"), " and its table is kept here.")) })),
      section("Checkpoints", { note: "A job that is paused, or that is taken over, goes on from the newest." }, table([
        { title: "Step", cell: ({ step }) => number(step) },
        { title: "Epoch", numeric: true, cell: ({ epoch }) => number(epoch, 3) },
        { title: "Size", numeric: true, cell: ({ bytes: size }) => bytes(size) },
        { title: "Made", cell: ({ created_at: at }) => relativeTime(at) },
        { title: "SHA-256", cell: ({ sha256 }) => h("code", { title: sha256 }, `${sha256.slice(0, 12)}…`) },
      ], checkpoints, { caption: "Checkpoints", empty: empty("No checkpoint yet", h("p", {}, "The first is written when the first epoch ends, or when the job is paused.")) })));
  };
  const renew = soon(() => draw().catch(failed), 2000, signal);
  listen((changed) => (changed.has("checkpoint") || changed.has("end")) && renew(), signal);
  await draw();
}

const part = (name) => (name.startsWith("val_") ? "Validation" : name.startsWith("test_") ? "Test" : "Training");
