// Bodies and canonical specs, compared leaf by leaf.

import { keyed } from "./api.js";

/** Every leaf of a JSON value by its JSON pointer. An empty array or object is a leaf. */
export function leaves(value, pointer = "", found = new Map()) {
  const entries = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (entries.length === 0) found.set(pointer, value);
  for (const [key, inner] of entries) leaves(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, found);
  return found;
}

/** The lines of a value as indented JSON, each with the pointer of what stands on it. */
export function lines(value, pointer = "", key = null, depth = 0, last = true, found = []) {
  const indent = "  ".repeat(depth);
  const name = key === null ? "" : `${JSON.stringify(key)}: `;
  const comma = last ? "" : ",";
  const entries = value !== null && typeof value === "object" ? Object.entries(value) : null;
  if (entries === null || entries.length === 0 || flat(value)) {
    const words = Array.isArray(value) ? `[${value.map((entry) => JSON.stringify(entry)).join(", ")}]` : JSON.stringify(value);
    found.push({ text: `${indent}${name}${words}${comma}`, pointer });
    return found;
  }
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  found.push({ text: `${indent}${name}${open}`, pointer, opens: true });
  entries.forEach(([inner, content], index) => {
    const at = `${pointer}/${inner.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    lines(content, at, Array.isArray(value) ? null : inner, depth + 1, index === entries.length - 1, found);
  });
  found.push({ text: `${indent}${close}${comma}`, pointer, closes: true });
  return found;
}

/** A short list of plain values stands on one line. */
const flat = (value) => Array.isArray(value) && value.length <= 8 && value.every((entry) => entry === null || typeof entry !== "object");

/** The pointers whose values are not the same in all specs, with the values by spec. */
export function differences(specs) {
  const all = specs.map((spec) => leaves(spec));
  const pointers = new Set(all.flatMap((found) => [...found.keys()]));
  const shown = (value) => JSON.stringify(value);
  return [...pointers]
    .map((pointer) => ({ pointer, values: all.map((found) => found.get(pointer)) }))
    .filter(({ values }) => values.some((value) => shown(value) !== shown(values[0])));
}

/** A pointer as a person says it: `training.optimizer.learning_rate`. */
export const path = (pointer) => pointer.slice(1).replaceAll("/", ".").replaceAll("~1", "/").replaceAll("~0", "~") || "(all)";

/** The last names of pointers, as many as tell them apart. */
export function shortPaths(pointers) {
  const parts = pointers.map((pointer) => path(pointer).split("."));
  const tail = (own, count) => own.slice(-count).join(".");
  return parts.map((own) => {
    for (let count = 1; count < own.length; count += 1) {
      if (parts.filter((other) => tail(other, count) === tail(own, count)).length === 1) return tail(own, count);
    }
    return own.join(".");
  });
}

/** The command that posts a body. */
export function curl(body) {
  const json = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  const key = keyed() ? ' -H "authorization: Bearer $LYCEUM_KEY"' : "";
  return `curl -s ${location.origin}/v1/jobs${key} -H 'content-type: application/json' -d '${json}'`;
}
