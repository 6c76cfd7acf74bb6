//! Measures the fan-out of this server and of three others under the same load, one server at a time. Each server is a
//! process of its own.
//!
//! `cargo bench --bench fanout -- --help` lists the options. Every delivery on every connection is verified: a run that
//! loses, doubles, reorders or leaks an event is void. A slow run is never void. The benchmark needs Linux, since it reads
//! figures of processes from `/proc`, and it connects only to 127.0.0.1.
//!
//! `cargo bench --bench fanout -- --unkind` measures the effect of unkind clients on other clients.
//! `cargo bench --bench fanout -- soak` verifies half an hour under a mixed load, and watches memory.
//! `cargo bench --features nats --bench fanout -- --only nodes` measures two servers with one feed, over a nats-server, and
//! `… -- kills` verifies them while one of them is killed again and again.

mod baselines;
mod client;
mod engine;
mod histogram;
mod kills;
mod nodes;
mod proc;
mod proxy;
mod report;
mod scenarios;
mod servers;
mod soak;
mod unkind;

use std::{env, path::PathBuf, process::ExitCode, sync::LazyLock, time::Duration};

use clap::{Parser, Subcommand, ValueEnum, builder::PossibleValue};

use engine::{Engine, Missing};
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
    only: Vec<Choice>,

    /// The scenarios that were chosen
    #[arg(skip)]
    scenarios: Vec<Scenario>,

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

/// A value of `--only`.
#[derive(Debug, Clone, Copy)]
enum Choice {
    One(Scenario),
    /// All scenarios of two servers with one feed.
    Nodes,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Choice>> = LazyLock::new(|| {
            Scenario::value_variants().iter().copied().map(Choice::One).chain([Choice::Nodes]).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(scenario) => scenario.to_possible_value(),
            Self::Nodes => Some(PossibleValue::new("nodes").help("The four of two servers with one feed")),
        }
    }
}

/// The other roles of this program.
#[derive(Debug, Clone, Subcommand)]
enum Role {
    /// This server for half an hour under a mixed load: every delivery verified, its memory watched
    Soak(soak::Soak),
    /// Two servers with one feed, one of which is killed every few seconds: every delivery verified
    Kills(kills::Kills),
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
    ///
    /// # Errors
    /// If a chosen scenario cannot run. In a smoke run on a person's machine it is skipped instead.
    fn resolve(&mut self) -> Outcome<()> {
        self.scenarios = if self.unkind {
            Scenario::UNKIND.to_vec()
        } else if self.only.is_empty() && self.smoke {
            [&Scenario::DEFAULT[..], &Scenario::UNKIND, &Scenario::NODES].concat()
        } else if self.only.is_empty() {
            Scenario::DEFAULT.to_vec()
        } else {
            let scenarios = self.only.iter().map(|choice| match choice {
                Choice::One(scenario) => vec![*scenario],
                Choice::Nodes => Scenario::NODES.to_vec(),
            });
            scenarios.flatten().collect()
        };
        if self.scenarios.iter().any(|scenario| Scenario::NODES.contains(scenario))
            && let Err(missing) = Engine::program()
        {
            if !self.smoke || missing == Missing::Program && env::var_os("CI").is_some() {
                return Err(missing.into());
            }
            eprintln!("skipped: the scenarios of two servers with one feed: {missing}");
            self.scenarios.retain(|scenario| !Scenario::NODES.contains(scenario));
        }
        self.servers.retain(|kind| self.scenarios.iter().any(|scenario| scenario.applies_to(*kind)));
        Ok(())
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
        Some(Role::Kills(kills)) => return kills.run(&options),
        None => {}
    }
    let mut options = if options.smoke { options.small() } else { options };
    options.resolve()?;
    if options.servers.contains(&Kind::Node)
        && let Err(reason) = servers::prepare_node()
    {
        eprintln!("without the Node baseline: {reason}");
        options.servers.retain(|kind| *kind != Kind::Node);
    }
    let mut report = Report::new(&options);
    for scenario in &options.scenarios {
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
