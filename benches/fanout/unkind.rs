//! Measures the effect of unkind clients on other clients.
//!
//! A scenario measures the other clients of both tenants twice with one server: without the unkind clients (quiet), then
//! with them (loaded). It sets no rule for the treatment of unkind clients: whether the server serves, slows, refuses or
//! closes them is a figure.

mod abandoned;
mod flood;
mod pages;
mod slow_list;
mod unread;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;

pub(crate) use abandoned::abandoned_lists;
pub(crate) use flood::{Flood, flood};
pub(crate) use pages::page_flood;
pub(crate) use slow_list::slow_list;
pub(crate) use unread::unread;

use crate::{
    Options, Outcome,
    client::{Client, Pace, Phase},
    histogram::Histogram,
    scenarios::{NEVER, Used, millis, pace},
    servers::Server,
};

/// Subscribers of both tenants together. They are few, so that a quiet delivery takes less than a millisecond.
const SUBSCRIBERS: usize = 20;
/// Posting connections per tenant. At 50 events a second, an answer may take a second before a later post is delayed.
const POSTERS: usize = 50;
/// Duration of each phase in a smoke run.
const SMOKE_PHASE: Duration = Duration::from_millis(300);

/// Threads that each run one unkind client until they are stopped. `T` is what a client counts.
#[derive(Debug)]
struct Attack<T> {
    stop: Arc<AtomicBool>,
    begun: Instant,
    threads: Vec<JoinHandle<T>>,
}

impl<T: Send + 'static> Attack<T> {
    /// Starts `count` clients. Each must return soon after the flag that it receives is set.
    fn start(count: u32, client: impl Fn(&AtomicBool) -> T + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..count).map(|_| {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            thread::spawn(move || client(&stop))
        });
        Self { threads: threads.collect(), begun: Instant::now(), stop }
    }

    /// Stops the clients. Returns what each counted, and how long they ran.
    fn stop(mut self) -> Outcome<(Vec<T>, Duration)> {
        self.stop.store(true, SeqCst);
        let lasted = self.begun.elapsed();
        let counts: Result<_, _> = self.threads.drain(..).map(JoinHandle::join).collect();
        Ok((counts.map_err(|_| "an unkind client panicked")?, lasted))
    }
}

impl<T> Drop for Attack<T> {
    /// Stops the clients if the scenario failed before it stopped them.
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Opens the other clients, posts `kept` events for each tenant, which pages and lists then contain, and measures the quiet
/// phase. Messages have `size` bytes.
fn quiet(server: &Server, kept: usize, size: usize, options: &Options) -> Outcome<Client> {
    let client = Client::open(server.port, SUBSCRIBERS, size)?;
    client.mark()?;
    client.post_to_both(Phase::Mark, options.posters as usize, Pace::Burst { events: kept })?;
    client.settle()?;
    client.post_to_both(Phase::Quiet, POSTERS, pace(options, phase_length(options), &NEVER))?;
    client.settle()?;
    Ok(client)
}

/// Measures the loaded phase next to an attack, which it stops afterwards.
fn loaded<T: Send + 'static>(
    server: &Server,
    client: &Client,
    attack: Attack<T>,
    options: &Options,
) -> Outcome<Loaded<T>> {
    client.allow_refusing();
    let (late, used) = Used::by(server, client, || {
        client.post_to_both(Phase::Loaded, POSTERS, pace(options, phase_length(options), &NEVER))
    })?;
    let (counts, lasted) = attack.stop()?;
    client.settle()?;
    Ok(Loaded { counts, lasted, late, used })
}

/// The results of a loaded phase.
struct Loaded<T> {
    /// The counts of each unkind client.
    counts: Vec<T>,
    /// How long the unkind clients ran.
    lasted: Duration,
    late: Histogram,
    used: Used,
}

/// Duration of each phase.
const fn phase_length(options: &Options) -> Duration {
    if options.smoke { SMOKE_PHASE } else { options.lasting() }
}

/// The latencies of the other clients: B quiet and in `phase`, A in `phase`.
fn latencies(client: &Client, phase: Phase) -> Vec<(&'static str, f64)> {
    let of = |tenant, phase| client.latencies(&[tenant], phase);
    let (quiet, a, b) = (of(Tenant::B, Phase::Quiet), of(Tenant::A, phase), of(Tenant::B, phase));
    vec![
        ("B quiet p50 ms", millis(quiet.quantile(0.5))),
        ("B quiet p99 ms", millis(quiet.quantile(0.99))),
        ("B p50 ms", millis(b.quantile(0.5))),
        ("B p99 ms", millis(b.quantile(0.99))),
        ("B max ms", millis(b.max())),
        ("A p50 ms", millis(a.quantile(0.5))),
        ("A p99 ms", millis(a.quantile(0.99))),
    ]
}

/// The effect of the load on the posters and on the machine.
fn conditions(client: &Client, late: &Histogram, used: &Used) -> [(&'static str, f64); 4] {
    [
        ("posts refused", client.refused() as f64),
        ("late p99 ms", millis(late.quantile(0.99))),
        ("server %", used.server_share() * 100.0),
        ("others %", used.others * 100.0),
    ]
}
