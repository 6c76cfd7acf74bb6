//! Copies a text at the click of a button, and announces the result.

use leptos::{prelude::*, tachys::renderer::types::Element, task::spawn_local};

use crate::client::browser;

/// The live region that tells a screen reader what became of it.
const RESULT: &str = "copied";
/// The attribute of a button whose text was just copied.
const DONE: &str = "data-copied";
/// The attribute of an element whose text is selected for the reader to copy: it must be visible.
pub(super) const SELECTED: &str = "data-selected";
/// How long a button shows that it has copied, in milliseconds.
const SHOWN: u32 = 2_000;

/// The live region: one on a page.
#[component]
pub fn CopyResult() -> impl IntoView {
    view! { <p id=RESULT role="status" class="for-ears"></p> }
}

/// Copies `text` for the button that was clicked. If the page may not, shows the text in `shown_in` if it is not there
/// yet, and selects it there, so that people can copy it themselves.
pub(super) fn copy(button: Element, text: String, shown_in: Option<Element>) {
    // At once: a browser allows it during the click only.
    let copying = browser::copy(&text);
    spawn_local(async move {
        if copying.await {
            tell("Copied");
            browser::set_flag(&button, DONE, true);
            browser::sleep(SHOWN).await;
            browser::set_flag(&button, DONE, false);
        } else if let Some(place) = shown_in {
            tell("Selected. Copy it with your keyboard or menu.");
            browser::set_text(&place, &text);
            browser::set_flag(&place, SELECTED, true);
            browser::select(&place);
            browser::sleep(SHOWN).await;
        }
        tell("");
    });
}

fn tell(result: &str) {
    browser::set_text_of(RESULT, result);
}
