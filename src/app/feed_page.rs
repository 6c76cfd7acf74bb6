//! A tenant's page: who, whether it is live, what to write, what has happened. Its parts are components of their own,
//! and `client::live` moves them.

use std::sync::Arc;

use leptos::prelude::*;

use super::{
    Snapshot,
    breach_alarm::BreachAlarm,
    composer::Composer,
    connection_status::ConnectionStatus,
    feed_title,
    follow::{flag, text, word, yes_or_no},
    notice_bar::NoticeBar,
    tenant_mark::TenantMark,
    tenant_picker::TenantPicker,
    timeline_view::{BEFORE, FEED, Tick, TimelineView},
};
use crate::{
    client::{
        browser,
        live::{self, Facts, Listener},
        session::{Session, new_events},
        shown::Shown,
    },
    feed::Tenant,
};

/// How often the events' ages are looked at, in milliseconds.
const AGES: f64 = 5_000.0;

/// A tenant's page.
#[component]
pub fn FeedPage(
    /// What it starts from.
    snapshot: Snapshot,
) -> impl IntoView {
    let Snapshot { tenant, position, retain, build, events } = snapshot;
    let session = Session::resume(tenant, retain, build, position, events);
    let facts = RwSignal::new(Facts { epoch: session.epoch(), ..Facts::default() });
    let rows = RwSignal::new(Shown::new(&session).rows().to_vec());
    let clock = RwSignal::new(None);

    // Before the first hello no age is known: the browser's own clock may be wrong.
    let tick = move || {
        let (facts, now) = (facts.read_untracked(), browser::now());
        clock.set(facts.server.map(|server| Tick { visible: facts.visible.at(now), server: server.at(now) }));
    };
    let changed = move |now: Facts| {
        let before = facts.try_update(|facts| std::mem::replace(facts, now));
        // The rows look at the epoch when they look at the clock: an effect less in each of a thousand. A hello brings both.
        let clocks = |facts: &Facts| (facts.server, facts.visible);
        if before.is_some_and(|before| clocks(&before) != clocks(&facts.read_untracked())) {
            tick();
        }
    };
    Effect::new(move |_| {
        browser::every(AGES, tick);
        let listener = Listener {
            changed: Box::new(move |now, new_rows| {
                if let Some(new_rows) = new_rows {
                    rows.set(new_rows.to_vec());
                }
                if *facts.read_untracked() != now {
                    changed(now);
                }
            }),
            arrived: Box::new(|_| {}),
        };
        live::start(session.clone(), listener);
        let scrolled = move || live::scroll(tenant, browser::is_above(FEED));
        scrolled();
        browser::on_scroll(scrolled);
    });
    Effect::new(move |_| {
        let facts = facts.read();
        browser::set_title(&title(tenant, facts.unseen.max(facts.pending)));
    });

    view! {
        <header class="top">
            <h1>
                <TenantMark tenant />
                {tenant.label()}
            </h1>
            <ConnectionStatus tenant facts />
        </header>
        <main>
            <BreachAlarm breaches=Arc::new(move || facts.read().breaches) />
            <div class="side">
                <TenantPicker current=tenant />
                <Composer tenant facts />
            </div>
            <div class="stream">
                <NoticeBar tenant facts />
                <div class="tools">
                    <h2>"Events"</h2>
                    <button
                        type="button"
                        id=BEFORE
                        class="quiet live-only"
                        aria-pressed=word(move || yes_or_no(facts.read().paused))
                        on:click=move |_| live::pause(tenant, !facts.read_untracked().paused)
                    >
                        {text(move || if facts.read().paused { "Resume" } else { "Pause" })}
                    </button>
                </div>
                <div class="pill">
                    <button
                        type="button"
                        id="pending"
                        hidden=flag(move || facts.read().pending == 0)
                        on:click=move |_| take_up(tenant)
                    >
                        {text(move || waiting(facts.read().pending))}
                    </button>
                </div>
                <TimelineView rows facts clock />
            </div>
            <p id="announcer" role="status" class="for-ears">
                {text(move || facts.read().said.clone())}
            </p>
        </main>
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

/// What waits, for the button that takes it up.
fn waiting(count: u64) -> String {
    if count > MANY { format!("{MANY}+ new events") } else { new_events(count) }
}

/// Takes up what waits, and leads there.
fn take_up(tenant: Tenant) {
    // First, so that no scroll event that is under way says that the reader is still further down.
    browser::scroll_to(FEED);
    live::take_up(tenant);
    // One frame later than the list itself, so that the first event is the newest.
    browser::next_frame(|| browser::focus_first(FEED));
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
