// Holds the rules that the server and every client share: which tenants exist, and what a message may contain.

export const TENANTS = { tenant_a: "Tenant A", tenant_b: "Tenant B" };

/** Maximum length of a message, in code points. */
export const MAX_LENGTH = 500;

/** The one tenant that an address names, or null. */
export function tenantOf(search) {
  const named = new URLSearchParams(search).getAll("tenant");
  return named.length === 1 && Object.hasOwn(TENANTS, named[0]) ? named[0] : null;
}

/** A message as the server keeps it. Rust's White_Space has U+0085 and lacks U+FEFF, unlike `String.trim`. */
export function normalise(text) {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replace(/^\p{White_Space}+|(?<!\p{White_Space})\p{White_Space}+$/gu, "");
}

/** The length of a text in code points, as the server counts. */
export const lengthOf = (text) => [...text].length;

/** Why a normalised message cannot be posted, in plain words, or "". */
export function refusal(text) {
  if (text === "") return "Write a message first.";
  if (lengthOf(text) > MAX_LENGTH) return `Too long: a message has at most ${MAX_LENGTH} characters.`;
  if (/[^\P{Cc}\n\t]/u.test(text)) return "Control characters other than line breaks and tabs cannot be posted.";
  return "";
}

/** A new idempotency key. A page on plain http has no `crypto.randomUUID`. */
export const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
