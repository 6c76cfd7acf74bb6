//! Renders the bar at the top of every page: the product's mark, what the page is about, and the button of the menu.

use leptos::{children::TypedChildren, prelude::*};

/// The id of the menu. The shell renders it, outside of the hydrated part.
pub(super) const MENU: &str = "menu";

/// The bar. It stays in view.
#[component]
pub fn TopBar<C: IntoView + 'static>(
    /// The title of the page, and its state.
    children: TypedChildren<C>,
) -> impl IntoView {
    view! {
        <header class="top">
            <a class="brand" href="/">
                <span>"Event feed"</span>
            </a>
            {children.into_inner()()}
            <button type="button" class="menu" popovertarget=MENU>
                "Menu"
            </button>
        </header>
    }
}
