// The project's examples as buttons that fill the form, their files fetched from the app.

import { address } from "./calls.js";
import { byId, h } from "./dom.js";
import { dataUrl } from "./names.js";

const TYPES = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp", gif: "image/gif", avif: "image/avif",
  mp4: "video/mp4", webm: "video/webm", wav: "audio/wav", mp3: "audio/mpeg", ogg: "audio/ogg", flac: "audio/flac" };

/** Show a button for each example; `use(values, output)` gets what it stands for. */
export async function showExamples(use, failed) {
  const answer = await fetch(address("/playground/examples"));
  const examples = answer.ok ? await answer.json() : [];
  byId("examples").hidden = !examples.length;
  byId("example-list").replaceChildren(...examples.map((example) =>
    h("button", { type: "button", onclick: () => values(example).then((given) => use(given, recorded(example)), failed) }, example.name)));
}

async function values(example) {
  const entries = await Promise.all(Object.entries(example.input).map(async ([name, value]) => [name, await filled(value)]));
  return Object.fromEntries(entries);
}

async function filled(value) {
  if (typeof value === "string") return value.startsWith("@") ? text(value) : value;
  if (Array.isArray(value)) return Promise.all(value.map(filled));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, one]) => [key, await filled(one)])));
}

/** A text that begins with `@` is a file, `@@` an `@`. */
async function text(value) {
  if (value.startsWith("@@")) return value.slice(1);
  const answer = await fetch(place(value));
  if (!answer.ok) throw new Error(`the example's file ${value.slice(1)} is not there`);
  return dataUrl(await answer.blob(), value.split("/").at(-1).replace(/^@/, ""));
}

const place = (value) => address(`/playground/examples/${value.slice(1).split("/").map(encodeURIComponent).join("/")}`);

/** What the model answered when it was recorded, undefined where that is not known. */
function recorded(example) {
  return "output" in example ? shown(example.output) : undefined;
}

function shown(value) {
  if (typeof value === "string") return value.startsWith("@") && !value.startsWith("@@") ? file(value) : value.replace(/^@@/, "@");
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one)]));
}

function file(value) {
  const name = value.split("/").at(-1).replace(/^@/, "");
  return { url: place(value), content_type: TYPES[name.split(".").at(-1).toLowerCase()] ?? "application/octet-stream", file_name: name };
}
