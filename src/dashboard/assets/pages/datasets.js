// All data sets, newest first.

import { h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { bytes, number, relativeTime } from "../lib/format.js";
import { button, empty, failed, heading, table } from "../lib/widgets.js";

const PAGE = 100;

export const title = () => "Data sets";

export async function render(root, { signal }) {
  let page = await get("/v1/datasets", { limit: PAGE }, { signal });
  const sets = page.data;
  const place = h("div", {});
  const more = button("Show more", async () => {
    try {
      page = await get("/v1/datasets", { limit: PAGE, after: page.next }, { signal });
      sets.push(...page.data);
      draw();
    } catch (error) {
      failed(error);
    }
  });
  const draw = () => {
    place.replaceChildren(list(sets));
    more.hidden = page.next === null;
  };
  root.append(heading("Data sets", { actions: [h("a", { class: "button primary", href: "/datasets/new" }, "Add a data set")] }), place, more);
  draw();
}

function list(sets) {
  const none = empty("No data sets yet", h("p", {}, h("a", { href: "/datasets/new" }, "Add one"), ": a table, images by folder, arrays, or digits in IDX files."));
  return table([
    { title: "Name", cell: ({ name, version }) => h("a", { href: `/datasets/${name}/${version}` }, name) },
    { title: "Version", numeric: true, cell: ({ version }) => number(version) },
    { title: "Examples", numeric: true, cell: ({ examples }) => number(examples) },
    { title: "Columns", cell: ({ columns }) => columns.slice(0, 4).map(({ name }) => name).join(", ") + (columns.length > 4 ? ` and ${columns.length - 4} more` : "") },
    { title: "Format", cell: ({ format }) => format },
    { title: "Size", numeric: true, cell: (set) => bytes(set.bytes) },
    { title: "Added", cell: ({ created_at: at }) => relativeTime(at) },
  ], sets, { caption: "Data sets", empty: none });
}
