//! The alarm that nobody should ever see (contract, "A client's duty", 5).

use leptos::prelude::*;

/// Says that something of another tenant came, and was dropped. It stays until the page is loaded anew.
#[component]
pub fn BreachAlarm(
    /// How many times that has happened.
    breaches: Signal<u64>,
) -> impl IntoView {
    view! {
        <div role="alert" id="breach" class="bar" hidden=move || breaches.get() == 0>
            {move || {
                (breaches.get() > 0).then_some("Isolation alarm: an event of another tenant was received and dropped.")
            }}
        </div>
    }
}
