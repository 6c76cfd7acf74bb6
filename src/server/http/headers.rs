//! Adds security headers to every answer: no page can be framed, sniffed or scripted by another site. The headers of a
//! single route are set in its handler.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use crate::app::shell::INLINE_SCRIPTS;

/// The headers of every answer.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The content security policy of an answer that is not a page: if a browser opens it, nothing runs or loads.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// Adds the headers that an answer lacks. Headers that it has stay.
pub(crate) fn complete(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Without content no policy is needed. In a 304 it would replace the policy of the cached page.
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return };
    let html = kind.as_bytes().starts_with(b"text/html");
    let policy = headers.entry(header::CONTENT_SECURITY_POLICY);
    policy.or_insert_with(|| if html { policy_of_a_file() } else { NO_PAGE });
}

/// The content security policy of a page that the server renders. Its inline scripts are allowed by their hashes (CSP level
/// 3), so the page itself does not change from one request to the next.
///
/// Scripts must come from this server or have one of the hashes, and WebAssembly may be compiled. Styles, images and
/// connections must come from this server. Everything else is forbidden.
pub(crate) fn policy_of_a_page() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| header_value(&policy(&INLINE_SCRIPTS)));
    POLICY.clone()
}

/// The content security policy of a page that is a file. It has no inline script. Trusted Types are required and none is
/// allowed, so a browser rejects any text that a script passes as markup.
fn policy_of_a_file() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        header_value(&format!("{}; require-trusted-types-for 'script'; trusted-types 'none'", policy(&[])))
    });
    POLICY.clone()
}

fn policy(inline_scripts: &[&str]) -> String {
    let hash = |script: &&str| format!("'sha256-{}' ", BASE64_STANDARD.encode(Sha256::digest(script)));
    let hashes: String = inline_scripts.iter().map(hash).collect();
    // `connect-src 'self'` allows this host and port, also for WebSockets.
    format!(
        "default-src 'none'; script-src 'self' {hashes}'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

fn header_value(policy: &str) -> HeaderValue {
    HeaderValue::try_from(policy).expect("a policy is visible ASCII")
}
