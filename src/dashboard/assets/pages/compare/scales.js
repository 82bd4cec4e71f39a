// Where a value stands along an axis: numbers by their size, or by their logarithm where they span decades; all else in
// a row.

import { number } from "../../lib/format.js";

/** `{place(value) → 0…1, marks: [[place, words]]}` */
export function scale(values) {
  const known = values.filter((value) => value !== undefined && value !== null);
  if (known.length > 0 && known.every(Number.isFinite)) return numeric(known);
  const words = (value) => (typeof value === "string" ? value : JSON.stringify(value) ?? "–");
  const kinds = [...new Set(values.map(words))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const place = (value) => (kinds.length > 1 ? kinds.indexOf(words(value)) / (kinds.length - 1) : 0.5);
  return { place, marks: kinds.slice(0, 12).map((kind) => [kinds.length > 1 ? kinds.indexOf(kind) / (kinds.length - 1) : 0.5, kind]) };
}

function numeric(values) {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  if (least === greatest) return { place: () => 0.5, marks: [[0.5, number(least)]] };
  const logarithmic = least > 0 && greatest / least >= 50;
  const [to, from] = logarithmic ? [Math.log, Math.exp] : [(value) => value, (value) => value];
  const [low, high] = [to(least), to(greatest)];
  const place = (value) => (Number.isFinite(value) ? (to(value) - low) / (high - low) : 0);
  const distinct = [...new Set(values)];
  const marks = distinct.length <= 5 ? distinct.map((value) => [place(value), number(value, 3)]) : [0, 0.25, 0.5, 0.75, 1].map((at) => [at, number(from(low + at * (high - low)), 3)]);
  return { place, marks };
}

/** A colour from blue for the least to orange for the greatest, through grey, which the colour-blind tell apart. */
export const shade = (at) => at < 0.5
  ? `color-mix(in oklab, var(--series-1) ${Math.round(100 - at * 200)}%, var(--series-7))`
  : `color-mix(in oklab, var(--series-2) ${Math.round(at * 200 - 100)}%, var(--series-7))`;
