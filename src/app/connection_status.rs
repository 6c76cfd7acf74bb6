//! The connection in words, for eyes; what a screen reader hears goes through the page's one announcer. Which state it
//! is in, `client::reconnect` decides.

use leptos::prelude::*;

use super::follow::{flag, text, word};
use crate::{
    client::{
        live::{self, Facts},
        reconnect::Status,
    },
    feed::Tenant,
};

/// The state's name in the markup. A pause is the page's own, and only what is live can be paused.
#[must_use]
pub fn slug(facts: &Facts) -> &'static str {
    if facts.paused && facts.status == Status::Live { "paused" } else { facts.status.slug() }
}

/// The state in words.
#[must_use]
pub fn label(facts: &Facts) -> String {
    match (slug(facts), facts.countdown) {
        ("paused", _) => String::from("Paused"),
        (_, Some(seconds)) => format!("Reconnecting in {seconds} s"),
        _ => facts.status.label(),
    }
}

/// Shows the state at all times (contract, "A client's duty", 4), and "Retry now" where that can help.
#[component]
pub fn ConnectionStatus(
    /// Whose connection it is.
    tenant: Tenant,
    /// The connection's.
    facts: RwSignal<Facts>,
) -> impl IntoView {
    view! {
        <div class="connection">
            <span data-connection=word(move || slug(&facts.read()))>{text(move || label(&facts.read()))}</span>
            <button
                type="button"
                class="quiet"
                hidden=flag(move || !facts.read().status.can_retry())
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
    use crate::client::clock::Instant;

    #[test]
    fn a_pause_never_hides_trouble() {
        let paused = |status| Facts { status, paused: true, ..Facts::default() };
        assert_eq!(label(&paused(Status::Live)), "Paused");
        assert_eq!(slug(&paused(Status::Live)), "paused");
        assert_eq!(label(&paused(Status::Offline)), "Offline");
        assert_eq!(slug(&paused(Status::Offline)), "offline");
    }

    #[test]
    fn a_long_wait_is_counted_down() {
        let status = Status::Reconnecting { since: Instant::new(0.0), at: Instant::new(9_000.0) };
        assert_eq!(
            label(&Facts { status: status.clone(), countdown: Some(4), ..Facts::default() }),
            "Reconnecting in 4 s"
        );
        assert_eq!(label(&Facts { status, ..Facts::default() }), "Reconnecting…");
    }
}
