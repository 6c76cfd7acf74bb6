//! Adds the headers that every answer carries, so that no page can be framed, sniffed or scripted from elsewhere. The
//! headers of a single route are set in its handler.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// On every answer.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The policy of an answer that is not a page: opened as one it shows its text, and nothing runs or loads.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// Completes an answer: what it has set itself stays.
pub(crate) fn complete(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Without content there is none to guard; and in a 304 it would take the place of that of the page that is kept.
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return };
    let html = kind.as_bytes().starts_with(b"text/html");
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert_with(|| if html { policy_of_a_file() } else { NO_PAGE });
}

/// The policy of a page that the server renders, whose inline scripts carry `nonce` (CSP level 3). Scripts come from
/// here or carry it, and WebAssembly may be compiled; styles, images and connections come from here; nothing else comes
/// at all.
pub(crate) fn content_security_policy(nonce: &str) -> HeaderValue {
    HeaderValue::try_from(policy(nonce)).expect("a nonce is visible ASCII")
}

/// The policy of a page that is a file. None of its scripts carries the nonce, and none writes markup: a text that went
/// where markup is read would be refused (Trusted Types).
fn policy_of_a_file() -> HeaderValue {
    let policy = policy(&uuid::Uuid::new_v4().simple().to_string());
    HeaderValue::try_from(policy + "; require-trusted-types-for 'script'; trusted-types 'none'")
        .expect("a uuid is visible ASCII")
}

fn policy(nonce: &str) -> String {
    // `connect-src 'self'` is this host and port, for WebSockets too.
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}
