// Reaches the server: sends the API's two requests, and names the address of the stream.
import { NO_ANSWER, PROXY_ANSWER, notPosted } from "./words.js";

/** Time limit of an answer. */
const TIMEOUT_MS = 10_000;

// Addresses start from the origin. If the page's own address has a user and a password, a relative address takes them
// over, and browsers refuse to fetch it.

/** The address of the tenant's stream. */
export const streamAddress = (tenant) => `${location.origin.replace("http", "ws")}/ws?tenant=${tenant}`;

/** Sends one request. The tenant's header is the credential. */
function request(tenant, { headers, signal, ...options }) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return fetch(`${location.origin}/events`, {
    headers: { "X-Tenant-ID": tenant, ...headers },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...options,
  });
}

/** Reads the tenant's list, newest first, with the position that it ends at. Any other answer throws. */
export async function readList(tenant, signal) {
  const response = await request(tenant, { signal });
  if (!response.ok) throw new Error(`the list was answered with ${response.status}`);
  const [epoch, position] = response.headers.get("Feed-Position").split(":");
  const seq = Number(position);
  const events = await response.json();
  return { epoch, seq, kept: events.length, entries: events.map((event, i) => ({ seq: seq - i, event })) };
}

/** Posts a message, and returns its event. A repeat of a key posts nothing. A failure is thrown in plain words. */
export async function postMessage(tenant, message, key) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  let response, text;
  try {
    response = await request(tenant, { method: "POST", headers, body: JSON.stringify({ message }) });
    text = await response.text();
  } catch {
    throw new Error(NO_ANSWER);
  }
  const answer = parse(text);
  if (response.status === 201 && answer?.tenant_id === tenant) return answer;
  if (response.ok) throw new Error(PROXY_ANSWER);
  // Only the server refuses with a problem (RFC 9457): a proxy's own 502 leaves open what the server did.
  const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  throw new Error(isProblem && answer?.detail ? notPosted(answer.detail) : NO_ANSWER);
}

/** The value of a JSON text, or null. */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
