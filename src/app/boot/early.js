// Records posts and pauses before the client runs, so that start.js can repeat them. It runs in the head.
const early = { post: false, pause: false };

/** The client's state: "ready" if it runs, "failed" if it cannot run, undefined before. */
const clientState = () => document.documentElement.dataset.client;

function keepPost(event) {
  event.preventDefault();
  early.post = true;
  // This page cannot post without the client. The link leads to the no-build page, which can.
  if (clientState() === "failed") document.querySelector("#client-failed a").focus();
}

function onSubmit(event) {
  if (clientState() !== "ready" && event.target.id !== "tenant-form") keepPost(event);
}

function onKeydown(event) {
  const isEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
  if (matchMedia("(hover: none) and (pointer: coarse)").matches) return; // there, Enter breaks the line
  if (clientState() !== "ready" && event.target.id === "message" && isEnter && !event.repeat) keepPost(event);
}

function onClick({ target }) {
  if (!clientState() && target.closest("#pause")) early.pause = !early.pause;
}

addEventListener("submit", onSubmit, true);
addEventListener("keydown", onKeydown, true);
addEventListener("click", onClick, true);
