//! Measures two servers with one feed, over a nats-server (docs/deploying.md). The client, the servers and the nats-server
//! share this machine. `node` is the name of one such server here; the baseline of that name is another thing.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use event_feed::feed::{Position, Tenant};

use crate::{
    Options, Outcome,
    client::{Client, List, Pace, Phase},
    engine::Engine,
    histogram::Histogram,
    proc,
    proxy::Proxy,
    scenarios::{FOREVER, Figures, NEVER, PACED_POSTERS, Scenario, Used, millis, pace, per},
    servers::{Kind, Server, free_port},
};

/// Connections that receive the events of the burst: one of each tenant on each server.
const BURST_SUBSCRIBERS: usize = 4;
/// Connections per tenant that post in the burst, half of them to each server.
const BURST_POSTERS: usize = 64;
/// Connections of the scenarios with a fault, half of them for each tenant.
const SUBSCRIBERS: usize = 100;
/// The time for which the engine is down in the second part of the scenario: long enough for the longest wait between two
/// attempts of a server to reach it.
const DOWN: Duration = Duration::from_secs(8);
/// The time for which a server is cut off from the engine.
const CUT: Duration = Duration::from_secs(10);
/// Maximum time until a server has recovered. A longer one makes the run void.
const RECOVERY_MAX: Duration = Duration::from_secs(20);
/// The pause between two reads of a list while a server recovers. It limits the precision of that time.
const POLL: Duration = Duration::from_millis(2);

/// Describes the load in words.
pub(crate) fn describe(scenario: Scenario, options: &Options) -> String {
    let Options { connections, rate, seconds, size, .. } = options;
    let (down, cut) = (down(options), cut(options));
    match scenario {
        Scenario::NodesPaced => format!(
            "{connections} connections on one server, 2 × {rate} events/s of {size} bytes to the other for {seconds} s, \
             after the same with one server alone"
        ),
        Scenario::NodesBurst => format!(
            "{BURST_SUBSCRIBERS} connections, 2 × {BURST_POSTERS} posters for {seconds} s, spread over two servers"
        ),
        Scenario::NodesNewEpoch => {
            format!("the engine of two servers is killed and started: at once, and {down:?} later")
        }
        _ => format!("2 × {rate} events/s to one server while the other is cut off from the engine for {cut:?}"),
    }
}

/// Two servers with one feed, and their engine.
struct Nodes {
    servers: [Server; 2],
    engine: Engine,
}

impl Nodes {
    fn start(options: &Options) -> Outcome<Self> {
        let engine = Engine::start()?;
        let servers = [start_server(engine.port, options)?, start_server(engine.port, options)?];
        Ok(Self { servers, engine })
    }

    fn ports(&self) -> [u16; 2] {
        self.servers.each_ref().map(|server| server.port)
    }

    /// The processes, in the order of [`Used::each`]: both servers, then the engine.
    fn pids(&self) -> [u32; 3] {
        let [first, second] = self.servers.each_ref().map(Server::pid);
        [first, second, self.engine.pid()]
    }
}

/// Starts a server that reaches the engine on port `engine`. It sends no heartbeats during a run: they would come at other
/// times than those of the other server, and the client compares all that connections receive.
fn start_server(engine: u16, options: &Options) -> Outcome<Server> {
    let mut variables = Engine::variables(engine).to_vec();
    variables.push(("EVENT_FEED_HEARTBEAT", String::from("300000")));
    Server::start_at(free_port()?, Kind::Ours, options, &variables)
}

/// Measures the delivery of posts to one server on the connections of the other, after the same with one server alone.
pub(crate) fn paced(options: &Options) -> Outcome<Figures> {
    let alone = Server::start(Kind::Ours, options)?;
    let one = steady([alone.port; 2], &[alone.pid()], options)?;
    drop(alone);
    let nodes = Nodes::start(options)?;
    let two = steady(nodes.ports(), &nodes.pids(), options)?;
    let events = two.events;
    let [one_p50, one_p99] = [0.5, 0.99].map(|share| millis(one.latencies.quantile(share)));
    let [two_p50, two_p99] = [0.5, 0.99].map(|share| millis(two.latencies.quantile(share)));
    let [posting, reading, engine] = two.used.each[..] else { return Err("three processes were measured".into()) };
    let doubt = one.used.doubt(&one.late).map(|doubt| format!("one server: {doubt}"));
    let doubt_of_two = || two.used.doubt(&two.late).map(|doubt| format!("two servers: {doubt}"));
    Ok(Figures {
        values: vec![
            ("one p50 ms", one_p50),
            ("p50 ms", two_p50),
            ("p50 ms more", two_p50 - one_p50),
            ("one p99 ms", one_p99),
            ("p99 ms", two_p99),
            ("p99 ms more", two_p99 - one_p99),
            ("one µs/delivery", per(one.used.each[0], one.latencies.total())),
            ("µs/delivery", per(reading, two.latencies.total())),
            ("poster µs/event", per(posting, events)),
            ("engine µs/event", per(engine, events)),
            ("others %", two.used.others * 100.0),
        ],
        doubt: doubt.or_else(doubt_of_two),
    })
}

/// The results of a steady load.
struct Steady {
    latencies: Histogram,
    late: Histogram,
    used: Used,
    events: u64,
}

/// Posts at a steady rate to the first port, with all connections on the second one.
fn steady([post_to, read_from]: [u16; 2], pids: &[u32], options: &Options) -> Outcome<Steady> {
    let client = Client::open_apart(&[read_from], &[post_to], options.connections as usize, options.size as usize)?;
    client.mark()?;
    let before = client.accepted();
    let (late, used) = Used::by_each(pids, &client, || {
        let late = client.post_to_both(Phase::Quiet, PACED_POSTERS, pace(options, options.lasting(), &NEVER))?;
        client.settle().map(|()| late)
    })?;
    let latencies = client.latencies(&Tenant::ALL, Phase::Quiet);
    Ok(Steady { latencies, late, used, events: client.accepted() - before })
}

/// Measures how many posts two servers accept, and what an event costs each process.
pub(crate) fn burst(options: &Options) -> Outcome<Figures> {
    let nodes = Nodes::start(options)?;
    let client = Client::open_apart(&nodes.ports(), &nodes.ports(), BURST_SUBSCRIBERS, options.size as usize)?;
    client.mark()?;
    let memory_before = proc::resident(nodes.engine.pid());
    let before = client.accepted();
    let (stop, begun) = (AtomicBool::new(false), Instant::now());
    let (lasted, used) = Used::by_each(&nodes.pids(), &client, || {
        thread::scope(|scope| {
            let posting = scope.spawn(|| client.post_to_both(Phase::Quiet, BURST_POSTERS, Pace::Until(&stop)));
            thread::sleep(options.lasting());
            stop.store(true, SeqCst);
            posting.join().map_err(|_| "posting panicked")?
        })?;
        let lasted = begun.elapsed();
        client.settle().map(|()| lasted)
    })?;
    let (events, latencies) = (client.accepted() - before, client.latencies(&Tenant::ALL, Phase::Quiet));
    let [first, second, engine] = used.each[..] else { return Err("three processes were measured".into()) };
    Ok(Figures {
        values: vec![
            ("accepted/s", events as f64 / lasted.as_secs_f64()),
            ("p50 ms", millis(latencies.quantile(0.5))),
            ("p99 ms", millis(latencies.quantile(0.99))),
            ("engine µs/event", per(engine, events)),
            ("server 1 µs/event", per(first, events)),
            ("server 2 µs/event", per(second, events)),
            ("client µs/event", per(used.client, events)),
            ("engine MB before", memory_before as f64 / 1e6),
            ("engine MB at most", proc::resident_max(nodes.engine.pid()) as f64 / 1e6),
            ("others %", used.others * 100.0),
        ],
        doubt: used.shared(),
    })
}

/// Measures how long both servers take to give the new epoch after their engine was killed and started again.
pub(crate) fn new_epoch(options: &Options) -> Outcome<Figures> {
    let mut nodes = Nodes::start(options)?;
    let mut values = Vec::new();
    for (name, down) in [("at once: back s", Duration::ZERO), ("later: back s", down(options))] {
        let client = Client::open_apart(&nodes.ports(), &nodes.ports(), SUBSCRIBERS, options.size as usize)?;
        verify(&client, options)?;
        let old = lists(&nodes)?.ok_or("a server that works refuses a list")?;
        client.allow_closing();
        nodes.engine.kill();
        thread::sleep(down);
        nodes.engine.run()?;
        let ready = Instant::now();
        let is_new = |positions: [[Position; 2]; 2]| {
            positions[0] == positions[1] && positions[0].iter().zip(old[0]).all(|(new, old)| new.epoch != old.epoch)
        };
        wait_until(|| Ok(lists(&nodes)?.is_some_and(is_new)), "the servers do not give a new epoch")?;
        values.push((name, ready.elapsed().as_secs_f64()));
    }
    let client = Client::open_apart(&nodes.ports(), &nodes.ports(), SUBSCRIBERS, options.size as usize)?;
    verify(&client, options)?;
    Ok(Figures { values, doubt: None })
}

/// Posts a burst to both servers, and verifies all deliveries.
fn verify(client: &Client, options: &Options) -> Outcome<()> {
    client.mark()?;
    client.post_to_both(Phase::Quiet, PACED_POSTERS, Pace::Burst { events: options.events as usize / 10 })?;
    client.settle()
}

/// The positions of both tenants' lists on each server. `None` if a server refuses one.
fn lists(nodes: &Nodes) -> Outcome<Option<[[Position; 2]; 2]>> {
    let mut positions = Vec::new();
    for port in nodes.ports() {
        for tenant in Tenant::ALL {
            let Some(list) = List::read(port, tenant)? else { return Ok(None) };
            positions.push(list.position);
        }
    }
    let [a, b, c, d] = positions[..] else { return Err("two servers have four lists".into()) };
    Ok(Some([[a, b], [c, d]]))
}

/// Measures how long a server that was cut off from the engine takes until its list is complete.
pub(crate) fn cut_off(options: &Options) -> Outcome<Figures> {
    let engine = Engine::start()?;
    let proxy = Proxy::start(engine.port)?;
    let servers = [start_server(engine.port, options)?, start_server(proxy.port, options)?];
    let [first, second] = servers.each_ref().map(|server| server.port);
    // The connections of the server that is cut off stay open, and must receive all events afterwards.
    let client = Client::open_apart(&[second], &[first], SUBSCRIBERS, options.size as usize)?;
    client.mark()?;
    let stop = AtomicBool::new(false);
    let recovery = thread::scope(|scope| {
        let posting = scope.spawn(|| client.post_to_both(Phase::Quiet, PACED_POSTERS, pace(options, FOREVER, &stop)));
        let recovery = cut_and_heal(&proxy, &client, [first, second], cut(options));
        stop.store(true, SeqCst);
        posting.join().map_err(|_| "posting panicked")??;
        recovery
    })?;
    client.settle()?;
    for tenant in Tenant::ALL {
        let [one, other] = [first, second].map(|port| List::read(port, tenant));
        let (one, other) = (one?.ok_or("a list is refused")?, other?.ok_or("a list is refused")?);
        if one.position != other.position || one.body != other.body {
            return Err(format!("two lists of {tenant} differ, at {} and {}", one.position, other.position).into());
        }
    }
    Ok(Figures {
        values: vec![
            ("missed events", recovery.missed as f64),
            ("list complete ms", millis(recovery.list)),
            ("sockets complete ms", millis(recovery.sockets)),
        ],
        doubt: None,
    })
}

/// The recovery of a server that was cut off.
struct Recovery {
    /// The number of events that it has missed.
    missed: u64,
    /// The time from the healing until both tenants' lists were complete.
    list: Duration,
    /// The time from the healing until its connections had received the events that it has missed.
    sockets: Duration,
}

fn cut_and_heal(proxy: &Proxy, client: &Client, [first, second]: [u16; 2], cut: Duration) -> Outcome<Recovery> {
    let accepted = client.accepted();
    proxy.hold();
    thread::sleep(cut);
    let mut due = Vec::new();
    for tenant in Tenant::ALL {
        due.push((tenant, List::read(first, tenant)?.ok_or("the server that is not cut off refuses a list")?.position));
    }
    let at_healing = client.accepted();
    let healed = Instant::now();
    proxy.heal();
    let each_has = |events: u64| events.saturating_sub(2) * SUBSCRIBERS as u64 / 2;
    let (mut list, mut sockets) = (None, None);
    let complete = || {
        if list.is_none() {
            let mut all = true;
            for (tenant, due) in &due {
                let list = List::read(second, *tenant)?.map(|list| list.position);
                all &= list.is_some_and(|position| position.epoch == due.epoch && position.seq >= due.seq);
            }
            list = all.then(|| healed.elapsed());
        }
        if client.delivered() >= each_has(at_healing) {
            sockets.get_or_insert_with(|| healed.elapsed());
        }
        Ok(list.is_some() && sockets.is_some())
    };
    wait_until(complete, "the server that was cut off does not recover")?;
    let list = list.unwrap_or_default();
    Ok(Recovery { missed: at_healing - accepted, list, sockets: sockets.unwrap_or_default() })
}

/// Waits until a condition holds.
///
/// # Errors
/// `otherwise` after [`RECOVERY_MAX`].
fn wait_until(mut holds: impl FnMut() -> Outcome<bool>, otherwise: &str) -> Outcome<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > RECOVERY_MAX {
            return Err(otherwise.into());
        }
        thread::sleep(POLL);
    }
    Ok(())
}

const fn down(options: &Options) -> Duration {
    if options.smoke { Duration::ZERO } else { DOWN }
}

const fn cut(options: &Options) -> Duration {
    if options.smoke { Duration::from_millis(500) } else { CUT }
}
