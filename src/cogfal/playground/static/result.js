// The result's side of the page: state, clock, output as it arrives, JSON, logs and timings.

import { byId, codeBlock, h } from "./dom.js";
import { show, showAnswer } from "./output.js";

const LABELS = { idle: "Idle", running: "Running", succeeded: "Succeeded", failed: "Failed", cancelled: "Cancelled" };

/** The view of one run after another: `begin`, `receive` any number of objects, then one end. */
export function resultView(tabs) {
  let began = 0;
  let clock = null;
  let last = null;
  let logs = "";
  let partial = null;

  const elapsed = () => `${((performance.now() - began) / 1000).toFixed(2)} s`;
  const state = (name, time = "") => {
    byId("status").dataset.state = name;
    byId("status").textContent = [LABELS[name], time].filter(Boolean).join(" · ");
  };
  const log = (text) => {
    logs += text ?? "";
    byId("view-logs").replaceChildren(logs ? codeBlock(logs) : h("p", { class: "help" }, "Nothing was written."));
  };

  function begin(answer) {
    [last, logs, partial, began] = [null, "", pieces(answer), performance.now()];
    byId("error").hidden = byId("timings").hidden = true;
    byId("progress").hidden = false;
    byId("view-preview").replaceChildren(h("p", { class: "help" }, "Waiting for the first output…"));
    byId("view-json").replaceChildren();
    log("");
    tabs.select("view-preview");
    state("running");
    clock = setInterval(() => state("running", elapsed()), 100);
  }

  function receive(object) {
    if (object.log) return log(object.log.data);
    last = object;
    if ("index" in object && !object.completed) return partial.add(object);
    byId("view-preview").replaceChildren(showAnswer(object));
    byId("view-json").replaceChildren(codeBlock(JSON.stringify(object, null, 2)));
    log(object.logs?.slice(logs.length));
  }

  function end(name) {
    clearInterval(clock);
    byId("progress").hidden = true;
    state(name, elapsed());
    timings(last?.timings);
    if (!last) byId("view-preview").replaceChildren(h("p", { class: "help" }, "No output."));
  }

  function failed(message, status, tail) {
    log(tail?.slice(logs.length));
    byId("error").hidden = false;
    byId("error").replaceChildren(h("strong", {}, status ? `Error ${status}` : "No answer"), h("p", {}, message));
    end("failed");
  }

  return {
    begin,
    receive,
    failed,
    succeed: () => end("succeeded"),
    cancelled: (tail) => { log(tail?.slice(logs.length)); end("cancelled"); },
  };
}

/** Collects the pieces of a streamed output: pieces of one text, or values one after the other. */
function pieces(answer) {
  const output = Object.values(answer.properties ?? {})[0];
  const joined = output?.type === "string";
  const target = h("div", { class: joined ? "text streaming" : "gallery streaming" });
  return {
    add({ index: _index, ...rest }) {
      if (!target.isConnected) byId("view-preview").replaceChildren(target);
      const [value] = Object.values(rest);
      target.append(joined ? String(value) : show(value));
      target.lastElementChild?.scrollIntoView?.({ block: "nearest" });
    },
  };
}

function timings(seconds) {
  const list = byId("timings");
  list.hidden = !seconds;
  const rows = Object.entries(seconds ?? {}).map(([name, value]) =>
    h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, `${Number(value).toFixed(3)} s`)));
  list.replaceChildren(...rows);
}
