//! Compares entity tags, so that a client gets `304` for what it already has (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, header};

/// The first of these tags that an `If-None-Match` of a request names, by weak comparison. `*` names every tag.
pub(crate) fn known<T: AsRef<[u8]>>(headers: &HeaderMap, tags: impl IntoIterator<Item = T>) -> Option<T> {
    let lines = || headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let names = |tag: &T| lines().any(|line| names(line, tag.as_ref()));
    tags.into_iter().find(names)
}

fn names(line: &str, tag: &[u8]) -> bool {
    let mut named = line.split(',').map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named).as_bytes() == tag)
}
