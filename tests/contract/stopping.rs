//! Checks a stop: the listener closes, sockets are closed with 1001, requests get 503, and the server ends.

use std::{collections::HashSet, time::Duration};

use crate::{
    engine::SERVERS,
    refusals::{OF_THE_HOST, of_a_handshake, of_a_post},
    slow_readers::flood,
    support::{Client, Event, Program, Raw, Received, Request, Server, StatusCode, Tenant},
};

/// Sends a post without the last bytes of its body, so that the server waits for them before it ends. `100 Continue`
/// proves that the server handles the post.
async fn post_under_way(client: &Client) -> Raw {
    let post = client.new_post(Tenant::A, "under way").header("expect", "100-continue");
    let length = post.body.len().to_string();
    let mut raw = client.raw().await;
    raw.write(post.clone().header("content-length", length).head()).await;
    raw.answer().await.is(StatusCode::CONTINUE);
    raw.write(&post.body[..10]).await;
    raw
}

/// The last bytes of the body of [`post_under_way`].
fn rest_of_the_body(server: &Server) -> Vec<u8> {
    server.new_post(Tenant::A, "under way").body[10..].to_vec()
}

#[tokio::test]
async fn sockets_get_1001_and_the_server_ends() {
    let server = Server::start().await;
    let (mut a, mut b) = (server.connect(Tenant::A).await, server.connect(Tenant::B).await);
    let stopping = server.stop().await;
    assert_eq!((a.next_close().await, b.next_close().await), (1001, 1001));
    stopping.ended().await;
}

/// Posts until the server closes the connection, and returns the accepted events.
async fn post_until_the_end(client: Client) -> Vec<Event> {
    let (mut connection, mut accepted) = (client.open().await, Vec::new());
    while let Ok(answer) = connection.try_send(client.new_post(Tenant::A, "x")).await {
        if answer.status == StatusCode::CREATED {
            accepted.push(answer.created());
        } else {
            answer.refused(503);
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_accepted_event_is_sent_before_1001() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    let client: Client = *server;
    let writers: Vec<_> = (0..8).map(|_| tokio::spawn(post_until_the_end(client))).collect();
    let mut sent = socket.next_events(20).await;
    let _stopping = server.stop().await; // the engine goes on until all posts are answered
    let (rest, code) = socket.read_to_close().await;
    sent.extend(rest);
    let sent: HashSet<_> = sent.into_iter().map(|event| event.id).collect();
    assert_eq!(code, Some(1001));
    for writer in writers {
        let all_sent = writer.await.unwrap().iter().all(|event| sent.contains(&event.id));
        // Another server may accept events after this one has closed its sockets.
        assert!(all_sent || SERVERS > 1, "an event was lost");
    }
}

#[tokio::test]
async fn a_peer_that_never_closes_does_not_delay_the_end_beyond_the_deadline() {
    let server = Server::alone(|settings| settings.drain = 500).await;
    let mut stuck = server.raw_socket(Tenant::A).await;
    let _half_a_request = post_under_way(&server).await;
    server.stop().await.ended().await;
    assert_eq!(stuck.receive().await, Received::Close(Some(1001)));
}

/// The list of 3,000 of the largest events has 6.4 MB. Linux buffers 2.6 to 4 MB of it for a reader with a small buffer, so
/// the program still sends the rest when it is stopped. The test reads 64 KiB every 25 ms: 2.5 s in all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_being_read_is_sent_completely() {
    let mut program = Program::start(&["--drain", "60000", "--retain", "3000"]).await;
    flood(*program, 3_000).await;
    let mut slow = Raw::connect_narrow(program.address()).await;
    slow.write(program.get("/events").tenant(Tenant::A).head()).await;
    slow.answer_started().await;
    program.signal("TERM").await;
    program.wait_for_log("stopping").await;
    let body = slow.answer_slowly(64 * 1_024, Duration::from_millis(25)).await;
    let list: Vec<Event> = serde_json::from_slice(&body).unwrap();
    assert_eq!(list.len(), 3_000);
    let exit = program.ended().await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stderr.contains("in_time=true"), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_reads_is_cut_at_the_deadline() {
    let mut program = Program::start(&["--drain", "500", "--retain", "3000"]).await;
    flood(*program, 3_000).await;
    let mut stuck = Raw::connect_narrow(program.address()).await;
    stuck.write(program.get("/events").tenant(Tenant::A).head()).await;
    stuck.answer_started().await;
    program.signal("TERM").await;
    program.wait_for_log("in_time=false").await;
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "INT"), ("TERM", "INT")] {
        let mut program = Program::start(&["--drain", "60000"]).await;
        let _under_way = post_under_way(&program).await; // delays an orderly stop for 10 s
        let mut stuck = program.raw_socket(Tenant::A).await;
        program.signal(first).await;
        program.wait_for_log("stopping").await;
        assert_eq!(stuck.close_code().await, Some(1001));
        let exit = program.end_with(second).await;
        assert!(exit.code.is_some_and(|code| code != 0), "{first}, {second}: {exit:?}");
        let last = exit.stderr.lines().last().unwrap_or_default();
        assert!(last.contains("by a second signal"), "{first}, {second}: {exit:?}");
    }
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let server = Server::alone(|settings| settings.drain = 60_000).await;
    let mut used = server.open().await;
    used.send(server.get("/healthz")).await.is(StatusCode::OK);
    let _unused = server.raw().await;
    server.stop().await.ended().await;
}

#[tokio::test]
async fn a_stopping_server_accepts_no_connection() {
    let server = Server::alone(|settings| settings.drain = 60_000).await;
    let address = server.address();
    let _under_way = post_under_way(&server).await;
    let _stopping = server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_answered_and_the_server_ends_after_it() {
    let server = Server::alone(|settings| settings.drain = 60_000).await;
    let (mut under_way, rest) = (post_under_way(&server).await, rest_of_the_body(&server));
    let mut socket = server.connect(Tenant::A).await;
    let stopping = server.stop().await;
    // The post under way gets 503, since its event could not reach the closed sockets.
    assert_eq!(socket.next_close().await, 1001);
    under_way.write(rest).await;
    under_way.answer().await.refused(503);
    stopping.ended().await;
}

#[tokio::test]
async fn requests_on_open_connections_get_503_before_any_other_refusal_except_that_of_the_host() {
    let server = Server::alone(|settings| settings.drain = 60_000).await;
    let mut connection = server.open().await;
    connection.send(server.get("/healthz")).await.is(StatusCode::OK);
    let (mut under_way, rest) = (post_under_way(&server).await, rest_of_the_body(&server));
    let (post, socket) = (server.new_post(Tenant::A, "late"), server.new_socket(Tenant::A));
    let others = ["/healthz", "/vanilla/", "/nowhere"].map(|target| server.get(target));
    let pages = ["/", "/?tenant=tenant_a", "/isolation"].map(|target| server.get(target));
    let stopping = server.stop().await;

    let spoilt = |right: &Request, spoil: fn(&mut Request)| {
        let mut request = right.clone();
        spoil(&mut request);
        request
    };
    for request in others.into_iter().chain([post.clone(), socket.clone()]) {
        connection.send(request).await.refused(503);
    }
    for page in pages {
        connection.send(page).await.refused_page();
    }
    for (right, faults) in [(&post, of_a_post()), (&socket, of_a_handshake())] {
        for fault in &faults[OF_THE_HOST.len()..] {
            connection.send(spoilt(right, fault.spoil)).await.refused(503);
        }
    }
    for fault in OF_THE_HOST {
        connection.send(spoilt(&post, fault.spoil)).await.refused(fault.status);
    }
    under_way.write(rest).await;
    under_way.answer().await.refused(503);
    stopping.ended().await;
}
