// Put the page together: form, run, result, and the same call in three languages.

import { address, CallFailed, start } from "./calls.js";
import { byId, codeBlock, h, makeTabs } from "./dom.js";
import { collect, lacking, makeField, place } from "./fields.js";
import { stayOnDrops } from "./files.js";
import { resultView } from "./result.js";
import { endpoints } from "./schema.js";
import { snippets } from "./snippets.js";

const CANCELLED = 499;
const state = { made: [], endpoint: null, app: "user/app", running: null };

main().catch((error) => {
  byId("error").hidden = false;
  byId("error").textContent = `The app's schema cannot be read: ${error.message}`;
});

async function main() {
  const response = await fetch(address("/openapi.json"));
  if (!response.ok) throw new Error(`openapi.json answered ${response.status}`);
  const openapi = await response.json();
  const all = endpoints(openapi);
  if (!all.length) throw new Error("no endpoint takes a JSON object");
  describe(openapi.info ?? {});
  state.view = resultView(makeTabs(document.querySelector("[data-tabs=output]")));
  makeTabs(document.querySelector("[data-tabs=code]"));
  chooseBetween(all);
  open(all[0]);
  listen();
  stayOnDrops();
}

function describe(info) {
  const title = info.title ?? "Playground";
  byId("title").textContent = document.title = title;
  byId("version").textContent = info.version ? `version ${info.version}` : "";
  const deployed = location.hostname === "fal.run" && location.pathname.match(/^\/([^/]+\/[^/]+)/)?.[1];
  state.app = deployed || `your-name/${title.replace(/([a-z])([A-Z])/g, "$1-$2").replace(/\W+/g, "-").toLowerCase()}`;
}

function chooseBetween(all) {
  const bar = byId("endpoints");
  bar.hidden = all.length < 2;
  bar.append(...all.map((endpoint) => h("button", { type: "button", "data-path": endpoint.path,
    onclick: () => open(endpoint) }, endpoint.path === "/" ? "Predict" : endpoint.path.slice(1))));
}

/** Show the form of an endpoint. */
function open(endpoint) {
  state.endpoint = endpoint;
  for (const button of byId("endpoints").children) {
    button.setAttribute("aria-pressed", String(button.dataset.path === endpoint.path));
  }
  byId("about").textContent = endpoint.about;
  byId("stream-choice").hidden = !endpoint.stream;
  const main = mainFields(endpoint.fields);
  const made = endpoint.fields.map((field) => [field, makeField(field)]);
  const elements = (wanted) => made.filter(([field]) => main.has(field) === wanted).map(([, one]) => one.element);
  state.made = made.map(([, one]) => one);
  byId("fields").replaceChildren(...elements(true));
  byId("more-fields").replaceChildren(...elements(false));
  byId("more").hidden = !elements(false).length;
  byId("more-count").textContent = String(elements(false).length);
  if (!endpoint.fields.length) byId("fields").append(h("p", { class: "help" }, "This predictor has no inputs."));
  rewrite();
}

/** What is asked first: what must be given or matters most; everything where that is little. */
function mainFields(fields) {
  const chosen = fields.filter((field) => field.main && !field.schema.deprecated);
  const few = fields.length <= 4 ? fields.filter((field) => !field.schema.deprecated) : fields.slice(0, 2);
  return new Set(chosen.length && fields.length > 4 ? chosen : few);
}

function listen() {
  const form = byId("form");
  form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  form.addEventListener("reset", (event) => { event.preventDefault(); state.made.forEach((one) => one.reset()); rewrite(); });
  form.addEventListener("input", rewrite);
  form.addEventListener("click", () => queueMicrotask(rewrite));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  byId("cancel").addEventListener("click", () => state.running?.cancel());
}

const path = () => (streaming() ? state.endpoint.stream : state.endpoint.path);
const streaming = () => Boolean(state.endpoint.stream) && byId("stream").checked;

async function run() {
  if (state.running) return;
  const { view } = state;
  state.made.forEach((one) => one.clear());
  const [first] = lacking(state.made);
  if (first) return first.focus();
  view.begin(state.endpoint.answer);
  const call = start(path(), collect(state.made), view.receive);
  setRunning(call);
  byId("result").scrollIntoView({ block: "nearest" });
  try {
    await call.done;
    view.succeed();
  } catch (error) {
    fail(error);
  } finally {
    setRunning(null);
  }
}

function setRunning(call) {
  state.running = call;
  byId("run").disabled = Boolean(call);
  byId("cancel").hidden = !call;
}

/** Show a failure: what belongs to a field at the field, the rest above the result. */
function fail(error) {
  const { view } = state;
  if (error.name === "AbortError" || error.status === CANCELLED) return view.cancelled(error.logs);
  if (!(error instanceof CallFailed)) return view.failed(error.message);
  const placed = error.problems.map((problem) => place(state.made, problem.msg, (problem.loc ?? []).slice(1)));
  const loose = error.problems.filter((_, index) => !placed[index]).map((problem) => problem.msg);
  const count = placed.filter(Boolean).length;
  if (count) loose.unshift(count === 1 ? "One input needs attention." : `${count} inputs need attention.`);
  placed.find(Boolean)?.focus();
  view.failed(loose.join("\n"), error.status, error.logs);
}

function rewrite() {
  const written = snippets({ path: path(), streaming: streaming(), values: collect(state.made, "shown"), app: state.app });
  for (const [language, text] of Object.entries(written)) {
    byId(`code-${language}`).replaceChildren(codeBlock(text));
  }
}
