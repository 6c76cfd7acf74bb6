// Sends the API's two requests: read a tenant's list, and post a message to it.
import { PROXY_ANSWER } from "./words.js";

/** Time limit of an answer. */
const TIMEOUT_MS = 10_000;

/** Sends one request. The tenant's header is the credential. A refusal is thrown in the server's words. */
async function request(tenant, { headers, signal, ...options }) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch("/events", {
    headers: { "X-Tenant-ID": tenant, ...headers },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...options,
  }).catch(() => {
    throw new Error("The server cannot be reached. Your text is kept here.");
  });
  if (response.ok) return response;
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `The server answered ${response.status}. Your text is kept here.`);
}

/** Reads the tenant's list, newest first, with the position that it ends at. */
export async function readList(tenant, signal) {
  const response = await request(tenant, { signal });
  const [epoch, position] = response.headers.get("Feed-Position").split(":");
  const seq = Number(position);
  const events = await response.json();
  return { epoch, seq, kept: events.length, entries: events.map((event, i) => ({ seq: seq - i, event })) };
}

/** Posts a message, and returns its event. A repeat of a key posts nothing. A failure is thrown in plain words. */
export async function postMessage(tenant, message, key) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  const response = await request(tenant, { method: "POST", headers, body: JSON.stringify({ message }) });
  const event = await response.json().catch(() => null);
  if (response.status !== 201 || event?.tenant_id !== tenant) throw new Error(PROXY_ANSWER);
  return event;
}
