// What this tab remembers over a reload: the inputs, and its runs with their results. No secrets.

import { byId, h } from "./dom.js";
import { address } from "./calls.js";
import { mapTexts, namesIn, restoreNames } from "./names.js";
import { glimpse, outputOf } from "./output.js";

const MOST = 30;
const key = () => `cogfal ${address("/playground")}`;

/** The remembered state; `open(run)` is called when a run of before is chosen. */
export function makeSession(open) {
  const state = { path: null, inputs: {}, names: {}, runs: [], shown: null, ...read() };
  restoreNames(state.inputs, state.names);

  /** Note a run that has ended, `values` without secrets. */
  function add(run, values) {
    state.runs.unshift({ ...run, inputs: values, names: namesIn(values) });
    state.runs.splice(MOST);
    state.shown = run.id;
    draw();
    save();
  }

  function choose(run) {
    state.shown = run.id;
    restoreNames(run.inputs, run.names);
    draw();
    open(run);
  }

  function draw() {
    byId("history").hidden = !state.runs.length;
    byId("runs").replaceChildren(...state.runs.map((run) => h("li", {}, card(run, run.id === state.shown, () => choose(run)))));
  }

  function save() {
    state.names = namesIn(state.inputs);
    keep(state);
  }

  draw();
  return {
    state, add, save, draw,
    last: () => state.runs.find((run) => run.id === state.shown),
    clear: () => { state.runs = []; state.shown = null; draw(); save(); },
  };
}

function card(run, current, onclick) {
  const { picture, text } = glimpse(run.answer && run.state === "succeeded" ? outputOf(run.answer) : null);
  const about = wordsOf(run.inputs) || run.path;
  return h("button", { type: "button", class: "run", "aria-pressed": String(current), title: about.slice(0, 300), onclick },
    picture ? h("img", { src: picture, alt: "", class: "thumb", loading: "lazy" }) : h("span", { class: "thumb words", "aria-hidden": "true" }, text || "▤"),
    h("span", { class: "about" }, about.slice(0, 60)),
    h("span", { class: "status", "data-state": run.state }, run.state === "succeeded" ? run.seconds : run.state));
}

/** What a run is called: its first text, and else what was set. */
function wordsOf(inputs) {
  const plain = Object.entries(inputs).filter(([, value]) => value !== null && typeof value !== "object" && !/^(data:|https?:|<your )/.test(value));
  return plain.find(([, value]) => typeof value === "string" && value)?.[1] ?? plain.map(([name, value]) => `${name} ${value}`).join(", ");
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(key())) ?? {};
  } catch {
    return {}; // not ours, or the browser keeps nothing
  }
}

/** Write the state; where the browser has no room for all, the oldest runs go first, then files. */
function keep(state) {
  const smaller = { ...state, runs: [...state.runs] };
  for (;;) {
    try {
      return sessionStorage.setItem(key(), JSON.stringify(smaller));
    } catch (error) {
      if (error.name !== "QuotaExceededError") return;
      if (smaller.runs.length) smaller.runs.pop();
      else if (smaller.small) return;
      else Object.assign(smaller, { small: true, inputs: mapTexts(smaller.inputs, (text) => (text.startsWith("data:") ? "" : text)) });
    }
  }
}
