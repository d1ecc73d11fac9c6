// Make elements: the one place where text from a schema or an answer enters the page, as text.

/**
 * Make an element. Properties are set as such, `class`, `aria-*`, `role`, `for` and `data-*` as
 * attributes, and `on*` functions as listeners; children are elements or strings, never markup.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(class|for|role|aria-|data-)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A quiet button. */
export const quiet = (words, onclick, more = {}) => h("button", { type: "button", class: "quiet", onclick, ...more }, words);

/** Put text where it can be pasted from, also where the page is not served over HTTPS. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const holder = h("textarea", { value: text, class: "offstage", readOnly: true });
  (document.querySelector("dialog[open]") ?? document.body).append(holder);
  holder.select();
  const copied = document.execCommand("copy");
  holder.remove();
  if (!copied) throw new Error("the browser does not let this page copy");
}

/** A button that copies what `text()` returns, and says so. */
export function copyButton(text, words = "Copy") {
  const button = h("button", { type: "button", class: "quiet copy" }, words);
  button.addEventListener("click", async () => {
    const said = await copy(text()).then(() => "Copied", () => "Cannot copy");
    button.textContent = said;
    setTimeout(() => (button.textContent = words), 1500);
  });
  return button;
}

/** A block of preformatted text with a copy button. */
export function codeBlock(text) {
  return h("div", { class: "block" }, copyButton(() => text), h("pre", { tabIndex: 0 }, text));
}

/** Show something over the page until it is closed; returns the function that closes it. */
export function openDialog(label, content, { closed = () => {}, wide = false } = {}) {
  const dialog = h("dialog", { "aria-label": label, class: wide ? "wide" : "" },
    h("div", { class: "dialog-head" }, h("h2", {}, label), quiet("✕", () => dialog.close(), { "aria-label": "Close" })), content);
  dialog.addEventListener("close", () => { dialog.remove(); closed(); });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return () => dialog.close();
}

/** Turn a `.tabs` container into tabs that arrow keys move between. */
export function makeTabs(container) {
  const list = container.querySelector("[role=tablist]");
  const panels = [...container.querySelectorAll("[role=tabpanel]")];
  const tabs = panels.map((panel) =>
    h("button", { type: "button", role: "tab", id: `tab-${panel.id}`,
      "aria-controls": panel.id, onclick: () => select(panel) }, panel.dataset.label));
  const select = (chosen) => panels.forEach((panel, index) => {
    panel.hidden = panel !== chosen;
    tabs[index].setAttribute("aria-selected", String(panel === chosen));
    tabs[index].tabIndex = panel === chosen ? 0 : -1;
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
    select(panels[next]);
    tabs[next].focus();
  });
  panels.forEach((panel) => panel.setAttribute("aria-labelledby", `tab-${panel.id}`));
  list.append(...tabs);
  select(panels[0]);
  return { select: (id) => select(byId(id)) };
}
