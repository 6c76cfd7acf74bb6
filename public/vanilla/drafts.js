// Keeps each tenant's draft in the session storage, if the browser allows it: the page works without drafts.

// The live page keeps its drafts under the same name in the same form, so that a draft goes along from page to page.
const nameOf = (tenant) => `draft.${tenant}`;
const isText = (value) => typeof value === "string";
const isAttempt = ({ text, key }) => isText(text) && isText(key) && /^[\x21-\x7e]{1,128}$/.test(key);

/** The tenant's draft: the `text` as typed, and the last `attempt` to post it, if any. Anything else is ignored. */
export function readDraft(tenant) {
  try {
    const { text, attempt } = JSON.parse(sessionStorage.getItem(nameOf(tenant)));
    return { text: isText(text) ? text : "", attempt: attempt && isAttempt(attempt) ? attempt : null };
  } catch {
    return { text: "", attempt: null };
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
