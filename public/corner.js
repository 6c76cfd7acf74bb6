// The developer's corner of both pages: completes its commands for the address shown, and copies them.

const { origin, search } = location;
const tenant = new URLSearchParams(search).get("tenant");
const result = document.getElementById("corner-result");

/** Copies a text. A page on plain http has no clipboard, and people can forbid it: then it is selected. */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    result.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    result.textContent = "Selected. Copy it with your keyboard or menu.";
  }
}

for (const command of document.querySelectorAll(".command")) {
  const [code, button] = [command.querySelector("code"), command.querySelector("button")];
  const parts = { origin, socket: origin.replace("http", "ws"), tenant };
  code.textContent = code.textContent.replace(/\s+/g, " ").replace(/\{(\w+)\}/g, (all, name) => parts[name] ?? all);
  button.addEventListener("click", () => copy(code));
}
document.getElementById("terminal").open =
  matchMedia("(width >= 100rem)").matches || !document.getElementById("feed-empty").hidden;
