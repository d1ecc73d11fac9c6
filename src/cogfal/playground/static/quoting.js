// Write values in the languages of the snippets, each quoted so that nothing of it is ever run.

import { localName } from "./names.js";

/** A word for a POSIX shell. */
export const shell = (text) => (/^[\w%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A text that Python and JavaScript read alike; invisible and odd characters as escapes. */
export const string = (text) => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A JSON value in Python; `file(name, url)` writes a local file, `secret` names stand as variables. */
export function python(value, file, depth = 0) {
  const pad = "    ".repeat(depth + 1);
  const close = "    ".repeat(depth);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return localName(value) ? file(localName(value), value) : string(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((one) => python(one, file, depth)).join(", ")}]`;
  const rows = Object.entries(value).map(([key, one]) => `${pad}${string(key)}: ${python(one, file, depth + 1)},\n`);
  return rows.length ? `{\n${rows.join("")}${close}}` : "{}";
}

/** A JSON value in JavaScript. */
export function javascript(value, file, depth = 0) {
  const pad = "  ".repeat(depth + 1);
  if (typeof value === "string") return localName(value) ? file(localName(value), value) : string(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((one) => javascript(one, file, depth)).join(", ")}]`;
  const rows = Object.entries(value).map(([key, one]) => `${pad}${/^[A-Za-z]\w*$/.test(key) ? key : `[${string(key)}]`}: ${javascript(one, file, depth + 1)},\n`);
  return rows.length ? `{\n${rows.join("")}${"  ".repeat(depth)}}` : "{}";
}

/** Shell words that print a JSON value with the local files in it read from the disk. */
export function printed(value) {
  const marks = new Map();
  const marked = JSON.stringify(value, (_, one) => {
    if (typeof one !== "string" || !localName(one)) return one;
    const mark = `file ${marks.size} of ${Math.random()}`;
    marks.set(mark, one);
    return mark;
  }, 2);
  if (!marks.size) return null;
  const parts = [];
  let rest = marked;
  for (const [mark, url] of marks) {
    const at = rest.indexOf(JSON.stringify(mark));
    parts.push(`printf %s ${shell(`${rest.slice(0, at)}"data:${mediaType(url)};base64,`)}`, `base64 < ${shell(localName(url))} | tr -d '\\n'`);
    rest = rest.slice(at + JSON.stringify(mark).length).replace(/^/, '"');
  }
  return [...parts, `printf %s ${shell(rest)}`];
}

/** The media type of a data URL, as JSON may hold it. */
export const mediaType = (url) => JSON.stringify(url.slice(5).split(/[;,]/)[0]).slice(1, -1);
