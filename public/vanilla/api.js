// Reaches the server: sends the API's two requests, and names the address of the stream.
import { NO_ANSWER, PROXY_ANSWER, notPosted } from "./words.js";

/** Time limit of an answer, and of a connection attempt. */
export const TIMEOUT_MS = 10_000;

// Addresses start from the origin. If the page's own address has a user and a password, a relative address takes them
// over, and browsers refuse to fetch it.

/** The address of the tenant's stream. */
export const streamAddress = (tenant) => `${location.origin.replace("http", "ws")}/ws?tenant=${tenant}`;

/** Sends one request. The tenant's header is the credential. */
const request = (tenant, { headers, ...options }) =>
  fetch(`${location.origin}/events`, { headers: { "X-Tenant-ID": tenant, ...headers }, ...options });

/** Reads the tenant's list, newest first, with the position that it ends at. Any other answer throws. */
export async function readList(tenant, signal) {
  const response = await request(tenant, { signal });
  if (!response.ok) throw new Error(`the list was answered with ${response.status}`);
  const [epoch, position] = response.headers.get("Feed-Position").split(":");
  const seq = Number(position);
  const events = await response.json();
  return { epoch, seq, kept: events.length, entries: events.map((event, i) => ({ seq: seq - i, event })) };
}

/**
 * Posts a message. A repeat of a key posts nothing. Returns its `event`, or else `words` that say why there is none,
 * whether a `retry` may help, and whether the answer `timedOut`.
 */
export async function postMessage(tenant, message, key) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key };
  const body = JSON.stringify({ message });
  let response, answer;
  try {
    response = await request(tenant, { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    answer = await response.json();
  } catch (error) {
    // An answer that is not JSON is an answer too, perhaps of a proxy.
    const isAnswered = error instanceof SyntaxError;
    if (!isAnswered) return { words: NO_ANSWER, retry: true, timedOut: error.name === "TimeoutError" };
  }
  if (response.status === 201 && answer?.tenant_id === tenant) return { event: answer };
  if (response.ok) return { words: PROXY_ANSWER, retry: true };
  // Only the server refuses with a problem (RFC 9457): a proxy's own 502 leaves open what the server did. So does 504.
  const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json");
  const words = isProblem && answer?.detail && response.status !== 504 ? notPosted(answer.detail) : NO_ANSWER;
  return { words, retry: response.status !== 422 };
}
