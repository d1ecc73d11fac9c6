// The widgets of plain values. Each returns its element, the part to focus, `value()` and `reset()`.

import { h } from "./dom.js";

const NONE = "";

/** One line or several of text; `secret` masks it until asked to show it. */
export function text(field, id, { multiline = false, secret = false } = {}) {
  const { schema } = field;
  const input = h(multiline ? "textarea" : "input", {
    id, placeholder: String(schema.examples?.[0] ?? ""),
    ...(multiline ? { rows: field.required ? 3 : 2 } : { type: secret ? "password" : "text", autocomplete: secret ? "new-password" : "off" }),
    spellcheck: multiline,
  });
  const reset = () => (input.value = field.initial ?? NONE);
  reset();
  const value = () => (input.value === NONE && !keepsEmpty(field) ? undefined : input.value);
  return { element: secret ? revealed(input) : input, focus: input, value, reset };
}

/** An emptied text is sent where it says something: against a default. */
const keepsEmpty = ({ schema }) => !schema.nullable && Boolean(schema.default);

function revealed(input) {
  const show = h("button", { type: "button", class: "quiet", "aria-pressed": "false" }, "Show");
  show.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    show.textContent = hidden ? "Hide" : "Show";
    show.setAttribute("aria-pressed", String(hidden));
  });
  return h("div", { class: "row" }, input, show);
}

/** A number; `step` comes from the schema, and an emptied field is left out. */
export function number(field, id) {
  const input = h("input", { id, type: "number", ...range(field) });
  const reset = () => (input.value = field.initial ?? NONE);
  reset();
  return { element: input, focus: input, value: () => numberOf(input), reset };
}

/** A number with a button that makes up a new one. */
export function seed(field, id) {
  const base = number(field, id);
  const roll = h("button", { type: "button", class: "quiet", onclick: () => {
    base.focus.value = crypto.getRandomValues(new Uint32Array(1))[0] >>> 1;
    base.focus.dispatchEvent(new Event("input", { bubbles: true }));
  } }, "Randomize");
  return { ...base, element: h("div", { class: "row" }, base.focus, roll) };
}

/** A slider and a number box that follow each other; the box decides. */
export function slider(field, id) {
  const base = number({ ...field, initial: field.initial ?? (field.required ? field.schema.minimum : undefined) }, id);
  const track = h("input", { type: "range", "aria-labelledby": `${id}-label`, ...range(field) });
  const follow = () => (track.value = base.focus.value === NONE ? field.schema.minimum : base.focus.value);
  track.addEventListener("input", () => (base.focus.value = track.value));
  base.focus.addEventListener("input", follow);
  follow();
  const element = h("div", { class: "row" }, track, base.focus);
  return { ...base, element, reset: () => { base.reset(); follow(); } };
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
  const reset = () => (input.checked = Boolean(field.initial));
  reset();
  return { element: input, focus: input, value: () => input.checked, reset };
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
  const reset = () => (select.value = position(values, field, blank.length ? NONE : "0"));
  reset();
  const value = () => (select.value === NONE ? undefined : values[Number(select.value)]);
  return { element: select, focus: select, value, reset };
}

function buttons(field, id, values) {
  const radios = values.map((value, index) => h("input", { type: "radio", name: id, value: String(index), id: `${id}-${index}` }));
  const group = h("div", { id, class: "segmented", role: "radiogroup", "aria-labelledby": `${id}-label` },
    radios.map((radio, index) => [radio, h("label", { for: radio.id }, label(values[index]))]).flat());
  const reset = () => {
    const start = position(values, field, field.required ? "0" : NONE);
    radios.forEach((radio) => (radio.checked = radio.value === start));
  };
  reset();
  const value = () => values[radios.findIndex((radio) => radio.checked)];
  return { element: group, focus: group, value, reset, labelled: "group" };
}

function position(values, field, fallback) {
  const index = values.indexOf(field.initial);
  return index < 0 ? fallback : String(index);
}

const label = (value) => (value === "" ? "(empty)" : String(value));

/** Any number of several values. */
export function choices(field, id) {
  const values = field.item.enum;
  const boxes = values.map(() => h("input", { type: "checkbox" }));
  const reset = () => boxes.forEach((box, index) => (box.checked = (field.initial ?? []).includes(values[index])));
  reset();
  const element = h("div", { id, class: "checks", role: "group", "aria-labelledby": `${id}-label` },
    boxes.map((box, index) => h("label", { class: "inline" }, box, ` ${label(values[index])}`)));
  const value = () => {
    const chosen = values.filter((_, index) => boxes[index].checked);
    return chosen.length || field.required || field.schema.default?.length ? chosen : undefined;
  };
  return { element, focus: element, value, reset, labelled: "group" };
}

/** A list of texts or numbers, a row for each. */
export function list(field, id) {
  const rows = h("div", { class: "rows" });
  const numeric = ["integer", "number"].includes(field.item.type);
  const add = (value = NONE) => {
    const input = h("input", { type: numeric ? "number" : "text", step: "any", value, "aria-label": `${field.title}, one item` });
    const remove = h("button", { type: "button", class: "quiet", "aria-label": "Remove this item", onclick: () => {
      row.remove();
      rows.dispatchEvent(new Event("input", { bubbles: true }));
    } }, "✕");
    const row = h("div", { class: "row" }, input, remove);
    rows.append(row);
    return input;
  };
  const more = h("button", { type: "button", id, onclick: () => add().focus() }, "Add item");
  const reset = () => { rows.replaceChildren(); (field.initial ?? []).forEach((value) => add(value)); };
  reset();
  const value = () => {
    const values = [...rows.querySelectorAll("input")].map((input) => (numeric ? numberOf(input) : input.value));
    const kept = values.filter((one) => one !== undefined);
    return kept.length || field.required || field.schema.default?.length ? kept : undefined;
  };
  return { element: h("div", {}, rows, more), focus: more, value, reset, labelled: "group" };
}

/** Any JSON; what does not parse is sent as the text it is. */
export function json(field, id) {
  const input = h("textarea", { id, rows: 3, spellcheck: false, class: "mono", placeholder: field.item ? "[]" : "{}" });
  const reset = () => (input.value = field.initial === undefined || field.initial === null ? NONE : JSON.stringify(field.initial, null, 2));
  reset();
  const value = () => {
    if (input.value.trim() === NONE) return undefined;
    try {
      return JSON.parse(input.value);
    } catch {
      return input.value;
    }
  };
  return { element: input, focus: input, value, reset };
}
