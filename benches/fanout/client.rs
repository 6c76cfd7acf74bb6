//! Makes the load: a reader and posters for each tenant. They run on the server's machine, so they must use little processor
//! time.

mod churn;
mod failover;
mod handshake;
mod head;
mod ledger;
mod list;
mod poster;
mod reader;
mod stalled;
mod storm;
mod stream;

use std::{
    sync::{Arc, PoisonError, atomic::Ordering::SeqCst},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;

pub(crate) use churn::Churn;
pub(crate) use failover::Failover;
pub(crate) use handshake::{begin, connect, finish};
pub(crate) use head::Head;
pub(crate) use ledger::{LARGE, Phase};
pub(crate) use list::List;
pub(crate) use poster::Pace;
pub(crate) use stalled::Stalled;
pub(crate) use storm::{Read, Storm, storm};

use crate::{Outcome, histogram::Histogram, proc::Ran};
use ledger::Ledger;
use poster::OnFailure;
use reader::Shared;

/// Maximum time without an arrival while deliveries are due. After it they count as lost.
const LOST_AFTER: Duration = Duration::from_secs(15);

/// Connections of both tenants, read and verified.
#[derive(Debug)]
pub(crate) struct Client {
    /// The ports of the servers that receive the posts.
    post_to: Vec<u16>,
    tenants: [Reader; 2],
}

/// One tenant's connections.
#[derive(Debug)]
struct Reader {
    shared: Arc<Shared>,
    connections: usize,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Opens connections to the server on `port`, half of them for each tenant, and waits until each has its first frame.
    /// Messages have `size` bytes.
    pub(crate) fn open(port: u16, connections: usize, size: usize) -> Outcome<Self> {
        Self::open_apart(&[port], &[port], connections, size)
    }

    /// As [`Client::open`], with several servers that have one feed. The connections are spread over the ports of
    /// `read_from`, and those that post over the ports of `post_to`. Servers send heartbeats at different times, so several
    /// servers in `read_from` must send none.
    pub(crate) fn open_apart(read_from: &[u16], post_to: &[u16], connections: usize, size: usize) -> Outcome<Self> {
        let base = Instant::now();
        let count = connections / 2;
        let opening = Tenant::ALL.map(|tenant| {
            let ports = read_from.to_vec();
            thread::spawn(move || handshake::open(&ports, tenant, count))
        });
        let mut tenants = Vec::new();
        for (tenant, opening) in Tenant::ALL.into_iter().zip(opening) {
            let opened = opening.join().map_err(|_| "opening connections panicked")??;
            let shared = Arc::new(Shared::new(Ledger::new(tenant, base, size)));
            let reading = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("reader {}", tenant.mark()));
            let thread = thread.spawn(move || reader::run(&reading, opened))?;
            tenants.push(Reader { shared, connections: count, thread: Some(thread) });
        }
        let tenants = <[Reader; 2]>::try_from(tenants).map_err(|_| "there are two tenants")?;
        let client = Self { post_to: post_to.to_vec(), tenants };
        client.wait("a first frame", Reader::greeted)?;
        Ok(client)
    }

    /// Posts the marking event of each tenant, and waits until every connection has it.
    pub(crate) fn mark(&self) -> Outcome<()> {
        for tenant in Tenant::ALL {
            self.post(tenant, Phase::Mark, 1, Pace::Burst { events: 1 })?;
        }
        self.wait("the first event", Reader::marked)
    }

    /// Posts for one tenant, over several connections at once. Returns how late the posts were.
    pub(crate) fn post(&self, tenant: Tenant, phase: Phase, posters: usize, pace: Pace<'_>) -> Outcome<Histogram> {
        let ledger = &self.of(tenant).shared.ledger;
        ledger.turn_to(phase);
        poster::post(&self.post_to, ledger, posters, pace, OnFailure::Fail)
    }

    /// Posts for both tenants at the same time.
    pub(crate) fn post_to_both(&self, phase: Phase, posters: usize, pace: Pace<'_>) -> Outcome<Histogram> {
        thread::scope(|scope| {
            let both = Tenant::ALL.map(|tenant| scope.spawn(move || self.post(tenant, phase, posters, pace)));
            let mut late = Histogram::default();
            for one in both {
                late.merge(&one.join().map_err(|_| "posting panicked")??);
            }
            Ok(late)
        })
    }

    /// Assigns all later posts to `phase`.
    pub(crate) fn turn_to(&self, phase: Phase) {
        self.tenants.iter().for_each(|reader| reader.shared.ledger.turn_to(phase));
    }

    /// Waits until every connection has received all that was posted for its tenant.
    pub(crate) fn settle(&self) -> Outcome<()> {
        self.wait("an event", Reader::delivered)
    }

    /// Starts further connections of each tenant to the server on `port`, which join and leave all the time.
    pub(crate) fn churn(&self, port: u16, count: usize) -> [Churn; 2] {
        self.tenants.each_ref().map(|reader| Churn::start(port, Arc::clone(&reader.shared), count))
    }

    /// The number of deliveries verified so far, without those of the marking event.
    pub(crate) fn delivered(&self) -> u64 {
        self.progress(Reader::delivered).map(|(have, _)| have).sum()
    }

    /// The number of posts that were accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.tenants.iter().map(|reader| reader.shared.ledger.accepted()).sum()
    }

    /// The violation that makes the run void, if there is one.
    pub(crate) fn violation(&self) -> Option<&str> {
        self.tenants.iter().find_map(|reader| reader.shared.violation.get()).map(String::as_str)
    }

    /// For each tenant, the number that was reached so far and the number that is due, as `of` returns them.
    fn progress(&self, of: fn(&Reader) -> (u64, u64)) -> impl Iterator<Item = (u64, u64)> {
        self.tenants.iter().map(of)
    }

    fn wait(&self, what: &str, progress: fn(&Reader) -> (u64, u64)) -> Outcome<()> {
        wait(what, || self.violation(), || self.progress(progress))
    }

    /// The latencies of a phase, from a post's first byte to receipt.
    pub(crate) fn latencies(&self, tenants: &[Tenant], phase: Phase) -> Histogram {
        let mut sum = Histogram::default();
        for tenant in tenants {
            let records = self.of(*tenant).shared.records.lock().unwrap_or_else(PoisonError::into_inner);
            sum.merge(&records.latencies[phase as usize]);
        }
        sum
    }

    /// The time from the first byte of a phase's first post to the receipt of its last delivery.
    pub(crate) fn lasted(&self, phase: Phase) -> Duration {
        let first = self.tenants.iter().filter_map(|reader| reader.shared.ledger.first_of(phase)).min();
        let last = self.tenants.iter().map(|reader| {
            let records = reader.shared.records.lock().unwrap_or_else(PoisonError::into_inner);
            records.last[phase as usize]
        });
        Duration::from_nanos(last.max().unwrap_or(0).saturating_sub(first.unwrap_or(0)))
    }

    /// The time that each reader has run, and waited for a processor.
    pub(crate) fn readers_ran(&self) -> [Ran; 2] {
        self.tenants
            .each_ref()
            .map(|reader| reader.shared.thread.get().map_or_else(Ran::default, |thread| Ran::of_thread(thread)))
    }

    /// Allows the server to answer later posts with 503.
    pub(crate) fn allow_refusing(&self) {
        self.tenants.iter().for_each(|reader| reader.shared.ledger.allow_refusing());
    }

    /// The number of posts that the server answered with 503.
    pub(crate) fn refused(&self) -> u64 {
        self.tenants.iter().map(|reader| reader.shared.ledger.refused()).sum()
    }

    /// Allows the server to close connections from now on. Close frames are answered.
    pub(crate) fn allow_closing(&self) {
        self.tenants.iter().for_each(|reader| reader.shared.may_close.store(true, SeqCst));
    }

    fn of(&self, tenant: Tenant) -> &Reader {
        let [a, b] = &self.tenants;
        match tenant {
            Tenant::A => a,
            Tenant::B => b,
        }
    }
}

/// Waits until each tenant has reached the number that is due. `progress` returns both numbers for each tenant.
fn wait<'a, I: Iterator<Item = (u64, u64)>>(
    what: &str,
    violation: impl Fn() -> Option<&'a str>,
    progress: impl Fn() -> I,
) -> Outcome<()> {
    let (mut since, mut last) = (Instant::now(), 0);
    loop {
        if let Some(violation) = violation() {
            return Err(violation.into());
        }
        let now: Vec<_> = progress().collect(); // read once for both checks, since deliveries go on
        let (have, due) = now.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if now.iter().all(|(have, due)| have >= due) {
            return if have == due { Ok(()) } else { Err("more arrived than was posted".into()) };
        }
        if have > last {
            (since, last) = (Instant::now(), have);
        }
        if since.elapsed() > LOST_AFTER {
            return Err(format!("{what} is lost: {have} deliveries of {due}").into());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

impl Reader {
    fn greeted(&self) -> (u64, u64) {
        (self.shared.greeted.load(SeqCst) as u64, self.connections as u64)
    }

    fn marked(&self) -> (u64, u64) {
        (self.shared.marked.load(SeqCst) as u64, self.connections as u64)
    }

    /// The number of deliveries, without those of the marking event.
    fn delivered(&self) -> (u64, u64) {
        let posted = self.shared.ledger.accepted().saturating_sub(1);
        (self.shared.delivered.load(SeqCst), posted * self.connections as u64)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tenants.iter().for_each(|reader| reader.shared.end.store(true, SeqCst));
        for thread in self.tenants.iter_mut().filter_map(|reader| reader.thread.take()) {
            let _ = thread.join();
        }
    }
}
