//! Renders the alarm that nobody should ever see (contract, "A client's duty", 5). `client::session` decides which event is a breach.

use leptos::prelude::*;

use super::erased::{Erased, Words, flag, text};

/// Says that something of another tenant came, and was dropped. It stays until the page is loaded again.
#[component]
pub fn BreachAlarm(
    /// How many times that has happened.
    breaches: Erased<u64>,
) -> impl IntoView {
    let silent = Erased::clone(&breaches);
    let words = move || match breaches() {
        0 => "",
        _ => "Isolation alarm: an event of another tenant was received and dropped.",
    };
    view! {
        <div role="alert" id="breach" class="bar" hidden=flag(move || silent() == 0)>
            <Words of=text(words) />
        </div>
    }
}
