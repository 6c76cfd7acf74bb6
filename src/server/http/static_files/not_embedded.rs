//! Replaces `embedded.rs` without the feature `embed`, with the same signature: the binary holds no site.

use std::collections::BTreeMap;

/// The files of the site in the binary: there is none.
pub(super) const fn files() -> Option<BTreeMap<&'static str, &'static [u8]>> {
    None
}
