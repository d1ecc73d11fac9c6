// Make one form field for one input: label, widget, help and the place for its errors.

import { h } from "./dom.js";
import { inline } from "./markdown.js";
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
 * `shown()` (the same without secrets), `set(value)`, `reset()`, `fail(message, path)` with `path` the
 * rest of an error's `loc` below the field (it returns the field that shows it), and `wrong()`: the
 * fields that stop a run, each told so.
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
    help.length && h("p", { class: "help", id: `${id}-help` }, help), error);
  widget.focus.setAttribute("aria-describedby", help.length ? `${id}-help ${id}-error` : `${id}-error`);
  if (field.required) widget.focus.setAttribute("aria-required", "true");
  const clear = () => {
    error.textContent = "";
    widget.focus.removeAttribute("aria-invalid");
  };
  const value = () => sendable(field, widget.value());
  const set = (given) => { widget.set(given); clear(); };
  const one = {
    name: field.name, title: field.title, media: field.media, kind: field.kind, element, value,
    shown: () => (field.kind === "secret" && value() ? placeholder(field) : value()),
    set: (given) => { if (field.kind !== "secret" || (given !== undefined && given !== placeholder(field))) set(given ?? field.schema.default); },
    reset: () => set(field.initial),
    add: widget.add,
    fail: (message, path = []) => {
      error.append(h("span", {}, path.length ? `${path.join(".")}: ${message}` : message));
      widget.focus.setAttribute("aria-invalid", "true");
      return one;
    },
    wrong: () => {
      const fault = widget.fault?.();
      if (fault) return [one.fail(fault.message)];
      return field.required && value() === undefined ? [one.fail("Field required")] : [];
    },
    clear,
    focus: () => {
      element.closest("details")?.setAttribute("open", "");
      widget.focus.focus({ preventScroll: true });
      element.scrollIntoView({ block: "center" });
    },
  };
  one.reset();
  element.addEventListener("input", clear);
  return one;
}

/** What stands for a secret wherever inputs are shown. */
const placeholder = (field) => `<your ${field.name}>`;

/** A nested object: its own fields, indented, and one value made of theirs. */
function group(field) {
  const inner = field.children.map(makeField);
  const error = h("p", { class: "problem" });
  const given = (way) => {
    const value = collect(inner, way);
    return Object.keys(value).length || field.required ? value : undefined;
  };
  const each = (action) => inner.forEach((one) => one[action]());
  const one = {
    name: field.name, title: field.title, kind: field.kind,
    element: h("fieldset", { class: "field group", "data-name": field.name },
      h("legend", {}, field.title), ...inner.map((one) => one.element), error),
    value: () => given("value"),
    shown: () => given("shown"),
    set: (value) => inner.forEach((child) => child.set((value ?? field.schema.default)?.[child.name])),
    reset: () => each("reset"),
    clear: () => { error.textContent = ""; each("clear"); },
    fail: (message, path = []) => {
      const found = place(inner, message, path);
      if (!found) error.textContent = message;
      return found ?? one;
    },
    wrong: () => (given("value") === undefined ? [] : inner.flatMap((child) => child.wrong())),
    focus: () => inner[0]?.focus(),
  };
  return one;
}

/** Show an error at the field that `path` names; return the field that shows it, or undefined. */
export const place = (made, message, path) => made.find((one) => one.name === path[0])?.fail(message, path.slice(1));

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
  return [...(description ? inline(description) : []), ...(description && limits ? [" · "] : []), ...(limits ? [limits] : [])];
}
