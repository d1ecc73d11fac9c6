// Show the little Markdown that descriptions have, as elements: nothing of it is ever read as HTML.

import { h } from "./dom.js";

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|(?<![\w*])[*_]([^*_\s](?:[^*_]*[^*_\s])?)[*_](?![\w*])|\[([^\]]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()]*[^\s<>().,;:!?'"])/g;

/** The blocks of a text: paragraphs, lists, code and headings. */
export function markdown(text) {
  return blocksOf(text.replace(/\r\n?/g, "\n")).map(block);
}

/** One line's worth of it: code, strong, emphasis and links. */
export function inline(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(at, found.index));
    parts.push(span(found));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)].filter(Boolean);
}

function span([whole, code, strong, emphasis, words, target, bare]) {
  if (code) return h("code", {}, code);
  if (strong) return h("strong", {}, inline(strong));
  if (emphasis) return h("em", {}, inline(emphasis));
  if (bare) return link(bare, bare);
  return link(target, words) ?? whole;
}

/** A link to another page, and only to one: no scheme but those of the web and of mail. */
function link(target, words) {
  if (!/^(https?:\/\/|mailto:)/i.test(target) || !URL.canParse(target)) return null;
  return h("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, words);
}

function blocksOf(text) {
  const parts = text.split(/(^```[^\n]*\n[\s\S]*?^```[ \t]*$)/m);
  return parts.flatMap((part, index) => (index % 2 ? [part] : part.split(/\n[ \t]*\n/))).filter((part) => part.trim());
}

function block(text) {
  const fenced = text.match(/^```[^\n]*\n([\s\S]*?)\n?```\s*$/);
  if (fenced) return h("pre", { tabIndex: 0 }, fenced[1]);
  const lines = text.trim().split("\n");
  if (lines.every((line) => /^\s*([-*]\s|\s)/.test(line)) && /^\s*[-*]\s/.test(lines[0])) return list("ul", lines, /^\s*[-*]\s+/);
  if (/^\s*\d+[.)]\s/.test(lines[0])) return list("ol", lines, /^\s*\d+[.)]\s+/);
  const heading = lines.length === 1 && lines[0].match(/^#{1,6}\s+(.*)/);
  if (heading) return h("p", {}, h("strong", {}, inline(heading[1])));
  return h("p", {}, lines.map((line, index) => [index ? h("br") : null, ...inline(line.trim())]).flat());
}

/** A list; a line without a mark of its own goes on with the item before. */
function list(tag, lines, mark) {
  const items = [];
  for (const line of lines) {
    if (mark.test(line) || !items.length) items.push(line.replace(mark, ""));
    else items.push(`${items.pop()} ${line.trim()}`);
  }
  return h(tag, {}, items.map((item) => h("li", {}, inline(item))));
}
