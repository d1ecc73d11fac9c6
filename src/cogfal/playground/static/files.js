// File inputs: pick, drop, take or name a file; it travels as a data URL, or as the URL it was given.

import { captures } from "./capture.js";
import { h, quiet } from "./dom.js";
import { drawMask } from "./mask.js";
import { dataUrl, localName, named } from "./names.js";

const ACCEPT = { image: "image/*", video: "video/*", audio: "audio/*" };

/** One file. */
export function file(field, id) {
  const box = picker(field, id, false);
  return { ...box, value: () => box.urls()[0] };
}

/** Several files, in the order they were added. */
export function files(field, id) {
  const box = picker(field, id, true);
  return { ...box, value: () => (box.urls().length || field.required ? box.urls() : undefined) };
}

function picker(field, id, several) {
  let urls = [];
  const shown = h("div", { class: "previews" });
  const input = h("input", { type: "file", id, multiple: several, accept: accepted(field) });
  const address = h("input", { type: "url", class: "address", placeholder: "or paste a URL", "aria-label": `URL of ${field.title}` });
  const words = several ? "Drop files here, or click to choose" : `Drop ${article(field.media)} here, or click to choose`;
  const zone = h("label", { class: "zone", for: id }, h("span", {}, words));
  const show = () => {
    shown.replaceChildren(...urls.map((url) => chip(url, field.media, () => keep(urls.filter((one) => one !== url)))));
    zone.hidden = address.hidden = !several && urls.length > 0;
  };
  const set = (value) => { urls = [value ?? []].flat().map((url) => named(String(url))); show(); };
  const keep = (next) => { set(next); element.dispatchEvent(new Event("input", { bubbles: true })); };
  const add = (read) => keep(several ? [...urls, ...read] : read.slice(0, 1));
  const take = async (picked) => {
    add(await Promise.all([...picked].map((one) => dataUrl(one))));
    input.value = "";
  };
  input.addEventListener("change", () => take(input.files));
  address.addEventListener("change", () => {
    if (address.value) add([address.value]);
    address.value = "";
  });
  const tools = h("div", { class: "tools" }, captures(field.media, (url) => add([url])),
    isMask(field) && quiet("Draw a mask", () => drawMask(pictureBeside(element), (url) => add([url]))));
  const element = h("div", { class: "picker" }, shown, input, zone, address, tools);
  acceptDrops(element, zone, take);
  return { element, focus: input, urls: () => urls, set, add, scroll: zone };
}

/** Whether an input is a mask: white where a picture is to be changed. */
const isMask = ({ name, kind }) => kind === "file" && /(^|_)mask(_|$)/.test(name) && !/video/.test(name);

/** The picture that the form has for another input, which a mask is drawn over. */
function pictureBeside(element) {
  const others = [...document.querySelectorAll("#form .picker")].filter((one) => one !== element);
  return others.map((one) => one.querySelector("img.thumb")?.src).find(Boolean);
}

/** Take files that are dropped anywhere on an input, also on the file that it has already. */
function acceptDrops(element, zone, take) {
  const mark = (over) => (event) => { event.preventDefault(); zone.classList.toggle("over", over); };
  element.addEventListener("dragover", mark(true));
  element.addEventListener("dragleave", mark(false));
  element.addEventListener("drop", (event) => { mark(false)(event); if (event.dataTransfer.files.length) take(event.dataTransfer.files); });
}

/** Keep the page where a file misses its input: a browser would leave it to show the file. */
export function stayOnDrops() {
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
}

function chip(url, media, remove) {
  const name = localName(url) ?? (url.startsWith("data:") ? "data URL" : url);
  return h("div", { class: "chip" }, preview(url, media), h("span", { class: "file-name", title: name.slice(0, 300) }, name),
    localName(url) && h("a", { href: url, download: name, "aria-label": `Save ${name}` }, "Save"),
    quiet("✕", remove, { "aria-label": `Remove ${name}` }));
}

function preview(url, media) {
  const kind = url.match(/^data:(image|video|audio)\//)?.[1] ?? media;
  if (kind === "image") return h("img", { src: url, alt: "", class: "thumb" });
  if (kind === "video") return h("video", { src: url, class: "thumb", muted: true });
  if (kind === "audio") return h("audio", { src: url, controls: true });
  return h("span", { class: "thumb glyph", "aria-hidden": "true" }, "▤");
}

function accepted(field) {
  return field.schema["x-cog-accept"] ?? field.item?.["x-cog-accept"] ?? ACCEPT[field.media] ?? "";
}

const article = (media) => ({ image: "an image", video: "a video", audio: "a sound" })[media] ?? "a file";
