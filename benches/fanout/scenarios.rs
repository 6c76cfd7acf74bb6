//! Runs the scenarios: each starts a server, puts a load on it, and returns figures.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use event_feed::feed::Tenant;

use crate::{
    Options, Outcome,
    client::{self, Client, Pace, Phase, Stalled},
    histogram::Histogram,
    nodes,
    proc::{self, Kernel, Ran},
    servers::{Kind, Server},
    unkind::{self, Flood},
};

/// Posting connections per tenant for paced posts: more than one, so that a slow answer does not delay the next post.
pub(crate) const PACED_POSTERS: usize = 4;
/// Maximum share of the time for which a reader runs or waits for a processor. Above it the figures are doubtful, since the
/// client limits them, not the server.
const SATURATED: f64 = 0.95;
/// The share of paced posts that must not be later than [`LATE`]. Otherwise the figures are doubtful.
const LATE_SHARE: f64 = 0.99;
/// Maximum delay of [`LATE_SHARE`] of the paced posts against their schedule.
const LATE: Duration = Duration::from_millis(5);
/// Maximum share of one processor that other processes use. Above it the figures are doubtful.
const OTHERS: f64 = 0.1;
/// The number of connections that are opened, used and closed before memory is measured, to warm up code and allocator.
const WARM_UP: usize = 128;
/// The time after which memory counts as settled.
const SETTLING: Duration = Duration::from_secs(2);
/// Events of 2 kB for each tenant that fill the kernel's buffers of a connection that does not read: 1,500 × 2 kB = 3 MB.
const FILL: usize = 1_500;
/// Maximum time until stalled connections are ended: 10 s of backlog, 5 s without progress, and 10 s in reserve.
const STALLED_TIMEOUT: Duration = Duration::from_secs(25);
/// Receive buffer of a stalled connection, in bytes. It is small, so that it is full soon.
const STALLED_BUFFER: usize = 4 * 1024;
/// The number of events that the server keeps. A client that reconnects reads all of them.
pub(crate) const KEPT: usize = 1_000;
/// The number of storms in a scenario. In a storm, many clients connect and read at once.
const STORMS: usize = 4;

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Events at a steady rate
    Paced,
    /// Events as fast as the server accepts them
    Burst,
    /// Connections that do nothing: memory, start and stop
    Idle,
    /// One in ten connections does not read
    Fairness,
    /// A burst in one tenant, seen from the other
    Isolation,
    /// Many clients that read the list at once
    Snapshots,
    /// Many clients that load the page at once
    Pages,
    /// Clients that send pings as fast as they can
    PingFlood,
    /// Clients that send pongs as fast as they can
    PongFlood,
    /// Clients that send empty fragments as fast as they can
    FragmentFlood,
    /// Clients that load a page again and again
    PageFlood,
    /// List reads that are reset at once
    AbandonedLists,
    /// Subscribers that read nothing
    Unread,
    /// A list of 2 MB, read at 20 kB a second
    SlowList,
    /// Two servers with one feed: posts to one, sockets on the other, next to one server alone
    NodesPaced,
    /// Two servers with one feed: posts to both as fast as they accept them
    NodesBurst,
    /// Two servers with one feed, whose engine is killed and started again
    NodesNewEpoch,
    /// Two servers with one feed, one of which is cut off from the engine
    NodesCutOff,
}

/// The figures of one run, by name, and the reason why they are doubtful, if they are.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) values: Vec<(&'static str, f64)>,
    pub(crate) doubt: Option<String>,
}

impl Scenario {
    /// The scenarios that run by default.
    pub(crate) const DEFAULT: [Self; 7] =
        [Self::Paced, Self::Burst, Self::Idle, Self::Fairness, Self::Isolation, Self::Snapshots, Self::Pages];
    /// The scenarios with unkind clients. The slow list is one of them, because limits on such clients must not affect it.
    pub(crate) const UNKIND: [Self; 7] = [
        Self::PingFlood,
        Self::PongFlood,
        Self::FragmentFlood,
        Self::PageFlood,
        Self::AbandonedLists,
        Self::Unread,
        Self::SlowList,
    ];
    /// The scenarios of two servers with one feed, over a nats-server: `--only nodes` stands for them.
    pub(crate) const NODES: [Self; 4] = [Self::NodesPaced, Self::NodesBurst, Self::NodesNewEpoch, Self::NodesCutOff];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Paced => "paced",
            Self::Burst => "burst",
            Self::Idle => "idle",
            Self::Fairness => "fairness",
            Self::Isolation => "isolation",
            Self::Snapshots => "snapshots",
            Self::Pages => "pages",
            Self::PingFlood => "ping-flood",
            Self::PongFlood => "pong-flood",
            Self::FragmentFlood => "fragment-flood",
            Self::PageFlood => "page-flood",
            Self::AbandonedLists => "abandoned-lists",
            Self::Unread => "unread",
            Self::SlowList => "slow-list",
            Self::NodesPaced => "nodes-paced",
            Self::NodesBurst => "nodes-burst",
            Self::NodesNewEpoch => "nodes-new-epoch",
            Self::NodesCutOff => "nodes-cut-off",
        }
    }

    /// Whether the scenario applies to a server: only this project's server has lists, and limits for slow readers.
    pub(crate) const fn applies_to(self, kind: Kind) -> bool {
        match self {
            Self::Paced | Self::Burst | Self::Idle => true,
            Self::Isolation => !matches!(kind, Kind::Node),
            Self::Fairness
            | Self::Snapshots
            | Self::Pages
            | Self::PingFlood
            | Self::PongFlood
            | Self::FragmentFlood
            | Self::PageFlood
            | Self::AbandonedLists
            | Self::Unread
            | Self::SlowList
            | Self::NodesPaced
            | Self::NodesBurst
            | Self::NodesNewEpoch
            | Self::NodesCutOff => matches!(kind, Kind::Ours),
        }
    }

    /// Describes the load in words.
    pub(crate) fn describe(self, options: &Options) -> String {
        let Options { connections, idle_connections, rate, seconds, events, posters, size, returning, .. } = options;
        let Options { flooders, page_loaders, abandoned, unread, .. } = options;
        let flood =
            |what| format!("2 × {rate} events/s, alone, then next to {flooders} clients of A that flood {what}");
        match self {
            Self::Paced => format!("{connections} connections, 2 × {rate} events/s of {size} bytes for {seconds} s"),
            Self::Burst => {
                format!("{connections} connections, 2 × {events} events of {size} bytes, 2 × {posters} posters")
            }
            Self::Idle => format!("{idle_connections} connections that do nothing"),
            Self::Fairness => {
                format!("{connections} connections, one in ten of which does not read; 2 × {rate} events/s")
            }
            Self::Isolation => {
                format!(
                    "{connections} connections; B at {rate} events/s, alone, then next to a burst in A ({posters} posters)"
                )
            }
            Self::Snapshots => {
                format!(
                    "{connections} connections, 2 × {rate} events/s, alone, then while {returning} clients read the list at once"
                )
            }
            Self::Pages => {
                format!(
                    "{connections} connections, 2 × {rate} events/s, alone, then while {returning} clients load A's page at once"
                )
            }
            Self::PingFlood => flood("pings"),
            Self::PongFlood => flood("pongs"),
            Self::FragmentFlood => flood("empty fragments"),
            Self::PageFlood => {
                format!(
                    "2 × {rate} events/s, alone, then next to {page_loaders} clients that load A's page of large events"
                )
            }
            Self::AbandonedLists => {
                format!("2 × {rate} events/s, alone, then after {abandoned} list reads of A that are reset at once")
            }
            Self::Unread => {
                format!("{unread} subscribers that read nothing, bursts of 100 events of 2 kB")
            }
            Self::SlowList => String::from("a list of 2 MB, read at 20 kB a second"),
            Self::NodesPaced | Self::NodesBurst | Self::NodesNewEpoch | Self::NodesCutOff => {
                nodes::describe(self, options)
            }
        }
    }

    /// Runs the scenario once, with a server of its own.
    pub(crate) fn run(self, kind: Kind, options: &Options) -> Outcome<Figures> {
        let start = || Server::start(kind, options);
        match self {
            Self::Paced => paced(&start()?, options),
            Self::Burst => burst(&start()?, options),
            Self::Idle => idle(start()?, kind, options),
            Self::Fairness => fairness(&start()?, options),
            Self::Isolation => isolation(&start()?, options),
            Self::Snapshots => storms(&start()?, options, client::Read::List),
            Self::Pages => storms(&start()?, options, client::Read::Page),
            Self::PingFlood => unkind::flood(&start()?, Flood::Pings, options),
            Self::PongFlood => unkind::flood(&start()?, Flood::Pongs, options),
            Self::FragmentFlood => unkind::flood(&start()?, Flood::Fragments, options),
            Self::PageFlood => unkind::page_flood(&start()?, options),
            Self::AbandonedLists => unkind::abandoned_lists(&start()?, options),
            Self::Unread => unkind::unread(&start()?, options),
            Self::SlowList => unkind::slow_list(&start()?, options),
            Self::NodesPaced => nodes::paced(options),
            Self::NodesBurst => nodes::burst(options),
            Self::NodesNewEpoch => nodes::new_epoch(options),
            Self::NodesCutOff => nodes::cut_off(options),
        }
    }
}

/// The processor time that a load used.
#[derive(Debug)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    /// The time of all processes under test together.
    server: Duration,
    /// The time of each process under test.
    pub(crate) each: Vec<Duration>,
    pub(crate) client: Duration,
    /// The share of the time for which the busier reader ran, or waited for a processor.
    reader: f64,
    /// The share of one processor that other processes used.
    pub(crate) others: f64,
}

impl Used {
    pub(crate) fn by<T>(server: &Server, client: &Client, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Self)> {
        Self::by_each(&[server.pid()], client, work)
    }

    /// As [`Used::by`], with several processes under test.
    pub(crate) fn by_each<T>(pids: &[u32], client: &Client, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Self)> {
        let now = || {
            let tested: Vec<_> = pids.iter().map(|pid| Ran::of_process(*pid)).collect();
            (tested, proc::ran(std::process::id()), client.readers_ran())
        };
        let ((tested_before, client_before, readers_before), busy_before) = (now(), proc::busy());
        let begun = Instant::now();
        let result = work()?;
        let wall = begun.elapsed();
        let ((tested_after, client_after, readers_after), busy_after) = (now(), proc::busy());
        let readers = readers_after.into_iter().zip(readers_before).map(|(after, before)| after.since(before));
        let busiest = readers.map(|reader| reader.ran + reader.waited).max().unwrap_or_default();
        let each = tested_after.into_iter().zip(tested_before).map(|(after, before)| after.since(before).ran);
        let each: Vec<_> = each.collect();
        let server = each.iter().sum();
        let client = client_after.saturating_sub(client_before);
        let others = busy_after.saturating_sub(busy_before).saturating_sub(server + client);
        let of_wall = |time: Duration| time.as_secs_f64() / wall.as_secs_f64();
        Ok((result, Self { wall, server, each, client, reader: of_wall(busiest), others: of_wall(others) }))
    }

    /// The share of one processor that the server used.
    pub(crate) fn server_share(&self) -> f64 {
        self.server.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// The reason for doubt if other processes used too much of a processor.
    pub(crate) fn shared(&self) -> Option<String> {
        (self.others > OTHERS).then(|| format!("other processes used {:.0} % of a processor", self.others * 100.0))
    }

    /// The reason for doubt, if a figure may not be the server's own.
    pub(crate) fn doubt(&self, late: &Histogram) -> Option<String> {
        if let Some(doubt) = self.shared() {
            Some(doubt)
        } else if self.reader > SATURATED {
            Some(format!("a reader was busy for {:.0} % of the time", self.reader * 100.0))
        } else if late.quantile(LATE_SHARE) > LATE {
            Some(format!("posts were up to {:.1} ms late", millis(late.quantile(LATE_SHARE))))
        } else {
            None
        }
    }
}

fn paced(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = open(server, options.connections, options)?;
    let (late, used) = Used::by(server, &client, || {
        let late = client.post_to_both(Phase::Quiet, PACED_POSTERS, pace(options, options.lasting(), &NEVER))?;
        client.settle().map(|()| late)
    })?;
    let latencies = client.latencies(&Tenant::ALL, Phase::Quiet);
    Ok(Figures {
        values: vec![
            ("µs/delivery", per(used.server, latencies.total())),
            ("p50 ms", millis(latencies.quantile(0.5))),
            ("p99 ms", millis(latencies.quantile(0.99))),
            ("max ms", millis(latencies.max())),
            ("client µs/delivery", per(used.client, latencies.total())),
            ("late p99 ms", millis(late.quantile(0.99))),
            ("reader %", used.reader * 100.0),
            ("others %", used.others * 100.0),
        ],
        doubt: used.doubt(&late),
    })
}

fn burst(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = open(server, options.connections, options)?;
    let before = proc::resident(server.pid());
    let (_, used) = Used::by(server, &client, || {
        let pace = Pace::Burst { events: options.events as usize };
        client.post_to_both(Phase::Quiet, options.posters as usize, pace)?;
        client.settle()
    })?;
    let latencies = client.latencies(&Tenant::ALL, Phase::Quiet);
    Ok(Figures {
        values: vec![
            ("deliveries/s", latencies.total() as f64 / client.lasted(Phase::Quiet).as_secs_f64()),
            ("µs/delivery", per(used.server, latencies.total())),
            ("p50 ms", millis(latencies.quantile(0.5))),
            ("p99 ms", millis(latencies.quantile(0.99))),
            ("max ms", millis(latencies.max())),
            ("grown MB", proc::resident(server.pid()).saturating_sub(before) as f64 / 1e6),
            ("client µs/delivery", per(used.client, latencies.total())),
            ("reader %", used.reader * 100.0),
            ("others %", used.others * 100.0),
        ],
        doubt: used.doubt(&Histogram::default()),
    })
}

fn idle(server: Server, kind: Kind, options: &Options) -> Outcome<Figures> {
    let warm_up = Client::open(server.port, WARM_UP, options.size as usize)?;
    warm_up.mark()?;
    drop(warm_up);
    let settling = if options.smoke { SETTLING / 10 } else { SETTLING };
    thread::sleep(settling);
    let (before, kernel_before) = (proc::resident(server.pid()), Kernel::now());
    let opening = Instant::now();
    let client = Client::open(server.port, options.idle_connections as usize, options.size as usize)?;
    let opened_in = opening.elapsed();
    thread::sleep(settling);
    let (after, kernel_after) = (proc::resident(server.pid()), Kernel::now());
    client.mark()?; // all connections are open and subscribed
    let each = |after: u64, before: u64| (after as f64 - before as f64) / f64::from(options.idle_connections);
    let mut figures = Figures {
        values: vec![
            ("bytes/conn", each(after, before)),
            ("RSS MB", after as f64 / 1e6),
            ("buffers/conn", each(kernel_after.buffers, kernel_before.buffers)),
            ("objects/conn", each(kernel_after.objects, kernel_before.objects)),
            ("opened in s", opened_in.as_secs_f64()),
            ("start ms", millis(server.started_in)),
        ],
        doubt: None,
    };
    if kind == Kind::Ours {
        let (stopped_in, status) = server.stop(&client)?;
        if !status.success() {
            return Err(format!("the server ended with {status}").into());
        }
        figures.values.push(("stop ms", millis(stopped_in)));
    }
    Ok(figures)
}

fn fairness(server: &Server, options: &Options) -> Outcome<Figures> {
    let stalled = (options.connections / 10).max(1);
    let client = open(server, options.connections - stalled, options)?;
    let late = client.post_to_both(Phase::Quiet, PACED_POSTERS, pace(options, options.lasting(), &NEVER))?;
    client.settle()?;
    let before = proc::resident(server.pid());

    let stalled = Stalled::open(server.port, stalled as usize, Some(STALLED_BUFFER))?;
    let fill = if options.smoke { FILL / 10 } else { FILL };
    client.post_to_both(Phase::Fill, options.posters as usize, Pace::Burst { events: fill })?;
    client.settle()?;
    let begun = Instant::now();
    let limit = if options.smoke { options.lasting() } else { STALLED_TIMEOUT };
    let (stop, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (_, used) = Used::by(server, &client, || {
        thread::scope(|scope| {
            let posting = scope
                .spawn(|| client.post_to_both(Phase::Loaded, PACED_POSTERS, pace(options, STALLED_TIMEOUT, &stop)));
            while begun.elapsed() < options.lasting() || (stalled.ended() < stalled.count() && begun.elapsed() < limit)
            {
                peak.fetch_max(proc::resident(server.pid()), SeqCst);
                thread::sleep(Duration::from_millis(50));
            }
            stop.store(true, SeqCst);
            posting.join().map_err(|_| "posting panicked")?
        })?;
        client.settle()
    })?;
    let (quiet, loaded) = (client.latencies(&Tenant::ALL, Phase::Quiet), client.latencies(&Tenant::ALL, Phase::Loaded));
    let mut figures = Figures { values: compared(&quiet, &loaded), doubt: used.doubt(&late) };
    figures.values.extend([
        ("stalled", stalled.count() as f64),
        ("ended", stalled.ended() as f64),
        ("last ended s", stalled.last_ended().unwrap_or_default().as_secs_f64()),
        ("grown MB", peak.into_inner().saturating_sub(before) as f64 / 1e6),
        ("others %", used.others * 100.0),
    ]);
    Ok(figures)
}

fn isolation(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = open(server, options.connections, options)?;
    let steady = |phase| client.post(Tenant::B, phase, PACED_POSTERS, pace(options, options.lasting(), &NEVER));
    steady(Phase::Quiet)?;
    client.settle()?;
    let stop = AtomicBool::new(false);
    let (late, used) = Used::by(server, &client, || {
        let late = thread::scope(|scope| {
            let burst =
                scope.spawn(|| client.post(Tenant::A, Phase::Loaded, options.posters as usize, Pace::Until(&stop)));
            let late = steady(Phase::Loaded);
            stop.store(true, SeqCst);
            burst.join().map_err(|_| "the burst panicked")??;
            late
        })?;
        client.settle().map(|()| late)
    })?;
    let quiet = client.latencies(&[Tenant::B], Phase::Quiet);
    let beside = client.latencies(&[Tenant::B], Phase::Loaded);
    let burst = client.latencies(&[Tenant::A], Phase::Loaded);
    let mut figures = Figures { values: compared(&quiet, &beside), doubt: used.doubt(&late) };
    figures.values.extend([
        ("A deliveries/s", burst.total() as f64 / client.lasted(Phase::Loaded).as_secs_f64()),
        ("A p99 ms", millis(burst.quantile(0.99))),
        ("reader %", used.reader * 100.0),
        ("others %", used.others * 100.0),
    ]);
    Ok(figures)
}

fn storms(server: &Server, options: &Options, read: client::Read) -> Outcome<Figures> {
    let client = open(server, options.connections, options)?;
    client.post_to_both(Phase::Mark, options.posters as usize, Pace::Burst { events: KEPT })?;
    client.settle()?;
    client.post_to_both(Phase::Quiet, PACED_POSTERS, pace(options, options.lasting(), &NEVER))?;
    client.settle()?;
    let stop = AtomicBool::new(false);
    let ((late, storms), used) = Used::by(server, &client, || {
        let both = thread::scope(|scope| -> Outcome<_> {
            let posting =
                scope.spawn(|| client.post_to_both(Phase::Mark, PACED_POSTERS, pace(options, FOREVER, &stop)));
            let storms: Outcome<Vec<_>> = (0..STORMS)
                .map(|_| {
                    thread::sleep(Duration::from_millis(500));
                    client.turn_to(Phase::Loaded);
                    let storm = client::storm(server.port, Tenant::A, options.returning as usize, read);
                    client.turn_to(Phase::Mark);
                    storm
                })
                .collect();
            stop.store(true, SeqCst);
            let late = posting.join().map_err(|_| "posting panicked")??;
            Ok((late, storms?))
        })?;
        client.settle().map(|()| both)
    })?;
    let (quiet, loaded) = (client.latencies(&Tenant::ALL, Phase::Quiet), client.latencies(&Tenant::ALL, Phase::Loaded));
    let mean = |of: fn(&client::Storm) -> f64| storms.iter().map(of).sum::<f64>() / STORMS as f64;
    let mut figures = Figures { values: compared(&quiet, &loaded), doubt: used.doubt(&late) };
    figures.values.extend([
        ("storm ms", mean(|storm| millis(storm.lasted))),
        ("storm MB", mean(|storm| storm.bytes as f64 / 1e6)),
        ("rejected", mean(|storm| storm.rejections as f64)),
        ("others %", used.others * 100.0),
    ]);
    Ok(figures)
}

pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);
pub(crate) const FOREVER: Duration = Duration::from_secs(600);

fn open(server: &Server, connections: u32, options: &Options) -> Outcome<Client> {
    let client = Client::open(server.port, connections as usize, options.size as usize)?;
    client.mark()?;
    Ok(client)
}

pub(crate) fn pace<'a>(options: &Options, lasting: Duration, stop: &'a AtomicBool) -> Pace<'a> {
    Pace::Paced { rate: f64::from(options.rate), lasting, stop }
}

fn compared(quiet: &Histogram, loaded: &Histogram) -> Vec<(&'static str, f64)> {
    let (quiet_p99, loaded_p99) = (millis(quiet.quantile(0.99)), millis(loaded.quantile(0.99)));
    vec![
        ("quiet p50 ms", millis(quiet.quantile(0.5))),
        ("p50 ms", millis(loaded.quantile(0.5))),
        ("quiet p99 ms", quiet_p99),
        ("p99 ms", loaded_p99),
        ("p99 / quiet", loaded_p99 / quiet_p99),
    ]
}

pub(crate) fn per(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
