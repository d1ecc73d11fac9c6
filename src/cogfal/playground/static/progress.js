// Find in what a model prints how far it has come: tqdm's bars, `12/50`, `45 %`; and show it.

import { byId } from "./dom.js";

const LONGEST = 400; // characters of a line that may tell of progress
const BAR = /(\d{1,3})%\|[^|]*\|/;
const COUNT = /(?<![\w/.:-])(\d{1,9})\s*\/\s*(\d{1,9})(?![\w/.-])/g;
const PERCENT = /(?<![\w.-])(\d{1,3}(?:\.\d+)?)\s?%(?!\w)/g;
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

/** The share that a printed line tells of, 0 to 1; null where it says nothing for sure. */
export function shareOf(line) {
  const text = line.replace(ESCAPES, "").trim();
  if (!text || text.length > LONGEST) return null;
  const bar = text.match(BAR);
  if (bar) return Math.min(Number(bar[1]) / 100, 1);
  const counts = [...text.matchAll(COUNT)];
  if (counts.length === 1) return share(counts[0][1], counts[0][2]);
  const percents = [...text.matchAll(PERCENT)];
  return percents.length === 1 && !counts.length ? share(percents[0][1], 100) : null;
}

function share(done, total) {
  return Number(total) > 1 && Number(done) <= Number(total) ? done / total : null;
}

/** The share that the last telling line of some logs has; null where none tells. */
export function shareIn(logs) {
  const lines = logs.slice(-8 * LONGEST).split(/[\r\n]+/).reverse();
  for (const line of lines) {
    const found = shareOf(line);
    if (found !== null) return found;
  }
  return null;
}

/** Logs as a terminal would show them: a line that was written over stands as it was last. */
export const settled = (logs) => logs.replace(ESCAPES, "").replace(/\r\n/g, "\n").split("\n").map((line) => line.replace(/\r+$/, "").split("\r").at(-1)).join("\n");

/** Move the bar above the result; null for work of unknown length. */
export function showProgress(value) {
  const bar = byId("progress");
  bar.hidden = false;
  if (value === null) bar.removeAttribute("value");
  else bar.value = value;
}

export const hideProgress = () => (byId("progress").hidden = true);
