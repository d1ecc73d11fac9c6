// A button at each block of code that copies it: of a console, the commands alone.

const commands = (text) =>
  /^\$ /m.test(text)
    ? text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2)).join("\n")
    : text;

for (const block of document.querySelectorAll("div.highlight")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "copy-code", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(commands(block.querySelector("pre").textContent).trimEnd());
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}
