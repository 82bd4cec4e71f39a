// A canvas to draw a digit on, by mouse, finger or keys, and the picture of it as MNIST has them: the digit fits into 20 × 20
// pixels of 28 × 28, and its centre of mass is in the middle (LeCun, Cortes and Burges).

import { button } from "./widgets.js";
import { h, text } from "./dom.js";

const SIDE = 28;
const INNER = 20;
/** Pixels of the canvas for one of the picture. */
const SCALE = 10;
const PEN = 22;

/** The canvas with its buttons; `onchange(pixels)` is told of the picture, or of `null` where nothing is drawn. */
export function digitPad(onchange) {
  const canvas = h("canvas", { width: SIDE * SCALE, height: SIDE * SCALE, class: "digit-canvas", tabindex: "0", role: "application", "aria-label": "Draw a digit here. By keyboard: the arrows move the pen, Space puts it down and lifts it, Escape clears." });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const pen = { x: canvas.width / 2, y: canvas.height / 2, down: false };
  const cross = h("div", { class: "digit-cross", "aria-hidden": "true" });
  const said = h("p", { class: "muted", role: "status" });
  const place = (words) => {
    cross.style.left = `${pen.x / canvas.width * 100}%`;
    cross.style.top = `${pen.y / canvas.height * 100}%`;
    cross.classList.toggle("down", pen.down);
    text(said, words);
  };
  const told = () => onchange(picture(context));
  const clear = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    pen.down = false;
    place("");
    onchange(null);
  };
  const line = (x, y) => {
    context.strokeStyle = "#fff";
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    Object.assign(pen, { x, y });
  };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    [pen.x, pen.y] = at(event);
    place("");
    pen.drawing = true;
    line(pen.x + 0.1, pen.y);
    told();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pen.drawing) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) line(...at(one));
    place("");
    told();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (pen.drawing = false));
  canvas.addEventListener("keydown", (event) => {
    const step = SCALE * (event.shiftKey ? 3 : 1);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === "Escape") {
      clear();
      return place("Cleared, pen up");
    }
    if (event.key === " ") pen.down = !pen.down;
    else if (!moves[event.key]) return;
    event.preventDefault();
    const [x, y] = moves[event.key] ?? [0.1, 0];
    const to = [Math.min(Math.max(pen.x + x, PEN), canvas.width - PEN), Math.min(Math.max(pen.y + y, PEN), canvas.height - PEN)];
    if (pen.down) {
      line(...to);
      told();
    } else Object.assign(pen, { x: to[0], y: to[1] });
    place(`Pen ${pen.down ? "down" : "up"}, at ${Math.round(pen.x / SCALE)} across and ${Math.round(pen.y / SCALE)} down of ${SIDE}`);
  });
  clear();
  return h("div", { class: "digit-pad" }, h("div", { class: "digit-frame" }, canvas, cross), said, button("Clear", clear));
}

/** Rows of 28 × 28 values from 0 to 255, or `null` where nothing is drawn. */
function picture(context) {
  const { width, height } = context.canvas;
  const { data } = context.getImageData(0, 0, width, height);
  const box = { left: width, right: -1, top: height, bottom: -1 };
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (data[(y * width + x) * 4] < 32) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  if (box.right < 0) return null;
  const [wide, tall] = [box.right - box.left + 1, box.bottom - box.top + 1];
  const ratio = INNER / Math.max(wide, tall);
  const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });
  small.imageSmoothingQuality = "high";
  const draw = (dx, dy) => {
    small.fillStyle = "#000";
    small.fillRect(0, 0, SIDE, SIDE);
    small.drawImage(context.canvas, box.left, box.top, wide, tall, (SIDE - wide * ratio) / 2 + dx, (SIDE - tall * ratio) / 2 + dy, wide * ratio, tall * ratio);
    return small.getImageData(0, 0, SIDE, SIDE).data;
  };
  let pixels = draw(0, 0);
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let at = 0; at < SIDE * SIDE; at += 1) {
    const value = pixels[at * 4];
    sum += value;
    sumX += value * (at % SIDE);
    sumY += value * Math.floor(at / SIDE);
  }
  const middle = (SIDE - 1) / 2;
  pixels = draw(Math.round(middle - sumX / sum), Math.round(middle - sumY / sum));
  return Array.from({ length: SIDE }, (_, y) => Array.from({ length: SIDE }, (__, x) => pixels[(y * SIDE + x) * 4]));
}
