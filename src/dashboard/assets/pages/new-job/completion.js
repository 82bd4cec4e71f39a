// Names and kinds offered in the body as one types, by keyboard and by pointer.

import { h, replace } from "../../lib/dom.js";
import { announce } from "../../lib/widgets.js";
import { get } from "../../lib/api.js";
import { plural } from "../../lib/format.js";
import { complete } from "../../lib/completion.js";

/** Entries that are offered at once. */
const MOST = 80;

/** The height of a line and the room around the text, as the style sheet has them. */
const LINE = 20;
const ROOM = 12;

/** Adds completion to a text area that stands in `frame`, over which the list is shown. `known` as `complete` takes it. */
export class Completion {
  constructor(area, frame, { known, signal }) {
    Object.assign(this, { area, frame, known, signal, offered: null, at: 0 });
    // The text keeps the focus; the list can have it only so that whoever scrolls by keyboard is not kept out.
    this.list = h("ul", { class: "completion", role: "listbox", id: "completion", tabindex: "0", "aria-label": "What may stand here", hidden: true, onmousedown: (event) => event.preventDefault() });
    frame.append(this.list);
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-haspopup", "listbox");
    area.setAttribute("aria-controls", "completion");
    area.addEventListener("focus", () => this.#schema());
    area.addEventListener("blur", () => this.close());
    area.addEventListener("scroll", () => this.close());
    area.addEventListener("pointerdown", () => this.close());
  }

  /** Asked for when somebody begins to write, and once. Without it one writes all the same; it is asked for again then. */
  #schema() {
    this.schema ??= get("/v1/schemas/job", {}, { signal: this.signal }).catch(() => {
      this.schema = null;
    });
    return this.schema;
  }

  /** Offers what fits where the text is being written; `asked` also where nothing is typed yet. */
  async offer({ asked = false } = {}) {
    const { area } = this;
    const before = area.value;
    const schema = await this.#schema();
    if (!schema || area.value !== before || document.activeElement !== area) return;
    const found = area.selectionStart === area.selectionEnd ? complete(area.value, area.selectionStart, schema, this.known) : null;
    if (!found || found.entries.length === 0) return this.close();
    const whole = found.entries.length === 1 && found.entries[0].label.toLowerCase() === found.typed;
    if (!asked && (found.from === found.to || whole)) return this.close();
    this.offered = { ...found, entries: found.entries.slice(0, MOST) };
    replace(this.list, this.offered.entries.map((entry, index) => this.#option(entry, index)));
    this.list.hidden = false;
    this.#place();
    this.#choose(0);
    announce(plural(found.entries.length, "suggestion"));
  }

  close() {
    if (!this.offered) return;
    this.offered = null;
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  /** Whether a key was meant for the list. */
  key(event) {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.offer({ asked: true });
      return true;
    }
    if (!this.offered) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose((this.at + step + this.offered.entries.length) % this.offered.entries.length);
    else if (event.key === "Escape") this.close();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.offered.entries[this.at]);
    else {
      if (event.key.length > 1 && event.key !== "Backspace" && event.key !== "Delete" && event.key !== "Shift") this.close();
      return false;
    }
    event.preventDefault();
    return true;
  }

  #option({ label, detail, words }, index) {
    return h("li", {
      role: "option", id: `completion-${index}`, class: "completion-option", "aria-selected": "false",
      onclick: () => this.#take(this.offered.entries[index]),
    }, h("span", { class: "completion-name" }, label), detail && h("span", { class: "completion-detail" }, ` ${detail}`), words && h("span", { class: "completion-words" }, words));
  }

  #choose(index) {
    this.list.children[this.at]?.setAttribute("aria-selected", "false");
    this.at = index;
    const option = this.list.children[index];
    option.setAttribute("aria-selected", "true");
    this.area.setAttribute("aria-activedescendant", option.id);
    if (index === 0) this.list.scrollTop = 0;
    else option.scrollIntoView({ block: "nearest" });
  }

  #take({ insert, caret }) {
    const { from, to } = this.offered;
    this.close();
    this.area.setSelectionRange(from, to);
    // What is written so can be taken back by the browser's own undo.
    document.execCommand("insertText", false, insert);
    this.area.setSelectionRange(from + caret, from + caret);
    this.offer({ asked: insert.length > caret || insert.endsWith(": ") });
  }

  /** Under the beginning of what is typed, and within the frame. */
  #place() {
    const { area, list, frame } = this;
    const before = area.value.slice(0, this.offered.from).split("\n");
    const x = area.offsetLeft + ROOM + before.at(-1).length * this.#width() - area.scrollLeft;
    list.style.top = `${area.offsetTop + ROOM + before.length * LINE - area.scrollTop + 2}px`;
    list.style.left = `${Math.max(0, Math.min(x, frame.clientWidth - list.offsetWidth))}px`;
  }

  /** Of a letter, all of which are as wide. */
  #width() {
    if (!this.letter) {
      const measure = document.createElement("canvas").getContext("2d");
      measure.font = getComputedStyle(this.area).font;
      this.letter = measure.measureText("0".repeat(100)).width / 100;
    }
    return this.letter;
  }
}
