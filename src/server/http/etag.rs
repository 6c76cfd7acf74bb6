//! Compares entity tags, so that a client gets `304` for what it already has (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether an `If-None-Match` of a request names this tag, by weak comparison. `*` names every tag.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|line| names(line, etag))
}

fn names(line: &HeaderValue, etag: &str) -> bool {
    let Ok(line) = line.to_str() else { return false };
    line.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
