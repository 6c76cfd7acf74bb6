//! Adds security headers to every answer: no page can be framed, sniffed or scripted by another site. The headers of a
//! single route are set in its handler.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use super::auto_reload::ReloadScript;
use crate::app::shell::{INLINE_SCRIPTS, Style};

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

/// The content security policy of a page that the server renders. Its inline scripts and style are allowed by their hashes
/// (CSP level 3), so the page itself does not change from one request to the next.
///
/// Scripts and styles must come from this server or have one of the hashes, and WebAssembly may be compiled. Images and
/// connections must come from this server. Everything else is forbidden. In watch mode, the script that reloads the page may
/// also connect to cargo-leptos.
pub(crate) fn policy_of_a_page(style: &Style, reload: Option<&ReloadScript>) -> HeaderValue {
    let scripts = INLINE_SCRIPTS.into_iter().chain(reload.map(|reload| &*reload.text));
    let style = match style {
        Style::Inline(text) => hash(text),
        Style::Linked(_) => String::new(),
    };
    let socket = reload.map(|ReloadScript { port, .. }| format!(" ws://*:{port}")).unwrap_or_default();
    header_value(&policy(&scripts.map(hash).collect::<String>(), &style, &socket))
}

/// A source that allows one inline script or style.
fn hash(text: &str) -> String {
    format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// The content security policy of a page that is a file. It has no inline script. Trusted Types are required and none is
/// allowed, so a browser rejects any text that a script passes as markup.
fn policy_of_a_file() -> HeaderValue {
    header_value(&(policy("", "", "") + "; require-trusted-types-for 'script'; trusted-types 'none'"))
}

/// The content security policy of a page, with additional sources of scripts, styles and connections.
fn policy(scripts: &str, styles: &str, connections: &str) -> String {
    // `connect-src 'self'` allows this host and port, also for WebSockets.
    format!(
        "default-src 'none'; script-src 'self'{scripts} 'wasm-unsafe-eval'; style-src 'self'{styles}; img-src 'self'; \
         connect-src 'self'{connections}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

fn header_value(policy: &str) -> HeaderValue {
    HeaderValue::try_from(policy).expect("a policy is visible ASCII")
}
