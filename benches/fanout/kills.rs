//! Kills one of two servers with one feed every few seconds, and verifies that no client loses or doubles an event.
//!
//! The clients behave as the contract asks: a client that loses its server returns to the other one, or to the same one, and
//! reads the list. A poster that gets no answer sends the post again, with the same idempotency key.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::json;

use crate::{
    Options, Outcome,
    client::{Failover, Pace},
    engine::Engine,
    report,
    scenarios::{FOREVER, millis},
    servers::{Kind, Server, free_port},
};

/// Posting connections per tenant.
const POSTERS: usize = 4;
/// Events per tenant of the burst around each kill. Without it, a server would rarely end with a post that the engine has
/// stored and that is not answered.
const BURST: usize = 40;
/// Posting connections per tenant of the burst, half of them to the server that is killed.
const BURST_POSTERS: usize = 20;
/// How often the number of deliveries is read.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// Load and length of the run
#[derive(Debug, Clone, Args)]
pub(crate) struct Kills {
    /// The run ends after this number of verified deliveries
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    deliveries: u64,

    /// Clients, half of them for each tenant
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(4..=2_000))]
    connections: u32,

    /// Events per second and tenant
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    rate: u32,

    /// The time between two kills, in milliseconds. The servers take turns
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(500..=60_000))]
    every: u32,

    /// Write the report to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Kills {
    /// Runs the load, and prints the report.
    ///
    /// # Errors
    /// If an event was lost, doubled, moved or leaked, if the epoch changed, or if the load could not be made.
    pub(crate) fn run(&self, options: &Options) -> Outcome<()> {
        let engine = Engine::start()?;
        let ports = [free_port()?, free_port()?];
        let start = |port| Server::start_at(port, Kind::Ours, options, &Engine::variables(engine.port));
        let mut servers = Vec::new();
        for port in ports {
            servers.push(start(port)?);
        }
        let clients = Failover::open(&ports, self.connections as usize, options.size as usize)?;
        let (stop, begun) = (AtomicBool::new(false), Instant::now());
        let pace = Pace::Paced { rate: self.rate.into(), lasting: FOREVER, stop: &stop };
        let kills = thread::scope(|scope| {
            let posting = scope.spawn(|| clients.post(POSTERS, pace));
            let mut kill = |number: usize| {
                let at = number % servers.len();
                let half = clients.accepted() + BURST as u64; // of both tenants
                thread::scope(|scope| {
                    let burst = scope.spawn(|| clients.post(BURST_POSTERS, Pace::Burst { events: BURST }));
                    while clients.accepted() < half && !burst.is_finished() {
                        thread::yield_now();
                    }
                    drop(servers.remove(at)); // with SIGKILL
                    servers.insert(at, start(ports[at])?);
                    burst.join().map_err(|_| "the burst panicked")?
                })
            };
            let kills = self.kill_again_and_again(&clients, || posting.is_finished(), &mut kill);
            stop.store(true, SeqCst);
            posting.join().map_err(|_| "posting panicked")??;
            kills
        })?;
        clients.settle()?;
        self.report(&clients, kills, begun.elapsed())
    }

    /// Kills a server every few seconds until there are enough deliveries, or until the posts have failed. Returns the
    /// number of kills.
    fn kill_again_and_again(
        &self,
        clients: &Failover,
        has_failed: impl Fn() -> bool,
        kill: &mut dyn FnMut(usize) -> Outcome<()>,
    ) -> Outcome<usize> {
        let every = Duration::from_millis(self.every.into());
        let (mut kills, mut next) = (0, Instant::now() + every);
        while clients.delivered() < self.deliveries && !has_failed() {
            if let Some(violation) = clients.violation() {
                return Err(violation.into());
            }
            thread::sleep(CHECK_INTERVAL);
            if Instant::now() >= next {
                kill(kills)?;
                (kills, next) = (kills + 1, next + every);
            }
        }
        Ok(kills)
    }

    fn report(&self, clients: &Failover, kills: usize, lasted: Duration) -> Outcome<()> {
        let (delivered, accepted, repeated) = (clients.delivered(), clients.accepted(), clients.repeated());
        let (seconds, returns) = (lasted.as_secs_f64(), clients.returns());
        let quantile = |share| millis(returns.quantile(share));
        println!("kills: {} clients of two servers for {seconds:.0} s, 2 × {} events/s", self.connections, self.rate);
        println!("  kills        {kills}, with SIGKILL");
        println!("  deliveries   {delivered} verified: none lost, doubled, moved or leaked; the epoch is the same");
        println!("  posts        {accepted} accepted, each once; {repeated} attempts had no answer, or 503 or 504");
        println!(
            "  returns      {}: complete again after p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms",
            returns.total(),
            quantile(0.5),
            quantile(0.99),
            millis(returns.max())
        );
        if let Some(file) = &self.json {
            let further = json!({
                "kills": kills,
                "accepted": accepted,
                "repeated": repeated,
                "returns": returns.total(),
                "return_ms": { "p50": quantile(0.5), "p99": quantile(0.99), "max": millis(returns.max()) },
            });
            report::write_verified(file, (self.connections, self.rate), seconds, delivered, further)?;
        }
        Ok(())
    }
}
