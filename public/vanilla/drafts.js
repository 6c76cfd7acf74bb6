// Keeps each tenant's draft in the session storage, if the browser allows it: the page works without drafts.

const nameOf = (tenant) => `draft:${tenant}`;
const isText = (value) => typeof value === "string";
const isAttempt = ({ text, key }) => isText(text) && isText(key) && /^[\x21-\x7e]{1,128}$/.test(key);

/** The tenant's draft: what was `typed`, and the `attempt` to post it, if there was one. Anything else is ignored. */
export function readDraft(tenant) {
  try {
    const { typed, attempt } = JSON.parse(sessionStorage.getItem(nameOf(tenant)));
    return { typed: isText(typed) ? typed : "", attempt: attempt && isAttempt(attempt) ? attempt : null };
  } catch {
    return { typed: "", attempt: null };
  }
}

/** Keeps the tenant's draft, if there is room for it. */
export function storeDraft(tenant, draft) {
  try {
    sessionStorage.setItem(nameOf(tenant), JSON.stringify(draft));
  } catch {
    // It stays in the text field alone.
  }
}
