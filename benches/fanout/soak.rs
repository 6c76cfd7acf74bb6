//! Runs the server for half an hour under a mixed load, verifies every delivery, and watches the server's memory.
//!
//! The load has thousands of connections, of which some join and leave all the time, small and large events, bursts, and
//! clients that read lists.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use event_feed::feed::Tenant;
use serde_json::json;

use crate::{
    Options, Outcome,
    client::{self, Churn, Client, Pace, Phase},
    proc::{self, Ran},
    report,
    servers::{Kind, Server},
};

/// One in this number of connections joins and leaves all the time.
const CHURN_DIVISOR: u32 = 10;
/// Posting connections per tenant.
const POSTERS: usize = 4;
/// The number of events that the server keeps. As many are posted first, so that no list grows while memory is watched.
const KEPT: usize = 1_000;
/// The time between two bursts of large events. The tenants take turns.
const BURST_EVERY: Duration = Duration::from_secs(10);
/// The number of events in a burst.
const BURST: usize = 20;
/// The time between two reads of a list by several clients at once.
const LISTS_EVERY: Duration = Duration::from_secs(2);
/// The number of clients that read a list at once.
const LISTS: usize = 20;
/// The time between two samples of memory.
const SAMPLE: Duration = Duration::from_secs(1);
/// The share of the run after which memory counts. Before it, allocator and buffers warm up.
const WARM_UP: f64 = 0.2;

/// Duration and load
#[derive(Debug, Clone, Args)]
pub(crate) struct Soak {
    /// Duration, in seconds
    #[arg(long, default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(10..=86_400))]
    seconds: u32,

    /// Connections, half of them for each tenant, one in ten of which joins and leaves
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(40..=19_000))]
    connections: u32,

    /// Events per second and tenant, in addition to the bursts
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=200))]
    rate: u32,

    /// Write the report to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The memory and the open files of the server at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    resident: u64,
    files: usize,
}

/// Counts of the load other than the steady posts.
#[derive(Debug, Default)]
struct Done {
    bursts: AtomicU64,
    lists: AtomicU64,
}

impl Soak {
    /// Runs the load, and prints the report.
    ///
    /// # Errors
    /// If a delivery was lost, doubled, reordered or leaked, or if the load could not be made.
    pub(crate) fn run(&self, options: &Options) -> Outcome<()> {
        let server = Server::start(Kind::Ours, options)?;
        let guests = (self.connections / CHURN_DIVISOR) as usize;
        let client = Client::open(server.port, self.connections as usize - guests, options.size as usize)?;
        client.mark()?;
        client.post_to_both(Phase::Mark, POSTERS, Pace::Burst { events: KEPT })?;
        client.settle()?;
        let filling = client.delivered();
        let mut churn = client.churn(server.port, guests / 2);
        let (ran, begun) = (Ran::of_process(server.pid()).ran, Instant::now());
        let done = Done::default();
        let samples = self.load(&server, &client, &churn, &done)?;
        let (lasted, ran) = (begun.elapsed(), Ran::of_process(server.pid()).ran.saturating_sub(ran));
        churn.iter_mut().for_each(Churn::end);
        client.settle()?;
        check(&client, &churn)?;
        let joined = churn.iter().map(Churn::joined).sum();
        let delivered = client.delivered() - filling + churn.iter().map(Churn::delivered).sum::<u64>();
        let (_, status) = server.stop(&client)?;
        if !status.success() {
            return Err(format!("the server ended with {status}").into());
        }
        self.report(&client, &done, &samples, &Totals { lasted, ran, joined, delivered })
    }

    /// Makes the load, and takes samples of the server meanwhile.
    fn load(&self, server: &Server, client: &Client, churn: &[Churn; 2], done: &Done) -> Outcome<Vec<Sample>> {
        let lasting = Duration::from_secs(self.seconds.into());
        let stop = AtomicBool::new(false);
        let pace = Pace::Paced { rate: self.rate.into(), lasting, stop: &stop };
        let begun = Instant::now();
        let mut samples = Vec::new();
        thread::scope(|scope| {
            let posting = scope.spawn(|| client.post_to_both(Phase::Quiet, POSTERS, pace).map(drop));
            let bursting = scope.spawn(|| {
                every(BURST_EVERY, &stop, |turn| {
                    let tenant = Tenant::ALL[turn % 2];
                    client.post(tenant, Phase::Fill, POSTERS, Pace::Burst { events: BURST })?;
                    client.turn_to(Phase::Quiet);
                    done.bursts.fetch_add(1, SeqCst);
                    Ok(())
                })
            });
            let listing = scope.spawn(|| {
                every(LISTS_EVERY, &stop, |turn| {
                    client::storm(server.port, Tenant::ALL[turn % 2], LISTS, client::Read::List)?;
                    done.lists.fetch_add(LISTS as u64, SeqCst);
                    Ok(())
                })
            });
            let mut sound = Ok(());
            while begun.elapsed() < lasting && sound.is_ok() {
                thread::sleep(SAMPLE);
                samples.push(Sample::now(server, begun));
                sound = check(client, churn);
                if [&posting, &bursting, &listing].iter().any(|thread| thread.is_finished()) {
                    break; // a thread has ended or failed: its error is returned below
                }
            }
            stop.store(true, SeqCst);
            for thread in [posting, bursting, listing] {
                sound = sound.and(thread.join().map_err(|_| "a load panicked")?);
            }
            sound
        })?;
        Ok(samples)
    }

    fn report(&self, client: &Client, done: &Done, samples: &[Sample], totals: &Totals) -> Outcome<()> {
        let Totals { lasted, ran, joined, delivered } = totals;
        let (seconds, latencies) = (lasted.as_secs_f64(), client.latencies(&Tenant::ALL, Phase::Quiet));
        let warm = &samples[(samples.len() as f64 * WARM_UP) as usize..];
        let (slope, held) =
            (slope(warm) * 3_600.0 / 1e6, |sample: Option<&Sample>| sample.map_or(0, |sample| sample.resident));
        let (first, last) = (held(warm.first()) as f64 / 1e6, held(warm.last()) as f64 / 1e6);
        let most = held(warm.iter().max_by_key(|sample| sample.resident)) as f64 / 1e6;
        let files = warm.iter().map(|sample| sample.files).max().unwrap_or(0);
        let millis = |share| latencies.quantile(share).as_secs_f64() * 1e3;
        println!(
            "soak: {} connections for {seconds:.0} s, 2 × {} events/s and bursts of large ones",
            self.connections, self.rate
        );
        println!("  deliveries   {delivered} verified: none lost, doubled, reordered or leaked");
        println!("  joins        {joined}, each left again");
        println!("  bursts       {}", done.bursts.load(SeqCst));
        println!("  lists read   {}", done.lists.load(SeqCst));
        println!("  latency      p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", millis(0.5), millis(0.99), millis(1.0));
        println!("  processor    {:.1} % of one", ran.as_secs_f64() / seconds * 100.0);
        println!("  memory       {first:.1} MB once warm, {last:.1} MB at the end, {most:.1} MB at most");
        println!("  its slope    {slope:+.2} MB/h, {:+.2} MB over this run", slope * seconds / 3_600.0);
        println!("  open files   {files} at most");
        if let Some(file) = &self.json {
            let further = json!({
                "joins": joined,
                "bursts": done.bursts.load(SeqCst),
                "lists": done.lists.load(SeqCst),
                "latency_ms": { "p50": millis(0.5), "p99": millis(0.99), "max": millis(1.0) },
                "processor": ran.as_secs_f64() / seconds,
                "memory_mb": { "warm": first, "end": last, "max": most, "slope_per_hour": slope },
                "open_files": files,
                "samples": samples.iter().map(|sample| json!([sample.at.as_secs(), sample.resident])).collect::<Vec<_>>(),
            });
            report::write_verified(file, (self.connections, self.rate), seconds, *delivered, further)?;
        }
        Ok(())
    }
}

/// The totals of the whole run.
#[derive(Debug)]
struct Totals {
    lasted: Duration,
    ran: Duration,
    joined: u64,
    delivered: u64,
}

impl Sample {
    fn now(server: &Server, begun: Instant) -> Self {
        let files = fs::read_dir(format!("/proc/{}/fd", server.pid())).map_or(0, Iterator::count);
        Self { at: begun.elapsed(), resident: proc::resident(server.pid()), files }
    }
}

/// The growth of memory in bytes per second, by least squares.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len().max(1) as f64;
    let points = || samples.iter().map(|sample| (sample.at.as_secs_f64(), sample.resident as f64));
    let (x, y) = points().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
    let (with, of) = points()
        .fold((0.0, 0.0), |sum, point| (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x) * (point.0 - x)));
    if of > 0.0 { with / of } else { 0.0 }
}

/// Calls `act` with the number of the turn, again and again with a pause, until `stop` is set.
fn every(pause: Duration, stop: &AtomicBool, act: impl Fn(usize) -> Outcome<()>) -> Outcome<()> {
    let mut next = Instant::now() + pause;
    let mut turn = 0;
    while !stop.load(SeqCst) {
        if Instant::now() < next {
            thread::sleep(Duration::from_millis(20));
            continue;
        }
        act(turn)?;
        (next, turn) = (next + pause, turn + 1);
    }
    Ok(())
}

fn check(client: &Client, churn: &[Churn; 2]) -> Outcome<()> {
    let violation = client.violation().or_else(|| churn.iter().find_map(Churn::violation).map(String::as_str));
    violation.map_or(Ok(()), |violation| Err(violation.into()))
}
