// Write the call that the form makes as curl, Python (fal_client) and JavaScript (@fal-ai/client).

import { address } from "./calls.js";
import { localName } from "./files.js";

const LONG = 200;

/** The three snippets for a call; `app` is the name it is deployed under. */
export function snippets({ path, streaming, values, app }) {
  return {
    curl: curl(path, values, streaming),
    python: python(app, path, values, streaming),
    javascript: javascript(app, path, values, streaming),
  };
}

function curl(path, values, streaming) {
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  const lines = [
    `curl ${streaming ? "-N " : ""}-X POST ${shell(address(path))} \\`,
    "  -H 'Content-Type: application/json' \\",
    ...(local ? [] : ['  -H "Authorization: Key $FAL_KEY" \\']),
  ];
  const marks = new Map();
  const body = JSON.stringify(marked(values, marks), null, 2);
  if (!marks.size) return [...lines, `  -d ${shell(body)}`].join("\n");
  const escaped = body.replace(/[\\$`]/g, "\\$&");
  const filled = fill(escaped, marks, (name, url) =>
    name ? `"data:${mediaType(url)};base64,$(base64 < ${shell(name)} | tr -d '\\n')"` : JSON.stringify(`${url.slice(0, 60)}…`));
  return [...lines, "  -d @- <<EOF", filled, "EOF"].join("\n");
}

function python(app, path, values, streaming) {
  const marks = new Map();
  const body = pythonValue(marked(values, marks), 0);
  const filled = fill(body, marks, (name, url) =>
    name ? `fal_client.upload_file(${JSON.stringify(name)})` : JSON.stringify(`${url.slice(0, 60)}…`));
  const target = JSON.stringify(path === "/" ? app : app + path);
  if (streaming) {
    return `import fal_client\n\nfor event in fal_client.stream(\n    ${JSON.stringify(app)},\n    arguments=${indented(filled, 4)},\n${path === "/stream" ? "" : `    path=${JSON.stringify(path)},\n`}):\n    print(event)`;
  }
  return `import fal_client\n\nresult = fal_client.subscribe(\n    ${target},\n    arguments=${indented(filled, 4)},\n)\nprint(result)`;
}

function javascript(app, path, values, streaming) {
  const marks = new Map();
  const body = JSON.stringify(marked(values, marks), null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, "$1$2:");
  const filled = fill(body, marks, (name, url) =>
    name ? `await fal.storage.upload(file) /* ${name} */` : JSON.stringify(`${url.slice(0, 60)}…`));
  const head = 'import { fal } from "@fal-ai/client";\n\n';
  const target = JSON.stringify(path === "/" || streaming ? app : app + path);
  if (!streaming) {
    return `${head}const result = await fal.subscribe(${target}, {\n  input: ${indented(filled, 2)},\n});\nconsole.log(result.data);`;
  }
  const other = path === "/stream" ? "" : `  path: ${JSON.stringify(path)},\n`;
  return `${head}const stream = await fal.stream(${target}, {\n  input: ${indented(filled, 2)},\n${other}});\nfor await (const event of stream) console.log(event);\nconsole.log(await stream.done());`;
}

/** Put a mark in the place of every file that came from here, or is too long to be read. */
function marked(value, marks) {
  if (typeof value === "string" && (localName(value) || (value.startsWith("data:") && value.length > LONG))) {
    const mark = `@@file-${marks.size}@@`;
    marks.set(mark, value);
    return mark;
  }
  if (Array.isArray(value)) return value.map((one) => marked(one, marks));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, marked(one, marks)]));
}

function fill(text, marks, write) {
  return [...marks].reduce((filled, [mark, url]) => filled.replace(JSON.stringify(mark), () => write(localName(url), url)), text);
}

/** A JSON value as Python writes it. */
function pythonValue(value, depth) {
  const pad = "    ".repeat(depth + 1);
  const close = "    ".repeat(depth);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return value.length ? `[${value.map((one) => pythonValue(one, depth)).join(", ")}]` : "[]";
  const rows = Object.entries(value).map(([key, one]) => `${pad}${JSON.stringify(key)}: ${pythonValue(one, depth + 1)},\n`);
  return rows.length ? `{\n${rows.join("")}${close}}` : "{}";
}

const indented = (text, by) => text.replace(/\n/g, `\n${" ".repeat(by)}`);
const shell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const mediaType = (url) => url.slice(5, url.indexOf(";"));
