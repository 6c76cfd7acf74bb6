//! Renders the connection's state, for the eye: the page's announcer tells a screen reader. `client::reconnect` decides which
//! state it is.

use leptos::prelude::*;

use super::{
    erased::{Hides, Words, click, condition, hides, now, text, word},
    words,
};
use crate::{
    client::{
        driver::{self, FeedState},
        status::Status,
    },
    feed::Tenant,
};

/// The state's name in the markup. A pause is the page's own, and only what is live can be paused.
#[must_use]
pub fn slug(state: &FeedState) -> &'static str {
    if state.paused && state.status == Status::Live { "paused" } else { state.status.slug() }
}

/// The state in words.
#[must_use]
pub fn label(state: &FeedState) -> String {
    match (slug(state), state.countdown) {
        ("paused", _) => String::from("Paused"),
        (_, Some(seconds)) => format!("Reconnecting in {seconds} s"),
        _ => words::status(&state.status),
    }
}

/// Shows the state at all times (contract, "A client's duty", 4), and "Retry now" if that can help.
#[component]
pub fn ConnectionStatus(
    /// Whose connection it is.
    tenant: Tenant,
    /// The feed's state.
    state: RwSignal<FeedState>,
) -> impl IntoView {
    let id = id(tenant);
    let retry = Hides { when: condition(move || !state.read().status.can_retry()), next: id };
    view! {
        <div class="connection">
            <span id=id tabindex="-1" data-connection=word(move || slug(&state.read()))>
                <Words of=text(move || label(&state.read())) />
            </span>
            <button
                type="button"
                class="quiet"
                hidden=now(&retry.when)
                use:hides=retry
                on:click:capture=click(move || driver::retry_now(tenant))
            >
                "Retry now"
            </button>
        </div>
    }
}

/// The element that shows a tenant's state. Both are on the isolation view.
const fn id(tenant: Tenant) -> &'static str {
    match tenant {
        Tenant::A => "state-tenant_a",
        Tenant::B => "state-tenant_b",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{clock::Instant, status::Wait};

    #[test]
    fn a_pause_never_hides_trouble() {
        let paused = |status| FeedState { status, paused: true, ..FeedState::default() };
        assert_eq!(label(&paused(Status::Live)), "Paused");
        assert_eq!(slug(&paused(Status::Live)), "paused");
        assert_eq!(label(&paused(Status::Offline)), "Offline");
        assert_eq!(slug(&paused(Status::Offline)), "offline");
    }

    #[test]
    fn a_long_wait_is_counted_down() {
        let wait = Wait { since: Instant::new(0.0), until: Instant::new(9_000.0) };
        let status = Status::Reconnecting(Some(wait));
        assert_eq!(
            label(&FeedState { status: status.clone(), countdown: Some(4), ..FeedState::default() }),
            "Reconnecting in 4 s"
        );
        assert_eq!(label(&FeedState { status, ..FeedState::default() }), "Reconnecting…");
    }
}
