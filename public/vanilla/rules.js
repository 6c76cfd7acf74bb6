// Holds the rules that the server and every client share: which tenants exist, and what a message may contain.

export const TENANTS = { tenant_a: "Tenant A", tenant_b: "Tenant B" };

/** Maximum length of a message, in code points. */
export const MAX_LENGTH = 500;

/** The one tenant that an address names, or null. */
export function tenantOf(search) {
  const named = new URLSearchParams(search).getAll("tenant");
  return named.length === 1 && Object.hasOwn(TENANTS, named[0]) ? named[0] : null;
}

/** A text without white space in front. Rust's White_Space has U+0085 and lacks U+FEFF, unlike `String.trimStart`. */
export const trimStart = (text) => text.toWellFormed().replace(/^\p{White_Space}+/u, "");

/** A message as the server keeps it. */
export const normalise = (text) =>
  trimStart(text.replaceAll("\r\n", "\n")).replace(/(?<!\p{White_Space})\p{White_Space}+$/u, "");

/** The length of a text in code points, as the server counts. */
export const lengthOf = (text) => [...text].length;

/** Why a normalised message cannot be posted, in plain words, or "". */
export function refusal(text) {
  if (text === "") return "Write a message first.";
  const over = lengthOf(text) - MAX_LENGTH;
  if (over > 0) return `${over.toLocaleString("en")} character${over === 1 ? "" : "s"} over the ${MAX_LENGTH} limit.`;
  const [control] = /[^\P{Cc}\n\t]/u.exec(text) ?? [];
  if (control === undefined) return "";
  const position = lengthOf(text.slice(0, text.indexOf(control))) + 1;
  const code = control.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  return `Character ${position} is a control character (U+${code}). Remove it to post.`;
}

/** A new idempotency key. A page on plain http has no `crypto.randomUUID`. */
export const newKey = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
