// Draw a mask over a picture: white where it is painted, black elsewhere, of the picture's own size.

import { h, openDialog, quiet } from "./dom.js";
import { named } from "./names.js";

const BLANK = [1024, 1024];
const HISTORY = 20;

/** Let a mask be drawn over the picture at `url`, or on an empty square; `add` gets its data URL. */
export function drawMask(url, add) {
  const picture = url ? h("img", { src: url, alt: "The picture below the mask" }) : null;
  const canvas = h("canvas", { class: "mask", tabIndex: 0, "aria-label": "The mask: paint with the pointer" });
  const size = h("input", { type: "range", min: 1, max: 100, value: 25, "aria-label": "Size of the brush" });
  const brush = paintOn(canvas, size);
  const begin = () => { [canvas.width, canvas.height] = picture ? [picture.naturalWidth, picture.naturalHeight] : BLANK; };
  picture?.addEventListener("load", begin);
  if (!picture || (picture.complete && picture.naturalWidth)) begin();
  const use = h("button", { type: "button", class: "primary", onclick: () => { add(named(opaque(canvas), "mask.png")); close(); } }, "Use mask");
  const close = openDialog("Draw a mask", h("div", {},
    h("div", { class: "canvas" }, picture, canvas),
    h("div", { class: "row" }, h("label", { class: "inline" }, "Brush ", size), quiet("Undo", brush.undo), quiet("Clear", brush.clear), quiet("Invert", brush.invert), use)),
    { wide: true });
}

/** Paint where the pointer goes; right button or Shift takes paint away. */
function paintOn(canvas, size) {
  const context = () => canvas.getContext("2d", { willReadFrequently: true });
  const steps = [];
  let last = null;
  const keep = () => { steps.push(context().getImageData(0, 0, canvas.width, canvas.height)); if (steps.length > HISTORY) steps.shift(); };
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
  };
  const stroke = (from, to, erase) => {
    const pen = context();
    pen.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(pen, { lineCap: "round", lineJoin: "round", strokeStyle: "#fff", lineWidth: Math.max(canvas.width, canvas.height) * size.value / 250 });
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    pen.globalCompositeOperation = "source-over";
  };
  const erases = (event) => event.shiftKey || (event.buttons & 2) === 2;
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => { keep(); canvas.setPointerCapture(event.pointerId); last = at(event); stroke(last, last, erases(event)); });
  canvas.addEventListener("pointermove", (event) => { if (last) { const next = at(event); stroke(last, next, erases(event)); last = next; } });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => (last = null));
  return {
    undo: () => { const step = steps.pop(); if (step) context().putImageData(step, 0, 0); },
    clear: () => { keep(); context().clearRect(0, 0, canvas.width, canvas.height); },
    invert: () => {
      keep();
      const pen = context();
      pen.globalCompositeOperation = "xor";
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.globalCompositeOperation = "source-over";
    },
  };
}

/** The drawing on black, as a PNG. */
function opaque(canvas) {
  const whole = h("canvas", { width: canvas.width, height: canvas.height });
  const pen = whole.getContext("2d");
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, whole.width, whole.height);
  pen.drawImage(canvas, 0, 0);
  return whole.toDataURL("image/png");
}
