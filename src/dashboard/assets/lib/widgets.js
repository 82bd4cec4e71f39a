// What pages are made of. Everything is a real element, works by keyboard, and says what it is.

import { h, replace } from "./dom.js";
import { Problem } from "./api.js";

/** The colour of a state, for those who see it; the word says it to all. */
const TONES = {
  queued: "quiet", running: "live", paused: "hold", retrying: "hold", succeeded: "good", failed: "bad", cancelled: "quiet",
  ready: "good", lost: "bad",
};

/** A state in its colour. */
export function badge(status) {
  return h("span", { class: `badge tone-${TONES[status] ?? "quiet"}` }, h("span", { class: "dot", "aria-hidden": "true" }), status);
}

/** A button. `kind` is "primary", "danger", "plain" or nothing. */
export function button(words, onclick, { kind = "", ...properties } = {}) {
  return h("button", { type: "button", class: `button ${kind}`.trim(), onclick, ...properties }, words);
}

/** A button that cannot be pressed again while what it began goes on; what goes wrong is told in a toast. `node.allow(may)`
 * says whether it can be pressed at all. */
export function action(words, act, options) {
  let [busy, allowed] = [false, true];
  // Not `disabled`: a button that is loses the focus, and who pressed it their place.
  const tell = () => (busy || !allowed ? node.setAttribute("aria-disabled", "true") : node.removeAttribute("aria-disabled"));
  const node = button(words, async () => {
    if (busy || !allowed) return;
    busy = true;
    tell();
    try {
      await act();
    } catch (error) {
      failed(error);
    } finally {
      busy = false;
      tell();
    }
  }, options);
  node.allow = (may) => {
    allowed = may;
    tell();
  };
  return node;
}

/** Says to those who hear a page what has changed in it. */
export function announce(words) {
  document.getElementById("announcer").textContent = words;
}

/** A word in the corner, gone after a while, but not while the pointer or the focus is on it. */
export function toast(words, { tone = "quiet", seconds = 6, link } = {}) {
  const close = () => node.remove();
  const node = h("div", { class: `toast tone-${tone}`, role: tone === "bad" ? "alert" : "status" },
    h("div", { class: "toast-words" }, words, link && [" ", h("a", { href: link.href }, link.words)]),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close }, "×"));
  document.getElementById("toasts").append(node);
  let timer = setTimeout(close, seconds * 1000);
  const hold = () => clearTimeout(timer);
  const release = () => (timer = setTimeout(close, seconds * 1000));
  node.addEventListener("pointerenter", hold);
  node.addEventListener("pointerleave", release);
  node.addEventListener("focusin", hold);
  node.addEventListener("focusout", release);
  return node;
}

/** Tells a failure in a toast. */
export function failed(error) {
  if (error.name === "AbortError") return;
  toast([h("strong", {}, error.title || "That did not work"), h("span", {}, ` ${sentence(error)}`), requestLine(error)], { tone: "bad", seconds: 12 });
}

function sentence(error) {
  if (!(error instanceof Problem)) return error.message;
  const mistakes = error.errors.slice(0, 3).map(({ pointer, detail }) => `${pointer || "the body"}: ${detail}`);
  return [error.detail, ...mistakes].filter(Boolean).join("; ");
}

/** The request under which the server's log names a failure, where there was one. */
export const requestLine = (error) => error.requestId && h("span", { class: "request-id" }, `Request ${error.requestId}`);

/** A failure in the place of what could not be shown, with a way to try again. */
export function trouble(error, again) {
  return h("section", { class: "trouble", role: "alert" },
    h("h2", {}, error.title || "This page could not be shown"),
    h("p", {}, sentence(error)),
    error.requestId && h("p", { class: "muted" }, "Request ", h("code", {}, error.requestId), ", which the server's log names too."),
    h("p", { class: "row" }, again && button("Try again", again, { kind: "primary" }), h("a", { class: "button", href: "/" }, "To the overview")));
}

/** Nothing is here yet, and what to do about it. */
export function empty(title, ...whatToDo) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), ...whatToDo);
}

/** The head of a page: a title, something beside it, and what can be done. */
export function heading(title, { beside, actions, above } = {}) {
  return h("header", { class: "page-head" },
    h("div", { class: "page-title" }, above, h("h1", {}, title), beside),
    actions && h("div", { class: "page-actions" }, actions));
}

/** The pages above this one: `[href, words]`, from the outermost. */
export function crumbs(...above) {
  return h("nav", { class: "crumbs", "aria-label": "Where this is" }, above.map(([href, words], at) => [at > 0 && h("span", { "aria-hidden": "true" }, "/"), h("a", { href }, words)]));
}

/** A part of a page under a heading of its own. */
export function section(title, { actions, note, class: extra = "" } = {}, ...children) {
  const id = `section-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return h("section", { class: `section ${extra}`.trim(), "aria-labelledby": id },
    h("div", { class: "section-head" }, h("h2", { id }, title), note && h("p", { class: "muted" }, note), actions && h("div", { class: "row" }, actions)),
    ...children);
}

/** A table: `columns` of `{title, cell(row), numeric, class}`. It scrolls sideways by itself where it is too wide. */
export function table(columns, rows, { caption, empty: none } = {}) {
  if (rows.length === 0 && none) return none;
  const head = columns.map(({ title, numeric }) => h("th", { scope: "col", class: numeric ? "numeric" : null }, title));
  const body = rows.map((row, index) => h("tr", {}, columns.map((column) =>
    h("td", { class: [column.numeric && "numeric", column.class].filter(Boolean).join(" ") || null }, column.cell(row, index)))));
  return h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, caption && h("caption", { class: "visually-hidden" }, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

/** Names and values. */
export function facts(pairs, properties = {}) {
  return h("dl", { ...properties, class: `facts ${properties.class ?? ""}`.trim() },
    pairs.filter(Boolean).map(([name, ...value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value))));
}

let fields = 0;

/** A control under its label: `field("Name", h("input", …), {hint})`. */
export function field(label, control, { hint, error, class: extra = "" } = {}) {
  const id = control.id || `field-${(fields += 1)}`;
  control.id = id;
  const note = hint && h("p", { class: "field-hint", id: `${id}-hint` }, hint);
  const wrong = h("p", { class: "field-error", id: `${id}-error`, hidden: !error }, error ?? "");
  control.setAttribute("aria-describedby", [note && note.id, wrong.id].filter(Boolean).join(" "));
  const node = h("div", { class: `field ${extra}`.trim() }, h("label", { for: id }, label), control, note, wrong);
  node.fail = (words) => {
    wrong.textContent = words ?? "";
    wrong.hidden = !words;
    if (words) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return node;
}

/** A choice of one: `options` of `[value, words]`. */
export function select(options, value, onchange, properties = {}) {
  return h("select", { ...properties, onchange: (event) => onchange?.(event.target.value) },
    options.map(([key, words]) => h("option", { value: key, selected: String(key) === String(value) }, words)));
}

/** One of a few, as buttons in a row, of which one is pressed. */
export function choice(label, options, value, onchange) {
  const buttons = options.map(([key, words]) => h("button", {
    type: "button", class: "choice", "aria-pressed": String(key === value),
    onclick: () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === buttons[options.findIndex(([own]) => own === key)]));
      onchange(key);
    },
  }, words));
  return h("div", { class: "choices", role: "group", "aria-label": label }, buttons);
}

/** A switch of its own. */
export function toggle(label, checked, onchange) {
  const box = h("input", { type: "checkbox", checked, onchange: () => onchange(box.checked) });
  return h("label", { class: "toggle" }, box, label);
}

/** Parts of which one is shown: `[{id, title, render(panel)}]`; arrows go from one to the next. The part that is shown
 * can be named in the address's fragment. */
export function tabs(label, parts, { selected, onselect } = {}) {
  const panel = h("div", { class: "tab-panel", role: "tabpanel", tabindex: "0" });
  const show = (part, focus) => {
    for (const [index, node] of nodes.entries()) {
      const own = parts[index] === part;
      node.setAttribute("aria-selected", String(own));
      node.tabIndex = own ? 0 : -1;
      if (own && focus) node.focus();
    }
    panel.setAttribute("aria-labelledby", `tab-${part.id}`);
    replace(panel);
    part.render(panel);
    onselect?.(part.id);
  };
  const step = (event) => {
    const at = nodes.indexOf(event.currentTarget);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: nodes.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(parts[(to + parts.length) % parts.length], true);
  };
  const nodes = parts.map((part) => h("button", { type: "button", role: "tab", id: `tab-${part.id}`, class: "tab", onclick: () => show(part), onkeydown: step }, part.title));
  const node = h("div", { class: "tabs" }, h("div", { role: "tablist", "aria-label": label, class: "tab-list" }, nodes), panel);
  show(parts.find((part) => part.id === selected) ?? parts[0]);
  return node;
}

/** A dialog that holds the focus until it is closed. `content(close)` makes what is in it. Resolved with what `close`
 * was given. */
export function dialog(title, content, { class: extra = "" } = {}) {
  return new Promise((resolve) => {
    const id = `dialog-${(fields += 1)}`;
    const node = h("dialog", { class: `dialog ${extra}`.trim(), "aria-labelledby": id });
    let answer;
    const close = (value) => {
      answer = value;
      node.close();
    };
    node.append(h("h2", { id }, title), ...[content(close)].flat());
    node.addEventListener("close", () => {
      node.remove();
      resolve(answer);
    });
    node.addEventListener("click", (event) => event.target === node && close());
    document.body.append(node);
    node.showModal();
  });
}

/** Asks before something that cannot be undone. */
export function confirm(title, words, yes, { kind = "danger" } = {}) {
  return dialog(title, (close) => [
    h("p", {}, words),
    h("div", { class: "row end" }, button("Cancel", () => close(false)), button(yes, () => close(true), { kind, autofocus: true })),
  ]).then(Boolean);
}

/** A button that opens a list of actions: `[{words, act, kind, href}]`; arrows, Home, End and Escape do what they do. */
export function menu(words, entries, { label } = {}) {
  const list = h("div", { class: "menu-list", role: "menu", hidden: true });
  const items = entries.filter(Boolean).map(({ words: text, act, href, kind = "" }) => href
    ? h("a", { role: "menuitem", class: "menu-item", href, tabindex: "-1" }, text)
    : h("button", { type: "button", role: "menuitem", class: `menu-item ${kind}`.trim(), tabindex: "-1", onclick: async () => {
      shut(true);
      try {
        await act();
      } catch (error) {
        failed(error);
      }
    } }, text));
  const opener = h("button", { type: "button", class: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": label }, words);
  const node = h("div", { class: "menu" }, opener, list);
  const shut = (focus) => {
    list.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    if (focus) opener.focus();
  };
  const outside = (event) => node.contains(event.target) || shut(false);
  const open = (at) => {
    list.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside);
    items.at(at).focus();
  };
  opener.addEventListener("click", () => (list.hidden ? open(0) : shut(true)));
  opener.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open(event.key === "ArrowDown" ? 0 : -1);
  });
  list.append(...items);
  list.addEventListener("keydown", (event) => {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      shut(true);
    } else if (event.key === "Tab") shut(false);
  });
  return node;
}

/** How far something is. */
export function progress(fraction, label) {
  const bar = h("div", { class: "progress-bar" });
  const node = h("div", { class: "progress", role: "progressbar", "aria-label": label, "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  node.set = (to) => {
    node.setAttribute("aria-valuenow", String(Math.floor(to * 100)));
    bar.style.transform = `scaleX(${Math.min(Math.max(to, 0), 1)})`;
  };
  node.set(fraction);
  return node;
}

/** A text that becomes a field when it is pressed. Enter keeps it, Escape leaves it as it was. `save(text)` stores it. */
export function editable(value, save, { label, placeholder = "Add", long = false } = {}) {
  const node = h("span", { class: "editable" });
  const show = (focus) => {
    // Who has gone on to something else while it was stored is not called back.
    const own = node.contains(document.activeElement);
    const opener = h("button", { type: "button", class: `editable-value${value ? "" : " muted"}`, "aria-label": `${label}: ${value || placeholder}`, title: "Edit", onclick: edit }, value || placeholder);
    replace(node, opener);
    if (focus && own) opener.focus();
  };
  const edit = () => {
    const control = h(long ? "textarea" : "input", { value, "aria-label": label, class: "editable-control", rows: long ? 3 : null });
    let done = false;
    const keep = async (focus) => {
      if (done) return;
      done = true;
      const wanted = control.value.trim();
      if (wanted !== value) {
        try {
          value = (await save(wanted)) ?? wanted;
          announce(`${label} saved`);
        } catch (error) {
          // What was typed stays to be tried again.
          failed(error);
          done = false;
          return;
        }
      }
      show(focus);
    };
    control.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        done = true;
        show(true);
      } else if (event.key === "Enter" && !(long && event.shiftKey)) {
        event.preventDefault();
        keep(true);
      }
      event.stopPropagation();
    });
    control.addEventListener("blur", () => keep(false));
    replace(node, control);
    control.focus();
    control.select();
  };
  show(false);
  return node;
}

/** Puts a text on the clipboard, and says so. */
export async function copy(words) {
  await navigator.clipboard.writeText(words);
  toast("Copied.", { seconds: 2 });
}

/** A text to be taken along, with a button for it. */
export function snippet(words, label) {
  return h("div", { class: "snippet" },
    h("pre", { tabindex: "0", "aria-label": label }, h("code", {}, words)),
    action("Copy", () => copy(words), { class: "button small", "aria-label": `Copy ${label}` }));
}

/** Hands a file to the browser. */
export function download(name, type, content) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
