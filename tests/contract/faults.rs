//! What is broken between clients and server, or around the server: what was answered `201` before a fault was delivered
//! to every connected client exactly once, or its connection was closed.

use std::{fs, path::PathBuf, time::Duration};

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::support::{Client, Line, Program, Raw, Server, Socket, State, StatusCode, Tenant, Witness, until};

/// Posts one after the other until the server is gone, and gives the number of the last that was answered `201`.
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

/// Breaks the line in this way after every tenth of 100 posts, with clients of a sound line as witnesses. Gives how many
/// of the 10 clients behind it got everything; none got anything twice, out of order, or with a gap.
async fn broken(state: State, then: State) -> usize {
    let server = Server::with(|settings| settings.heartbeat = 500).await;
    let line = Line::to(&server).await;
    let (behind, beside) = (connect(&line.client, 10).await, connect(&server, 2).await);
    for n in 0..100_u64 {
        match n {
            30 => line.is_now(state),
            70 => line.is_now(then),
            _ => {}
        }
        server.post(Tenant::A, &format!("event {n}")).await.created();
    }
    let whole = join_all(beside.into_iter().map(|socket| socket.has_all_up_to(100))).await;
    assert!(whole.into_iter().all(|all| all), "a sound line lost something");
    let whole = join_all(behind.into_iter().map(|socket| socket.has_all_up_to(100))).await;
    // And it is as if nothing had been, for who comes back.
    line.is_now(State::Sound);
    let mut back = line.client.connect(Tenant::A).await;
    assert_eq!((back.seq(), line.client.list(Tenant::A).await.seq), (100, 100));
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(back.next_event().await, marker);
    whole.into_iter().filter(|all| *all).count()
}

#[tokio::test]
async fn a_line_that_is_cut_ends_the_connections_behind_it() {
    assert_eq!(broken(State::Cut, State::Cut).await, 0);
}

#[tokio::test]
async fn a_line_that_is_half_closed_ends_the_connections_behind_it() {
    assert_eq!(broken(State::HalfClosed, State::HalfClosed).await, 0);
}

#[tokio::test]
async fn a_line_that_is_slow_or_narrow_loses_nothing() {
    let slow = broken(State::Slow(Duration::from_millis(20)), State::Sound);
    let narrow = broken(State::Narrow(64), State::Narrow(256));
    let (slow, narrow) = tokio::join!(slow, narrow);
    assert_eq!((slow, narrow), (10, 10));
}

#[tokio::test]
async fn a_line_that_was_dead_for_a_moment_loses_nothing() {
    assert_eq!(broken(State::Dead, State::Sound).await, 10);
}

#[tokio::test]
async fn who_is_behind_a_dead_line_is_dropped_after_two_silent_intervals() {
    let server = Server::with(|settings| settings.heartbeat = 200).await;
    let line = Line::to(&server).await;
    let behind = connect(&line.client, 10).await;
    let mut beside = server.connect(Tenant::A).await;
    line.is_now(State::Dead);
    let until_dropped =
        until("the end of all behind it", async || server.counts(Tenant::A).await["ended"]["silent"] == 10);
    let lives = async {
        loop {
            beside.next_frame().await;
        }
    };
    tokio::select! {
        () = until_dropped => {}
        () = lives => {}
    }
    server.post(Tenant::A, "unheard").await.created();
    line.is_now(State::Sound);
    let whole = join_all(behind.into_iter().map(|socket| socket.has_all_up_to(1))).await;
    assert!(whole.into_iter().all(|all| !all), "they were told, by the end of the connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_under_load_closes_every_connection() {
    let program = Program::start(&[]).await;
    let mut sockets = connect(&program, 10).await;
    let posting = keep_posting(*program, Tenant::A);
    sockets[0].next_events(50).await;
    program.end_with("KILL").await;
    let accepted = posting.await.unwrap();
    assert!(accepted >= 49, "{accepted}");
    // Each reads what came before the end, without a gap, and sees the end.
    for socket in sockets {
        assert!(!socket.has_all_up_to(u64::MAX).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_delivers_all_that_was_accepted_and_closes_with_1001() {
    let program = Program::start(&[]).await;
    let mut sockets = connect(&program, 10).await;
    let posting: Vec<_> = (0..4).map(|_| keep_posting(*program, Tenant::A)).collect();
    sockets[0].next_events(50).await;
    let read = sockets[0].seq();
    let (exit, ends) = tokio::join!(program.end_with("TERM"), join_all(sockets.into_iter().map(Socket::rest)));
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let mut accepted = 0;
    for posting in posting {
        accepted += posting.await.unwrap();
    }
    for (nth, (events, code)) in ends.into_iter().enumerate() {
        let before = if nth == 0 { read } else { 0 };
        assert_eq!(code, Some(1001));
        // One more may have been accepted whose answer was lost.
        assert!(before + events.len() as u64 >= accepted, "{} of {accepted}", events.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigstop_and_sigcont_under_load_lose_nothing() {
    let program = Program::start(&["--heartbeat", "200"]).await;
    let mut sockets = connect(&program, 10).await;
    let posting = keep_posting(*program, Tenant::A);
    sockets[0].next_events(20).await;
    program.signal("STOP").await;
    // Longer than a client may be silent: what it said meanwhile waits in the kernel, and counts.
    let stood_still = tokio::time::sleep(Duration::from_millis(1_000));
    let held = async { sockets[0].next_events(100_000).await.len() };
    tokio::select! {
        () = stood_still => {}
        _ = held => {}
    }
    program.signal("CONT").await;
    posting.abort();
    let marker = program.post(Tenant::A, "after").await.created();
    let last = program.list(Tenant::A).await.seq;
    assert_eq!(program.list(Tenant::A).await.event(last).tenant_id, marker.tenant_id);
    for socket in sockets {
        assert!(socket.has_all_up_to(last).await, "a connection was closed");
    }
}

/// A file that is larger than what the system holds back for a peer that reads nothing.
fn site_with_a_large_file() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
    fs::create_dir_all(folder.join("pkg")).unwrap();
    for ending in ["js", "wasm", "css"] {
        fs::write(folder.join(format!("pkg/event-feed.x.{ending}")), vec![b' '; 12 << 20]).unwrap();
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_descriptor_is_left_new_connections_get_503_and_subscribers_stay() {
    let site = site_with_a_large_file();
    let mut command = Program::command_by("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$0\"", &Program::path()]).env("LEPTOS_SITE_ROOT", &site);
    let mut program = Program::spawn(command).await;
    let mut witness = Witness::of(&program, Tenant::A).await;

    // Every place of both tenants, and of HTTP.
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
        let mut raw = Raw::connect_narrow(program.address).await;
        raw.write(program.get("/pkg/event-feed.x.wasm").head()).await;
        files.push(raw);
    }
    // A newcomer is told.
    let mut raw = program.raw().await;
    raw.write(program.get("/healthz").head()).await;
    raw.answer().await.refused(503);
    assert_eq!(program.open_files().unwrap_or(0).min(90), if cfg!(target_os = "linux") { 90 } else { 0 });
    program.says("no connection can be accepted").await;
    // A client that has a place needs no descriptor for its file: only newcomers are refused, and their connections closed.
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
    assert!(served > 0, "some of them had a place");

    // Once they have gone it is as before.
    held.into_iter().chain(files).for_each(Raw::cut);
    until("a place", async || program.raw().await.try_status(&program.get("/healthz")).await == Some(200)).await;
    witness.notices_nothing().await;
    fs::remove_dir_all(site).unwrap();
}
