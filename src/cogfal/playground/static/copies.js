// One run, three ways: as a link, as a line of `cogfal predict`, and as a test for pytest.

import { byId, copyButton } from "./dom.js";
import { linkTo } from "./links.js";
import { localName, mapTexts } from "./names.js";
import { isMedia, urlKind } from "./media.js";
import { outputOf } from "./output.js";
import { python, shell, string } from "./quoting.js";

const KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(" "));

/** Offer a finished run to be copied; `fields` are those of its endpoint. */
export function offerCopies(run, fields) {
  const secrets = new Set(fields.filter((field) => field.kind === "secret").map((field) => field.name));
  const open = Object.fromEntries(Object.entries(run.inputs).filter(([name]) => !secrets.has(name)));
  const place = byId("copies");
  place.hidden = run.state !== "succeeded";
  place.replaceChildren("Copy this run as ", copyButton(() => linkTo(run.path, open), "Link"),
    copyButton(() => predictLine(run, fields), "cogfal predict"), copyButton(() => pytestCase(run, secrets), "pytest"));
}

const variable = (name) => name.toUpperCase().replace(/\W/g, "_");
const atName = (value) => mapTexts(value, (text) => (localName(text) ? `@${localName(text)}` : text));

/** The command that runs the same again, in the project's directory and beside the files it names. */
export function predictLine(run, fields) {
  const kinds = new Map(fields.map((field) => [field.name, field]));
  const words = ["cogfal", run.path === "/train" ? "train" : "predict"];
  const rest = {};
  for (const [name, value] of Object.entries(run.inputs)) {
    const { kind, schema } = kinds.get(name) ?? {};
    if (kind === "secret") words.push(`-i ${shell(`${name}=`)}"$${variable(name)}"`);
    else if (localName(value)) words.push(`-i ${shell(`${name}=@${localName(value)}`)}`);
    else if (isPlain(value, schema)) words.push(`-i ${shell(`${name}=${value}`)}`);
    else rest[name] = atName(value);
  }
  if (Object.keys(rest).length) words.push(`--json ${shell(JSON.stringify(rest))}`);
  return words.join(" ");
}

/** Whether `-i` takes a value for what it is. */
function isPlain(value, schema) {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return typeof value === "string" && schema?.type === "string" && !value.startsWith("@");
}

/** A test for the fixture `predictor` (or `trainer`) that expects what came back. */
export function pytestCase(run, secrets) {
  const fixture = run.path === "/train" ? "trainer" : "predictor";
  const write = (value) => python(value, (name) => `Path(${string(name)})`, 1);
  const told = Object.entries(run.inputs).map(([name, value]) => [name, secrets.has(name) ? `os.environ[${string(variable(name))}]` : write(value)]);
  const simple = told.every(([name]) => /^[A-Za-z_]\w*$/.test(name) && !KEYWORDS.has(name));
  const inputs = simple ? told.map(([name, text]) => `${name}=${text}`).join(", ") : `**{${told.map(([name, text]) => `${string(name)}: ${text}`).join(", ")}}`;
  const body = [`output = ${fixture}.run(${inputs})`, "", ...expectations(run.answer)];
  const imports = [inputs.includes("os.environ[") && "import os", /\bPath\(/.test(inputs) && "from pathlib import Path"].filter(Boolean);
  const about = Object.values(run.inputs).find((value) => typeof value === "string" && !value.startsWith("data:")) ?? "run";
  const title = about.toLowerCase().replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 40).replace(/_+$/, "") || "run";
  return [...imports, ...(imports.length ? ["", ""] : []), `def test_${title}(${fixture}):`, ...body.map((line) => (line ? `    ${line}` : ""))].join("\n") + "\n";
}

function expectations(answer) {
  const rest = outputOf(answer ?? {});
  const whole = Object.keys(rest).length === 1 && "output" in rest;
  if (whole) return expected("output", rest.output);
  return Object.entries(rest).flatMap(([name, value]) => expected(`output[${string(name)}]`, value));
}

/** What is asserted of a value: files are there, and everything else is the same. */
function expected(name, value) {
  if (isFile(value)) return [`assert ${name}.is_file()`];
  if (Array.isArray(value) && value.length && value.every(isFile)) return [`assert len(${name}) == ${value.length}`];
  return [`assert ${name} == ${python(value, () => "None", 1)}`];
}

const isFile = (value) => isMedia(value) || (typeof value === "string" && Boolean(urlKind(value)));
