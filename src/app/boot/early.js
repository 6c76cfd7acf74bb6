// Runs in the head: keeps what people do before the client runs, so that it is done then.
const early = { post: false, pause: false };
const isReady = () => document.documentElement.dataset.client === "ready";

addEventListener(
  "submit",
  (event) => {
    if (isReady() || event.target.id === "tenant-form") return;
    event.preventDefault();
    early.post = true;
  },
  true,
);

addEventListener(
  "keydown",
  (event) => {
    const isEnter = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
    if (isReady() || event.target.id !== "message" || !isEnter) return;
    event.preventDefault();
    early.post = true;
  },
  true,
);

addEventListener(
  "click",
  ({ target }) => {
    if (!isReady() && target.closest("#pause")) early.pause = !early.pause;
  },
  true,
);
