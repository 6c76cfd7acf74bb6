//! Breaks the network, the process or its resources. An event that was answered with `201` before a fault must reach
//! every connected client exactly once, or the client's connection must be closed.

use std::{fs, path::PathBuf, time::Duration};

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::support::{Client, FaultyProxy, Mode, Program, Raw, Server, Socket, StatusCode, Tenant, Witness, until};

/// How many clients are behind a faulty proxy.
const BEHIND: usize = 10;

/// Posts one event after the other until the server stops, and returns how many were answered with `201`.
fn keep_posting(client: Client, tenant: Tenant) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let (mut connection, mut accepted) = (client.open().await, 0);
        while let Ok(answer) = connection.try_send(client.new_post(tenant, "under load")).await {
            match answer.status {
                StatusCode::CREATED => accepted += 1,
                _ => break,
            }
        }
        accepted
    })
}

async fn connect(client: &Client, count: usize) -> Vec<Socket> {
    join_all((0..count).map(|_| client.connect(Tenant::A))).await
}

/// Posts 100 events to [`BEHIND`] clients behind a proxy and to 2 that connect directly. The proxy forwards the first
/// 30 events, is in mode `fault` for the next 40, and in mode `after` for the last 30. Returns how many of the clients
/// behind it received every event. An event that comes twice, out of order, or after a gap fails the test.
async fn complete_through(fault: Mode, after: Mode) -> usize {
    let server = Server::start().await;
    let proxy = FaultyProxy::start(&server).await;
    let (behind, direct) = (connect(&proxy.client, BEHIND).await, connect(&server, 2).await);
    for n in 0..100_u64 {
        match n {
            30 => proxy.set(fault),
            70 => proxy.set(after),
            _ => {}
        }
        server.post(Tenant::A, &format!("event {n}")).await.created();
    }
    let complete = join_all(direct.into_iter().map(|socket| socket.has_all_up_to(100))).await;
    assert!(complete.into_iter().all(|all| all), "a direct client missed an event");
    let complete = join_all(behind.into_iter().map(|socket| socket.has_all_up_to(100))).await;
    // A client that connects after the fault finds everything.
    proxy.set(Mode::Forward);
    let mut returned = proxy.client.connect(Tenant::A).await;
    assert_eq!((returned.seq(), proxy.client.list(Tenant::A).await.seq), (100, 100));
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(returned.next_event().await, marker);
    complete.into_iter().filter(|all| *all).count()
}

#[tokio::test]
async fn a_reset_ends_every_connection_behind_it() {
    assert_eq!(complete_through(Mode::Reset, Mode::Reset).await, 0);
}

#[tokio::test]
async fn a_half_close_ends_every_connection_behind_it() {
    assert_eq!(complete_through(Mode::HalfClose, Mode::HalfClose).await, 0);
}

#[tokio::test]
async fn a_slow_network_loses_no_event() {
    let delayed = complete_through(Mode::Delay(Duration::from_millis(20)), Mode::Forward);
    let throttled = complete_through(Mode::Throttle(64), Mode::Throttle(256));
    let (delayed, throttled) = tokio::join!(delayed, throttled);
    assert_eq!((delayed, throttled), (BEHIND, BEHIND));
}

#[tokio::test]
async fn a_network_that_stalls_for_a_moment_loses_no_event() {
    assert_eq!(complete_through(Mode::Stall, Mode::Forward).await, BEHIND);
}

/// The heartbeat is short, but a stalled machine cannot fail the test: server and clients share one thread, so no check
/// for silent peers runs while the clients cannot run.
#[tokio::test]
async fn a_client_behind_a_stalled_network_is_dropped_after_two_silent_intervals() {
    let server = Server::with(|settings| settings.heartbeat = 200).await;
    let proxy = FaultyProxy::start(&server).await;
    let behind = connect(&proxy.client, BEHIND).await;
    let mut direct = server.connect(Tenant::A).await;
    proxy.set(Mode::Stall);
    let all_dropped = until("the end of all connections behind the proxy", async || {
        server.counts(Tenant::A).await["ended"]["silent"] == BEHIND
    });
    let stays_connected = async {
        loop {
            direct.next_frame().await;
        }
    };
    tokio::select! {
        () = all_dropped => {}
        () = stays_connected => {}
    }
    server.post(Tenant::A, "after the end").await.created();
    proxy.set(Mode::Forward);
    let complete = join_all(behind.into_iter().map(|socket| socket.has_all_up_to(1))).await;
    assert!(complete.into_iter().all(|all| !all), "a dropped client received an event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_under_load_closes_every_connection() {
    let program = Program::start(&[]).await;
    let mut sockets = connect(&program, 10).await;
    let posting = keep_posting(*program, Tenant::A);
    sockets[0].next_events(50).await;
    program.end_with("KILL").await;
    let accepted = posting.await.unwrap();
    // The poster sends one post at a time. When the 50th event was delivered, at most the answer to its post was missing.
    assert!(accepted >= 49, "{accepted}");
    // Each client reads what was sent before the end, without a gap, and then the end.
    for socket in sockets {
        assert!(!socket.has_all_up_to(u64::MAX).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_delivers_every_accepted_event_and_closes_with_1001() {
    let program = Program::start(&[]).await;
    let mut sockets = connect(&program, 10).await;
    let posting: Vec<_> = (0..4).map(|_| keep_posting(*program, Tenant::A)).collect();
    sockets[0].next_events(50).await;
    let read = sockets[0].seq();
    let (exit, ends) = tokio::join!(program.end_with("TERM"), join_all(sockets.into_iter().map(Socket::read_to_close)));
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let mut accepted = 0;
    for posting in posting {
        accepted += posting.await.unwrap();
    }
    for (nth, (events, code)) in ends.into_iter().enumerate() {
        let before = if nth == 0 { read } else { 0 };
        assert_eq!(code, Some(1001));
        // There may be more: an event was accepted, and its answer was lost.
        assert!(before + events.len() as u64 >= accepted, "{} of {accepted}", events.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigstop_and_sigcont_under_load_lose_no_event() {
    const HEARTBEAT: Duration = Duration::from_millis(1_000);
    let program = Program::start(&["--heartbeat", "1000"]).await;
    let mut sockets = connect(&program, 10).await;
    let posting = keep_posting(*program, Tenant::A);
    sockets[0].next_events(20).await;
    program.signal("STOP").await;
    // A sleep, since the fault is a length of time, and a stopped process causes no event. A client may be silent for two
    // heartbeat intervals, and the process is stopped for three.
    tokio::time::sleep(3 * HEARTBEAT).await;
    program.signal("CONT").await;
    posting.abort();
    let marker = program.post(Tenant::A, "after").await.created();
    let list = program.list(Tenant::A).await;
    // The marker need not be the newest: the post that was aborted may be accepted after it.
    assert!(list.events.contains(&marker), "{list:?}");
    // All clients read at once, so that each answers the pings that wait for it.
    let complete = join_all(sockets.into_iter().map(|socket| socket.has_all_up_to(list.seq))).await;
    assert!(complete.into_iter().all(|all| all), "a connection was closed");
}

/// Creates a site with a program of 12 MiB: more than the kernel buffers for a peer that reads nothing. Its compressed
/// variants exist, so that the server does not spend seconds on them at its start.
fn site_with_a_large_file() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    fs::create_dir_all(folder.join("pkg")).unwrap();
    let file = |ending, size| fs::write(folder.join(format!("pkg/event-feed.x.{ending}")), vec![b' '; size]).unwrap();
    file("wasm", 12 << 20);
    for ending in ["js", "css", "wasm.br", "wasm.gz"] {
        file(ending, 1);
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_descriptor_new_connections_get_503_and_subscribers_stay() {
    let site = site_with_a_large_file();
    let mut command = Program::command_with_few_files();
    command.env("LEPTOS_SITE_ROOT", &site);
    let mut program = Program::spawn(command).await;
    let mut witness = Witness::of(&program, Tenant::A).await;

    // Take every connection slot of both tenants, and then every HTTP slot.
    let mut held = Vec::new();
    for tenant in Tenant::ALL {
        loop {
            let mut raw = program.raw().await;
            raw.write(program.new_socket(tenant).head()).await;
            if raw.answer().await.status != StatusCode::SWITCHING_PROTOCOLS {
                break;
            }
            held.push(raw);
        }
    }
    let mut files = Vec::new();
    for _ in 0..80 {
        let mut raw = Raw::connect_narrow(program.address()).await;
        raw.write(program.get("/pkg/event-feed.x.wasm").head()).await;
        files.push(raw);
    }
    // A new connection is rejected.
    let mut raw = program.raw().await;
    raw.write(program.get("/healthz").head()).await;
    raw.answer().await.refused(503);
    // The process may open 100 descriptors. With 90 open, the test has reached the limit that it is about.
    if let Some(open) = program.open_files() {
        assert!(open >= 90, "{open} descriptors are open");
    }
    program.wait_for_log("no connection can be accepted").await;
    // The files are in memory, so that a connection with a slot gets its file. One without a slot is rejected and
    // closed.
    let mut served = 0;
    for raw in &mut files {
        if raw.status().await == Some(200) {
            served += 1;
        } else {
            let answer = raw.answer().await;
            assert_eq!(answer.header("connection"), "close");
            answer.refused(503);
        }
    }
    assert!(served > 0, "no connection had a slot");

    // After these connections have ended, new ones are accepted again.
    held.into_iter().chain(files).for_each(Raw::reset);
    until("a free slot", async || program.raw().await.try_status(&program.get("/healthz")).await == Some(200)).await;
    witness.check_undisturbed().await;
    fs::remove_dir_all(site).unwrap();
}
