// Make one form field for one input: label, widget, help and the place for its errors.

import { h } from "./dom.js";
import { choice, choices, json, list, number, seed, slider, text, toggle } from "./widgets.js";
import { file, files } from "./files.js";

const WIDGETS = {
  choice, choices, json, list, number, seed, slider, file, files,
  switch: toggle,
  text: (field, id) => text(field, id),
  textarea: (field, id) => text(field, id, { multiline: true }),
  secret: (field, id) => text(field, id, { secret: true }),
};

let count = 0;

/**
 * Make a field. The result has `element`, `value()` (undefined where nothing is to be sent),
 * `shown()` (the same without secrets), `reset()`, `fail(message, path)` with `path` the rest of an
 * error's `loc` below the field, and `lacks()`, which fails the field if it must be given and is not.
 */
export function makeField(field) {
  return field.kind === "group" ? group(field) : single(field);
}

function single(field) {
  const id = `field-${++count}`;
  const widget = WIDGETS[field.kind](field, id);
  const error = h("p", { class: "problem", id: `${id}-error` });
  const help = helpText(field);
  const element = h("div", { class: `field kind-${field.kind}`, "data-name": field.name },
    caption(field, id, widget.labelled), widget.element,
    help && h("p", { class: "help", id: `${id}-help` }, help), error);
  widget.focus.setAttribute("aria-describedby", help ? `${id}-help ${id}-error` : `${id}-error`);
  if (field.required) widget.focus.setAttribute("aria-required", "true");
  const clear = () => {
    error.textContent = "";
    widget.focus.removeAttribute("aria-invalid");
  };
  const value = () => sendable(field, widget.value());
  const fail = (message, path = []) => {
    error.append(h("span", {}, path.length ? `${path.join(".")}: ${message}` : message));
    widget.focus.setAttribute("aria-invalid", "true");
  };
  element.addEventListener("input", clear);
  return {
    name: field.name,
    element,
    value,
    shown: () => (field.kind === "secret" && value() ? `<your ${field.name}>` : value()),
    reset: () => { widget.reset(); clear(); },
    fail,
    lacks: () => {
      const lacks = field.required && value() === undefined;
      if (lacks) fail("Field required");
      return lacks;
    },
    clear,
    focus: () => { element.closest("details")?.setAttribute("open", ""); widget.focus.focus(); },
  };
}

/** A nested object: its own fields, indented, and one value made of theirs. */
function group(field) {
  const inner = field.children.map(makeField);
  const error = h("p", { class: "problem" });
  const given = (way) => {
    const value = collect(inner, way);
    return Object.keys(value).length || field.required ? value : undefined;
  };
  const each = (action) => inner.forEach((one) => one[action]());
  return {
    name: field.name,
    element: h("fieldset", { class: "field group", "data-name": field.name },
      h("legend", {}, field.title), ...inner.map((one) => one.element), error),
    value: () => given("value"),
    shown: () => given("shown"),
    reset: () => each("reset"),
    clear: () => { error.textContent = ""; each("clear"); },
    fail: (message, path = []) => place(inner, message, path) ?? (error.textContent = message),
    lacks: () => given("value") !== undefined && lacking(inner).length > 0,
    focus: () => inner[0]?.focus(),
  };
}

/** Show an error at the field that `path` names; return that field, or undefined. */
export function place(made, message, path) {
  const field = made.find((one) => one.name === path[0]);
  field?.fail(message, path.slice(1));
  return field;
}

/** Those of several fields that must be given and are not; each is told. */
export const lacking = (made) => made.filter((one) => one.lacks());

/** The values of several fields as one object; the way "shown" keeps secrets out of it. */
export function collect(made, way = "value") {
  const values = made.map((one) => [one.name, one[way]()]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** An input that keeps its default is left out of the request, like one that was never touched. */
function sendable(field, value) {
  if (field.required || value === undefined) return value;
  return same(value, field.schema.default) ? undefined : value;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function caption(field, id, labelled) {
  const parts = [
    h("span", { class: "name" }, field.title),
    field.required && h("span", { class: "required", title: "required" }, "*"),
    field.schema.deprecated && h("span", { class: "tag" }, "deprecated"),
    h("code", { class: "key" }, field.name),
  ].filter(Boolean);
  return labelled === "group"
    ? h("div", { class: "caption", id: `${id}-label` }, ...parts)
    : h("label", { class: "caption", for: id, id: `${id}-label` }, ...parts);
}

function helpText(field) {
  const { description, maxLength, minLength, minimum, maximum } = field.schema;
  const limits = [
    field.kind === "number" && minimum !== undefined && `at least ${minimum}`,
    field.kind === "number" && maximum !== undefined && `at most ${maximum}`,
    minLength > 1 && `at least ${minLength} characters`,
    maxLength !== undefined && `at most ${maxLength} characters`,
  ].filter(Boolean).join(", ");
  return [description, limits].filter(Boolean).join(" · ");
}
