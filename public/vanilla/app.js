// Starts the no-build page: the feed of the tenant that its address names, or the choice of a tenant.
import { byId } from "./dom.js";
import { TenantPage } from "./page.js";
import { tenantOf } from "./rules.js";

const tenant = tenantOf(location.search);
const own = tenant ?? "";
const form = byId("tenant-form");
const select = byId("tenant");
const open = byId("open");
/** Whether a key is moving through the closed dropdown: such a choice waits for Enter or "Open". */
let isMoving = false;

const showOpen = () => (open.hidden = select.value === own);
select.addEventListener("keydown", (event) => {
  isMoving = !event.altKey && /^([^ ]|Arrow.*|Page.*|Home|End)$/.test(event.key);
  setTimeout(() => (isMoving = false)); // the choice of a key comes before
  if (event.key !== "Enter" || open.hidden) return;
  event.preventDefault(); // some engines would open the list
  form.requestSubmit();
});
select.addEventListener("change", () => {
  showOpen();
  if (!isMoving && !open.hidden) form.requestSubmit();
});
addEventListener("pageshow", () => {
  select.value = own; // the browser may have restored another
  showOpen();
});
byId("unknown").hidden = tenant !== null || !new URLSearchParams(location.search).has("tenant");
if (tenant) new TenantPage(tenant);
document.documentElement.dataset.client = "ready";
