// Show what a predictor answered: media as media, text as text, the rest as JSON.

import { codeBlock, copyButton, h } from "./dom.js";
import { gallery, isMedia, medium, urlKind } from "./media.js";

/** The element that shows one value. */
export function show(value) {
  if (isMedia(value)) return medium(value);
  if (Array.isArray(value)) return showList(value);
  if (typeof value === "string") return showText(value);
  if (value !== null && typeof value === "object") return showObject(value);
  return h("p", { class: "scalar" }, String(value));
}

/** The fields of an answer without those that only accompany the output. */
export function outputOf(answer) {
  const { timings: _t, logs: _l, completed: _c, index: _i, ...rest } = answer;
  return rest;
}

/** The element that shows a whole answer. */
export function showAnswer(answer) {
  const rest = outputOf(answer);
  const values = Object.values(rest);
  return values.length === 1 ? show(values[0]) : showObject(rest);
}

/** The first picture in a value, and else a few words of it. */
export function glimpse(value) {
  const picture = find(value, (one) => (isMedia(one) ? one.content_type?.startsWith("image/") && one.url : typeof one === "string" && urlKind(one) === "image" && one));
  const text = find(value, (one) => (typeof one === "string" || typeof one === "number") && String(one));
  return { picture, text: picture ? null : (text ?? "").slice(0, 80) };
}

function find(value, test) {
  const found = test(value);
  if (found) return found;
  if (value === null || typeof value !== "object") return null;
  for (const one of Object.values(value)) {
    const inner = find(one, test);
    if (inner) return inner;
  }
  return null;
}

function showText(value) {
  const kind = urlKind(value);
  if (kind) return medium({ url: value, content_type: `${kind}/` });
  return h("div", { class: "block" }, copyButton(() => value), h("p", { class: "text" }, value));
}

function showList(values) {
  if (!values.length) return h("p", { class: "help" }, "An empty list.");
  if (values.every(isMedia)) return gallery(values);
  if (values.every((value) => typeof value === "string" && urlKind(value))) {
    return gallery(values.map((url) => ({ url, content_type: `${urlKind(url)}/` })));
  }
  if (values.every((value) => value !== null && typeof value !== "object")) {
    return h("ol", { class: "values" }, values.map((value) => h("li", {}, urlKind(String(value)) ? showText(value) : String(value))));
  }
  return codeBlock(JSON.stringify(values, null, 2));
}

function showObject(value) {
  const entries = Object.entries(value);
  return h("dl", { class: "object" }, entries.map(([key, one]) => [h("dt", {}, key), h("dd", {}, show(one))]).flat());
}
