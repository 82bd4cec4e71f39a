// Elements without markup: whatever a user wrote becomes a text node, so it can hold no script.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("a", {href, class, onclick, "aria-label", style: {width: "3px"}}, "text", child, [children])`. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same for drawings. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) set(node, name, value);
  append(node, children);
  return node;
}

function set(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "style") {
    for (const [property, text] of Object.entries(value)) {
      if (property.startsWith("--")) node.style.setProperty(property, text);
      else node.style[property] = text;
    }
  } else if (name === "value" || name === "checked" || name === "indeterminate" || name === "selected") node[name] = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/** Puts these children in the place of all that there are. */
export function replace(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/** The same, where somebody may stand in what is replaced: they go on at the control of the same kind and name, or at the
 * beginning of the page where there is none any more. */
export function redraw(node, ...children) {
  const held = node !== document.activeElement && node.contains(document.activeElement) ? document.activeElement : null;
  replace(node, ...children);
  if (!held) return;
  const again = [...node.querySelectorAll(held.tagName)].find((other) => named(other) === named(held));
  (again ?? document.getElementById("main")).focus({ preventScroll: true });
}

const named = (control) => control.getAttribute("aria-label") ?? control.textContent;

/** Sets a text only where it differs: what does not change is not laid out again. */
export function text(node, words) {
  const wanted = String(words);
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

/** Calls once a frame at most, with whatever was asked for last. Nothing is called once the signal has aborted. */
export function eachFrame(draw, signal) {
  let asked = 0;
  signal?.addEventListener("abort", () => cancelAnimationFrame(asked));
  return () => {
    if (asked || signal?.aborted) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      if (!signal?.aborted) draw();
    });
  };
}

/** Calls some milliseconds after it was asked to, once for all that ask meanwhile. */
export function soon(act, milliseconds, signal) {
  let timer = 0;
  signal?.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      if (!signal?.aborted) act();
    }, milliseconds);
  };
}

/** Waits until nobody has called for some milliseconds. */
export function later(act, milliseconds, signal) {
  let timer = 0;
  signal?.addEventListener("abort", () => clearTimeout(timer));
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => signal?.aborted || act(...given), milliseconds);
  };
}
