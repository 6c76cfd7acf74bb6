//! The alarm that nobody should ever see (contract, "A client's duty", 5).

use leptos::prelude::*;

/// Says that something of another tenant came, and was dropped. It stays until the page is loaded anew.
#[component]
pub(super) fn BreachAlarm(
    /// How many times that has happened.
    breaches: impl Fn() -> u64 + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <div role="alert" id="breach" class="bar" hidden=move || breaches() == 0>
            {move || {
                (breaches() > 0).then_some("Isolation alarm: an event of another tenant was received and dropped.")
            }}
        </div>
    }
}
