// Read an OpenAPI document: which endpoints there are, and what kind of widget each input wants.

const SIDE_DOORS = /\/(cancel|stream|health|shutdown)$|^\/(predictions|trainings)(\/|$)/;
const FILE_NAME = /(^|_)(image|video|audio|file|model|data|archive|mask)_urls?$/;

/** Follow `$ref`, a lone `allOf`, and `anyOf` with null, until a schema says its own type. */
export function resolve(schema, document) {
  if (schema.$ref) {
    const target = schema.$ref.slice(2).split("/").reduce((node, key) => node[key], document);
    return resolve({ ...target, ...without(schema, "$ref") }, document);
  }
  if (schema.allOf?.length === 1) {
    return resolve({ ...schema.allOf[0], ...without(schema, "allOf") }, document);
  }
  const variants = schema.anyOf ?? schema.oneOf;
  if (!variants) return schema;
  const real = variants.filter((variant) => variant.type !== "null");
  if (real.length !== 1) return schema;
  const rest = without(without(schema, "anyOf"), "oneOf");
  return resolve({ ...real[0], ...rest, nullable: true }, document);
}

/** The endpoints a form can be made for, the root first. */
export function endpoints(document) {
  return Object.entries(document.paths)
    .filter(([path, item]) => item.post && !SIDE_DOORS.test(path) && bodySchema(item.post))
    .sort(([a], [b]) => a.length - b.length || a.localeCompare(b))
    .map(([path, item]) => endpoint(path, item.post, document));
}

function endpoint(path, operation, document) {
  const stream = `${path === "/" ? "" : path}/stream`;
  const answer = operation.responses?.["200"]?.content?.["application/json"]?.schema;
  return {
    path,
    stream: document.paths[stream]?.post ? stream : null,
    about: operation.description ?? "",
    fields: fields(resolve(bodySchema(operation), document), document),
    answer: answer ? resolve(answer, document) : {},
  };
}

const bodySchema = (operation) => operation.requestBody?.content?.["application/json"]?.schema;

/** The fields of an object schema, in the order that its author gave them. */
export function fields(schema, document) {
  const order = schema["x-fal-order-properties"] ?? Object.keys(schema.properties ?? {});
  const required = new Set(schema.required ?? []);
  return order
    .filter((name) => schema.properties[name])
    .map((name) => field(name, resolve(schema.properties[name], document), required.has(name), document))
    .filter((one) => !one.schema.ui?.hidden);
}

function field(name, schema, required, document) {
  const item = schema.type === "array" ? resolve(schema.items ?? {}, document) : null;
  return {
    name,
    schema,
    item,
    required,
    title: schema.title ?? name,
    kind: item ? listKind(name, schema, item) : kind(name, schema),
    media: mediaKind(name, item ?? schema, schema),
    initial: "default" in schema ? schema.default : schema.examples?.[0],
    main: required || Boolean(schema.ui?.important) || isPrompt(name) || isFile(item ? listKind(name, schema, item) : kind(name, schema)),
    children: schema.properties ? fields(schema, document) : null,
  };
}

function kind(name, schema) {
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.properties) return "group";
  switch (schema.type) {
    case "boolean": return "switch";
    case "integer":
    case "number": return numberKind(name, schema);
    case "string": return stringKind(name, schema);
    default: return "json";
  }
}

function listKind(name, list, item) {
  if (item.enum) return "choices";
  const inner = kind(name, { ...item, ui: item.ui ?? list.ui });
  if (inner === "file") return "files";
  return inner === "json" || inner === "group" ? "json" : "list";
}

function numberKind(name, schema) {
  if (schema.minimum !== undefined && schema.maximum !== undefined) return "slider";
  return schema.type === "integer" && name.endsWith("seed") ? "seed" : "number";
}

function stringKind(name, schema) {
  if (schema.format === "password" || schema.writeOnly || schema["x-cog-secret"]) return "secret";
  const wanted = schema.ui?.field;
  if (["image", "video", "audio", "file"].includes(wanted)) return "file";
  if (schema.format === "uri" || FILE_NAME.test(name)) return "file";
  return wanted === "textarea" || isPrompt(name) ? "textarea" : "text";
}

function mediaKind(name, schema, list) {
  const wanted = schema.ui?.field ?? list.ui?.field;
  if (["image", "video", "audio"].includes(wanted)) return wanted;
  return ["image", "video", "audio"].find((medium) => name.includes(medium)) ?? "file";
}

const isPrompt = (name) => name === "prompt" || name.endsWith("_prompt");
const isFile = (kind) => kind === "file" || kind === "files";

function without(object, key) {
  const { [key]: _, ...rest } = object;
  return rest;
}
