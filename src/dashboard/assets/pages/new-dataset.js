// A file becomes a data set: dropped or chosen, sent with its progress, and what is wrong with it told with its place.

import { h, replace } from "../lib/dom.js";
import { address, upload } from "../lib/api.js";
import { bytes, percent } from "../lib/format.js";
import { action, crumbs, field, heading, requestLine, select } from "../lib/widgets.js";

const FORMATS = [
  ["csv", "CSV, a table with a header"],
  ["jsonl", "JSON lines"],
  ["npz", "NumPy arrays, .npz or .npy"],
  ["images", "Images by folder, in a tar, tar.gz or zip"],
  ["idx", "IDX files, as MNIST's, in a tar, tar.gz or zip"],
];

const RESIZES = [
  ["stretch", "stretched"],
  ["crop", "cut off where they hang over"],
  ["pad", "filled up with black"],
];

export const title = () => "Add a data set";

export async function render(root, { navigate, signal }) {
  const file = h("input", { type: "file", onchange: () => chosen() });
  const name = h("input", { type: "text", autocomplete: "off", spellcheck: "false", maxlength: "63" });
  const format = select(FORMATS, "csv", () => fit());
  const types = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "age:number,city:category" });
  const size = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "64x64" });
  const resize = select(RESIZES, "stretch");
  const classes = h("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "shirt,trousers,pullover" });
  const wrong = h("div", { role: "alert" });
  const bar = h("progress", { max: "1", value: "0", "aria-label": "How much has been sent", hidden: true });
  const said = h("p", { class: "muted", role: "status" });
  const fields = {
    file: field("File", file),
    name: field("Name", name, { hint: "Small letters, digits, dots, dashes." }),
    size: field("Size", size, { hint: "Height and width that all pictures are brought to, where they differ." }),
    resize: field("With another ratio they are", resize),
    classes: field("Names of the classes", classes, { hint: "Of the labels 0, 1, 2 and so on, with commas between them. A file classes.txt in the archive says the same." }),
  };
  /** What an upload can say beside the kinds of columns depends on its format. */
  const fit = () => {
    fields.size.hidden = fields.resize.hidden = format.value !== "images";
    fields.classes.hidden = format.value !== "idx" && format.value !== "npz";
  };
  const beside = () => ({
    ...(!fields.size.hidden && size.value.trim() && { size: size.value.trim(), resize: resize.value }),
    ...(!fields.classes.hidden && { classes: classes.value.trim() }),
  });
  let guessed = "";
  const chosen = () => {
    const [own] = file.files;
    if (!own) return;
    said.textContent = `${own.name}, ${bytes(own.size)}`;
    // A name that somebody typed stays.
    if (!name.value || name.value === guessed) name.value = guessed = nameOf(own);
    format.value = guess(own.name);
    fit();
  };
  const send = action("Add it", async () => {
    const [own] = file.files;
    fields.file.fail(own ? "" : "Choose a file first.");
    fields.name.fail(name.value.trim() ? "" : "A data set needs a name.");
    if (!own || !name.value.trim()) return;
    replace(wrong);
    bar.hidden = false;
    try {
      const query = { name: name.value.trim(), format: format.value, types: types.value.trim(), ...beside() };
      const made = await upload(address("/v1/datasets", query), own, (sent, total) => {
        bar.value = sent / total;
        said.textContent = sent < total ? `${percent(sent / total)} of ${bytes(total)} sent` : "Sent; it is being read";
      }, { signal });
      await navigate(`/datasets/${made.name}/${made.version}`);
    } catch (error) {
      if (error.name === "AbortError") return;
      said.textContent = "";
      replace(wrong, h("div", { class: "card trouble" }, h("p", {}, h("strong", {}, error.title || "It could not be added")), h("p", {}, error.detail || error.message),
        error.errors?.length > 0 && h("ul", {}, error.errors.map(({ pointer, detail }) => h("li", {}, pointer && h("code", {}, pointer), " ", detail))), requestLine(error)));
    } finally {
      bar.hidden = true;
    }
  }, { kind: "primary" });
  const zone = h("div", {
    class: "drop stack",
    ondragover: (event) => {
      event.preventDefault();
      zone.classList.add("over");
    },
    ondragleave: () => zone.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files.length === 0) return;
      file.files = event.dataTransfer.files;
      chosen();
    },
  }, h("p", {}, "Drop a file here, or choose one."), fields.file);
  fit();
  root.append(
    heading("Add a data set", { above: crumbs(["/datasets", "Data sets"]) }),
    h("form", { class: "stack narrow", onsubmit: (event) => event.preventDefault() }, zone, fields.name, field("Format", format),
      field("Kinds of columns", types, { hint: "Where what is found is not what is meant. The kinds are number, category, image, text, tensor and tokens." }),
      fields.size, fields.resize, fields.classes,
      h("div", { class: "row" }, send, bar), said, wrong));
}

const nameOf = (file) => file.name.toLowerCase().replace(/\.(tar\.gz|[a-z0-9]+)$/, "").replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 63);

function guess(name) {
  const lower = name.toLowerCase();
  if (/\.(csv|tsv|txt)$/.test(lower)) return "csv";
  if (/\.(jsonl|ndjson)$/.test(lower)) return "jsonl";
  if (/\.(npz|npy)$/.test(lower)) return "npz";
  return "images";
}
