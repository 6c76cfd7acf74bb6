//! Measures the fan-out of this server and of three others under the same load, one server at a time. Each server is a
//! process of its own.
//!
//! `cargo bench --bench fanout -- --help` lists the options. Every delivery on every connection is verified: a run that
//! loses, doubles, reorders or leaks an event is void. A slow run is never void. The benchmark needs Linux, since it reads
//! figures of processes from `/proc`, and it connects only to 127.0.0.1.
//!
//! `cargo bench --bench fanout -- --unkind` measures the effect of unkind clients on other clients.
//! `cargo bench --bench fanout -- soak` verifies half an hour under a mixed load, and watches memory.

mod baselines;
mod client;
mod histogram;
mod proc;
mod report;
mod scenarios;
mod servers;
mod soak;
mod unkind;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use report::Report;
use scenarios::Scenario;
use servers::Kind;

/// The result of a step of a run. An error makes the run void.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the fan-out against its baselines
#[derive(Debug, Clone, Parser)]
#[command(name = "fanout", max_term_width = 120)]
struct Options {
    /// Scenarios to run; the default is the first seven, up to pages; with --smoke it is all
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,

    /// Run the scenarios with unkind clients: those from ping-flood on
    #[arg(long, conflicts_with = "only")]
    unkind: bool,

    /// Servers to run the scenarios with
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Ours, Kind::Limit, Kind::Naive, Kind::Node])]
    servers: Vec<Kind>,

    /// Connections, half of them for each tenant
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(2..=19_000))]
    connections: u32,

    /// Connections of the idle scenario
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=19_000))]
    idle_connections: u32,

    /// Events per second and tenant in paced loads
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// How long a paced load lasts, in seconds
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,

    /// Events per tenant in a burst
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,

    /// Connections per tenant that post at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=256))]
    posters: u32,

    /// Length of a message, in bytes
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(16..=500))]
    size: u32,

    /// Clients that read the list at once
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    returning: u32,

    /// Clients that flood a subscription
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    flooders: u32,

    /// Clients that load a page again and again
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=256))]
    page_loaders: u32,

    /// List reads that are reset at once
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    abandoned: u32,

    /// Subscribers that read nothing, half of them for each tenant
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    unread: u32,

    /// How often each scenario runs; tables show medians
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,

    /// Write every run, and the medians, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Run once with small numbers, which takes seconds: this shows that the benchmark works, but its figures mean nothing
    #[arg(long)]
    smoke: bool,

    /// Build of the server to measure
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_event-feed"))]
    server: PathBuf,

    /// Passed by cargo
    #[arg(long, hide = true, global = true)]
    bench: bool,

    #[command(subcommand)]
    role: Option<Role>,
}

/// The other roles of this program.
#[derive(Debug, Clone, Subcommand)]
enum Role {
    /// This server for half an hour under a mixed load: every delivery verified, its memory watched
    Soak(soak::Soak),
    /// One of the servers
    #[command(hide = true)]
    Baseline { kind: Kind, port: u16 },
}

impl Options {
    const fn lasting(&self) -> Duration {
        Duration::from_secs(self.seconds as u64)
    }

    /// The numbers of a smoke run.
    fn small(self) -> Self {
        Self {
            connections: 100,
            idle_connections: 200,
            seconds: 1,
            events: 100,
            returning: 50,
            page_loaders: 4,
            abandoned: 200,
            unread: 20,
            repetitions: 1,
            ..self
        }
    }

    /// Chooses the scenarios, and drops the servers to which none of them applies.
    fn resolve(&mut self) {
        if self.unkind {
            self.only = Scenario::UNKIND.to_vec();
        } else if self.only.is_empty() {
            self.only = Scenario::DEFAULT.to_vec();
            if self.smoke {
                self.only.extend(Scenario::UNKIND);
            }
        }
        self.servers.retain(|kind| self.only.iter().any(|scenario| scenario.applies_to(*kind)));
    }
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Outcome<()> {
    // If the limit cannot be raised, opening connections fails with an error.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match &options.role {
        Some(Role::Baseline { kind, port }) => return Ok(baselines::serve(*kind, *port)?),
        Some(Role::Soak(soak)) => return soak.run(&options),
        None => {}
    }
    let mut options = if options.smoke { options.small() } else { options };
    options.resolve();
    if options.servers.contains(&Kind::Node)
        && let Err(reason) = servers::prepare_node()
    {
        eprintln!("without the Node baseline: {reason}");
        options.servers.retain(|kind| *kind != Kind::Node);
    }
    let mut report = Report::new(&options);
    for scenario in &options.only {
        for repetition in 1..=options.repetitions {
            for kind in options.servers.iter().filter(|kind| scenario.applies_to(**kind)) {
                eprintln!("{}, {}, {repetition} of {}", scenario.name(), kind.name(), options.repetitions);
                report.add(*scenario, *kind, repetition, scenario.run(*kind, &options));
            }
        }
        report.print(*scenario);
        if let Some(file) = &options.json {
            report.write(file)?; // after each scenario, so that an aborted run leaves its results
        }
    }
    report.verdict()
}
