// Put the page together: form, run, result, history, and the same call in other languages.

import { address, CallFailed, start } from "./calls.js";
import { offerCopies } from "./copies.js";
import { byId, codeBlock, copyButton, h, makeTabs } from "./dom.js";
import { showExamples } from "./examples.js";
import { stayOnDrops } from "./files.js";
import { attention, makeForm } from "./form.js";
import { jsonEditor } from "./inputs_json.js";
import { linkTo, takeLink } from "./links.js";
import { markdown } from "./markdown.js";
import { offerInputs } from "./media.js";
import { resultView } from "./result.js";
import { endpoints } from "./schema.js";
import { makeSession } from "./session.js";
import { snippets } from "./snippets.js";
import { showRaw, showSetup } from "./timeline.js";

const CANCELLED = 499;
const form = makeForm();
const page = { all: [], endpoint: null, app: "user/app", deployed: false, running: null };

main().catch((error) => tellAbove(`The app's schema cannot be read: ${error.message}`));

async function main() {
  const response = await fetch(address("/openapi.json"));
  if (!response.ok) throw new Error(`openapi.json answered ${response.status}`);
  const openapi = await response.json();
  page.all = endpoints(openapi);
  if (!page.all.length) throw new Error("no endpoint takes a JSON object");
  describe(openapi.info ?? {});
  page.tabs = makeTabs(document.querySelector("[data-tabs=output]"));
  page.view = resultView(page.tabs);
  makeTabs(document.querySelector("[data-tabs=code]"));
  page.editor = jsonEditor(form, changed);
  page.session = makeSession(showAgain);
  offerInputs((kind) => form.takers(kind).map((one) => ({ title: one.title, use: (url) => { page.editor.close(); one.add([url]); one.focus(); } })));
  chooseBetween();
  open(endpointAt(page.session.state.path), page.session.state.inputs);
  if (page.session.last()) showResult(page.session.last());
  follow();
  listen();
  tellSetup();
  await showExamples(useExample, (error) => tellAbove(error.message));
}

async function tellSetup() {
  page.view.setup(await showSetup());
}

function tellAbove(message) {
  byId("error").hidden = false;
  byId("error").textContent = message;
}

function describe(info) {
  const title = info.title ?? "Playground";
  byId("title").textContent = document.title = title;
  byId("version").textContent = info.version ? `version ${info.version}` : "";
  const name = location.hostname === "fal.run" && location.pathname.match(/^\/([^/]+\/[^/]+)/)?.[1];
  page.deployed = Boolean(name);
  page.app = name || `your-name/${title.replace(/([a-z])([A-Z])/g, "$1-$2").replace(/\W+/g, "-").toLowerCase()}`;
}

const endpointAt = (path) => page.all.find((endpoint) => endpoint.path === path) ?? page.all[0];

function chooseBetween() {
  const bar = byId("endpoints");
  bar.hidden = page.all.length < 2;
  bar.append(...page.all.map((endpoint) => h("button", { type: "button", "data-path": endpoint.path,
    onclick: () => open(endpoint) }, endpoint.path === "/" ? "Predict" : endpoint.path.slice(1))));
}

/** Show the form of an endpoint, with some inputs where they are known. */
function open(endpoint, values) {
  page.endpoint = endpoint;
  for (const button of byId("endpoints").children) {
    button.setAttribute("aria-pressed", String(button.dataset.path === endpoint.path));
  }
  byId("about").replaceChildren(...markdown(endpoint.about));
  byId("stream-choice").hidden = !endpoint.stream;
  form.open(endpoint);
  if (values && Object.keys(values).length) form.fill(values);
  page.editor.refresh();
  changed();
}

/** Go where a link with inputs leads. */
function follow() {
  const link = takeLink();
  if (link) open(endpointAt(link.path), link.values);
}

function listen() {
  const element = byId("form");
  element.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  element.addEventListener("reset", (event) => { event.preventDefault(); form.reset(); page.editor.refresh(); changed(); });
  element.addEventListener("input", changed);
  element.addEventListener("click", () => queueMicrotask(changed));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !document.querySelector("dialog[open]")) run();
  });
  byId("cancel").addEventListener("click", () => page.running?.cancel());
  byId("forget").addEventListener("click", () => page.session.clear());
  byId("link").replaceWith(Object.assign(copyButton(() => linkTo(page.endpoint.path, openInputs()), "Copy link"), { id: "link" }));
  addEventListener("hashchange", follow);
  addEventListener("pagehide", () => page.session.save());
  document.addEventListener("visibilitychange", () => { if (document.hidden) page.session.save(); });
  stayOnDrops();
}

/** The inputs without secrets. */
function openInputs() {
  const secret = new Set(page.endpoint.fields.filter((field) => field.kind === "secret").map((field) => field.name));
  return Object.fromEntries(Object.entries(form.shown()).filter(([name]) => !secret.has(name)));
}

const path = () => (streaming() ? page.endpoint.stream : page.endpoint.path);
const streaming = () => Boolean(page.endpoint.stream) && byId("stream").checked;

async function run() {
  if (page.running || !page.editor.settled()) return;
  form.clear();
  const wrong = form.wrong();
  if (wrong.length) return refuse(wrong);
  const { endpoint, view } = page;
  const given = form.shown();
  const stream = streaming();
  view.begin(endpoint.answer);
  const call = start(path(), form.values(), { receive: view.receive, stand: (told) => view.stand(told, stream) });
  setRunning(call);
  byId("result").scrollIntoView({ block: "nearest" });
  const ended = await call.done.then(() => view.succeed(), fail);
  setRunning(null);
  page.session.add({ id: call.id, path: endpoint.path, raw: { ...call.raw, body: null }, ...ended }, given);
  showRaw(call.raw, given);
  offerCopies(page.session.last(), endpoint.fields);
  if (ended.state === "failed") tellSetup();
}

function setRunning(call) {
  page.running = call;
  byId("run").disabled = Boolean(call);
  byId("cancel").hidden = !call;
}

/** Say which inputs stop a run that has not begun. */
function refuse(fields) {
  page.editor.close();
  byId("error").hidden = false;
  byId("error").replaceChildren(attention(fields));
}

/** Show a failure: what belongs to a field at the field, the rest above the result. */
function fail(error) {
  const { view } = page;
  if (error.name === "AbortError" || error.status === CANCELLED) return view.cancelled(error.answer);
  if (!(error instanceof CallFailed)) return { ...view.failed([h("p", {}, error.message)]), message: error.message };
  page.editor.close();
  const { fields, loose } = form.fail(error.problems);
  const parts = [attention(fields), ...loose.map((text) => h("p", {}, text))].filter(Boolean);
  return { ...view.failed(parts, error.status, error.answer), message: error.message, status: error.status };
}

/** Go back to a run of before: its inputs and its result. */
function showAgain(earlier) {
  if (page.running) return;
  open(endpointAt(earlier.path), earlier.inputs);
  showResult(earlier);
}

function showResult(earlier) {
  page.view.again(earlier);
  showRaw(earlier.raw, earlier.inputs);
  offerCopies(earlier, endpointAt(earlier.path).fields);
}

function useExample(values, output) {
  open(page.all[0], values);
  if (output !== undefined && !page.running) page.view.recorded(output);
}

/** The inputs have changed: remember them, and write the call anew. */
function changed() {
  const shown = form.shown();
  Object.assign(page.session.state, { path: page.endpoint.path, inputs: shown });
  const written = snippets({ path: path(), endpoint: page.endpoint.path, streaming: streaming(), values: shown, app: page.app, deployed: page.deployed });
  for (const [language, text] of Object.entries(written)) {
    byId(`code-${language}`).replaceChildren(codeBlock(text));
  }
}
