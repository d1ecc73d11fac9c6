// The inputs as JSON, to be read and edited: the form follows what is written, and the other way round.

import { byId, h } from "./dom.js";
import { parseJson } from "./json_text.js";
import { withNames } from "./names.js";

/** The editor beside the form. `form` is filled from it; `changed` is called when it was. */
export function jsonEditor(form, changed) {
  const [button, panel] = [byId("as-json"), byId("json-input")];
  const text = h("textarea", { class: "mono", spellcheck: false, "aria-label": "All inputs as JSON", "aria-describedby": "json-problem" });
  const problem = h("p", { class: "problem", id: "json-problem", role: "alert" });
  panel.append(text, problem, h("p", { class: "help" }, "Files of this machine stand as @name, secrets as <your name>."));
  let restore = (values) => values;
  let shown = false;

  function write() {
    const named = withNames(form.shown());
    restore = named.restore;
    text.value = JSON.stringify(named.shown, null, 2);
    told("");
  }

  function told(words) {
    problem.textContent = words;
    if (words) text.setAttribute("aria-invalid", "true");
    else text.removeAttribute("aria-invalid");
  }

  /** Fill the form with what is written; false, and said why, where it cannot be. */
  function read(typing = false) {
    let values;
    try {
      values = parseJson(text.value);
    } catch (error) {
      told(error.message);
      if (!typing) text.setSelectionRange(error.position, error.position + 1);
      return false;
    }
    const fault = misfit(values, form);
    told(fault ?? "");
    if (!fault) { form.fill(restore(values)); changed(); }
    return !fault;
  }

  function toggle() {
    if (shown && !read()) return text.focus();
    if (!shown) write();
    turn(!shown);
  }

  function turn(on) {
    shown = on;
    panel.hidden = !shown;
    byId("form-input").hidden = shown;
    button.setAttribute("aria-pressed", String(shown));
  }

  text.addEventListener("input", (event) => { event.stopPropagation(); read(true); });
  button.addEventListener("click", toggle);
  return {
    /** Whether the form holds what was meant; else the editor has said what is wrong. */
    settled: () => !shown || read() || (text.focus(), false),
    refresh: () => { if (shown) write(); },
    /** Show the form again, where a field of it is to be looked at. */
    close: () => turn(false),
  };
}

function misfit(values, form) {
  if (values === null || typeof values !== "object" || Array.isArray(values)) return "not an object: write {\"name\": value}";
  const stranger = Object.keys(values).find((name) => !form.has(name));
  return stranger === undefined ? null : `there is no input ${stranger}`;
}
