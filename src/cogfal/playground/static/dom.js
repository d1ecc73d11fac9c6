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
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A button that copies what `text()` returns, and says so. */
export function copyButton(text) {
  const button = h("button", { type: "button", class: "quiet copy" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** A block of preformatted text with a copy button. */
export function codeBlock(text) {
  return h("div", { class: "block" }, copyButton(() => text), h("pre", { tabIndex: 0 }, text));
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
