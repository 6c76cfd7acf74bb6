// Starts the no-build page: the feed of the tenant that its address names, or the choice of a tenant.
import { byId } from "./dom.js";
import { TenantPage } from "./page.js";
import { tenantOf } from "./rules.js";

const tenant = tenantOf(location.search);
const select = byId("tenant");
addEventListener("pageshow", () => (select.value = tenant ?? "")); // the browser may have restored another
select.addEventListener("change", () => byId("tenant-form").requestSubmit());
if (tenant) new TenantPage(tenant);
document.documentElement.dataset.client = "ready";
