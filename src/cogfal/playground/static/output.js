// Show what a predictor answered: media as media, text as text, the rest as JSON.

import { codeBlock, copyButton, h } from "./dom.js";

const EXTENSIONS = {
  image: /\.(png|jpe?g|webp|gif|avif|svg|bmp)$/i,
  video: /\.(mp4|webm|mov)$/i,
  audio: /\.(wav|mp3|ogg|flac|m4a)$/i,
};

/** The element that shows one value. */
export function show(value) {
  if (isMedia(value)) return medium(value);
  if (Array.isArray(value)) return showList(value);
  if (typeof value === "string") return showText(value);
  if (value !== null && typeof value === "object") return showObject(value);
  return h("p", { class: "scalar" }, String(value));
}

/** The fields of an answer, those that only accompany the output left out. */
export function showAnswer(answer) {
  const { timings: _t, logs: _l, completed: _c, index: _i, ...rest } = answer;
  const values = Object.values(rest);
  return values.length === 1 ? show(values[0]) : showObject(rest);
}

const isMedia = (value) => typeof value?.url === "string" && "content_type" in value;

function showText(value) {
  const kind = urlKind(value);
  if (kind) return medium({ url: value, content_type: `${kind}/` });
  return h("div", { class: "block" }, copyButton(() => value), h("p", { class: "text" }, value));
}

/** The kind of medium a plain URL leads to, as in the answers of Cog's own API. */
function urlKind(value) {
  const data = value.match(/^data:(image|video|audio)\//);
  if (data) return data[1];
  if (!/^https?:\/\/\S+$/.test(value)) return null;
  const { pathname } = new URL(value);
  return Object.keys(EXTENSIONS).find((kind) => EXTENSIONS[kind].test(pathname)) ?? null;
}

function showList(values) {
  if (!values.length) return h("p", { class: "help" }, "An empty list.");
  if (values.every(isMedia)) return h("div", { class: "gallery" }, values.map(medium));
  if (values.every((value) => value !== null && typeof value !== "object")) {
    return h("ol", { class: "values" }, values.map((value) => h("li", {}, urlKind(String(value)) ? showText(value) : String(value))));
  }
  return codeBlock(JSON.stringify(values, null, 2));
}

function showObject(value) {
  const entries = Object.entries(value);
  return h("dl", { class: "object" }, entries.map(([key, one]) => [h("dt", {}, key), h("dd", {}, show(one))]).flat());
}

function medium(value) {
  const kind = value.content_type?.split("/")[0];
  const name = value.file_name ?? kind;
  return h("figure", { class: `medium ${kind}` }, player(kind, value.url, name),
    h("figcaption", {}, h("span", {}, facts(value)),
      h("a", { href: value.url, download: value.file_name ?? "", target: "_blank", rel: "noopener" }, "Download")));
}

function player(kind, url, name) {
  switch (kind) {
    case "image": return h("img", { src: url, alt: `Output image ${name}`, loading: "lazy" });
    case "video": return h("video", { src: url, controls: true, playsInline: true });
    case "audio": return h("audio", { src: url, controls: true });
    default: return h("span", { class: "thumb glyph", "aria-hidden": "true" }, "▤");
  }
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
