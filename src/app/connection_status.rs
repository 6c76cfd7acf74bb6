//! The connection in words, for eyes; what a screen reader hears goes through the page's one announcer.

use leptos::prelude::*;

use crate::{
    client::{Millis, browser, live, reconnect::Status},
    feed::Tenant,
};

/// The state's name and words. A pause is the page's own, and only what is live can be paused.
pub(super) fn state(status: &Status, paused: bool, now: Millis) -> (&'static str, String) {
    match status {
        Status::Live if paused => ("paused", String::from("Paused")),
        status => (status.slug(), status.label_at(now)),
    }
}

/// Shows the state at all times (contract, "A client's duty", 4), and "Retry now" where that can help.
#[component]
pub fn ConnectionStatus(
    /// Whose connection it is.
    tenant: Tenant,
    /// The connection.
    status: RwSignal<Status>,
    /// Whether a person has paused the list.
    #[prop(into)]
    paused: Signal<bool>,
    /// Changes every second.
    seconds: RwSignal<u32>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        let status = status.get();
        if matches!(status, Status::Reconnecting { .. }) {
            seconds.track();
        }
        state(&status, paused.get(), browser::now())
    });
    view! {
        <div class="connection">
            <span data-connection=move || shown.get().0>{move || shown.get().1}</span>
            <button
                type="button"
                class="quiet"
                hidden=move || !status.read().can_retry()
                on:click=move |_| live::retry_now(tenant)
            >
                "Retry now"
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_never_hides_trouble() {
        assert_eq!(state(&Status::Live, true, 0.0).0, "paused");
        assert_eq!(state(&Status::Live, false, 0.0).0, "live");
        assert_eq!(state(&Status::Offline, true, 0.0), ("offline", String::from("Offline")));
    }
}
