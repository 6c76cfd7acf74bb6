// Starts the client, and repeats what people did before it ran. If it cannot start, a line on the page tells them.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

// Each address begins with the origin: a page whose own address has a user and a password must not pass them on.
const at = (path) => location.origin + path;
const linked = (id) => at(byId(id).getAttribute("href"));

/** Tells people that the client cannot run, and keeps what they type for the page that can. */
function fail() {
  root.dataset.client = "failed";
  byId("client-failed").hidden = false;
  const keep = () => {
    try {
      const draft = { text: byId("message").value, attempt: null };
      sessionStorage.setItem(`draft.${root.dataset.tenant}`, JSON.stringify(draft));
    } catch {
      // There is no field, or no storage.
    }
  };
  if (byId("message")?.value) keep();
  addEventListener("input", keep);
}

/** A selector of an element that is the same in a copy of the page. */
function selectorOf({ id, dataset, localName, attributes }) {
  if (id) return `#${CSS.escape(id)}`;
  if (dataset.id) return `article[data-id="${CSS.escape(dataset.id)}"]`;
  const href = attributes.href?.value;
  return href ? `${localName}[href="${CSS.escape(href)}"]` : null;
}

/** Replaces the page. The typed text and the focus stay. */
function put(page) {
  const [field, tenant, focused] = [byId("message"), byId("tenant"), selectorOf(document.activeElement)];
  byId("app").replaceWith(page);
  if (tenant && byId("tenant")) byId("tenant").value = tenant.value;
  if (field && byId("message")) {
    byId("message").value = field.value;
    byId("message").setSelectionRange(field.selectionStart, field.selectionEnd, field.selectionDirection);
  }
  if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
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
  const [app, data] = [page.getElementById("app"), page.getElementById("page")];
  if (!answer.ok || !app || !data) throw new Error(`the page was answered with ${answer.status}`);
  byId("page")?.remove();
  document.body.append(document.adoptNode(data));
  if (!byId("app")) document.body.append(Object.assign(document.createElement("div"), { id: "app" }));
  start(client, document.adoptNode(app));
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
