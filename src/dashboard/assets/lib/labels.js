// Labels of a job: small words, each `name` or `name=value`, added and taken away in place.

import { h, replace } from "./dom.js";
import { failed, toast } from "./widgets.js";

const words = (name, value) => (value === "" ? name : `${name}=${value}`);

/** The labels as links that show the jobs that have them. */
export function labelTags(labels) {
  return Object.entries(labels).map(([name, value]) => h("a", { class: "tag", href: `/jobs?label=${encodeURIComponent(words(name, value))}` }, words(name, value)));
}

/** Why a text can be no label; nothing where it can. Jobs are found by labels with commas between them. */
function refused(typed, name) {
  if (typed.includes(",")) return "A label can hold no comma: add one after the other.";
  return typed && !name && "A label needs a name before its =.";
}

/** The same, to be changed. `save(labels)` stores all of them and answers what stands. */
export function labelEditor(labels, save) {
  const node = h("span", { class: "labels" });
  const store = async (next) => {
    try {
      labels = (await save(next)) ?? next;
    } catch (error) {
      failed(error);
    }
    show(true);
  };
  const show = (focus) => {
    // Who has gone on to something else while it was stored is not called back.
    const own = node.contains(document.activeElement);
    const add = h("button", { type: "button", class: "tag tag-button", "aria-label": "Add a label", onclick: edit }, Object.keys(labels).length > 0 ? "+" : "+ label");
    replace(node, Object.entries(labels).map(([name, value]) => h("span", { class: "tag" },
      h("a", { href: `/jobs?label=${encodeURIComponent(words(name, value))}` }, words(name, value)),
      h("button", { type: "button", class: "tag-remove", "aria-label": `Remove the label ${words(name, value)}`, onclick: () => {
        const { [name]: _, ...rest } = labels;
        store(rest);
      } }, "×"))), add);
    if (focus && own) add.focus();
  };
  const edit = () => {
    const control = h("input", { "aria-label": "New label, a name or name=value", placeholder: "name=value", class: "label-control", size: 14 });
    let done = false;
    const keep = () => {
      if (done) return;
      done = true;
      const typed = control.value.trim();
      const [name, ...rest] = typed.split("=");
      const wrong = refused(typed, name.trim());
      if (wrong) {
        done = false;
        control.setAttribute("aria-invalid", "true");
        toast(wrong, { tone: "bad" });
      } else if (typed) store({ ...labels, [name.trim()]: rest.join("=").trim() });
      else show(false);
    };
    control.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        keep();
      } else if (event.key === "Escape") {
        done = true;
        show(true);
      }
      event.stopPropagation();
    });
    control.addEventListener("blur", keep);
    node.lastChild.replaceWith(control);
    control.focus();
  };
  show(false);
  return node;
}
