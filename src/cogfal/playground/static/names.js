// Local files among the inputs: a file travels as a data URL, and is shown and kept by its name.

const names = new Map();
const ENDINGS = { "image/jpeg": "jpg", "image/svg+xml": "svg", "audio/mpeg": "mp3", "text/plain": "txt" };

/** The name of the local file that a data URL was made from, if it was. */
export const localName = (url) => names.get(url);

/** Note the name of the file that a data URL was made from, and make one up for a URL without; returns the URL. */
export function named(url, name) {
  const type = url.slice(5).split(/[;,]/)[0];
  if (url.startsWith("data:") && !names.has(url)) names.set(url, name ?? `input.${ENDINGS[type] ?? type.match(/\/(?:x-)?(\w+)$/)?.[1] ?? "bin"}`);
  return url;
}

/** Read a file or blob as a data URL that remembers its name. */
export function dataUrl(blob, name = blob.name) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(named(reader.result, name));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** A copy of a JSON value with `change` made to each of its texts. */
export function mapTexts(value, change) {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((one) => mapTexts(one, change));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapTexts(one, change)]));
}

const key = (url) => `${url.slice(0, 64)}#${url.length}`;

/** The names of the local files among some values, to be kept beside them. */
export function namesIn(values) {
  const found = {};
  mapTexts(values, (text) => { if (names.has(text)) found[key(text)] = names.get(text); return text; });
  return found;
}

/** Give the local files among some values back the names that `namesIn` found. */
export function restoreNames(values, found) {
  mapTexts(values, (text) => (found?.[key(text)] ? named(text, found[key(text)]) : text));
}

/** Values with `@name` in place of each local file, and what puts the files back. */
export function withNames(values) {
  const files = new Map();
  const token = (url) => {
    for (let count = 1; ; count += 1) {
      const name = `@${localName(url)}${count > 1 ? `#${count}` : ""}`;
      if ((files.get(name) ?? url) === url) { files.set(name, url); return name; }
    }
  };
  const shown = mapTexts(values, (text) => (localName(text) ? token(text) : text));
  return { shown, restore: (edited) => mapTexts(edited, (text) => files.get(text) ?? text) };
}
