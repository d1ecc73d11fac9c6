// Links that carry the inputs: `#input=` and JSON, without secrets and without local files.

import { localName } from "./names.js";

/** The address of the page with some inputs, which must hold no secrets. */
export function linkTo(path, values) {
  const open = Object.fromEntries(Object.entries(values).filter(([, value]) => !holdsFile(value)));
  const endpoint = path === "/" ? "" : `&endpoint=${encodeURIComponent(path)}`;
  return `${location.href.split("#")[0]}#input=${encodeURIComponent(JSON.stringify(open))}${endpoint}`;
}

/** What the link says that led here, `{path, values}`, once; null where it says nothing usable. */
export function takeLink() {
  const said = new URLSearchParams(location.hash.slice(1));
  const input = said.get("input");
  if (input === null) return null;
  history.replaceState(null, "", location.href.split("#")[0]);
  try {
    const values = JSON.parse(input);
    return values && typeof values === "object" && !Array.isArray(values) ? { path: said.get("endpoint") ?? "/", values } : null;
  } catch {
    return null;
  }
}

function holdsFile(value) {
  if (typeof value === "string") return Boolean(localName(value));
  return value !== null && typeof value === "object" && Object.values(value).some(holdsFile);
}
