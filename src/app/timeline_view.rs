//! The list of events, newest first: APG's feed pattern, with all that is not an event outside it. Which rows stand in
//! it, `client::shown` decides.

use leptos::{ev, prelude::*};

use super::follow::{flag, text, word, yes_or_no};
use crate::client::{browser, clock::Millis, live::Facts, shown::Row, times};

/// The element that holds the events.
pub(super) const FEED: &str = "feed";
/// Where Ctrl+Home leaves the feed for.
pub(super) const BEFORE: &str = "pause";
/// Where Ctrl+End leaves the feed for.
pub(super) const AFTER: &str = "after-feed";

/// How long an arrival is marked on a page that can be seen (and up to one tick of the clock longer).
const NEW: Millis = 8_000.0;

/// What the clocks show at one look at them.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// For how long the page has been visible: for marks.
    pub visible: Millis,
    /// The server's, in milliseconds since 1970: for ages.
    pub server: i64,
}

/// The events.
#[component]
pub fn TimelineView(
    /// What stands on the page.
    rows: RwSignal<Vec<Row>>,
    /// They name the server's process: an event of another is no longer on the server.
    facts: RwSignal<Facts>,
    /// The clocks, every few seconds and after each hello; `None` before the first.
    clock: RwSignal<Option<Tick>>,
) -> impl IntoView {
    let empty = move || rows.read().is_empty();
    view! {
        <p id="feed-empty" hidden=flag(move || !empty())>
            <strong>"No events yet."</strong>
            " What is posted here appears at once, in every window of this tenant."
        </p>
        <div id=FEED role="feed" aria-label="Events" aria-busy=word(move || yes_or_no(empty())) on:keydown=keys>
            <For each=move || rows.get() key=|row| row.entry.event.id let(row)>
                {view! { <EventView row facts clock /> }.into_any()}
            </For>
        </div>
        <p id=AFTER class="hint" tabindex="-1" hidden=flag(empty)>
            "The list ends here: only the newest events are shown."
        </p>
    }
}

/// The feed pattern's keys.
fn keys(event: ev::KeyboardEvent) {
    match (event.key().as_str(), event.ctrl_key()) {
        ("PageDown", false) => browser::focus_sibling(FEED, true),
        ("PageUp", false) => browser::focus_sibling(FEED, false),
        ("Home", true) => browser::focus(BEFORE),
        ("End", true) => browser::focus(AFTER),
        _ => return,
    }
    event.prevent_default();
}

/// One event. Its text is text: in its own direction, and never markup.
#[component]
pub fn EventView(
    /// The event, and how it came.
    row: Row,
    /// See [`TimelineView`].
    facts: RwSignal<Facts>,
    /// See [`TimelineView`].
    clock: RwSignal<Option<Tick>>,
) -> impl IntoView {
    let Row { epoch, entry, arrived, moves } = row;
    let event = entry.event;
    let moment = event.timestamp.to_string();
    let millis = event.timestamp.millis();
    let told = times::utc(&moment);
    // A thousand rows look at the clock at a time: only where the words change is the rest done.
    let ago = Memo::new(move |_| clock.get().map(|tick| times::ago(millis, tick.server)));
    let shown = move || match ago.get() {
        None => told.clone(),
        Some(ago) => format!("{ago} · {}", browser::local_time(millis)),
    };
    let is_new = arrived.map(|at| flag(move || clock.get().is_none_or(|tick| tick.visible - at < NEW)));
    let gone = flag(move || {
        clock.track();
        facts.read_untracked().epoch.is_some_and(|now| now != epoch)
    });
    view! {
        <article
            tabindex="0"
            aria-labelledby=event.id.to_string()
            data-seq=entry.seq.to_string()
            data-id=event.id.to_string()
            data-new=is_new
            data-moves=moves
            data-gone=gone
        >
            <p class="facts">
                <time datetime=moment.clone() title=format!("{moment} (UTC)")>
                    {text(shown)}
                </time>
                {arrived.map(|_| view! { <span class="mark-new">"New"</span> })}
                <span class="mark-gone">"No longer on the server"</span>
            </p>
            <p dir="auto" class="message" id=event.id.to_string()>
                {event.message.to_string()}
            </p>
        </article>
    }
}
