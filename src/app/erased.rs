//! Closures and effects of the views as few types, and the elements that follow them.
//!
//! Leptos compiles the effect behind each closure of a view again, since each closure is a type of its own. Behind one
//! pointer for texts, one for flags and one for words, the pages' sixty closures share three.
//!
//! A changing text belongs to an element, never to a text node: a translator replaces text nodes by elements of its own,
//! and a client that holds such a node then writes to a removed node.

use std::sync::Arc;

use leptos::{prelude::*, tachys::renderer::types::Element};

use crate::client::browser;

/// A value that is computed again whenever what it reads has changed.
pub type Erased<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// A condition, for attributes that are present or absent.
pub(super) fn flag(compute: impl Fn() -> bool + Send + Sync + 'static) -> Erased<bool> {
    Arc::new(compute)
}

/// One of a few words, for all other attributes.
pub(super) fn word(compute: impl Fn() -> &'static str + Send + Sync + 'static) -> Erased<&'static str> {
    Arc::new(compute)
}

/// A text for people.
pub(super) fn text<T: Into<String>>(compute: impl Fn() -> T + Send + Sync + 'static) -> Erased<String> {
    Arc::new(move || compute().into())
}

/// "true" or "false", as ARIA's attributes want them.
pub(super) const fn yes_or_no(condition: bool) -> &'static str {
    if condition { "true" } else { "false" }
}

/// The class of each element that [`Words`] renders.
const WORDS: &str = "words";

/// A text that follows a closure, in an element of its own. The server renders it; in the browser an effect sets it.
#[component]
pub fn Words(
    /// Computes the text.
    of: Erased<String>,
) -> impl IntoView {
    let first = untrack(|| of());
    view! {
        <span class=WORDS use:follow=of>
            {first}
        </span>
    }
}

fn follow(element: Element, text: Erased<String>) {
    // Hydration takes any element for the one that it expects. This one is known by its class.
    browser::expect_attribute(&element, "class", WORDS);
    Effect::new(move |last: Option<String>| {
        let text = text();
        if last.as_ref() != Some(&text) {
            browser::set_text(&element, &text);
        }
        text
    });
}

/// When a control is hidden, and which element takes the focus then, by its id: focus on a hidden element is lost.
#[derive(Clone)]
pub(super) struct Hides {
    /// Whether the control is hidden.
    pub(super) when: Erased<bool>,
    /// The element that takes the focus from it.
    pub(super) next: &'static str,
}

/// The value of a flag now, for what the server renders.
pub(super) fn now(flag: &Erased<bool>) -> bool {
    untrack(|| flag())
}

/// A directive: hides an element that can have the focus. The server renders its `hidden` attribute.
pub(super) fn hides(element: Element, Hides { when, next }: Hides) {
    Effect::new(move |_| browser::set_hidden(&element, when(), next));
}
