//! Renders a tenant's page: who, whether it is live, what to write, what has happened. Its parts are components of their own,
//! and `client::driver` moves them.

use std::sync::Arc;

use leptos::{html::Div, prelude::*, tachys::renderer::types::Element};
use uuid::Uuid;

use super::{
    Snapshot,
    breach_alarm::BreachAlarm,
    composer::Composer,
    connection_status::ConnectionStatus,
    erased::{Hides, Words, condition, effect, flag, hides, now, text},
    feed_title,
    notice_bar::NoticeBar,
    tenant_mark::TenantMark,
    tenant_picker::TenantPicker,
    timeline_view::{BEFORE, Clock, TimelineView},
    words,
};
use crate::{
    client::{
        browser,
        driver::{self, FeedState, Listener},
        session::Session,
        visible_list::{Row, VisibleList, neighbour},
    },
    feed::Tenant,
};

/// How often the events' ages are looked at, in milliseconds.
const AGES: f64 = 5_000.0;

/// A tenant's page.
#[component]
pub fn FeedPage(
    /// The data that the page starts with.
    snapshot: Snapshot,
) -> impl IntoView {
    let Snapshot { tenant, position, retain, build, events } = snapshot;
    let session = Session::resume(tenant, retain, build, position, events);
    let state = RwSignal::new(FeedState { epoch: session.epoch(), ..FeedState::default() });
    let rows = RwSignal::new(VisibleList::new(&session).rows().to_vec());
    let clock = Clock::new(state);
    let list = NodeRef::<Div>::new();

    let changed = move |now: FeedState| {
        let before = state.try_update(|state| std::mem::replace(state, now));
        // The rows look at the epoch when they look at the clock. A hello brings both.
        let clocks = |state: &FeedState| (state.server, state.visible);
        if before.is_some_and(|before| clocks(&before) != clocks(&state.read_untracked())) {
            clock.tick();
        }
    };
    browser::after_mount(move || {
        browser::every(AGES, move || clock.tick());
        let listener = Listener {
            changed: Box::new(move |now, new_rows| {
                if let Some(new_rows) = new_rows {
                    if let Some(list) = list.get_untracked() {
                        keep_focus(&list, &rows.read_untracked(), new_rows);
                    }
                    rows.set(new_rows.to_vec());
                }
                if *state.read_untracked() != now {
                    changed(now);
                }
            }),
            arrived: Box::new(|_| {}),
        };
        driver::start(session, listener);
        let scrolled =
            move || driver::scroll(tenant, list.get_untracked().is_some_and(|list| browser::is_above(&list)));
        scrolled();
        browser::on_scroll(scrolled);
    });
    effect(move || {
        let state = state.read();
        browser::set_title(&title(tenant, state.unseen.max(state.pending)));
    });

    let pending = Hides { when: condition(move || state.read().pending == 0), next: BEFORE };
    view! {
        <header class="top">
            <h1>
                <TenantMark tenant />
                {tenant.label()}
            </h1>
            <ConnectionStatus tenant state />
        </header>
        <main>
            <BreachAlarm breaches=Arc::new(move || state.read().breaches) />
            <div class="side">
                <TenantPicker current=tenant />
                <Composer tenant state />
            </div>
            <div class="stream">
                <NoticeBar tenant state next=BEFORE />
                <div class="tools">
                    <h2>"Events"</h2>
                    <button
                        type="button"
                        id=BEFORE
                        class="quiet live-only"
                        data-paused=flag(move || state.read().paused)
                        on:click:capture=move |_| driver::pause(tenant, !state.read_untracked().paused)
                    >
                        <Words of=text(move || if state.read().paused { "Resume" } else { "Pause" }) />
                    </button>
                </div>
                <div class="pill">
                    <button
                        type="button"
                        id="pending"
                        hidden=now(&pending.when)
                        use:hides=pending
                        on:click:capture=move |_| show_pending(list, tenant)
                    >
                        <Words of=text(move || waiting(state.read().pending)) />
                    </button>
                </div>
                <TimelineView rows state retain clock list />
            </div>
            <p id="announcer" role="status" class="for-ears">
                <Words of=text(move || words::announcement(&state.read().announcement)) />
            </p>
        </main>
    }
}

/// If the row that has the focus is about to leave, gives the focus to its neighbour.
fn keep_focus(list: &Element, before: &[Row], after: &[Row]) {
    let focused = browser::focused_row(list).and_then(|id| Uuid::try_parse(&id).ok());
    if let Some(next) = focused.and_then(|id| neighbour(before, after, id)) {
        browser::focus_row(list, &next.to_string());
    }
}

/// More than this is many: nobody reads the number, and it would not stay still.
const MANY: u64 = 99;

fn title(tenant: Tenant, waiting: u64) -> String {
    let title = feed_title(tenant);
    match waiting {
        0 => title,
        1..=MANY => format!("({waiting}) {title}"),
        _ => format!("({MANY}+) {title}"),
    }
}

/// The label of the button that shows the waiting events.
fn waiting(count: u64) -> String {
    if count > MANY { format!("{MANY}+ new events") } else { words::counted(count, "new event") }
}

/// Shows the pending events, and leads there.
fn show_pending(list: NodeRef<Div>, tenant: Tenant) {
    let Some(list) = list.get_untracked() else { return };
    // First: a scroll event that is under way must not report that the reader is still further down.
    browser::scroll_to(&list);
    driver::show_pending(tenant);
    // After the list itself, so that the first event is the newest.
    browser::next_frame(move || browser::soon(move || browser::focus_first(&list)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_to_99() {
        assert_eq!(waiting(1), "1 new event");
        assert_eq!(waiting(99), "99 new events");
        assert_eq!(waiting(100), "99+ new events");
    }

    #[test]
    fn the_title_counts_what_waits() {
        assert_eq!(title(Tenant::A, 0), "Tenant A · Event feed");
        assert_eq!(title(Tenant::B, 3), "(3) Tenant B · Event feed");
        assert_eq!(title(Tenant::B, 100), "(99+) Tenant B · Event feed");
    }
}
