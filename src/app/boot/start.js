// Starts the client, and repeats what people did before it ran. If it cannot start, a line on the page tells them.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

// Each address begins with the origin: a page whose own address has a user and a password must not pass them on.
const at = (path) => location.origin + path;
const linked = (id) => at(byId(id).getAttribute("href"));

function fail() {
  root.dataset.client = "failed";
  byId("client-failed").hidden = false;
}

/** Replaces the page. The typed text and the focus stay. */
function put(page) {
  const [field, tenant, focused] = [byId("message"), byId("tenant"), document.activeElement.id];
  byId("app").replaceWith(page);
  if (tenant && byId("tenant")) byId("tenant").value = tenant.value;
  if (field && byId("message")) {
    byId("message").value = field.value;
    byId("message").setSelectionRange(field.selectionStart, field.selectionEnd, field.selectionDirection);
  }
  if (focused) byId(focused)?.focus({ preventScroll: true });
}

/** Loads an instance of the client. Another `query` makes another one: an instance that has failed is of no use. */
async function load(query) {
  const client = await import(linked("client-js") + query);
  await client.default({ module_or_path: linked("client-wasm") });
  return client;
}

/** Lets the client take over the page as it was, whatever was done to it since. */
function start(client, page) {
  if (!page.isEqualNode(byId("app"))) put(page);
  performance.mark("hydrate");
  if (!client.hydrate()) throw new Error("the page is not as the server rendered it");
}

/** Starts on the page as the server renders it now: the copy may have been taken too late. */
async function startAfresh() {
  const client = await load("?again");
  const answer = await fetch(at(location.pathname + location.search));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  byId("page").textContent = page.getElementById("page").textContent;
  start(client, document.adoptNode(page.getElementById("app")));
}

try {
  await load("")
    .then((client) => start(client, pristine))
    .catch(startAfresh);
  addEventListener("error", ({ error }) => error instanceof WebAssembly.RuntimeError && fail());
  root.dataset.client = "ready";
  if (early.pause) byId("pause")?.click();
  if (early.post) byId("message")?.form.requestSubmit();
} catch (error) {
  fail();
  throw error;
}
