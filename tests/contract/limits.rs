//! Checks the limits on connections, and that a tenant at its limit does not disturb the other.

use crate::support::{Client, Program, Raw, Server, StatusCode, Tenant, until};

#[tokio::test]
async fn a_tenant_at_its_limit_gets_503_and_the_other_is_served() {
    let server = Server::alone(|settings| settings.max_connections = 2).await;
    let (mut first, _second) = (server.connect(Tenant::A).await, server.connect(Tenant::A).await);
    server.new_socket(Tenant::A).send().await.refused(503);
    let mut b = server.connect(Tenant::B).await;
    let (of_a, of_b) = (server.post(Tenant::A, "A").await.created(), server.post(Tenant::B, "B").await.created());
    assert_eq!((first.next_event().await, b.next_event().await), (of_a, of_b));
}

#[tokio::test]
async fn a_tenant_at_its_limit_is_logged() {
    let mut program = Program::start(&["--max-connections", "1"]).await;
    let _taken = program.connect(Tenant::A).await;
    program.new_socket(Tenant::A).send().await.refused(503);
    program.wait_for_log("problem=\"full\"").await;
}

#[tokio::test]
async fn a_slot_is_free_again_after_a_close_or_a_reset() {
    let server = Server::alone(|settings| settings.max_connections = 1).await;
    server.connect(Tenant::A).await.close().await;
    server.raw_socket(Tenant::A).await.reset();
    until("a free slot", async || server.new_socket(Tenant::A).send().await.status == 101).await;
}

#[tokio::test]
async fn a_subscriber_still_receives_events_after_many_ended() {
    let server = Server::start().await;
    let mut stays = server.connect(Tenant::A).await;
    // More than the 1,024 ended connections after which the channel wakes its fan-out (`ENDED_MAX` in `channel.rs`).
    // Each has been sent an event.
    let mut others = Vec::new();
    for _ in 0..1_100 {
        others.push(server.raw_socket(Tenant::A).await);
    }
    let first = server.post(Tenant::A, "first").await.created();
    assert_eq!(stays.next_event().await, first);
    others.into_iter().for_each(Raw::reset);
    until("the end of the others", async || server.counts(Tenant::A).await["ended"]["closed_by_peer"] == 1_100).await;
    for n in 0..2 {
        let event = server.post(Tenant::A, &n.to_string()).await.created();
        assert_eq!(stays.next_event().await, event);
    }
}

#[tokio::test]
async fn a_refused_handshake_takes_no_slot() {
    let server = Server::alone(|settings| settings.max_connections = 1).await;
    for _ in 0..3 {
        server.new_socket(Tenant::A).header("origin", "null").send().await.refused(403);
        server.new_socket(Tenant::A).header("sec-websocket-version", "8").send().await.refused(400);
    }
    server.connect(Tenant::A).await;
}

#[tokio::test]
async fn the_reconnect_window_grows_with_a_tenants_connections() {
    let server = Server::alone(|_| {}).await;
    let mut sockets = Vec::new();
    for _ in 0..110 {
        sockets.push(server.raw_socket(Tenant::A).await);
    }
    // 5 ms for each connection, at least 500 (contract, "WebSocket"): 110 and this one are more than the first 100.
    let (own, other) = (server.connect(Tenant::A).await.hello, server.connect(Tenant::B).await.hello);
    assert_eq!((own.reconnect_ms, own.connections), (5 * 111, 111));
    let expected = (500, 1);
    assert_eq!((other.reconnect_ms, other.connections), expected, "the other tenant's connections do not count");
}

#[tokio::test]
async fn with_few_files_the_server_accepts_fewer_connections_and_logs_a_warning() {
    let program = Program::with_few_files().await;
    assert!(program.logged.contains("fewer connections"), "{}", program.logged);
    let mut taken = Vec::new();
    loop {
        let mut raw = program.raw().await;
        raw.write(program.new_socket(Tenant::A).head()).await;
        let answer = raw.answer().await;
        if answer.status != StatusCode::SWITCHING_PROTOCOLS {
            answer.refused(503);
            break;
        }
        taken.push(raw);
    }
    assert!((10..50).contains(&taken.len()), "{} sockets", taken.len());
    program.connect(Tenant::B).await;
}

#[tokio::test]
async fn http_connections_share_one_limit_and_take_no_slot_from_sockets() {
    let mut program = Program::with_few_files().await;
    let mut socket = program.connect(Tenant::A).await;
    let (mut busy, refusal) = program.fill_with_busy_connections().await;
    assert!((10..80).contains(&busy.len()), "{} connections", busy.len());
    refusal.refused(503);
    program.wait_for_log("HTTP connection limit reached").await;
    // The post on one of them is still completed.
    let mut poster = busy.pop().unwrap();
    poster.write(Client::MARKER).await;
    let marker = poster.answer().await.created();
    assert_eq!(socket.next_event().await, marker);
}

#[tokio::test]
async fn every_connection_beyond_the_limit_gets_503_at_once() {
    let program = Program::with_few_files().await;
    let (_busy, _) = program.fill_with_busy_connections().await;
    // None of them is closed by its client: 100 is more than the 32 that may linger (`LINGERING_MAX` in `listener.rs`).
    let mut rejected = Vec::new();
    for _ in 0..100 {
        let mut raw = program.raw().await;
        raw.answer().await.refused(503);
        rejected.push(raw);
    }
}

#[tokio::test]
async fn the_connection_that_is_idle_longest_is_closed_for_a_new_one() {
    let program = Program::with_few_files().await;
    let (mut busy, _) = program.fill_with_busy_connections().await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut raw = busy.pop().unwrap();
        raw.write(Client::MARKER).await;
        raw.answer().await.created();
        idle.push(raw);
    }
    for _ in 0..2 {
        busy.push(program.busy_connection().await.expect("a free slot"));
    }
    let [first, second, third] = &mut idle[..] else { panic!("three") };
    assert!(first.at_end().await && second.at_end().await, "the two that were idle longest stay open");
    third.write(program.get("/healthz").head()).await;
    third.answer().await.is(StatusCode::OK);
}
