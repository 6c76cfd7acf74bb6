// Starts the client, and repeats posts and pauses from before it ran. If it cannot start, the page shows a notice.
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

// Makes an address absolute. Its origin has no user and no password, even if the page's own address has them.
const at = (path) => location.origin + path;
const linked = (id) => at(byId(id).getAttribute("href"));

/** Shows the notice that the client cannot run, and stores the typed text as a draft for the no-build page. */
function fail() {
  root.dataset.client = "failed";
  byId("client-failed").hidden = false;
  const keep = () => {
    try {
      const draft = { text: byId("message").value, attempt: null };
      sessionStorage.setItem(`draft.${root.dataset.tenant}`, JSON.stringify(draft));
    } catch {
      // The page has no field, or the browser refuses to store.
    }
  };
  if (byId("message")?.value) keep();
  addEventListener("input", keep);
}

/** A CSS selector that also finds the element in a copy of the page; null if there is none. */
function selectorOf({ id, dataset, localName, attributes }) {
  if (id) return `#${CSS.escape(id)}`;
  if (dataset.id) return `article[data-id="${CSS.escape(dataset.id)}"]`;
  const href = attributes.href?.value;
  return href ? `${localName}[href="${CSS.escape(href)}"]` : null;
}

/** Replaces the page, and keeps the typed text and the focus. */
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

/** Loads the client. Each `query` makes an instance of its own, since one that has failed cannot hydrate again. */
async function load(query) {
  const client = await import(linked("client-js") + query);
  await client.default({ module_or_path: linked("client-wasm") });
  return client;
}

/** Lets the client take over `page`. First replaces the current page by it, if the two differ. */
function start(client, page) {
  if (!page.isEqualNode(byId("app"))) put(page);
  performance.mark("hydrate");
  if (!client.hydrate()) throw new Error("the page is not as the server rendered it");
}

/** Starts a new instance on the page as the server renders it now: the copy may have been made too late. */
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
