// The result's side of the page: state, clock, output as it arrives, JSON, logs and timeline.

import { byId, codeBlock, h } from "./dom.js";
import { show, showAnswer } from "./output.js";
import { hideProgress, settled, shareIn, showProgress } from "./progress.js";
import { showTimeline } from "./timeline.js";

const LABELS = { idle: "Idle", running: "Running", succeeded: "Succeeded", failed: "Failed", cancelled: "Cancelled", recorded: "Recorded" };

/** The view of one run after another: `begin`, `receive` any number of objects, then one end. */
export function resultView(tabs) {
  let began = 0;
  let clock = null;
  let last = null;
  let logs = "";
  let partial = null;
  let place = "";
  let setup = null;

  const elapsed = () => `${((performance.now() - began) / 1000).toFixed(2)} s`;
  const state = (name, ...more) => {
    byId("status").dataset.state = name;
    byId("status").textContent = [LABELS[name], ...more].filter(Boolean).join(" · ");
  };
  const log = (text) => {
    logs += text ?? "";
    const shown = settled(logs);
    byId("view-logs").replaceChildren(shown ? codeBlock(shown) : h("p", { class: "help" }, "Nothing was written."));
  };
  const wholeLog = (text) => { if (text !== undefined) { logs = ""; log(text); } };
  const showJson = (object) => byId("view-json").replaceChildren(codeBlock(JSON.stringify(object, null, 2)));
  const note = (words) => byId("view-preview").replaceChildren(h("p", { class: "help" }, words));

  function blank() {
    clearInterval(clock);
    [last, logs, place] = [null, "", ""];
    byId("error").hidden = byId("timings").hidden = byId("copies").hidden = true;
    byId("view-json").replaceChildren();
    byId("view-raw").replaceChildren();
    hideProgress();
    log("");
  }

  function begin(answer) {
    blank();
    [partial, began] = [pieces(answer), performance.now()];
    showProgress(null);
    note("Waiting for the first output…");
    tabs.select("view-preview");
    state("running");
    clock = setInterval(() => state("running", place, elapsed()), 100);
  }

  function receive(object) {
    if (object.log) {
      log(object.log.data);
      return showProgress(shareIn(logs));
    }
    last = object;
    if ("index" in object && !object.completed) return partial.add(object);
    byId("view-preview").replaceChildren(showAnswer(object));
    showJson(object);
    wholeLog(object.logs);
  }

  /** How a run stands: its place in the queue, then what it prints, unless that comes by itself. */
  function stand(told, streaming) {
    place = told.status === "starting" ? `${told.ahead + 1}. in the queue` : "";
    if (streaming || !told.logs) return;
    log(told.logs);
    showProgress(shareIn(logs));
  }

  function end(name, answer) {
    clearInterval(clock);
    hideProgress();
    const seconds = elapsed();
    state(name, seconds);
    showTimeline((answer ?? last)?.timings, setup);
    if (!last) note("No output.");
    return { state: name, seconds, answer: answer ?? last, logs };
  }

  function fault(status, ...message) {
    byId("error").hidden = false;
    byId("error").replaceChildren(h("strong", {}, status ? `Error ${status}` : "No answer"), ...message);
  }

  function failed(parts, status, answer) {
    wholeLog(answer?.logs);
    fault(status, ...parts);
    if (answer) showJson(answer);
    return end("failed", answer);
  }

  function cancelled(answer) {
    wholeLog(answer?.logs);
    showJson(answer ?? { detail: "the call was given up" });
    return end("cancelled", answer);
  }

  /** Show a run of before, as `end` described it. */
  function again(run) {
    blank();
    note("No output.");
    wholeLog(run.logs);
    if (run.state === "succeeded" && run.answer) byId("view-preview").replaceChildren(showAnswer(run.answer));
    if (run.state === "failed") fault(run.status, h("p", {}, run.message ?? ""));
    if (run.answer) showJson(run.answer);
    showTimeline(run.answer?.timings, setup);
    state(run.state, run.seconds);
  }

  /** Show what an example's file says that the model answered. */
  function recorded(output) {
    blank();
    byId("view-preview").replaceChildren(h("p", { class: "help" }, "Recorded with the example; run it to see what the model answers now."), show(output));
    tabs.select("view-preview");
    state("recorded");
  }

  return { setup: (seconds) => (setup = seconds), begin, receive, stand, failed, cancelled, again, recorded, succeed: () => end("succeeded") };
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
