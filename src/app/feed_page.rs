//! Renders a tenant's page: who, whether it is live, what to write, what has happened. Its parts are components of their own,
//! and `client::driver` moves them.

use std::sync::Arc;

use leptos::{html::Div, prelude::*, tachys::renderer::types::Element};
use uuid::Uuid;

use super::{
    Snapshot, alerts,
    breach_alarm::BreachAlarm,
    composer::Composer,
    connection_status::ConnectionStatus,
    copying::CopyResult,
    dividers,
    erased::{Hides, Words, click, condition, flag, hides, now, text},
    feed_clock::Clock,
    last_event::LastEvent,
    notice_bar::NoticeBar,
    shortcuts,
    tenant_picker::TenantPicker,
    timeline_view::{PAUSE, TimelineView},
    top_bar::TopBar,
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
/// How often the page looks at the age of the last event, and whether the reader has seen where they left, in milliseconds.
const SECOND: f64 = 1_000.0;

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
            clock.tick_second();
        }
    };
    browser::after_mount(move || {
        browser::every(AGES, move || clock.tick());
        browser::every(SECOND, move || {
            clock.tick_second();
            if let Some(in_view) = list.get_untracked().and_then(|list| dividers::is_unread_in_view(&list)) {
                driver::see_unread(tenant, in_view);
            }
        });
        let listener = Listener {
            changed: Box::new(move |now, new_rows| {
                if let Some(new_rows) = new_rows {
                    let list = list.get_untracked();
                    if let Some(list) = &list {
                        keep_focus(list, &rows.read_untracked(), new_rows);
                    }
                    // If no row stays that was near, the focus goes to the first of the new ones.
                    let focused = list.filter(|list| browser::focused_row(list).is_some());
                    rows.set(new_rows.to_vec());
                    if let Some(list) = focused {
                        browser::soon(move || browser::soon(move || browser::refocus(&list)));
                    }
                }
                if *state.read_untracked() != now {
                    changed(now);
                }
            }),
            arrived: Box::new(|_| {}),
        };
        driver::start(session, listener);
        shortcuts::listen(move || show_pending(list, tenant));
        let scrolled =
            move || driver::scroll(tenant, list.get_untracked().is_some_and(|list| browser::is_above(&list)));
        scrolled();
        browser::on_scroll(scrolled);
    });
    alerts::follow(tenant, state, rows);

    let pending = Hides { when: condition(move || state.read().pending.is_empty()), next: PAUSE };
    view! {
        <TopBar>
            <h1 class="for-ears">{tenant.label()}</h1>
            <TenantPicker current=tenant />
            <ConnectionStatus tenant state />
            <LastEvent state clock />
        </TopBar>
        <main>
            <BreachAlarm breaches=Arc::new(move || state.read().breaches) />
            <Composer tenant state />
            <div class="stream">
                <NoticeBar tenant state next=PAUSE />
                <div class="tools">
                    <h2>"Events"</h2>
                    <p id="presence" title="Those of this tenant to this server">
                        <Words of=text(move || words::presence(state.read().connections)) />
                    </p>
                    <button
                        type="button"
                        id="pending"
                        hidden=now(&pending.when)
                        use:hides=pending
                        on:click:capture=click(move || show_pending(list, tenant))
                    >
                        <Words of=text(move || words::pending(state.read().pending)) />
                    </button>
                    <button
                        type="button"
                        id=PAUSE
                        class="quiet live-only"
                        data-paused=flag(move || state.read().paused)
                        on:click:capture=click(move || driver::pause(tenant, !state.read_untracked().paused))
                    >
                        <Words of=text(move || if state.read().paused { "Resume" } else { "Pause" }) />
                    </button>
                </div>
                <TimelineView rows state retain clock list />
            </div>
            <CopyResult />
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

/// Shows the pending events, and leads there.
fn show_pending(list: NodeRef<Div>, tenant: Tenant) {
    let Some(list) = list.get_untracked() else { return };
    // First: a scroll event that is under way must not report that the reader is still further down.
    browser::scroll_to(&list);
    driver::show_pending(tenant);
    // After the list itself, so that the first event is the newest.
    browser::next_frame(move || browser::soon(move || browser::focus_first(&list)));
}
