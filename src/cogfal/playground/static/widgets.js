// The widgets of plain values. Each returns its element, the part to focus, `value()` and `set(value)`.

import { h, quiet } from "./dom.js";
import { parseJson } from "./json_text.js";

const NONE = "";

/** One line or several of text; `secret` masks it until asked to show it. */
export function text(field, id, { multiline = false, secret = false } = {}) {
  const { schema } = field;
  const input = h(multiline ? "textarea" : "input", {
    id, placeholder: String(schema.examples?.[0] ?? ""),
    ...(multiline ? { rows: field.required ? 3 : 2 } : { type: secret ? "password" : "text", autocomplete: secret ? "new-password" : "off" }),
    spellcheck: multiline,
  });
  const set = (value) => (input.value = value ?? NONE);
  const value = () => (input.value === NONE && !keepsEmpty(field) ? undefined : input.value);
  return { element: secret ? revealed(input) : input, focus: input, value, set };
}

/** An emptied text is sent where it says something: against a default. */
const keepsEmpty = ({ schema }) => !schema.nullable && Boolean(schema.default);

function revealed(input) {
  const show = quiet("Show", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    show.textContent = hidden ? "Hide" : "Show";
    show.setAttribute("aria-pressed", String(hidden));
  }, { "aria-pressed": "false" });
  return h("div", { class: "row" }, input, show);
}

/** A number; `step` comes from the schema, and an emptied field is left out. */
export function number(field, id) {
  const input = h("input", { id, type: "number", ...range(field) });
  return { element: input, focus: input, value: () => numberOf(input), set: (value) => (input.value = value ?? NONE) };
}

/** A number with a button that makes up a new one. */
export function seed(field, id) {
  const base = number(field, id);
  const roll = quiet("Randomize", () => {
    base.focus.value = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
    base.focus.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return { ...base, element: h("div", { class: "row" }, base.focus, roll) };
}

/** A slider and a number box that follow each other; the box decides. */
export function slider(field, id) {
  const base = number(field, id);
  const track = h("input", { type: "range", "aria-labelledby": `${id}-label`, ...range(field) });
  const follow = () => (track.value = base.focus.value === NONE ? field.schema.minimum : base.focus.value);
  track.addEventListener("input", () => (base.focus.value = track.value));
  base.focus.addEventListener("input", follow);
  const element = h("div", { class: "row" }, track, base.focus);
  const start = field.required ? field.schema.minimum : undefined;
  return { ...base, element, set: (value) => { base.set(value ?? start); follow(); } };
}

function range({ schema }) {
  const whole = schema.type === "integer";
  const span = (schema.maximum ?? Infinity) - (schema.minimum ?? 0);
  const fine = Number.isFinite(span) && span <= 2 ? 0.01 : 0.1;
  return {
    ...(schema.minimum === undefined ? {} : { min: schema.minimum }),
    ...(schema.maximum === undefined ? {} : { max: schema.maximum }),
    step: schema.multipleOf ?? (whole ? 1 : Number.isFinite(span) ? fine : "any"),
  };
}

/** What is in a number field; text that is no number goes out as it is, to be refused by name. */
function numberOf(input) {
  if (input.validity.badInput) return input.value || "not a number";
  return input.value === NONE ? undefined : Number(input.value);
}

/** An on-off switch. */
export function toggle(field, id) {
  const input = h("input", { id, type: "checkbox", role: "switch" });
  return { element: input, focus: input, value: () => input.checked, set: (value) => (input.checked = Boolean(value)) };
}

/** One of several values: buttons where they are few and short, else a drop-down list. */
export function choice(field, id) {
  const values = field.schema.enum ?? [field.schema.const];
  const few = values.length <= 4 && values.join("").length <= 28;
  return few ? buttons(field, id, values) : dropdown(field, id, values);
}

function dropdown(field, id, values) {
  const optional = !field.required && field.schema.default === undefined;
  const blank = optional || field.schema.default === null ? [h("option", { value: NONE }, "(none)")] : [];
  const options = values.map((value, index) => h("option", { value: String(index) }, label(value)));
  const select = h("select", { id }, ...blank, ...options);
  const set = (value) => (select.value = position(values, value, blank.length ? NONE : "0"));
  const value = () => (select.value === NONE ? undefined : values[Number(select.value)]);
  return { element: select, focus: select, value, set };
}

function buttons(field, id, values) {
  const radios = values.map((value, index) => h("input", { type: "radio", name: id, value: String(index), id: `${id}-${index}` }));
  const group = h("div", { id, class: "segmented", role: "radiogroup", "aria-labelledby": `${id}-label` },
    radios.map((radio, index) => [radio, h("label", { for: radio.id }, label(values[index]))]).flat());
  const set = (value) => {
    const start = position(values, value, field.required ? "0" : NONE);
    radios.forEach((radio) => (radio.checked = radio.value === start));
  };
  const value = () => values[radios.findIndex((radio) => radio.checked)];
  return { element: group, focus: group, value, set, labelled: "group" };
}

function position(values, value, fallback) {
  const index = values.indexOf(value);
  return index < 0 ? fallback : String(index);
}

const label = (value) => (value === "" ? "(empty)" : String(value));

/** Any number of several values. */
export function choices(field, id) {
  const values = field.item.enum;
  const boxes = values.map(() => h("input", { type: "checkbox" }));
  const set = (given) => boxes.forEach((box, index) => (box.checked = [given ?? []].flat().includes(values[index])));
  const element = h("div", { id, class: "checks", role: "group", "aria-labelledby": `${id}-label` },
    boxes.map((box, index) => h("label", { class: "inline" }, box, ` ${label(values[index])}`)));
  const value = () => {
    const chosen = values.filter((_, index) => boxes[index].checked);
    return chosen.length || field.required || field.schema.default?.length ? chosen : undefined;
  };
  return { element, focus: element, value, set, labelled: "group" };
}

/** A list of texts or numbers, a row for each. */
export function list(field, id) {
  const rows = h("div", { class: "rows" });
  const numeric = ["integer", "number"].includes(field.item.type);
  const add = (value = NONE) => {
    const input = h("input", { type: numeric ? "number" : "text", step: "any", value, "aria-label": `${field.title}, one item` });
    const remove = quiet("✕", () => {
      row.remove();
      rows.dispatchEvent(new Event("input", { bubbles: true }));
    }, { "aria-label": "Remove this item" });
    const row = h("div", { class: "row" }, input, remove);
    rows.append(row);
    return input;
  };
  const more = h("button", { type: "button", id, onclick: () => add().focus() }, "Add item");
  const set = (given) => { rows.replaceChildren(); [given ?? []].flat().forEach((value) => add(value)); };
  const value = () => {
    const values = [...rows.querySelectorAll("input")].map((input) => (numeric ? numberOf(input) : input.value));
    const kept = values.filter((one) => one !== undefined);
    return kept.length || field.required || field.schema.default?.length ? kept : undefined;
  };
  return { element: h("div", {}, rows, more), focus: more, value, set, labelled: "group" };
}

/** Any JSON; `fault()` says where it is none, and nothing is sent then. */
export function json(field, id) {
  const input = h("textarea", { id, rows: 3, spellcheck: false, class: "mono", placeholder: field.item ? "[]" : "{}" });
  const set = (value) => (input.value = value === undefined || value === null ? NONE : JSON.stringify(value, null, 2));
  const read = () => (input.value.trim() === NONE ? undefined : parseJson(input.value));
  const fault = () => { try { read(); return null; } catch (error) { return error; } };
  const value = () => (fault() ? input.value : read());
  return { element: input, focus: input, value, set, fault };
}
