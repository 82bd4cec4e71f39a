// The canonical spec, with what the user wrote told apart from what was filled in.

import { h, replace } from "../../lib/dom.js";
import { action, copy, section, snippet, toggle } from "../../lib/widgets.js";
import { posted } from "../../lib/jobs.js";
import { curl, leaves, lines } from "../../lib/spec.js";

export async function spec(panel, { state, signal }) {
  const { job } = state;
  const body = await posted(job).catch(() => null);
  if (signal.aborted) return;
  const written = body && new Set(given(body, job.spec));
  const listing = h("pre", { class: "spec", tabindex: "0", "aria-label": "The canonical spec" });
  const draw = (own) => replace(listing, lines(job.spec)
    .filter(({ pointer }) => !own || touches(written, pointer))
    .map(({ text, pointer, opens, closes }) => h("span", { class: written && !opens && !closes && touches(written, pointer) ? "spec-line own" : "spec-line" }, text, "\n")));
  draw(false);
  replace(panel,
    section("Canonical spec", {
      note: written ? "Every default written out; what was written is marked." : "Every default written out.",
      actions: [written && toggle("Only what was written", false, draw), action("Copy", () => copy(JSON.stringify(job.spec, null, 2)), { class: "button small" })],
    }, listing),
    section("The call that makes it", {}, snippet(curl(body ?? job.spec), "the command")));
}

/** The pointers of the canonical spec that the posted body says something of. A short form, such as a name instead of an
 * object, stands for all that it became. */
function given(body, canonical) {
  const known = leaves(canonical);
  const found = [];
  for (const pointer of leaves(body).keys()) {
    let at = pointer;
    while (at && !known.has(at) && ![...known.keys()].some((own) => own.startsWith(`${at}/`))) at = at.slice(0, at.lastIndexOf("/"));
    if (at) found.push(known.has(`${at}/type`) && !known.has(at) ? `${at}/type` : at);
  }
  return found;
}

/** Whether a line is one of these, or holds one, or stands within one. */
function touches(pointers, pointer) {
  if (pointer === "" || pointers.has(pointer)) return true;
  for (const own of pointers) if (own.startsWith(`${pointer}/`)) return true;
  return false;
}
