//! The headers that every answer carries, so that no page can be framed, sniffed or scripted from elsewhere.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// On every answer.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Completes an answer: what it has set itself stays.
pub(super) fn complete(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    let html = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if html && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        headers.insert(header::CONTENT_SECURITY_POLICY, content_security_policy(&nonce));
    }
}

/// The policy of a page whose inline scripts carry `nonce` (CSP level 3). Scripts come from here or carry it, and
/// WebAssembly may be compiled; everything else comes from here, or not at all.
pub(super) fn content_security_policy(nonce: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a nonce is visible ASCII")
}
