// Runs in the head: keeps what people do before the client runs, so that it is done then.
const early = { post: false, pause: false };

/** Whether the client runs ("ready") or cannot ("failed"); undefined before. */
const clientState = () => document.documentElement.dataset.client;

function keepPost(event) {
  event.preventDefault();
  early.post = true;
  // Without a client nothing can be posted here. The link leads to the page that can post.
  if (clientState() === "failed") document.querySelector("#client-failed a").focus();
}

function onSubmit(event) {
  if (clientState() !== "ready" && event.target.id !== "tenant-form") keepPost(event);
}

function onKeydown(event) {
  const isEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
  if (clientState() !== "ready" && event.target.id === "message" && isEnter && !event.repeat) keepPost(event);
}

function onClick({ target }) {
  if (!clientState() && target.closest("#pause")) early.pause = !early.pause;
}

addEventListener("submit", onSubmit, true);
addEventListener("keydown", onKeydown, true);
addEventListener("click", onClick, true);
