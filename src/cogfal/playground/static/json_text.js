// Read JSON that a person wrote, and say where it is wrong.

/** Text that is not JSON; `line` and `column` count from 1. */
export class NotJson extends Error {
  constructor(text, position) {
    const before = text.slice(0, position).split("\n");
    const [line, column] = [before.length, before.at(-1).length + 1];
    super(`not JSON: line ${line}, column ${column}`);
    Object.assign(this, { line, column, position });
  }
}

/** The value of a JSON text; throws NotJson. */
export function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJson(text, firstFault(text));
  }
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /(?:"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
const KEY = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/** Where a text stops being JSON: browsers say it in words of their own, or not at all. */
function firstFault(text) {
  let at = 0;
  const skip = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return Boolean(found);
  };
  const takes = (character) => {
    skip(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const open = [];
  const value = () => {
    for (;;) {
      if (takes("{")) {
        if (!takes("}")) { open.push("}"); if (!key()) return false; continue; }
      } else if (takes("[")) {
        if (!takes("]")) { open.push("]"); continue; }
      } else if (!skip(SCALAR)) return false;
      for (;;) {
        if (!open.length) return true;
        if (takes(open.at(-1))) { open.pop(); continue; }
        if (!takes(",")) return false;
        if (open.at(-1) === "}" && !key()) return false;
        break;
      }
    }
  };
  const key = () => { skip(SPACE); return skip(KEY) && takes(":"); };
  if (value()) skip(SPACE);
  return at;
}
