// All models: which version is the latest, and where to call it.

import { h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { plural, relativeTime } from "../lib/format.js";
import { button, empty, failed, heading, table } from "../lib/widgets.js";

const PAGE = 100;

export const title = () => "Models";

export async function render(root, { signal }) {
  let page = await get("/v1/models", { limit: PAGE }, { signal });
  const models = page.data;
  const more = button("Show more", async () => {
    try {
      page = await get("/v1/models", { limit: PAGE, after: page.next }, { signal });
      models.push(...page.data);
      draw();
    } catch (error) {
      failed(error);
    }
  }, { hidden: true });
  const place = h("div", {});
  root.append(heading("Models"), place, more);
  const draw = () => {
    place.replaceChildren(list(models));
    more.hidden = page.next === null;
  };
  draw();
}

function list(models) {
  const none = empty("No models yet", h("p", {}, "A job that succeeds makes one. ", h("a", { href: "/" }, "The overview"), " leads to a first one in a minute."));
  return table([
    { title: "Name", cell: ({ name }) => h("a", { href: `/models/${name}` }, name) },
    { title: "Latest", cell: ({ name, latest }) => h("a", { href: `/models/${name}/${latest}` }, `version ${latest}`) },
    { title: "Versions", numeric: true, cell: ({ versions }) => plural(versions.length, "version") },
    { title: "Aliases", cell: ({ aliases }) => Object.entries(aliases).filter(([alias]) => alias !== "latest").map(([alias, version]) => h("span", { class: "tag" }, `${alias} → ${version}`)) },
    { title: "Made", cell: ({ updated_at: at }) => relativeTime(at) },
  ], models, { caption: "Models", empty: none });
}
