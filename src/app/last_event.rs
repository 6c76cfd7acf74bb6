//! Renders how long ago the last event was, which tells a quiet feed from a broken one.

use leptos::prelude::*;

use super::{
    erased::{Words, flag, text},
    feed_clock::Clock,
    words,
};
use crate::client::driver::FeedState;

/// The age of the newest event, by the server's clock. It shows nothing before the first hello.
#[component]
pub fn LastEvent(
    /// The feed's state.
    state: RwSignal<FeedState>,
    /// The clocks of the page.
    clock: Clock,
) -> impl IntoView {
    let newest = move || state.read().newest;
    let age = move || clock.server().map_or_else(String::new, |now| words::last_event(newest(), now));
    view! {
        <p class="last-event">
            <span hidden=flag(move || newest().is_none() || clock.server().is_none())>"last event "</span>
            <Words of=text(age) />
        </p>
    }
}
