//! The administrator's view: both tenants side by side, each through its own scoped socket, and a check that can fail.
//! Its verdict is `client::check`'s.
//!
//! It shows counts and times. No message's text is on it.

use std::sync::Arc;

use futures_util::future::join;
use leptos::{prelude::*, task::spawn_local};

use super::{
    actions,
    breach_alarm::BreachAlarm,
    connection_status::ConnectionStatus,
    erased::{Erased, flag, text, word},
    tenant_mark::TenantMark,
};
use crate::{
    client::{
        browser,
        check::{Check, PROBES, Stage, Verdict},
        draft::hexadecimal,
        driver::{self, FeedState, Listener},
        reconnect::Status,
        session::Session,
    },
    feed::{DEFAULT_RETAIN, Problem, Report, Tenant, TenantReport},
};

/// How often the server is asked for its counts, in milliseconds.
const REFRESH: f64 = 3_000.0;
/// How often a check looks whether all probes have arrived, in milliseconds, and how many times at most.
const LOOK: u32 = 100;
const LOOKS: usize = 50;
/// How long the check listens on for what should not come, in milliseconds.
const LISTEN_ON: u32 = 1_000;

/// Both tenants, each through its own socket, and the server's own counts.
#[component]
pub fn IsolationPage(
    /// The server's counts when the page was rendered.
    report: Report,
) -> impl IntoView {
    let report = RwSignal::new(report);
    let trouble = RwSignal::new(String::new());
    let feeds = Tenant::ALL.map(|_| RwSignal::new(FeedState::default()));
    let deliveries = Tenant::ALL.map(|_| RwSignal::new(None));
    let check = RwSignal::new(Check::default());

    Effect::new(move |_| {
        for tenant in Tenant::ALL {
            let (facts, delivery) = (feeds[tenant as usize], deliveries[tenant as usize]);
            let listener = Listener {
                changed: Box::new(move |now, _| {
                    if *facts.read_untracked() != now {
                        facts.set(now);
                    }
                }),
                arrived: Box::new(move |event| {
                    // By two times of day, since the server's clock is known only up to the time that its hello took: if the
                    // server is another machine, the result is off by as much as they are.
                    delivery.set(Some((browser::time_of_day() - event.timestamp.millis()).max(0)));
                    let (text, now) = (event.message.as_str(), browser::now());
                    check.maybe_update(|check| check.stage() == Stage::Running && check.saw(tenant, text, now));
                }),
            };
            driver::start(Session::new(tenant, DEFAULT_RETAIN), listener);
        }
        browser::every(REFRESH, move || spawn_local(refresh(report, trouble)));
    });

    let running = move || check.read().stage() == Stage::Running;
    let ready = move || feeds.iter().all(|facts| facts.read().status == Status::Live);
    let run = move |_| {
        if ready() && !running() {
            spawn_local(async move {
                run(check).await;
                refresh(report, trouble).await; // else the table and the counts would tell two stories
            });
        }
    };
    let verdict = move || (check.read().stage() == Stage::Done).then(|| check.read().verdict());

    view! {
        <header class="top">
            <h1>"Isolation"</h1>
        </header>
        <main class="isolation">
            <BreachAlarm breaches=Arc::new(move || feeds.iter().map(|facts| facts.read().breaches).sum()) />
            <p class="lead">
                "Two tenants on one server, each heard here through a socket of its own. Nothing of one may ever arrive with the other."
            </p>
            <section class="card check" aria-labelledby="check">
                <h2 id="check">"Isolation check"</h2>
                <p>
                    {format!(
                        "Posts {PROBES} marked probes to each tenant at once, waits for each on its own stream, and listens for a second more on the other. The probes appear in both tenants' feeds, like any event.",
                    )}
                </p>
                <button type="button" id="run-check" disabled=flag(move || !ready() || running()) on:click=run>
                    {text(move || if running() { "Checking…" } else { "Run isolation check" })}
                </button>
                <p id="verdict" role="status" data-verdict=word(move || verdict().map_or("", Verdict::slug))>
                    {text(move || verdict().map_or("", Verdict::words))}
                </p>
                <table hidden=flag(move || check.read().stage() == Stage::Idle)>
                    <caption>{format!("Probes seen, of {PROBES} sent to each tenant")}</caption>
                    <thead>
                        <tr>
                            <td></td>
                            {Tenant::ALL
                                .map(|stream| {
                                    view! {
                                        <th scope="col">
                                            <TenantMark tenant=stream />
                                            {format!("Seen by {}", stream.label())}
                                        </th>
                                    }
                                })}
                        </tr>
                    </thead>
                    <tbody>
                        {Tenant::ALL
                            .map(|tenant| {
                                view! {
                                    <tr>
                                        <th scope="row">
                                            <TenantMark tenant />
                                            {format!("Sent to {}", tenant.label())}
                                        </th>
                                        {Tenant::ALL.map(|stream| view! { <CheckCell check tenant stream /> })}
                                    </tr>
                                }
                            })
                            }
                    </tbody>
                </table>
            </section>
            <div class="panels">
                {Tenant::ALL
                    .map(|tenant| {
                        let (facts, delivery) = (feeds[tenant as usize], deliveries[tenant as usize]);
                        view! { <TenantPanel tenant facts delivery report /> }
                    })}
            </div>
            <section class="card" aria-labelledby="server">
                <h2 id="server">"The whole server"</h2>
                <dl>
                    <Count name="Refused for their Origin" count=text(move || report.read().refused_origin.to_string()) />
                    <Count name="Refused for their Host" count=text(move || report.read().refused_host.to_string()) />
                </dl>
                <p class="error" role="status">
                    {text(move || trouble.get())}
                </p>
            </section>
        </main>
    }
}

/// Reads one count.
type Reads = fn(&TenantReport) -> u64;

/// The server's counts of a tenant, and what they are called.
const COUNTS: [(&str, Reads); 8] = [
    ("Events accepted by the server", |counts| counts.accepted),
    ("Connections", |counts| counts.connections),
    ("Frames delivered", |counts| counts.delivered),
    ("Ended: too slow", |counts| counts.ended.slow),
    ("Ended: silent", |counts| counts.ended.silent),
    ("Ended: server stopping", |counts| counts.ended.stopping),
    ("Ended: broke the rules", |counts| counts.ended.policy),
    ("Ended: closed by the peer", |counts| counts.ended.closed_by_peer),
];

/// What is known of one tenant: by its stream, and by the server.
#[component]
pub fn TenantPanel(
    /// Whose.
    tenant: Tenant,
    /// What its stream has brought.
    facts: RwSignal<FeedState>,
    /// How long its last event took from the server to this page, in milliseconds.
    delivery: RwSignal<Option<i64>>,
    /// What the server counts.
    report: RwSignal<Report>,
) -> impl IntoView {
    view! {
        <section class="card" data-tenant=tenant.id() aria-label=tenant.label()>
            <h2>
                <TenantMark tenant />
                {tenant.label()}
            </h2>
            <ConnectionStatus tenant state=facts />
            <a href=format!("/?tenant={tenant}")>"Open the feed"</a>
            <p class="foreign" data-foreign=word(move || if facts.read().breaches == 0 { "none" } else { "some" })>
                <strong>{text(move || facts.read().breaches.to_string())}</strong>
                " foreign events received"
            </p>
            <dl>
                <Count name="Events received live" count=text(move || facts.read().received.to_string()) />
                <div>
                    <dt>"Delivery time of the last"</dt>
                    <dd>{text(move || delivery.get().map_or_else(|| String::from("none yet"), |ms| format!("{ms} ms")))}</dd>
                </div>
                {COUNTS
                    .map(|(name, count)| {
                        view! { <Count name count=text(move || count(report.read().of(tenant)).to_string()) /> }
                    })}
            </dl>
        </section>
    }
}

/// A number and its name.
#[component]
pub fn Count(
    /// What is counted.
    name: &'static str,
    /// How many.
    count: Erased<String>,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{count}</dd>
        </div>
    }
}

/// One of the four: probes of one tenant on one stream.
#[component]
pub fn CheckCell(
    /// The check.
    check: RwSignal<Check>,
    /// To whom they were sent.
    tenant: Tenant,
    /// On whose stream they were looked for.
    stream: Tenant,
) -> impl IntoView {
    let cell = move || check.read().cell(tenant, stream);
    let expected = if tenant == stream { PROBES } else { 0 };
    let words = move || match cell() {
        cell if cell.seen == 0 => String::from(" seen"),
        cell => format!(" seen, the slowest in {} ms", cell.slowest),
    };
    view! {
        <td data-cell=word(move || if cell().seen == expected { "right" } else { "wrong" })>
            <strong>{text(move || cell().seen.to_string())}</strong>
            {text(words)}
        </td>
    }
}

async fn refresh(report: RwSignal<Report>, trouble: RwSignal<String>) {
    match actions::isolation_report().await {
        Ok(now) => {
            report.set(now);
            trouble.set(String::new());
        }
        Err(Problem { detail, .. }) => trouble.set(format!("These counts are old: {detail}.")),
    }
}

async fn run(check: RwSignal<Check>) {
    let marker: String = hexadecimal(browser::random_bytes()).chars().take(8).collect();
    check.set(Check::start(marker));
    let [a, b] = Tenant::ALL;
    for _ in 0..PROBES {
        join(probe(check, a), probe(check, b)).await;
    }
    for _ in 0..LOOKS {
        if check.read_untracked().is_delivered() {
            break;
        }
        browser::sleep(LOOK).await;
    }
    browser::sleep(LISTEN_ON).await;
    check.update(Check::finish);
}

async fn probe(check: RwSignal<Check>, tenant: Tenant) {
    let text = check.try_update(|check| check.send(tenant, browser::now())).unwrap_or_default();
    let key = hexadecimal(browser::random_bytes());
    if !actions::post_as(tenant, text.clone(), &key).await {
        check.update(|check| check.refused(&text));
    }
}
