//! A tenant's page: who, whether it is live, what to write, what has happened.

use leptos::prelude::*;
use uuid::Uuid;

use super::{
    Snapshot,
    composer::Composer,
    connection_status::{self, ConnectionStatus},
    feed_title,
    notice_bar::NoticeBar,
    shell::vanilla,
    tenant_picker::TenantPicker,
    timeline_view::{AFTER, BEFORE, FEED, TimelineView},
};
use crate::{
    client::{
        announcer::Announcer,
        browser,
        confirmation::Confirmation,
        live::{self, Listener, View},
        reconnect::Status,
        session::{Notice, Session, new_events},
        shown::{Row, Shown},
    },
    feed::{Event, Tenant},
};

/// How many seconds pass between two looks at the clock for the events' ages.
const AGES: u32 = 5;

/// A tenant's page.
#[component]
pub fn FeedPage(
    /// What it starts from.
    snapshot: Snapshot,
) -> impl IntoView {
    let Snapshot { tenant, position, retain, build, isolation, events } = snapshot;
    let session = Session::resume(tenant, retain, build, position, events);
    let page = PageState::new(&session);
    let session = StoredValue::new(session);
    Effect::new(move |_| page.go_live(session.get_value()));
    Effect::new(move |_| browser::set_title(&page.title()));

    view! {
        <header class="top">
            <h1>
                <TenantMark tenant />
                {tenant.label()}
            </h1>
            <ConnectionStatus tenant status=page.status paused=page.paused seconds=page.seconds />
            <TenantPicker current=tenant />
        </header>
        <main>
            <div role="alert" id="breach" class="bar" hidden=move || page.breaches.get() == 0>
                {move || {
                    (page.breaches.get() > 0)
                        .then_some("Isolation alarm: an event of another tenant was received and dropped.")
                }}
            </div>
            <Composer tenant status=page.status confirmation=page.confirmation took=page.took />
            <NoticeBar tenant notice=page.notice outdated=page.outdated />
            <div class="tools">
                <h2>"Events"</h2>
                <button
                    type="button"
                    id=BEFORE
                    class="quiet live-only"
                    aria-pressed=move || page.paused.get().to_string()
                    on:click=move |_| page.toggle_pause()
                >
                    {move || if page.paused.get() { "Resume" } else { "Pause" }}
                </button>
            </div>
            <div class="pill">
                <button
                    type="button"
                    id="pending"
                    hidden=move || page.pending.get() == 0
                    on:click=move |_| page.take_up()
                >
                    {move || new_events(page.pending.get())}
                </button>
            </div>
            <TimelineView rows=page.rows epoch=page.epoch now=page.now />
            <p id="announcer" role="status" class="for-ears">
                {move || page.announcement.get()}
            </p>
        </main>
        <footer class="links">
            <a id=AFTER href=vanilla(Some(tenant))>"Simple page"</a>
            {isolation.then(|| view! { <a href="/isolation">"Isolation view"</a> })}
        </footer>
    }
}

/// The tenant's sign: a letter in a shape, in the tenant's colour, so that colour is never the only one.
#[component]
pub fn TenantMark(
    /// Whose.
    tenant: Tenant,
) -> impl IntoView {
    view! {
        <span class="mark" data-mark=tenant.id() aria-hidden="true">
            {tenant.mark()}
        </span>
    }
}

/// What the page shows, as signals. Written by [`live`]'s listener alone, but for what a person does here.
#[derive(Debug, Clone, Copy)]
struct PageState {
    tenant: Tenant,
    status: RwSignal<Status>,
    paused: RwSignal<bool>,
    rows: RwSignal<Vec<Row>>,
    epoch: RwSignal<Option<Uuid>>,
    pending: RwSignal<u64>,
    unseen: RwSignal<u64>,
    notice: RwSignal<Option<Notice>>,
    outdated: RwSignal<bool>,
    breaches: RwSignal<u64>,
    now: RwSignal<Option<i64>>,
    seconds: RwSignal<u32>,
    took: RwSignal<Option<f64>>,
    confirmation: StoredValue<Confirmation>,
    announcer: StoredValue<Announcer>,
    announcement: RwSignal<String>,
}

impl PageState {
    fn new(session: &Session) -> Self {
        Self {
            tenant: session.tenant(),
            status: RwSignal::new(Status::Connecting),
            paused: RwSignal::new(false),
            rows: RwSignal::new(Shown::new(session).rows().to_vec()),
            epoch: RwSignal::new(session.epoch()),
            pending: RwSignal::new(0),
            unseen: RwSignal::new(0),
            notice: RwSignal::new(None),
            outdated: RwSignal::new(false),
            breaches: RwSignal::new(0),
            now: RwSignal::new(None),
            seconds: RwSignal::new(0),
            took: RwSignal::new(None),
            confirmation: StoredValue::new(Confirmation::default()),
            announcer: StoredValue::new(Announcer::default()),
            announcement: RwSignal::new(String::new()),
        }
    }

    fn go_live(self, session: Session) {
        let tenant = self.tenant;
        self.now.set(Some(browser::wall_clock()));
        browser::every(1_000.0, move || self.tick());
        browser::on_scroll(move || live::scroll(tenant, browser::is_above(FEED)));
        live::scroll(tenant, browser::is_above(FEED));
        let arrived = move |event: &Event| {
            let mut took = None;
            self.confirmation.update_value(|waiting| took = waiting.arrived(event.id, browser::instant()));
            if took.is_some() {
                self.took.set(took);
            }
        };
        live::start(session, Listener { changed: Box::new(move |view| self.show(view)), arrived: Box::new(arrived) });
    }

    fn show(self, view: &View<'_>) {
        if *self.status.read_untracked() != view.status {
            let (_, label) = connection_status::state(&view.status, self.paused.get_untracked(), f64::INFINITY);
            self.announcer.update_value(|announcer| announcer.state(label));
            self.status.set(view.status.clone());
        }
        if let Some(rows) = view.rows {
            self.rows.set(rows.to_vec());
        }
        put(self.epoch, view.epoch);
        put(self.pending, view.pending);
        put(self.unseen, view.unseen);
        put(self.notice, view.notice);
        put(self.outdated, view.outdated);
        put(self.breaches, view.breaches);
    }

    fn tick(self) {
        self.seconds.update(|seconds| *seconds = seconds.wrapping_add(1));
        if self.seconds.get_untracked().is_multiple_of(AGES) {
            self.now.set(Some(browser::wall_clock()));
        }
        let mut words = None;
        self.announcer.update_value(|announcer| words = announcer.say(browser::now()));
        if let Some(words) = words {
            self.announcement.set(words);
        }
    }

    fn title(self) -> String {
        let title = feed_title(self.tenant);
        match self.unseen.get().max(self.pending.get()) {
            0 => title,
            count => format!("({count}) {title}"),
        }
    }

    fn toggle_pause(self) {
        let paused = !self.paused.get_untracked();
        self.paused.set(paused);
        live::pause(self.tenant, paused);
    }

    fn take_up(self) {
        live::take_up(self.tenant);
        // One frame later than the list itself, so that the first event is the newest.
        browser::next_frame(|| browser::focus_first(FEED));
    }
}

/// Writes only what has changed: a signal tells its readers even of the same value.
fn put<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if *signal.read_untracked() != value {
        signal.set(value);
    }
}
