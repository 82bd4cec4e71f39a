// One version of a data set: its columns, what they hold, and its examples page by page.

import { h, replace } from "../lib/dom.js";
import { del, get } from "../lib/api.js";
import { bytes, number, plural, relativeTime } from "../lib/format.js";
import { action, confirm, crumbs, facts, failed, heading, section, select, table, trouble } from "../lib/widgets.js";
import { statistics } from "./dataset/statistics.js";

const PAGE = 24;
/** Classes that are named. */
const CLASSES = 12;

export const title = ({ name, version }) => `${name} ${version}`;

export async function render(root, { params: { name, version }, query, navigate, signal }) {
  const path = `/v1/datasets/${name}/versions/${version}`;
  const set = await get(path, {}, { signal });
  const versions = (await get(`/v1/datasets/${name}/versions`, { limit: 100 }, { signal })).data;
  root.append(
    heading(name, {
      above: crumbs(["/datasets", "Data sets"]),
      beside: select(versions.map((one) => [one.version, `version ${one.version}`]), set.version, (to) => navigate(`/datasets/${name}/${to}`), { "aria-label": "Version" }),
      actions: [
        h("a", { class: "button primary", href: `/jobs/new?dataset=${name}&version=${set.version}` }, "Train on this"),
        action("Delete", async () => {
          if (!(await confirm(`Delete version ${set.version} of ${name}?`, "Jobs that have ended keep what they made.", "Delete"))) return;
          await del(path);
          await navigate("/datasets");
        }, { kind: "danger" }),
      ],
    }),
    facts([
      ["Examples", number(set.examples)],
      ["Splits", Object.entries(set.splits).map(([split, count]) => `${split} ${number(count)}`).join(", ")],
      ["Format", set.format],
      ["Size", bytes(set.bytes)],
      ["Added", relativeTime(set.created_at)],
      ["Digest", h("code", { title: set.sha256 }, `${set.sha256.slice(0, 16)}…`)],
    ], { class: "card" }),
    section("Columns", { note: plural(set.columns.length, "column") }, columns(set)),
    statistics(set, path, signal),
    await examples(set, path, query, signal));
}

function columns({ columns: all, examples: count }) {
  return table([
    { title: "Name", cell: ({ name }) => name },
    { title: "Kind", cell: ({ kind }) => kind },
    { title: "Shape", numeric: true, cell: ({ shape }) => (shape.length > 0 ? shape.join(" × ") : "–") },
    { title: "Type", cell: ({ dtype }) => h("code", {}, dtype) },
    { title: "Classes", cell: ({ classes }) => (classes.length > 0 ? classes.slice(0, CLASSES).join(", ") + (classes.length > CLASSES ? ` and ${number(classes.length - CLASSES)} more` : "") : "–") },
    { title: "Missing", numeric: true, cell: ({ missing }) => (missing > 0 ? `${number(missing)} of ${number(count)}` : "–") },
  ], all, { caption: "Columns" });
}

/** A page of a split; which one is in the address. */
async function examples(set, path, query, signal) {
  const place = h("div", { class: "stack" });
  const where = h("span", { class: "muted", role: "status" });
  const splits = Object.keys(set.splits);
  const first = splits.includes(query.get("rows")) ? query.get("rows") : splits[0];
  const from = Math.max(0, Number.parseInt(query.get("from"), 10) - 1 || 0);
  const state = { split: first, offset: Math.min(from, lastPage(set.splits[first])), total: 0, shown: 0, asks: 0 };
  const show = async () => {
    const { split, offset } = state;
    const own = (state.asks += 1);
    const page = await get(`${path}/examples`, { split, offset, limit: PAGE }, { signal });
    if (own !== state.asks) return;
    // Of large examples fewer come at once.
    [state.total, state.shown] = [page.total, page.data.length];
    where.textContent = page.total === 0 ? "none" : `${number(offset + 1)} to ${number(offset + page.data.length)} of ${number(page.total)}`;
    back.allow(offset > 0);
    on.allow(offset + page.data.length < page.total);
    replace(place, set.columns.some(({ kind }) => kind === "image") ? cards(set, page.data) : rows(set, page));
  };
  const move = (to) => {
    Object.assign(state, to);
    const address = new URL(location.href);
    for (const [name, value] of [["rows", state.split === splits[0] ? null : state.split], ["from", state.offset > 0 ? state.offset + 1 : null]]) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    history.replaceState(null, "", address);
    return show();
  };
  const go = (by) => action(by < 0 ? "Back" : "On", () => move({ offset: Math.max(0, state.offset + (by < 0 ? -PAGE : state.shown)) }));
  const [back, on] = [go(-1), go(1)];
  const choose = splits.length > 1 && select(splits.map((split) => [split, split]), state.split, (split) => move({ split, offset: 0 }).catch(failed), { "aria-label": "Split" });
  const last = action("To the end", () => move({ offset: lastPage(state.total) }));
  // The address may have named a place that there is not. Without its examples a set is still shown.
  const begin = () => move({}).catch((error) => {
    if (error.name === "AbortError") throw error;
    replace(place, trouble(error, begin));
  });
  await begin();
  return section("Examples", { actions: [choose, where, back, on, last] }, place);
}

/** Where the last page of so many examples begins. */
const lastPage = (total) => Math.max(0, Math.floor((total - 1) / PAGE) * PAGE);

/** Pictures, with the rest of each example under them. */
function cards(set, found) {
  const images = set.columns.filter(({ kind }) => kind === "image").map(({ name }) => name);
  return h("ul", { class: "thumbnails" }, found.map((example) => h("li", {},
    images.map((name) => h("img", { src: example[name], alt: name, loading: "lazy", width: 72, height: 72 })),
    h("span", { class: "thumbnail-words" }, Object.entries(example).filter(([name]) => !images.includes(name)).map(([, value]) => shown(value)).join(" · ")))));
}

function rows(set, { data }) {
  const columns = set.columns.map(({ name, kind }) => ({ title: name, numeric: kind === "number", cell: (example) => shown(example[name]) }));
  return table(columns, data, { caption: "Examples" });
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, 6);
  const words = typeof value === "string" ? value : JSON.stringify(value);
  return words.length > 120 ? `${words.slice(0, 120)}…` : words;
}
