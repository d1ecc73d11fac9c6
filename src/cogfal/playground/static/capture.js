// Take a picture with the camera, or record sound, where the browser lets a page do so.

import { h, openDialog, quiet } from "./dom.js";
import { dataUrl, named } from "./names.js";

const SOUND = { "audio/webm": "webm", "audio/mp4": "m4a", "audio/ogg": "ogg" };

/** Buttons for what an input may be taken with: none where the page came over plain HTTP. */
export function captures(media, add) {
  if (!navigator.mediaDevices?.getUserMedia) return [];
  switch (media) {
    case "image": return [quiet("Use camera", () => attempt("Camera", { video: true }, (stream, box) => takePicture(stream, box, add)))];
    case "audio": return [quiet("Record", () => attempt("Microphone", { audio: true }, (stream, box) => recordSound(stream, box, add)))];
    default: return [];
  }
}

/** Open a dialog around a device, which is let go when the dialog is closed. */
async function attempt(label, wanted, use) {
  const box = h("div", { class: "capture" }, h("p", { class: "help" }, "Asking the browser…"));
  let stream = null;
  let gone = false;
  const release = () => { gone = true; stream?.getTracks().forEach((track) => track.stop()); };
  const close = openDialog(label, box, { closed: release });
  try {
    stream = await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    box.replaceChildren(h("p", { class: "problem" }, `The browser does not give it: ${error.message || error.name}`));
    return;
  }
  if (gone) return release();
  use(stream, { fill: (...parts) => box.replaceChildren(...parts), close });
}

function takePicture(stream, box, add) {
  const video = h("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream });
  const shoot = h("button", { type: "button", class: "primary", disabled: true, onclick: () => {
    const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    add(named(canvas.toDataURL("image/png"), "camera.png"));
    box.close();
  } }, "Take picture");
  video.addEventListener("playing", () => (shoot.disabled = false));
  box.fill(video, h("div", { class: "row" }, shoot));
  shoot.focus();
}

function recordSound(stream, box, add) {
  const recorder = new MediaRecorder(stream);
  const pieces = [];
  const began = performance.now();
  const told = h("p", { class: "help", role: "timer" }, "Recording…");
  const clock = setInterval(() => (told.textContent = `Recording… ${Math.round((performance.now() - began) / 1000)} s`), 500);
  let wanted = false;
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", async () => {
    clearInterval(clock);
    if (!wanted) return;
    const type = recorder.mimeType.split(";")[0] || "audio/webm";
    add(await dataUrl(new Blob(pieces, { type }), `recording.${SOUND[type] ?? "webm"}`));
    box.close();
  });
  recorder.start();
  box.fill(told, h("div", { class: "row" }, h("button", { type: "button", class: "primary", onclick: () => { wanted = true; recorder.stop(); } }, "Stop and use")));
}
