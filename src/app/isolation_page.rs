//! The administrator's view: both tenants side by side, each over its own connection, and a check that can fail.
//!
//! It shows counts and times, and no message's text. The verdict is `client::isolation_check`'s; which figure is known,
//! current or old, `client::isolation_counts` decides.

use std::sync::Arc;

use super::{
    actions,
    breach_alarm::BreachAlarm,
    connection_status::ConnectionStatus,
    erased::{Erased, Words, click, effect, flag, text, word, yes_or_no},
    for_each_tenant,
    tenant_mark::TenantMark,
    top_bar::TopBar,
    words,
};
use crate::{
    client::{
        browser,
        clock::Instant,
        delivery_times,
        draft::new_key,
        driver::{self, FeedState, Listener},
        isolation_check::{Check, PROBES, Verdict},
        isolation_counts::{Age, Ages, Epochs, Source},
        isolation_repeat::Repeat,
        isolation_report::{self, Evidence},
        relative_time,
        status::Status,
    },
    feed::{Problem, Report, Tenant, TenantReport},
};
use futures_util::future::join;
use leptos::{prelude::*, task::spawn_local};

/// How often the page asks the server for its counts, in milliseconds.
const REFRESH: f64 = 3_000.0;
/// The server's counts are old if this many milliseconds bring no new ones: three answers in a row are missing.
const OLD: f64 = 3.0 * REFRESH;
/// How often a check looks whether all test events have arrived, in milliseconds.
const LOOK: u32 = 100;
/// How many times a check looks at most.
const LOOKS: usize = 50;
/// How long the check watches for events that should not arrive, in milliseconds.
const WATCH_ON: u32 = 1_000;

/// All that the page follows.
#[derive(Debug, Clone, Copy)]
pub struct View {
    feeds: [RwSignal<FeedState>; 2],
    state: RwSignal<State>,
}

/// All that the page knows besides what the streams bring. It is one signal: each type of signal is code of its own.
#[derive(Debug, Clone)]
struct State {
    /// The server's last counts.
    report: Report,
    /// When they came. The page itself brought the first ones, at a moment that nobody has measured.
    came: Option<Instant>,
    /// Why the last attempt to get newer ones failed; empty if it did not.
    trouble: String,
    /// The number of the last attempt.
    asked: u32,
    /// Answers to older attempts are ignored: a newer answer has come, or another process answers by now.
    least: u32,
    epochs: Epochs,
    /// How long the last event of each tenant took from being posted to its arrival, in milliseconds. `None` if this page
    /// did not post it: another's clock started then, and how the two differ is not known.
    deliveries: [Option<u64>; 2],
    check: Check,
    repeat: Repeat,
    /// The page's clock, at each attempt and answer; `None` until the page runs.
    now: Option<Instant>,
}

impl View {
    fn new(report: Report) -> Self {
        let state = State {
            epochs: Epochs::new(report.tenants.map(|tenant| tenant.epoch)),
            report,
            came: None,
            trouble: String::new(),
            asked: 0,
            least: 0,
            deliveries: [None; 2],
            check: Check::default(),
            repeat: Repeat::default(),
            now: None,
        };
        Self { feeds: Tenant::ALL.map(|_| RwSignal::new(FeedState::default())), state: RwSignal::new(state) }
    }

    /// The ages of a tenant's figures.
    fn ages(self, tenant: Tenant) -> Ages {
        let feed = self.feeds[tenant as usize].read();
        let stream = feed.epoch.zip(feed.server).map(|(epoch, server)| Source {
            epoch,
            current: feed.status == Status::Live,
            at: server.at(feed.heard),
        });
        Ages::new(stream, self.state.read().source(tenant))
    }

    fn sources(self, tenant: Tenant) -> Sources {
        let (feed, state) = (self.feeds[tenant as usize].read(), self.state.read());
        Sources {
            ages: self.ages(tenant),
            breaches: feed.breaches,
            received: feed.received,
            delivery: state.deliveries[tenant as usize],
            counts: *state.report.of(tenant),
        }
    }

    /// A moment of the server's clock for people: by the clock on their wall, once the page runs.
    fn time(self, millis: i64) -> String {
        let state = self.state.read();
        match state.now {
            Some(_) => browser::local_time(millis),
            // Nobody but the report names a moment by then.
            None => relative_time::utc(&state.report.timestamp.to_string()),
        }
    }

    /// Changes what the page knows. Returns what `act` returns: whether the page changes. All changes
    /// go through one type of closure: Leptos would compile the code around each again.
    fn change(self, act: impl FnOnce(&mut State) -> bool) -> bool {
        fn run(state: RwSignal<State>, act: Box<dyn FnOnce(&mut State) -> bool + '_>) -> bool {
            state.try_maybe_update(|state| {
                let is_changed = act(state);
                (is_changed, is_changed)
            }) == Some(true)
        }
        run(self.state, Box::new(act))
    }

    /// Connects both streams, and asks for the server's counts again and again.
    fn start(self) {
        for tenant in Tenant::ALL {
            let listener = Listener {
                changed: Box::new(move |now, _| self.changed(tenant, now)),
                arrived: Box::new(move |event| {
                    let (text, now) = (event.message.as_str(), browser::now());
                    self.change(|state| state.arrived(tenant, text, now));
                }),
            };
            driver::watch(tenant, listener);
        }
        let refresh = move || spawn_local(self.refresh());
        refresh();
        browser::every(REFRESH, move || {
            refresh();
            if self.is_idle() && self.change(|state| state.repeat.is_due(browser::now())) {
                spawn_local(self.run_check(1));
            }
        });
    }

    fn changed(self, tenant: Tenant, now: FeedState) {
        let feed = self.feeds[tenant as usize];
        let before = feed.get_untracked();
        if before == now {
            return;
        }
        let greeted = before.server != now.server;
        self.change(|state| {
            // A stream that is back by now was lost too.
            let interrupted = state.check.is_running() && (greeted || now.status != Status::Live);
            if interrupted {
                state.check.interrupt();
            }
            let epoch = now.epoch.zip(now.server).filter(|_| before.epoch != now.epoch);
            if let Some((epoch, server)) = epoch {
                state.deliveries[tenant as usize] = None;
                if state.epochs.name(tenant, epoch, server.at(browser::now())) {
                    state.least = state.asked + 1;
                }
            }
            interrupted || epoch.is_some()
        });
        feed.set(now);
        if greeted {
            // The server counts the new connection.
            spawn_local(self.refresh());
        }
    }

    async fn refresh(self) {
        self.change(|state| {
            state.now = Some(browser::now());
            state.asked += 1;
            true
        });
        let number = self.state.read_untracked().asked;
        let answer = actions::isolation_report().await;
        self.change(|state| state.answered(number, answer, browser::now()));
    }

    fn is_ready(self) -> bool {
        self.feeds.iter().all(|feed| feed.read().status == Status::Live)
    }

    /// Whether a check can run.
    fn is_idle(self) -> bool {
        self.is_ready() && !self.state.read().check.is_running()
    }

    /// Runs a check that sends `size` test events to each tenant. One of a single test event is a repeat.
    async fn run_check(self, size: usize) {
        let marker: String = new_key(browser::random_bytes()).chars().take(8).collect();
        self.change(|state| {
            state.check.start(marker, size);
            true
        });
        let [a, b] = Tenant::ALL;
        for _ in 0..size {
            join(self.probe(a), self.probe(b)).await;
        }
        for _ in 0..LOOKS {
            if self.state.read_untracked().check.is_delivered() {
                break;
            }
            browser::sleep(LOOK).await;
        }
        browser::sleep(WATCH_ON).await;
        let server = self.feeds[0].read_untracked().server;
        let at = server.map_or_else(browser::time_of_day, |server| server.at(browser::now()));
        self.change(|state| {
            state.check.finish(at, state.report.build.clone());
            state.repeat.ended(state.check.verdict(), size == 1);
            true
        });
        self.refresh().await; // else the table and the counts would contradict each other
    }

    fn copy_report(self) {
        let [a, b] = self.feeds;
        let foreign = [a.read_untracked().breaches, b.read_untracked().breaches];
        let report = self.state.read_untracked().evidence(foreign);
        let copying = browser::copy(&report);
        browser::write("copied", ""); // so that a screen reader reads the same result again
        spawn_local(async move {
            let is_copied = copying.await;
            browser::write("copied", words::copied(is_copied));
            browser::offer("report", if is_copied { "" } else { &report });
        });
    }

    /// Posts the next test event to a tenant.
    async fn probe(self, tenant: Tenant) {
        let mut text = String::new();
        self.change(|state| {
            text = state.check.send(tenant, browser::now());
            true
        });
        actions::post_as(tenant, text, &new_key(browser::random_bytes())).await;
    }
}

impl State {
    fn source(&self, tenant: Tenant) -> Source {
        let age = self.now.zip(self.came).map(|(now, came)| now - came);
        Source {
            epoch: self.report.of(tenant).epoch,
            current: self.trouble.is_empty() && age.is_some_and(|age| age < OLD),
            at: self.report.timestamp.millis(),
        }
    }

    /// The report for people to copy. `foreign` is how many events of the other tenant each stream has brought.
    fn evidence(&self, foreign: [u64; 2]) -> String {
        let verdict = words::verdict(&self.check);
        let details = &words::check_details(&self.check, &browser::utc_time);
        isolation_report::text(Evidence { report: &self.report, check: &self.check, verdict, details, foreign })
    }

    /// An event arrived on a tenant's stream. Says whether that changes anything here.
    fn arrived(&mut self, tenant: Tenant, text: &str, now: Instant) -> bool {
        let took = self.check.saw(tenant, text, now).map(|took| took.round() as u64);
        let before = std::mem::replace(&mut self.deliveries[tenant as usize], took);
        took.is_some() || before.is_some()
    }

    /// An attempt to get the server's counts has ended. Says whether that changes anything here.
    fn answered(&mut self, number: u32, answer: Result<Report, Problem>, now: Instant) -> bool {
        if number < self.least {
            return false;
        }
        self.least = number;
        self.now = Some(now);
        match answer {
            Ok(report) => {
                for tenant in Tenant::ALL {
                    self.epochs.name(tenant, report.of(tenant).epoch, report.timestamp.millis());
                }
                self.report = report;
                self.came = Some(now);
                self.trouble.clear();
            }
            Err(Problem { detail, .. }) => {
                self.trouble = format!("No newer counts: {}.", detail.trim_end_matches('.'));
            }
        }
        true
    }
}

/// Both tenants, each over its own connection, and the server's own counts.
#[component]
pub fn IsolationPage(
    /// The server's counts when the page was rendered.
    report: Report,
) -> impl IntoView {
    let view = View::new(report);
    let View { feeds, state } = view;
    browser::after_mount(move || view.start());

    let running = move || state.read().check.is_running();
    let run = move || {
        if view.is_idle() {
            spawn_local(view.run_check(PROBES));
        }
    };
    let switch = move || {
        view.change(|state| {
            state.repeat.switch(browser::now());
            true
        });
    };
    let report_ages = move || Ages::new(None, state.read().source(Tenant::A));
    let rejected = |count: fn(&Report) -> u64| -> Erased<Figure> {
        Arc::new(move || {
            let age = report_ages().report;
            (age, words::figure(age, count(&state.read().report)))
        })
    };

    view! {
        <TopBar>
            <h1>"Isolation"</h1>
        </TopBar>
        <main class="isolation">
            <BreachAlarm breaches=Arc::new(move || feeds.iter().map(|feed| feed.read().breaches).sum()) />
            <p class="lead">
                "Both tenants on one server, each over its own connection. No event of one may ever reach the other."
            </p>
            <div id="restart" role="status">
                <p class="bar" hidden=flag(move || state.read().epochs.restarted().is_none())>
                    <Words of=text(move || words::restart(state.read().epochs, |at| words::without_seconds(view.time(at)))) />
                </p>
            </div>
            <section class="card check" aria-labelledby="check">
                <h2 id="check">"Isolation check"</h2>
                <p>
                    {format!(
                        "Posts {PROBES} test events to each tenant, waits until each arrives on its own tenant's stream, and watches the other's stream for one more second. The test events appear in both tenants' feeds, like any event.",
                    )}
                </p>
                <div class="actions">
                    // It keeps the focus, which a disabled button would lose.
                    <button
                        type="button"
                        id="run-check"
                        aria-disabled=word(move || yes_or_no(!view.is_idle()))
                        on:click:capture=click(run)
                    >
                        <Words of=text(move || if running() { "Checking…" } else { "Run isolation check" }) />
                    </button>
                    <button type="button" class="quiet" on:click:capture=click(move || view.copy_report())>
                        "Copy report"
                    </button>
                    <p id="copied" class="hint" role="status"></p>
                </div>
                <pre id="report" tabindex="0" role="group" aria-label="Report" hidden></pre>
                <div class="outcome" data-verdict=word(move || state.read().check.verdict().map_or("", Verdict::slug))>
                    <p id="verdict" role="status">
                        <Words of=text(move || words::verdict(&state.read().check)) />
                    </p>
                    <p id="check-details">
                        <Words of=text(move || words::check_details(&state.read().check, &|at| view.time(at))) />
                    </p>
                    <p id="check-waits" hidden=flag(move || view.is_ready())>
                        "The check can run once both tenants are connected."
                    </p>
                </div>
                <div class="frame">
                    <table>
                        <caption class="for-ears">"Test events received by each tenant"</caption>
                        <thead>
                            <tr>
                                <td></td>
                                {for_each_tenant(|stream| {
                                    view! {
                                        <th scope="col">
                                            <TenantMark tenant=stream />
                                            {format!("Received by {}", stream.label())}
                                        </th>
                                    }
                                })}
                            </tr>
                        </thead>
                        <tbody>
                            {for_each_tenant(|tenant| {
                                view! {
                                    <tr>
                                        <th scope="row">
                                            <TenantMark tenant />
                                            {format!("Sent to {}", tenant.label())}
                                        </th>
                                        {for_each_tenant(|stream| view! { <CheckCell view tenant stream /> })}
                                    </tr>
                                }
                            })}
                        </tbody>
                    </table>
                </div>
                <div class="repeat">
                    <button
                        type="button"
                        role="switch"
                        class="quiet"
                        aria-checked=word(move || yes_or_no(state.read().repeat.is_on()))
                        aria-describedby="repeats"
                        on:click:capture=click(switch)
                    >
                        "Repeat every 10 minutes"
                    </button>
                    <p id="repeats" class="hint">
                        "Posts one test event into both tenants' feeds each time, for at most an hour. Off whenever the page is loaded."
                    </p>
                    <p class="hint">
                        <Words of=text(move || words::repeat(&state.read().repeat, state.read().now.unwrap_or_default())) />
                    </p>
                </div>
            </section>
            <div class="live">
                <div class="panels">{for_each_tenant(|tenant| view! { <TenantPanel tenant view /> })}</div>
                <Deliveries view />
            </div>
            <section class="card" aria-labelledby="server">
                <h2 id="server">"Server"</h2>
                <p class="as-of"><Words of=text(move || words::ages(report_ages(), |at| view.time(at))) /></p>
                <dl>
                    <Count name="Rejected: Origin not allowed" figure=rejected(|report| report.refused_origin) />
                    <Count name="Rejected: Host not allowed" figure=rejected(|report| report.refused_host) />
                </dl>
                <p class="error" role="status">
                    <Words of=text(move || state.read().trouble.clone()) />
                </p>
            </section>
        </main>
    }
}

/// A figure for people, and what it is worth.
type Figure = (Age, String);

/// The sources of a tenant's figures.
struct Sources {
    ages: Ages,
    breaches: u64,
    received: u64,
    delivery: Option<u64>,
    counts: TenantReport,
}

impl Sources {
    fn stream(&self, count: u64) -> Figure {
        (self.ages.stream, words::figure(self.ages.stream, count))
    }

    fn report(&self, count: u64) -> Figure {
        (self.ages.report, words::figure(self.ages.report, count))
    }

    fn delivery(&self) -> Figure {
        let known = self.delivery.filter(|_| self.ages.stream != Age::Unknown);
        (self.ages.stream, known.map_or_else(|| String::from(words::NO_FIGURE), |took| format!("{took} ms")))
    }

    /// The report is up to one refresh older than the stream, but what has arrived was accepted.
    fn accepted(&self) -> Figure {
        let received = if self.ages.stream == Age::Unknown { 0 } else { self.received };
        self.report(self.counts.accepted.max(received))
    }

    fn closed(&self) -> Figure {
        self.report(self.counts.ended.total())
    }

    /// The events of the other tenant, and the figure's name in the page's markup. A breach stays one, however old.
    fn foreign(&self) -> (&'static str, String) {
        match (self.breaches, self.ages.stream) {
            (0, Age::Current) => ("none", String::from("0")),
            (0, age) => ("unknown", words::figure(age, 0)),
            (breaches, _) => ("some", breaches.to_string()),
        }
    }
}

/// Takes one figure.
type Takes = fn(&Sources) -> Figure;

/// A tenant's figures, by name.
const FIGURES: [(&str, Takes); 5] = [
    ("Events received live", |from| from.stream(from.received)),
    ("Last delivery", Sources::delivery),
    ("Events accepted by the server", Sources::accepted),
    ("Connections", |from| from.report(from.counts.connections)),
    ("Frames delivered", |from| from.report(from.counts.delivered)),
];

/// How many of a tenant's connections were closed, by reason.
const CLOSED: [(&str, Takes); 6] = [
    ("Too slow", |from| from.report(from.counts.ended.slow)),
    ("Timed out", |from| from.report(from.counts.ended.silent)),
    ("Server stopping", |from| from.report(from.counts.ended.stopping)),
    ("Backplane lost", |from| from.report(from.counts.ended.unreachable)),
    ("Policy violation", |from| from.report(from.counts.ended.policy)),
    ("By client", |from| from.report(from.counts.ended.closed_by_peer)),
];

/// The figures of one tenant, from its stream and from the server.
#[component]
pub fn TenantPanel(
    /// Whose.
    tenant: Tenant,
    /// The signals that the page follows.
    view: View,
) -> impl IntoView {
    let foreign = move || view.sources(tenant).foreign();
    let name =
        move || if foreign().1 == "1" { " event from the other tenant" } else { " events from the other tenant" };
    let count = |&(name, take): &(&'static str, Takes)| {
        view! { <Count name figure=Arc::new(move || take(&view.sources(tenant))) /> }
    };
    let counts = |figures: &[(&'static str, Takes)]| figures.iter().map(count).collect_view();
    view! {
        <section class="card" data-tenant=tenant.id() aria-label=tenant.label()>
            <h2>
                <TenantMark tenant />
                {tenant.label()}
            </h2>
            <ConnectionStatus tenant state=view.feeds[tenant as usize] />
            <p class="foreign" data-foreign=word(move || foreign().0)>
                <strong><Words of=text(move || foreign().1) /></strong>
                <Words of=text(name) />
            </p>
            <dl>{counts(&FIGURES)}</dl>
            <details>
                <summary>
                    <span>"Connections closed"</span>
                    <Words of=text(move || view.sources(tenant).closed().1) />
                </summary>
                <dl>{counts(&CLOSED)}</dl>
            </details>
            <p class="as-of"><Words of=text(move || words::ages(view.ages(tenant), |at| view.time(at))) /></p>
            <a href=format!("/?tenant={tenant}")>"Open the feed"</a>
        </section>
    }
}

/// The delivery times of the page's own test events.
#[component]
pub fn Deliveries(
    /// The signals that the page follows.
    view: View,
) -> impl IntoView {
    // The markup is static, so that it is one text. The effect draws the bars and writes the words, by the ids.
    effect(move || {
        let state = view.state.read();
        let rounds = state.check.rounds();
        browser::write("scale", &format!("{} ms", delivery_times::scale(rounds)));
        for (tenant, bars, words) in [(Tenant::A, "bars-a", "times-a"), (Tenant::B, "bars-b", "times-b")] {
            browser::set_attribute(bars, "d", &delivery_times::bars(rounds, tenant));
            browser::write(words, &words::deliveries(tenant, rounds));
        }
    });
    view! {
        <section class="card deliveries" aria-labelledby="deliveries">
            <h2 id="deliveries">"Delivery times"</h2>
            <p class="hint">
                "From the post of a test event to its arrival on its own tenant's stream, by this page's clock."
            </p>
            <div class="chart">
                <p class="scale" aria-hidden="true">
                    <span id="scale">"10 ms"</span>
                    <span>"0"</span>
                </p>
                // The size is that of `delivery_times`.
                <svg
                    role="img"
                    aria-label="Bars of the last delivery times, oldest first"
                    aria-describedby="times-a times-b"
                    viewBox="0 0 180 1000"
                    preserveAspectRatio="none"
                >
                    <path id="bars-a" data-mark="tenant_a"></path>
                    <path id="bars-b" data-mark="tenant_b"></path>
                </svg>
            </div>
            <div class="legend">
                <p id="times-a" data-mark="tenant_a">
                    "Tenant A: none measured yet"
                </p>
                <p id="times-b" data-mark="tenant_b">
                    "Tenant B: none measured yet"
                </p>
            </div>
        </section>
    }
}

/// A figure and its name.
#[component]
pub fn Count(
    /// The name of the count.
    name: &'static str,
    /// How many.
    figure: Erased<Figure>,
) -> impl IntoView {
    let age = Arc::clone(&figure);
    view! {
        <div data-age=word(move || age().0.slug())>
            <dt>{name}</dt>
            <dd><Words of=text(move || figure().1) /></dd>
        </div>
    }
}

/// One of the four: the test events of one tenant, on one stream.
#[component]
pub fn CheckCell(
    /// The signals that the page follows.
    view: View,
    /// The tenant that they were sent to.
    tenant: Tenant,
    /// The tenant whose stream is watched for them.
    stream: Tenant,
) -> impl IntoView {
    let state = view.state;
    view! {
        <td data-cell=word(move || state.read().check.mark(tenant, stream).slug())>
            <strong><Words of=text(move || words::check_count(&state.read().check, tenant, stream)) /></strong>
            <Words of=text(move || words::check_cell(&state.read().check, tenant, stream)) />
        </td>
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::client::wire;

    fn report(epoch: u128, accepted: u64) -> Report {
        let epoch = Uuid::from_u128(epoch);
        let tenants = [TenantReport { epoch, accepted, ..TenantReport::default() }; 2];
        Report { epoch, tenants, ..Report::default() }
    }

    fn at(millis: f64) -> Instant {
        Instant::new(millis)
    }

    fn state() -> State {
        State {
            report: report(1, 1),
            came: None,
            trouble: String::new(),
            asked: 0,
            least: 0,
            epochs: Epochs::new([Uuid::from_u128(1); 2]),
            deliveries: [None; 2],
            check: Check::default(),
            repeat: Repeat::default(),
            now: None,
        }
    }

    #[test]
    fn an_answer_that_a_newer_one_overtook_is_ignored() {
        let mut state = state();
        assert!(state.answered(2, Ok(report(1, 3)), at(1.0)));
        assert!(!state.answered(1, Ok(report(1, 2)), at(2.0)));
        assert_eq!(state.report.of(Tenant::A).accepted, 3);
    }

    #[test]
    fn the_servers_counts_are_current_until_an_attempt_fails_or_none_ends() {
        let mut state = state();
        assert!(!state.source(Tenant::A).current, "nobody knows when the page was rendered");
        state.answered(1, Ok(report(1, 3)), at(1.0));
        assert!(state.source(Tenant::A).current);
        state.now = Some(at(1.0 + OLD));
        assert!(!state.source(Tenant::A).current);
        state.answered(2, Ok(report(1, 3)), at(2.0 + OLD));
        assert!(state.source(Tenant::A).current);
        state.answered(3, Err(wire::no_answer("the server is full.")), at(3.0 + OLD));
        assert!(!state.source(Tenant::A).current);
        assert_eq!(state.trouble, "No newer counts: the server is full.");
        assert!(state.epochs.restarted().is_none());
    }

    #[test]
    fn a_report_of_another_process_names_the_restart() {
        let mut state = state();
        state.answered(1, Ok(report(2, 0)), at(1.0));
        assert!(state.epochs.restarted().is_some());
    }

    #[test]
    fn the_time_of_the_last_delivery_is_that_of_a_test_event_or_not_known() {
        let mut state = state();
        state.check.start(String::from("x"), PROBES);
        let text = state.check.send(Tenant::A, at(10.0));
        assert!(state.arrived(Tenant::A, &text, at(24.4)));
        assert_eq!(state.deliveries, [Some(14), None]);
        assert!(state.arrived(Tenant::A, "of another", at(30.0)));
        assert_eq!(state.deliveries, [None, None]);
        assert!(!state.arrived(Tenant::A, "of another", at(31.0)), "nothing changes");
    }

    fn sources(ages: Ages) -> Sources {
        let counts = TenantReport { accepted: 2, ..TenantReport::default() };
        Sources { ages, breaches: 0, received: 3, delivery: Some(14), counts }
    }

    #[test]
    fn what_arrived_was_accepted() {
        let current = sources(Ages { stream: Age::Current, report: Age::Current });
        assert_eq!(current.accepted().1, "3", "the report is older than the stream");
        let unknown = sources(Ages { stream: Age::Unknown, report: Age::Current });
        assert_eq!(unknown.accepted().1, "2", "those arrived from another process");
    }

    #[test]
    fn only_a_live_stream_claims_that_nothing_leaked_and_a_breach_stays_one() {
        for (stream, expected) in
            [(Age::Current, ("none", "0")), (Age::Stale(1), ("unknown", "0")), (Age::Unknown, ("unknown", "–"))]
        {
            let mut from = sources(Ages { stream, report: Age::Current });
            let (slug, words) = from.foreign();
            assert_eq!((slug, words.as_str()), expected);
            from.breaches = 1;
            assert_eq!(from.foreign(), ("some", String::from("1")));
        }
    }
}
