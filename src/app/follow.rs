//! What follows the page's state, as few types. No component is here.
//!
//! For each closure in a view, leptos compiles the effect that runs it anew, as each closure is a type of its own. Behind
//! one pointer for texts, one for flags and one for words, the pages' sixty share three.

use std::sync::Arc;

/// A value that is made anew whenever what it reads has changed.
pub(super) type Follow<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// Whether something is so: for attributes that stand there or do not.
pub(super) fn flag(make: impl Fn() -> bool + Send + Sync + 'static) -> Follow<bool> {
    Arc::new(make)
}

/// One of a few words: for all other attributes.
pub(super) fn word(make: impl Fn() -> &'static str + Send + Sync + 'static) -> Follow<&'static str> {
    Arc::new(make)
}

/// A text for people.
pub(super) fn text<T: Into<String>>(make: impl Fn() -> T + Send + Sync + 'static) -> Follow<String> {
    Arc::new(move || make().into())
}

/// "true" or "false", as ARIA's attributes want them.
pub(super) const fn yes_or_no(so: bool) -> &'static str {
    if so { "true" } else { "false" }
}
