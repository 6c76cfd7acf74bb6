//! How many connections there may be, and what one tenant at its limit is to the other.

use crate::support::{Program, Server, StatusCode, Tenant, until};

#[tokio::test]
async fn one_tenant_at_its_limit_is_refused_and_the_other_notices_nothing() {
    let server = Server::with(|settings| settings.max_connections = 2).await;
    let (mut first, _second) = (server.connect(Tenant::A).await, server.connect(Tenant::A).await);
    server.new_socket(Tenant::A).send().await.refused(503);
    let mut b = server.connect(Tenant::B).await;
    let (of_a, of_b) = (server.post(Tenant::A, "A").await.created(), server.post(Tenant::B, "B").await.created());
    assert_eq!((first.next_event().await, b.next_event().await), (of_a, of_b));
}

#[tokio::test]
async fn that_a_tenant_is_at_its_limit_stands_in_the_log() {
    let mut program = Program::start(&["--max-connections", "1"]).await;
    let _taken = program.connect(Tenant::A).await;
    program.new_socket(Tenant::A).send().await.refused(503);
    program.says("problem=\"full\"").await;
}

#[tokio::test]
async fn a_place_is_free_again_after_a_close_or_a_cut() {
    let server = Server::with(|settings| settings.max_connections = 1).await;
    server.connect(Tenant::A).await.close().await;
    server.raw_socket(Tenant::A).await.cut();
    until("the place", async || server.new_socket(Tenant::A).send().await.status == 101).await;
}

#[tokio::test]
async fn who_stays_hears_on_after_many_ended() {
    let server = Server::start().await;
    let mut stays = server.connect(Tenant::A).await;
    // More than the server holds on to before it forgets them.
    for _ in 0..1_100 {
        server.raw_socket(Tenant::A).await.cut();
    }
    until("their end", async || server.counts(Tenant::A).await["ended"]["closed_by_peer"] == 1_100).await;
    for n in 0..2 {
        let event = server.post(Tenant::A, &n.to_string()).await.created();
        assert_eq!(stays.next_event().await, event);
    }
}

#[tokio::test]
async fn a_refused_handshake_takes_no_place() {
    let server = Server::with(|settings| settings.max_connections = 1).await;
    for _ in 0..3 {
        server.new_socket(Tenant::A).header("origin", "null").send().await.refused(403);
        server.new_socket(Tenant::A).header("sec-websocket-version", "8").send().await.refused(400);
    }
    server.connect(Tenant::A).await;
}

#[tokio::test]
async fn the_window_of_return_grows_with_a_tenants_connections() {
    let server = Server::start().await;
    let mut sockets = Vec::new();
    for _ in 0..110 {
        sockets.push(server.raw_socket(Tenant::A).await);
    }
    assert_eq!(server.connect(Tenant::A).await.hello.reconnect_ms, 5 * 111);
    assert_eq!(server.connect(Tenant::B).await.hello.reconnect_ms, 500, "of this tenant's connections alone");
}

/// A server that may have 100 files open.
async fn with_few_files() -> Program {
    let mut command = Program::command_by("sh");
    command.args(["-c", "ulimit -n 100 && exec \"$0\"", &Program::path()]);
    Program::spawn(command).await
}

#[tokio::test]
async fn where_few_files_may_be_open_fewer_connections_are_taken_and_the_log_says_so() {
    let program = with_few_files().await;
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
async fn connections_that_are_no_tenants_have_one_cap_for_all_and_take_nothing_from_sockets() {
    let mut program = with_few_files().await;
    let mut socket = program.connect(Tenant::A).await;
    let mut poster = program.open().await;
    poster.send(program.get("/healthz")).await.is(StatusCode::OK);
    let mut idle = Vec::new();
    let refusal = loop {
        let mut raw = program.raw().await;
        raw.write(program.get("/healthz").head()).await;
        let answer = raw.answer().await;
        match answer.status.as_u16() {
            200 => idle.push(raw),
            _ => break answer,
        }
    };
    assert!((10..80).contains(&idle.len()), "{} connections", idle.len());
    refusal.refused(503);
    program.says("every place of connections that are no tenant's is taken").await;
    let marker = poster.send(program.new_post(Tenant::A, "marker")).await.created();
    assert_eq!(socket.next_event().await, marker);
}
