// What a run's time went into, as bars; the setup, its logs and versions; the request and its answer.

import { address } from "./calls.js";
import { byId, codeBlock, h } from "./dom.js";
import { localName, mapTexts } from "./names.js";
import { settled } from "./progress.js";

const ORDER = ["queue", "download", "predict", "upload"];

/** Draw the phases of a run, one after the other, and the setup that went before all runs. */
export function showTimeline(timings, setup) {
  const list = byId("timings");
  const known = Object.entries(timings ?? {}).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const total = known.reduce((sum, [, seconds]) => sum + seconds, 0);
  list.hidden = !known.length;
  const once = typeof setup === "number" && h("div", { class: "once" }, h("dt", {}, "setup"), h("dd", { class: "track" }, "once, before all runs"), duration(setup));
  let before = 0;
  const rows = known.map(([name, seconds]) => {
    const bar = h("span", { class: "span" });
    bar.style.setProperty("--from", `${total ? (100 * before) / total : 0}%`);
    bar.style.setProperty("--share", `${total ? (100 * seconds) / total : 0}%`);
    before += seconds;
    return h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", { class: "track", "aria-hidden": "true" }, bar), duration(seconds));
  });
  list.replaceChildren(...(once ? [once] : []), ...rows);
}

const duration = (seconds) => h("dd", { class: "seconds" }, `${Number(seconds).toFixed(3)} s`);

/** Show how setup went; returns its seconds, null where the app does not say. */
export async function showSetup() {
  const panel = byId("view-setup");
  const answer = await fetch(address("/health-check")).catch(() => null);
  const told = answer?.ok ? await answer.json().catch(() => null) : null;
  if (!told) {
    panel.replaceChildren(h("p", { class: "help" }, "The app does not say."));
    return null;
  }
  const { setup, version } = told;
  const seconds = setup?.completed_at ? (new Date(setup.completed_at) - new Date(setup.started_at)) / 1000 : null;
  const rows = [["status", told.status], ["setup", [setup?.status, seconds !== null && `${seconds.toFixed(3)} s`].filter(Boolean).join(", ")],
    ["error", told.user_healthcheck_error], ...Object.entries(version ?? {})].filter(([, value]) => value);
  panel.replaceChildren(h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]).flat()),
    setup?.logs ? codeBlock(settled(setup.logs)) : h("p", { class: "help" }, "Setup wrote nothing."));
  return seconds;
}

/** Show a request as it was sent, secrets left out, and the answer's status and headers. */
export function showRaw(raw, shown) {
  const url = new URL(raw.url);
  const lines = (headers) => Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  const body = JSON.stringify(mapTexts(shown, brief), null, 2);
  const request = [`${raw.method} ${url.pathname} HTTP/1.1`, `host: ${url.host}`, ...lines(raw.headers), "", body].join("\n");
  const answer = raw.status ? [`HTTP/1.1 ${raw.status}`, ...lines(raw.answerHeaders)].join("\n") : "No answer.";
  byId("view-raw").replaceChildren(h("h3", {}, "Request"), codeBlock(request), h("h3", {}, "Answer"), codeBlock(answer), h("p", { class: "help" }, "Its body is in the JSON tab."));
}

const brief = (text) => (localName(text) ? `${text.slice(0, 60)}… (${localName(text)})` : text);
