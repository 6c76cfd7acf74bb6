//! Breaks the engine, the connection to it, or a server, and checks that every answer is true, that no page misses an event,
//! and that each socket is closed when it must be, and not before.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream;
use event_feed::server::Settings;
use tokio::{
    runtime::Handle,
    task::{JoinHandle, yield_now},
    time::sleep,
};

use crate::{
    engine::{Engine, STREAM, add_events},
    load::{Close, Load},
    servers::Servers,
    support::{
        Client, FaultyProxy, Frame, Mode, Program, Server, Socket, StatusCode, Tenant, Witness, until, within,
        within_timeout,
    },
};

/// The length of a fault that the servers survive without closing a socket. They would close them after 10 s.
const SHORT: Duration = Duration::from_secs(5);
/// The longest time to a close after 10 s without the engine.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of heartbeats, one a second, that a socket receives at least in the 10 s after a server has refused
/// something.
const HEARTBEATS_MIN: usize = 5;
/// More events than the engine keeps: 12,000 with the default of `--retain`.
const MORE_THAN_KEPT: u64 = 12_500;

/// Checks that a server refuses everything at once, and only because the engine is out of reach.
async fn check_refuses(server: &Client, tenant: Tenant) {
    for request in [server.new_socket(tenant), server.get("/events").tenant(tenant), server.new_post(tenant, "refused")]
    {
        let problem = request.send().await.refused(503);
        assert!(problem.kind.ends_with(":unreachable"), "{problem:?}");
    }
}

/// Checks that a server has lost both tenants' engines, and runs.
async fn check_not_ready(server: &Client) {
    server.get("/readyz").send().await.refused(503);
    server.get("/healthz").send().await.is(StatusCode::OK);
}

/// Waits until a server has lost the engine: it refuses handshakes.
async fn until_lost(server: &Client, tenant: Tenant) {
    until("a refused handshake", async || server.new_socket(tenant).send().await.status == 503).await;
}

/// Waits until a server accepts handshakes again, and subscribes.
async fn until_live(server: &Client, tenant: Tenant) -> Socket {
    until("a handshake", async || server.new_socket(tenant).send().await.status == 101).await;
    server.connect(tenant).await
}

/// A socket that is read to its end, so that it answers the server's pings.
struct Watched {
    heartbeats: Arc<AtomicUsize>,
    /// The number of heartbeats before the engine was lost.
    before_loss: usize,
    close: JoinHandle<Option<u16>>,
}

impl Watched {
    fn new(mut socket: Socket) -> Self {
        let heartbeats = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heartbeats);
        let close = tokio::spawn(async move {
            loop {
                match socket.frame_or_close().await {
                    Ok(Frame::Heartbeat { .. }) => drop(count.fetch_add(1, Relaxed)),
                    Ok(_) => {}
                    Err(code) => return code,
                }
            }
        });
        Self { heartbeats, before_loss: 0, close }
    }

    /// Waits for the close, and returns its code.
    async fn closed(self) -> Option<u16> {
        within_timeout(CLOSE_TIMEOUT, "a close", self.close).await.unwrap()
    }

    /// Notes that its server has lost the engine.
    fn lost(&mut self) {
        self.before_loss = self.heartbeats.load(Relaxed);
    }

    /// Waits for the close, and checks that it came about 10 s after the loss.
    async fn check_closed_after_ten_seconds(self) {
        let (heartbeats, before) = (Arc::clone(&self.heartbeats), self.before_loss);
        assert_eq!(self.closed().await, Some(1013));
        let heartbeats = heartbeats.load(Relaxed) - before;
        assert!(heartbeats >= HEARTBEATS_MIN, "{heartbeats}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_the_engine_is_killed_ten_times() {
    const KILLS: usize = 10;
    let mut servers = Servers::start().await;
    let load = Load::start(&servers.each());
    for _ in 0..KILLS {
        load.until_accepted().await;
        servers.engine.kill().await;
        tokio::join!(load.until_refused(0), load.until_refused(1));
        servers.engine.run().await;
    }
    load.until_accepted().await;
    let verdict = load.judge().await;
    assert_eq!(verdict.epochs, KILLS + 1);
    let is_right = |close: &Close| matches!(close, Close::Code(1001) | Close::Left | Close::Complete);
    assert!(verdict.closes.iter().all(is_right), "{:?}", verdict.closes);
    assert!(verdict.closes.contains(&Close::Code(1001)), "{:?}", verdict.closes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_the_engine_is_frozen_and_no_socket_is_closed() {
    let servers = Servers::start().await;
    let load = Load::start(&servers.each());
    load.until_accepted().await;
    servers.engine.signal("STOP").await;
    // The time is the fault itself.
    tokio::join!(sleep(SHORT), load.until_refused(0), load.until_refused(1));
    servers.engine.signal("CONT").await;
    load.until_accepted().await;
    let verdict = load.judge().await;
    assert_eq!(verdict.epochs, 1);
    assert!(verdict.closes.iter().all(|close| *close == Close::Complete), "{:?}", verdict.closes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_the_stream_is_deleted() {
    const DELETIONS: usize = 5;
    let servers = Servers::start().await;
    let account = jetstream::new(servers.engine.log_in(Tenant::A).await);
    let mut others = Vec::new();
    for server in servers.each() {
        others.push(Witness::of(&server, Tenant::B).await);
    }
    let load = Load::start(&servers.each());
    for _ in 0..DELETIONS {
        load.until_accepted().await;
        let before = load.progress();
        account.delete_stream(STREAM).await.unwrap();
        load.until_closed_since(&before).await;
    }
    load.until_accepted().await;
    let verdict = load.judge().await;
    assert_eq!(verdict.epochs, DELETIONS + 1);
    let is_right = |close: &Close| matches!(close, Close::Code(1001) | Close::Left | Close::Complete);
    assert!(verdict.closes.iter().all(is_right), "{:?}", verdict.closes);
    // Its sockets are still open, and its next event is the first of this socket.
    others.pop().unwrap().check_undisturbed().await;
}

/// Cuts the second server off for more than 10 s, by a proxy in this mode.
async fn check_cut_off(mode: Mode) {
    let (servers, proxy) = Servers::with_proxy(|settings| settings.heartbeat = 1_000).await;
    let [one, two] = servers.each();
    let load = Load::start(&[one, two]);
    load.until_accepted().await;
    let mut socket = Watched::new(two.connect(Tenant::B).await);
    proxy.set(mode);
    load.until_refused(1).await;
    until_lost(&two, Tenant::B).await;
    socket.lost();
    for tenant in Tenant::ALL {
        check_refuses(&two, tenant).await;
    }
    check_not_ready(&two).await;
    socket.check_closed_after_ten_seconds().await;
    check_refuses(&two, Tenant::B).await;
    Witness::of(&one, Tenant::B).await.check_undisturbed().await;
    proxy.set(Mode::Forward);
    load.until_accepted().await;
    let verdict = load.judge().await;
    assert_eq!(verdict.epochs, 1);
    let is_right = |close: &Close| matches!(close, Close::Code(1013) | Close::Left | Close::Complete);
    assert!(verdict.closes.iter().all(is_right), "{:?}", verdict.closes);
    until_live(&two, Tenant::B).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_the_data_to_and_from_the_engine_waits() {
    check_cut_off(Mode::Stall).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_the_data_to_and_from_the_engine_is_lost() {
    check_cut_off(Mode::Discard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_engine_sockets_stay_open_for_ten_seconds() {
    let mut servers = Servers::with(|settings| settings.heartbeat = 1_000).await;
    let (mut sockets, mut epochs) = (Vec::new(), Vec::new());
    for server in servers.each() {
        for tenant in Tenant::ALL {
            server.post(tenant, "kept by the engine only").await.created();
            let socket = server.connect(tenant).await;
            epochs.push(socket.hello.epoch.clone());
            sockets.push(Watched::new(socket));
        }
    }
    servers.engine.kill().await;
    for server in servers.each() {
        for tenant in Tenant::ALL {
            until_lost(&server, tenant).await;
        }
        for tenant in Tenant::ALL {
            check_refuses(&server, tenant).await;
        }
        check_not_ready(&server).await;
    }
    sockets.iter_mut().for_each(Watched::lost);
    for socket in sockets {
        socket.check_closed_after_ten_seconds().await;
    }
    servers.engine.run().await;
    for tenant in Tenant::ALL {
        let mut found = Vec::new();
        for server in servers.each() {
            let hello = until_live(&server, tenant).await.hello;
            let list = server.list(tenant).await;
            assert_eq!((&list.epoch, list.seq, &*list.events), (&hello.epoch, 0, &[][..]));
            assert!(!epochs.contains(&hello.epoch), "an epoch that has ended");
            found.push(hello.epoch);
        }
        assert_eq!(found[0], found[1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_epoch_closes_the_sockets_of_the_old_one() {
    let mut servers = Servers::start().await;
    let mut sockets = Vec::new();
    for server in servers.each() {
        for tenant in Tenant::ALL {
            server.post(tenant, "of the old epoch").await.created();
            let socket = server.connect(tenant).await;
            sockets.push((server, tenant, socket.hello.epoch.clone(), Watched::new(socket)));
        }
    }
    servers.engine.kill().await;
    servers.engine.run().await;
    let mut ended = Vec::new();
    for (server, tenant, old, socket) in sockets {
        assert_eq!(socket.closed().await, Some(1001));
        let socket = until_live(&server, tenant).await;
        let list = server.list(tenant).await;
        assert_eq!((&list.epoch, list.seq, &*list.events), (&socket.hello.epoch, 0, &[][..]));
        ended.push(old);
        assert!(!ended.contains(&list.epoch), "an epoch that has ended");
    }
    for tenant in Tenant::ALL {
        let event = servers.one.post(tenant, "of the new epoch").await.created();
        servers.check_same_list(tenant).await;
        let list = servers.two.list(tenant).await;
        assert_eq!((list.seq, list.events), (1, vec![event]));
    }
}

/// Waits until a server has all events up to this one, and subscribes.
async fn until_has(server: &Client, tenant: Tenant, last: u64) -> Socket {
    until("a list", async || server.get("/events").tenant(tenant).send().await.status == 200).await;
    let socket = until_live(server, tenant).await;
    assert_eq!(socket.hello.seq, last);
    socket
}

/// Waits for the close of a socket of a server that is behind by more than is kept, and checks that this server is complete
/// after that.
async fn check_complete_after_1013(servers: &Servers, socket: Watched, last: u64) {
    let [one, two] = servers.each();
    // The socket also checks that no event was left out before the close.
    assert_eq!(socket.closed().await, Some(1013));
    let sockets = [until_has(&one, Tenant::A, last).await, until_has(&two, Tenant::A, last).await];
    servers.check_same_list(Tenant::A).await;
    let event = one.post(Tenant::A, "marker").await.created();
    for mut socket in sockets {
        assert_eq!(socket.next_event().await, event);
    }
    servers.check_same_list(Tenant::A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_cut_off_for_more_than_is_kept_closes_its_sockets() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let [one, two] = servers.each();
    one.post(Tenant::A, "first").await.created();
    let mut socket = two.connect(Tenant::A).await;
    one.post(Tenant::A, "second").await.created();
    socket.next_event().await;
    let socket = Watched::new(socket);
    proxy.set(Mode::Stall);
    until_lost(&two, Tenant::A).await;
    let last = add_events(&servers.engine, Tenant::A, MORE_THAN_KEPT).await;
    proxy.set(Mode::Forward);
    check_complete_after_1013(&servers, socket, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_whose_event_was_skipped_is_unsettled_and_not_stored_again() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let [one, two] = servers.each();
    one.post(Tenant::A, "first").await.created();
    proxy.set(Mode::StallAnswers);
    let post = tokio::spawn(async move { two.post(Tenant::A, "skipped").await });
    until("the event", async || one.list(Tenant::A).await.messages() == ["skipped", "first"]).await;
    let last = add_events(&servers.engine, Tenant::A, MORE_THAN_KEPT).await;
    until_lost(&two, Tenant::A).await;
    proxy.set(Mode::Forward);
    // On a machine that needs over 5 s for all this, the limit of a post gives the same answer.
    let problem = post.await.unwrap().refused(504);
    assert!(problem.kind.ends_with(":unsettled"), "{problem:?}");
    until_has(&two, Tenant::A, last).await;
    assert!(!one.list(Tenant::A).await.messages().contains(&"skipped"));
    servers.check_same_list(Tenant::A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_in_the_engine_posts_are_refused_and_all_else_goes_on() {
    let engine = Engine::with(|conf| conf.replace("max_mem: 64MB", "max_mem: 64KB")).await;
    let mut settings = Settings::default();
    engine.name_in(&mut settings);
    let server = Server::of(settings).await;
    let mut socket = server.connect(Tenant::A).await;
    let text = "x".repeat(500);
    let mut accepted = 0;
    let problem = loop {
        let answer = server.post(Tenant::A, &text).await;
        if answer.status != StatusCode::CREATED {
            break answer.refused(503);
        }
        accepted += 1;
        assert_eq!(socket.next_event().await, answer.created());
    };
    assert!(problem.kind.ends_with(":unreachable"), "{problem:?}");
    assert_eq!(server.list(Tenant::A).await.events.len(), accepted);
    let other = server.post(Tenant::B, "of the other tenant").await.created();
    assert_eq!(server.list(Tenant::B).await.events, [other]);
    assert_eq!(server.connect(Tenant::A).await.hello.seq, accepted as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_stored_by_hand_stops_its_tenant_until_the_stream_is_deleted() {
    let servers = Servers::with(|settings| settings.heartbeat = 1_000).await;
    let one = *servers.one;
    one.post(Tenant::A, "first").await.created();
    let mut socket = Watched::new(one.connect(Tenant::A).await);
    let account = jetstream::new(servers.engine.log_in(Tenant::A).await);
    let stream = account.get_stream(STREAM).await.unwrap();
    let epoch = &stream.cached_info().config.metadata["epoch"];
    account.publish(format!("feed.{epoch}.e.by-hand"), "not an event".into()).await.unwrap().await.unwrap();
    until_lost(&one, Tenant::A).await;
    socket.lost();
    check_refuses(&one, Tenant::A).await;
    one.post(Tenant::B, "of the other tenant").await.created();
    socket.check_closed_after_ten_seconds().await;
    check_refuses(&one, Tenant::A).await;
    account.delete_stream(STREAM).await.unwrap();
    let mut socket = until_live(&one, Tenant::A).await;
    let event = one.post(Tenant::A, "again").await.created();
    assert_eq!(socket.next_event().await, event);
    assert_eq!(one.list(Tenant::A).await.messages(), ["again"]);
}

/// The engine sends 2 MiB at first, some 6,000 of these events, to a server that does not confirm them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_too_slow_for_more_than_is_kept_closes_its_sockets() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let socket = Watched::new(servers.two.connect(Tenant::A).await);
    proxy.set(Mode::Throttle(50));
    let last = add_events(&servers.engine, Tenant::A, 4 * MORE_THAN_KEPT).await;
    proxy.set(Mode::Forward);
    check_complete_after_1013(&servers, socket, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_catches_up_slowly_closes_its_sockets_after_ten_seconds_too() {
    let (servers, proxy) = Servers::with_proxy(|settings| settings.heartbeat = 1_000).await;
    let two = *servers.two;
    let mut socket = Watched::new(two.connect(Tenant::A).await);
    proxy.set(Mode::Stall);
    until_lost(&two, Tenant::A).await;
    socket.lost();
    let last = add_events(&servers.engine, Tenant::A, 5_000).await;
    proxy.set(Mode::Throttle(5));
    socket.check_closed_after_ten_seconds().await;
    check_refuses(&two, Tenant::A).await;
    proxy.set(Mode::Forward);
    until_has(&two, Tenant::A, last).await;
    servers.check_same_list(Tenant::A).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_has_ended_leaves_no_task_behind() {
    let mut servers = Servers::start().await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let mut before = usize::MAX;
    for _ in 0..5 {
        servers.engine.kill().await;
        for server in servers.each() {
            until_lost(&server, Tenant::A).await;
        }
        servers.engine.run().await;
        for server in servers.each() {
            for tenant in Tenant::ALL {
                until_live(&server, tenant).await.close().await;
            }
        }
        // The connections of this test end soon too.
        within("the end of the tasks", async {
            while tasks() > before {
                yield_now().await;
            }
        })
        .await;
        before = before.min(tasks());
    }
}

/// The engine drops an event for each new one, so the oldest that the new server finds is gone when it is to be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_while_old_events_are_dropped_is_live() {
    let servers = Servers::start().await;
    servers.one.post(Tenant::A, "first").await.created();
    add_events(&servers.engine, Tenant::A, MORE_THAN_KEPT).await;
    let proxy = FaultyProxy::start(&Client::of(servers.engine.address)).await;
    proxy.set(Mode::Delay(Duration::from_millis(5)));
    let load = Load::start(&servers.each());
    load.until_accepted().await;
    let mut settings = Settings::default();
    Engine::name_at(proxy.client.address(), &mut settings);
    let started = Server::of(settings).await;
    let mut socket = until_live(&started, Tenant::A).await;
    proxy.set(Mode::Forward);
    socket.next_events(50).await;
    load.judge().await;
    until("a list", async || started.get("/events").tenant(Tenant::A).send().await.status == 200).await;
    let [list, same] = [&started, &servers.one].map(|server| server.list(Tenant::A));
    assert_eq!(list.await, same.await);
}

/// Starts the program with this feed.
async fn program(engine: &Engine) -> Program {
    let mut command = Program::command();
    for (name, tenant) in [("EVENT_FEED_BACKPLANE_A", Tenant::A), ("EVENT_FEED_BACKPLANE_B", Tenant::B)] {
        command.env(name, engine.url(tenant));
    }
    Program::spawn(command).await
}

/// One of three servers is never killed, so that some pages receive every event. `EVENT_FEED_BACKPLANE_SECONDS` makes it
/// run for longer than 15 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_true_while_servers_are_killed() {
    let seconds = env::var("EVENT_FEED_BACKPLANE_SECONDS").map_or(15, |seconds| seconds.parse().unwrap());
    let (start, engine) = (Instant::now(), Engine::alone().await);
    let mut settings = Settings::default();
    engine.name_in(&mut settings);
    let survivor = Server::of(settings).await;
    let mut programs = [program(&engine).await, program(&engine).await];
    let load = Load::start(&[*programs[0], *programs[1], *survivor]);
    for kill in 0.. {
        load.until_accepted().await;
        if start.elapsed() > Duration::from_secs(seconds) {
            break;
        }
        let server = kill % 2;
        programs[server].signal("KILL").await;
        load.until_refused(server).await;
        programs[server] = program(&engine).await;
        load.moved(server, &programs[server]);
    }
    let verdict = load.judge().await;
    assert_eq!(verdict.epochs, 1);
    let is_right = |close: &Close| matches!(close, Close::Cut | Close::Left | Close::Complete);
    assert!(verdict.closes.iter().all(is_right), "{:?}", verdict.closes);
    assert!(verdict.closes.contains(&Close::Cut), "{:?}", verdict.closes);
}
