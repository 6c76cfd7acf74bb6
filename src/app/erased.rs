//! Reduces the closures of the views to three types, and updates elements from them.
//!
//! Each closure is a type of its own, so Leptos would compile the effect behind each closure again. The pages' sixty
//! closures share three types instead: one for texts, one for attributes and one for conditions.
//!
//! A changing text belongs to an element, never to a text node. A translator replaces text nodes by its own elements, and a
//! client that holds such a node would then write to a node that is no longer on the page.

use std::sync::Arc;

use leptos::{ev::MouseEvent, prelude::*, tachys::renderer::types::Element};

use crate::client::browser;

/// A closure that computes a value. An effect calls it again when a signal that it reads has changed.
pub type Erased<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// The value of an attribute; none if the element does not have it.
pub(super) type Value = Erased<Option<&'static str>>;

/// Erases a closure that returns a condition, for an attribute that is present or absent.
pub(super) fn flag(compute: impl Fn() -> bool + Send + Sync + 'static) -> Value {
    Arc::new(move || compute().then_some(""))
}

/// Erases a closure that returns one of a few words, for any other attribute.
pub(super) fn word(compute: impl Fn() -> &'static str + Send + Sync + 'static) -> Value {
    Arc::new(move || Some(compute()))
}

/// Erases a closure that returns a condition, for [`Hides`].
pub(super) fn condition(compute: impl Fn() -> bool + Send + Sync + 'static) -> Erased<bool> {
    Arc::new(compute)
}

/// Erases a closure that returns a text for people.
pub(super) fn text<T: Into<String>>(compute: impl Fn() -> T + Send + Sync + 'static) -> Erased<String> {
    Arc::new(move || compute().into())
}

/// Runs `act` now, and again whenever what it reads has changed.
pub(super) fn effect(act: impl FnMut() + 'static) {
    // A closure in a generic function is a type for each of its callers, so this one is in another function.
    fn run(mut act: Box<dyn FnMut()>) {
        Effect::new(move |_| act());
    }
    run(Box::new(act));
}

/// Erases a listener that needs nothing of its event: Leptos would compile the code around each type of listener again.
pub(super) fn click(mut act: impl FnMut() + 'static) -> Box<dyn FnMut(MouseEvent)> {
    Box::new(move |_| act())
}

/// The value of an ARIA attribute: "true" or "false".
pub(super) const fn yes_or_no(condition: bool) -> &'static str {
    if condition { "true" } else { "false" }
}

/// The class of each element that [`Words`] renders.
const WORDS: &str = "words";

/// A changing text in an element of its own. The server renders it, and in the browser an effect updates it.
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

/// A directive: updates the text of an element.
fn follow(element: Element, text: Erased<String>) {
    // Hydration accepts any element in place of the expected one, so the class is checked.
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

/// The condition that hides a control. Hiding the focused element loses the focus, so another element gets it.
#[derive(Clone)]
pub(super) struct Hides {
    /// Whether the control is hidden.
    pub(super) when: Erased<bool>,
    /// The id of the element that gets the focus.
    pub(super) next: &'static str,
}

/// The current value of a condition, for an attribute that the server renders.
pub(super) fn now(condition: &Erased<bool>) -> bool {
    untrack(|| condition())
}

/// A directive: hides and shows an element that can have the focus. The server renders its `hidden` attribute.
pub(super) fn hides(element: Element, Hides { when, next }: Hides) {
    effect(move || browser::set_hidden(&element, when(), next));
}
