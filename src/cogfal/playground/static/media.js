// Pictures, sound, video and other files of an answer: shown, enlarged, saved, and used again.

import { h, openDialog, quiet } from "./dom.js";

const EXTENSIONS = {
  image: /\.(png|jpe?g|webp|gif|avif|svg|bmp)$/i,
  video: /\.(mp4|webm|mov)$/i,
  audio: /\.(wav|mp3|ogg|flac|m4a)$/i,
};
let offers = () => [];

/** Say which inputs could take an output: `find(kind)` gives `{title, use(url)}` for each. */
export const offerInputs = (find) => (offers = find);

export const isMedia = (value) => typeof value?.url === "string" && "content_type" in value;

/** The kind of medium a plain URL leads to, as in the answers of Cog's own API. */
export function urlKind(value) {
  const data = value.match(/^data:(image|video|audio)\//);
  if (data) return data[1];
  if (!/^https?:\/\/\S+$/.test(value) || !URL.canParse(value)) return null;
  const { pathname } = new URL(value);
  return Object.keys(EXTENSIONS).find((kind) => EXTENSIONS[kind].test(pathname)) ?? null;
}

/** One file of an answer. */
export function medium(value) {
  const kind = value.content_type?.split("/")[0];
  const name = value.file_name ?? kind ?? "file";
  const told = h("span", {}, facts(value));
  return h("figure", { class: `medium ${kind}` }, player(kind, value.url, name, told),
    h("figcaption", {}, told, h("span", { class: "tools" }, useButton(kind, value.url), download(value))));
}

/** Several files, with one button for all of them. */
export function gallery(values) {
  const saves = () => values.forEach((value) => download(value).click());
  return h("div", {}, h("div", { class: "gallery" }, values.map(medium)),
    values.length > 1 && h("div", { class: "tools end" }, quiet(`Download all ${values.length}`, saves)));
}

const download = (value) => h("a", { href: value.url, download: value.file_name ?? "", target: "_blank", rel: "noopener" }, "Download");

/** A button that gives an output to an input; it asks for which where there are several. */
function useButton(kind, url) {
  const found = offers(kind ?? "file");
  if (!found.length) return null;
  if (found.length === 1) return quiet("Use as input", () => found[0].use(url), { title: found[0].title });
  return quiet("Use as input", () => {
    const close = openDialog("Use as input", h("div", { class: "choose" },
      found.map((one) => h("button", { type: "button", onclick: () => { one.use(url); close(); } }, one.title))));
  });
}

function player(kind, url, name, told) {
  switch (kind) {
    case "image": return h("button", { type: "button", class: "zoom", "aria-label": `Enlarge ${name}`, onclick: () => enlarge(url, name) },
      h("img", { src: url, alt: `Output image ${name}`, loading: "lazy" }));
    case "video": return h("video", { src: url, controls: true, playsInline: true, preload: "metadata", onloadedmetadata: length(told) });
    case "audio": return h("audio", { src: url, controls: true, preload: "metadata", onloadedmetadata: length(told) });
    default: return h("span", { class: "thumb glyph", "aria-hidden": "true" }, "▤");
  }
}

/** Show a picture as large as the window allows, and in its own size on a click. */
function enlarge(url, name) {
  const image = h("img", { src: url, alt: `Output image ${name}` });
  const frame = h("div", { class: "zoomed" }, image);
  image.addEventListener("click", () => frame.classList.toggle("full"));
  openDialog(name, frame, { wide: true });
}

/** Add how long it plays to what is told of a file. */
const length = (told) => (event) => {
  const seconds = event.target.duration;
  if (Number.isFinite(seconds)) told.textContent = [told.textContent, clock(seconds)].filter(Boolean).join(" · ");
};

function clock(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 10) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function facts(value) {
  const size = value.width && value.height ? `${value.width} × ${value.height}` : null;
  const bytes = value.file_size ? readable(value.file_size) : null;
  return [value.file_name, size, bytes].filter(Boolean).join(" · ");
}

function readable(bytes) {
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(1024)), 3);
  return `${(bytes / 1024 ** power).toFixed(power ? 1 : 0)} ${["B", "KiB", "MiB", "GiB"][power]}`;
}
