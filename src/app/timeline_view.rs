//! Renders the list of events, newest first: APG's feed pattern, with all that is not an event outside it. `client::visible_list`
//! decides which events have a row.
//!
//! The Tab key finds one row, the current one, and what is in it. Page Up and Page Down lead to the other rows.

use leptos::{ev, html::Div, prelude::*, tachys::renderer::types::Element};
use uuid::Uuid;

use super::{
    composer::FIELD,
    dividers,
    erased::{Words, click, effect, flag, text, word, yes_or_no},
    feed_clock::{Clock, Tick},
    row_actions::{Actions, RowActions},
};
use crate::client::{browser, clock::Millis, driver::FeedState, links, relative_time, visible_list::Row};

/// The element that holds the events.
pub(super) const FEED: &str = "feed";
/// The pause button. Ctrl+Home leaves the feed for it.
pub(super) const PAUSE: &str = "pause";
/// Where Ctrl+End leaves the feed for.
pub(super) const AFTER: &str = "after-feed";

/// How long an arrival is marked on a page that can be seen (and up to one tick of the clock longer).
const NEW: Millis = 8_000.0;

/// The events.
#[component]
pub fn TimelineView(
    /// The rows on the page.
    rows: RwSignal<Vec<Row>>,
    /// It names the server's process: an event of another is no longer on the server.
    state: RwSignal<FeedState>,
    /// How many events the server keeps.
    retain: usize,
    /// The clocks that the rows follow.
    clock: Clock,
    /// The element that holds the events.
    list: NodeRef<Div>,
) -> impl IntoView {
    let actions = Actions::new(rows);
    dividers::keep(list, rows, state, clock);
    effect(move || {
        let _ = rows.read();
        browser::soon(move || {
            if let Some(list) = list.get_untracked() {
                browser::set_current(&list, None::<&Element>);
            }
        });
    });
    let keys = move |event: ev::KeyboardEvent| {
        if let Some(list) = list.get_untracked() {
            actions.move_to(browser::focused(&list));
            keys(&event, &list);
        }
    };
    browser::after_mount(move || {
        let Some(list) = list.get_untracked() else { return };
        let within = list.clone();
        browser::on_row(&list, move |row: Option<Element>, has_focus| {
            if has_focus {
                browser::set_current(&within, row.as_ref());
            }
            actions.move_to(row.or_else(|| browser::focused(&within)));
        });
    });
    let empty = move || rows.read().is_empty();
    // The last row must be one that the server still has: the others are below.
    let is_full = move || {
        let rows = rows.read();
        rows.len() >= retain && rows.last().is_some_and(|row| state.read().epoch == Some(row.epoch))
    };
    view! {
        <div id="feed-empty" hidden=flag(move || !empty())>
            <strong>"No events yet"</strong>
            <p>"What is posted here appears at once, in every window of this tenant."</p>
            <button type="button" class="live-only" on:click:capture=click(|| browser::focus(FIELD))>
                "Write the first event"
            </button>
        </div>
        <div
            node_ref=list
            id=FEED
            role="feed"
            aria-label="Events"
            aria-busy=word(move || yes_or_no(empty()))
            on:keydown:capture=keys
        >
            <For each=move || rows.get() key=|row| row.entry.event.id let(row)>
                <EventView row state clock />
            </For>
        </div>
        <RowActions actions />
        <p id=AFTER class="hint" tabindex="-1" hidden=flag(empty)>
            <Words of=text(move || if is_full() { "That's everything still kept." } else { "" }) />
        </p>
    }
}

/// The feed pattern's keys.
fn keys(event: &ev::KeyboardEvent, list: &Element) {
    match (event.key().as_str(), event.ctrl_key()) {
        ("PageDown", false) => browser::focus_sibling(list, true),
        ("PageUp", false) => browser::focus_sibling(list, false),
        ("Home", true) => browser::focus(PAUSE),
        ("End", true) => browser::focus(AFTER),
        _ => return,
    }
    event.prevent_default();
}

/// One event. Its text is text: each line in its own direction, and never markup.
#[component]
pub fn EventView(
    /// The event, and how it came.
    row: Row,
    /// See [`TimelineView`].
    state: RwSignal<FeedState>,
    /// See [`TimelineView`].
    clock: Clock,
) -> impl IntoView {
    let Row { epoch, entry, arrived, moves, .. } = row;
    let event = entry.event;
    let id = event.id;
    let moment = event.timestamp.to_string();
    let utc = relative_time::utc(&moment);
    let follows = Follows {
        id,
        epoch,
        message: event.message.to_string(),
        millis: event.timestamp.millis(),
        arrived,
        state,
        tick: clock.of(entry.seq),
    };
    view! {
        <article
            tabindex="-1"
            aria-labelledby=id.to_string()
            data-seq=entry.seq.to_string()
            data-id=id.to_string()
            data-new=arrived.is_some()
            data-moves=moves
            use:follow=follows
        >
            <time datetime=moment.clone() data-exact=utc.clone() title=utc>
                {relative_time::utc_time(&moment)}
            </time>
            <p dir="auto" class="message" id=id.to_string()>
                {event.message.to_string()}
            </p>
        </article>
    }
}

/// The data and signals by which a row follows the clocks.
#[derive(Debug, Clone)]
struct Follows {
    id: Uuid,
    message: String,
    epoch: Uuid,
    millis: i64,
    arrived: Option<Millis>,
    state: RwSignal<FeedState>,
    tick: RwSignal<Option<Tick>>,
}

/// The part of a row that depends on the clocks. One effect compares it, and touches the page only if it has changed.
#[derive(PartialEq)]
struct Look {
    ago: String,
    is_new: bool,
    is_gone: bool,
}

/// A directive: turns the addresses in a row into links, and keeps its age and marks up to date.
fn follow(row: Element, follows: Follows) {
    let Follows { id, message, epoch, millis, arrived, state, tick } = follows;
    browser::expect_attribute(&row, "data-id", &id.to_string());
    let is_shown = row.clone();
    browser::soon(move || browser::set_links(&is_shown, &links::parts(&message)));
    let mut last = None;
    effect(move || {
        let Some(tick) = tick.get() else { return };
        let look = Look {
            ago: relative_time::ago(millis, tick.server),
            is_new: arrived.is_some_and(|at| tick.visible - at < NEW),
            is_gone: state.read_untracked().epoch.is_some_and(|now| now != epoch),
        };
        if last.as_ref() != Some(&look) {
            let tooltip = format!("{}, {}", look.ago, browser::local_time(millis));
            browser::set_time(&row, &browser::wall_time(millis), &tooltip);
            browser::set_flag(&row, "data-new", look.is_new);
            browser::set_flag(&row, "data-gone", look.is_gone);
        }
        last = Some(look);
    });
}
