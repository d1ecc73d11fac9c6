// The form of one endpoint: its fields in their places, filled, read, and told what is wrong.

import { byId, h } from "./dom.js";
import { collect, makeField, place } from "./fields.js";

/** The form that the page has; `open` gives it the fields of an endpoint. */
export function makeForm() {
  let made = [];
  return {
    open: (endpoint) => { made = build(endpoint); },
    values: () => collect(made),
    shown: () => collect(made, "shown"),
    fill: (values) => made.forEach((one) => one.set(values[one.name])),
    reset: () => made.forEach((one) => one.reset()),
    clear: () => made.forEach((one) => one.clear()),
    wrong: () => made.flatMap((one) => one.wrong()),
    has: (name) => made.some((one) => one.name === name),
    /** Put fal's error entries at their fields; returns those fields and what belongs to none. */
    fail: (problems) => {
      const placed = problems.map((problem) => place(made, problem.msg, (problem.loc ?? []).slice(1)));
      return { fields: [...new Set(placed.filter(Boolean))], loose: problems.filter((_, index) => !placed[index]).map((problem) => problem.msg) };
    },
    /** The file inputs that could take an output of a kind. */
    takers: (media) => made.filter((one) => one.add && (one.media === media || one.media === "file")),
  };
}

function build(endpoint) {
  const main = mainFields(endpoint.fields);
  const made = endpoint.fields.map((field) => [field, makeField(field)]);
  const elements = (wanted) => made.filter(([field]) => main.has(field) === wanted).map(([, one]) => one.element);
  byId("fields").replaceChildren(...elements(true));
  byId("more-fields").replaceChildren(...elements(false));
  byId("more").hidden = !elements(false).length;
  byId("more-count").textContent = String(elements(false).length);
  if (!endpoint.fields.length) byId("fields").append(h("p", { class: "help" }, "This predictor has no inputs."));
  return made.map(([, one]) => one);
}

/** What is asked first: what must be given or matters most, and files; everything where that is little. */
function mainFields(fields) {
  const usual = fields.filter((field) => !field.schema.deprecated);
  if (fields.length <= 4) return new Set(usual);
  const chosen = usual.filter((field) => field.main);
  return new Set(chosen.length ? chosen : usual.slice(0, 2));
}

/** Name the fields that need attention, each a button that leads there, and go to the first. */
export function attention(fields) {
  if (!fields.length) return null;
  const names = fields.flatMap((field, index) => [index ? (index === fields.length - 1 ? " and " : ", ") : null,
    h("button", { type: "button", class: "goto", onclick: () => field.focus() }, field.title)]);
  fields[0].focus();
  return h("p", {}, names, fields.length === 1 ? " needs attention." : " need attention.");
}
