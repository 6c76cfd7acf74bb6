//! Closures and effects of the views as few types, and the elements that follow them.
//!
//! Leptos compiles the effect behind each closure of a view again, since each closure is a type of its own. Behind one
//! pointer for texts, one for attributes and one for conditions, the pages' sixty closures share three.
//!
//! A changing text belongs to an element, never to a text node: a translator replaces text nodes by elements of its own,
//! and a client that holds such a node then writes to a removed node.

use std::sync::Arc;

use leptos::{prelude::*, tachys::renderer::types::Element};

use crate::client::browser;

/// A value that is computed again whenever what it reads has changed.
pub type Erased<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// The value of an attribute; none if the element does not have it.
pub(super) type Value = Erased<Option<&'static str>>;

/// An attribute that is present or absent.
pub(super) fn flag(compute: impl Fn() -> bool + Send + Sync + 'static) -> Value {
    Arc::new(move || compute().then_some(""))
}

/// An attribute whose value is one of a few words.
pub(super) fn word(compute: impl Fn() -> &'static str + Send + Sync + 'static) -> Value {
    Arc::new(move || Some(compute()))
}

/// A condition, for [`Hides`].
pub(super) fn condition(compute: impl Fn() -> bool + Send + Sync + 'static) -> Erased<bool> {
    Arc::new(compute)
}

/// A text for people.
pub(super) fn text<T: Into<String>>(compute: impl Fn() -> T + Send + Sync + 'static) -> Erased<String> {
    Arc::new(move || compute().into())
}

/// Runs `act` now, and again whenever what it reads has changed.
pub(super) fn effect(act: impl FnMut() + 'static) {
    let mut act: Box<dyn FnMut()> = Box::new(act);
    Effect::new(move |_| act());
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
    let mut last = None;
    effect(move || {
        let text = text();
        if last.as_ref() != Some(&text) {
            browser::set_text(&element, &text);
            last = Some(text);
        }
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

/// The value of a condition now, for what the server renders.
pub(super) fn now(condition: &Erased<bool>) -> bool {
    untrack(|| condition())
}

/// A directive: hides an element that can have the focus. The server renders its `hidden` attribute.
pub(super) fn hides(element: Element, Hides { when, next }: Hides) {
    effect(move || browser::set_hidden(&element, when(), next));
}
