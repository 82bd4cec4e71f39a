// Jobs to begin with: the server's examples, with what each shows and what has to be there before it can be posted.

import { h, replace } from "../../lib/dom.js";
import { address, blob, upload } from "../../lib/api.js";
import { action, failed, field, section, toast } from "../../lib/widgets.js";

/** The examples that can be posted here, in their groups. `chosen(example)` has one stand in the editor, `ready()` is
 * called when what it needed is there. */
export function templates({ examples, sets, models, selected, chosen, ready }) {
  const has = (list, wanted) => list.some(({ name }) => name === wanted);
  const offered = examples.filter(({ dataset, file }) => file || has(sets, dataset));
  const note = h("div", { class: "stack", role: "status" });
  const tell = (example) => replace(note, example && [
    h("p", {}, sentence(example.shows)),
    !has(sets, example.dataset) && needsData(example, (made) => {
      sets.push(made);
      tell(example);
      ready();
    }),
    example.model && !has(models, example.model) && h("p", { class: "notice" }, "It begins with the model ", h("code", {}, example.model), ", which is not here yet: ",
      h("a", { href: `/jobs/new?template=${example.model}` }, "post the job that makes it"), " first."),
  ]);
  const choose = h("select", { onchange: () => {
    const example = offered.find(({ name }) => name === choose.value);
    tell(example);
    if (example) chosen(example).catch(failed);
  } }, h("option", { value: "" }, "Choose one"), groups(offered).map(([label, own]) => h("optgroup", { label }, own.map(({ name }) => h("option", { value: name, selected: name === selected }, name)))));
  tell(offered.find(({ name }) => name === selected));
  return section("Examples", { note: "The one that is chosen stands in the body." }, h("div", { class: "templates" }, field("Example", choose), note));
}

function groups(examples) {
  const found = new Map();
  for (const example of examples) found.set(example.group, [...(found.get(example.group) ?? []), example]);
  return [...found];
}

const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** The data set comes with the program as a file, and becomes one of this server's by a button. */
function needsData({ name, dataset, file }, added) {
  const add = action("Add it", async () => {
    const bytes = await blob(`/v1/examples/${name}/data`);
    const made = await upload(address("/v1/datasets", { name: dataset, format: file.split(".").pop() }), bytes);
    toast(`Data set ${made.name} is there.`, { tone: "good" });
    added(made);
  }, { kind: "primary" });
  return h("div", { class: "row notice" }, h("p", {}, "It learns from the data set ", h("code", {}, dataset), ", which is not here yet."), add);
}
