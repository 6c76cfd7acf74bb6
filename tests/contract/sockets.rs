//! Checks `GET /ws`: the hello, the order of events, heartbeats, and the frames that a client may send.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::support::{Client, Event, Frame, List, Raw, Received, Server, Socket, StatusCode, Tenant, frame, message};

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
/// The largest frame or message that a client may send (contract, "WebSocket").
const FRAME_MAX: usize = 16 * 1024;
/// Three times the number of connections after which a fan-out pass lets other tasks run (128, `STEP` in `fan_out.rs`):
/// a pass over this many has three whole steps.
const CROWD: usize = 3 * 128;

/// Posts `count` messages one after the other, as the writer with this number.
async fn write(client: Client, writer: usize, count: usize) {
    let mut connection = client.open().await;
    for n in 0..count {
        connection.send(client.new_post(Tenant::A, &format!("{writer} {n}"))).await.created();
    }
}

/// Checks that a socket received exactly the events that the list has after the socket's hello.
async fn check_complete(mut socket: Socket, list: &List) {
    for seq in socket.hello.seq + 1..=list.seq {
        assert_eq!(&socket.next_event().await, list.event(seq), "event {seq}");
    }
}

/// Sends frames on a new socket, and returns the code of the close that follows.
async fn close_after(server: &Server, frames: &[Vec<u8>]) -> Option<u16> {
    let mut raw = server.raw_socket(Tenant::A).await;
    raw.write(frames.concat()).await;
    raw.close_code().await
}

#[tokio::test]
async fn the_hello_comes_first_and_carries_the_current_seq() {
    let server = Server::start().await;
    server.post(Tenant::A, "before").await.created();
    let mut socket = server.connect(Tenant::A).await;
    let list = server.list(Tenant::A).await;
    let hello = &socket.hello;
    assert_eq!((hello.seq, &hello.epoch), (1, &list.epoch));
    assert_eq!((hello.heartbeat_ms, hello.reconnect_ms, hello.connections), (15_000, 500, 1));
    assert!(!hello.build.is_empty() && hello.timestamp >= list.events[0].timestamp);
    let after = server.post(Tenant::A, "after").await.created();
    assert_eq!((socket.next_event().await, socket.seq()), (after, 2));
}

#[tokio::test]
async fn each_of_a_crowd_receives_every_event_once_and_in_order() {
    let server = Server::start().await;
    let crowd = join_all((0..CROWD).map(|_| server.connect(Tenant::A))).await;
    let mut poster = server.open().await;
    for n in 0..80 {
        // 80 × 1.8 kB = 144 kB: four times the 36 KiB that may wait to be sent before posts wait (`BUFFER_MAX` in
        // `admission.rs`).
        let text = format!("{n} {}", "\u{1F600}".repeat(450));
        poster.send(server.new_post(Tenant::A, &text)).await.created();
    }
    let list = server.list(Tenant::A).await;
    join_all(crowd.into_iter().map(|socket| check_complete(socket, &list))).await;
    assert_eq!(server.counts(Tenant::A).await["delivered"], CROWD * 80);
}

#[tokio::test]
async fn every_connection_has_its_own_id() {
    let server = Server::start().await;
    let mut ids = HashSet::new();
    for _ in 0..5 {
        ids.insert(server.connect(Tenant::A).await.hello.connection_id);
    }
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn the_frame_the_answer_and_the_list_show_the_same_event() {
    let server = Server::start().await;
    let (mut one, mut two) = (server.connect(Tenant::A).await, server.connect(Tenant::A).await);
    let created = server.post(Tenant::A, "\"quoted\"\n\u{1F600} <b>").await.created();
    assert_eq!((one.next_event().await, two.next_event().await), (created.clone(), created.clone()));
    assert_eq!(server.list(Tenant::A).await.events, [created]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_arrives_exactly_once_and_in_order_while_many_post() {
    let server = Server::start().await;
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(server.connect(Tenant::A).await);
    }
    let client: Client = *server;
    let writers: Vec<_> = (0..6).map(|writer| tokio::spawn(write(client, writer, 50))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let list = server.list(Tenant::A).await;
    assert_eq!(list.seq, 300);
    for socket in sockets {
        check_complete(socket, &list).await;
    }
    for writer in 0..6 {
        let mine = list.events.iter().rev().filter(|event| event.message.starts_with(&format!("{writer} ")));
        assert!(mine.map(|event| event.message.clone()).eq((0..50).map(|n| format!("{writer} {n}"))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_subscribes_while_others_post_misses_nothing_and_gets_nothing_twice() {
    let server = Server::start().await;
    let client: Client = *server;
    let writers: Vec<_> = (0..4).map(|writer| tokio::spawn(write(client, writer, 75))).collect();
    let mut sockets = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        sockets.push(server.connect(Tenant::A).await);
        let (socket, list) = (&sockets[sockets.len() - 1], server.list(Tenant::A).await);
        assert!(list.seq >= socket.hello.seq, "a gap between the subscription and the list");
    }
    let list = server.list(Tenant::A).await;
    assert_eq!(list.seq, 300);
    for socket in sockets {
        check_complete(socket, &list).await;
    }
}

#[tokio::test]
async fn no_event_from_before_the_hello_is_sent() {
    let server = Server::start().await;
    for n in 0..3 {
        server.post(Tenant::A, &n.to_string()).await.created();
    }
    let mut socket = server.connect(Tenant::A).await;
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!((socket.next_event().await, socket.hello.seq), (marker, 3));
}

#[tokio::test]
async fn a_heartbeat_carries_the_seq_of_the_last_event_before_it() {
    let server = Server::with(|settings| settings.heartbeat = 500).await;
    server.post(Tenant::A, "before").await.created();
    let mut socket = server.connect(Tenant::A).await;
    assert_eq!(socket.hello.heartbeat_ms, 500);
    // The socket checks the seq of each heartbeat against the events that it has read.
    assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 1, reconnect_ms: 500, connections: 1 });
    server.post(Tenant::A, "between").await.created();
    socket.next_event().await;
    assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 2, reconnect_ms: 500, connections: 1 });
}

#[tokio::test]
async fn hellos_and_heartbeats_count_the_connections_of_the_own_tenant() {
    let server = Server::alone(|settings| settings.heartbeat = 500).await;
    let (mut a, mut b) = (server.connect(Tenant::A).await, server.connect(Tenant::B).await);
    assert_eq!((a.hello.connections, b.hello.connections), (1, 1));
    let mut others = Vec::new();
    for connections in 2..=4 {
        others.push(server.connect(Tenant::A).await);
        assert_eq!(others[others.len() - 1].hello.connections, connections);
    }
    a.next_heartbeat_with(4).await;
    b.next_heartbeat_with(1).await;
    server.new_socket(Tenant::A).header("origin", "null").send().await.refused(403);
    server.connect(Tenant::B).await.close().await;
    drop(others.pop()); // without a close
    for other in others {
        other.close().await;
    }
    a.next_heartbeat_with(1).await;
    b.next_heartbeat_with(1).await;
    assert_eq!(server.connect(Tenant::A).await.hello.connections, 2);
    let counts = server.counts(Tenant::B).await;
    assert_eq!(counts["connections"], 1, "the administrator reads the same count");
}

/// The heartbeat is short, and a stalled machine does not fail the test all the same: server and client share one
/// thread, so that no check for silent peers runs while the client cannot.
#[tokio::test]
async fn a_client_that_answers_pings_stays_connected() {
    let server = Server::with(|settings| settings.heartbeat = 200).await;
    let mut socket = server.connect(Tenant::A).await;
    // Eight intervals: a silent peer is dropped after two.
    for _ in 0..8 {
        assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 0, reconnect_ms: 500, connections: 1 });
    }
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await, marker);
}

#[tokio::test]
async fn a_peer_that_sends_nothing_for_two_whole_intervals_is_dropped_although_it_reads() {
    let server = Server::with(|settings| settings.heartbeat = 1_000).await;
    let start = Instant::now();
    let mut silent = server.raw_socket(Tenant::A).await;
    let mut pings = 0;
    let end = silent
        .receive_until(|received| match received {
            Received::Ping => {
                pings += 1;
                false
            }
            received => matches!(received, Received::End | Received::Reset),
        })
        .await;
    assert_eq!(end, Received::Reset);
    assert!(start.elapsed() >= Duration::from_secs(2), "dropped after {:?}", start.elapsed());
    assert!(pings >= 2, "dropped after {pings} pings");
    assert_eq!(server.counts(Tenant::A).await["ended"]["silent"], 1);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    for payload in [&b""[..], b"are you there", &[0xff; 125]] {
        raw.write(message(PING, payload)).await;
        assert_eq!(raw.receive().await, Received::Pong(payload.to_vec()));
    }
}

#[tokio::test]
async fn a_frame_sent_right_behind_the_handshake_is_received() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.write([server.new_socket(Tenant::A).head(), message(PING, b"early")].concat()).await;
    raw.answer().await.is(StatusCode::SWITCHING_PROTOCOLS);
    raw.receive_until(|received| *received == Received::Pong(b"early".to_vec())).await;
}

#[tokio::test]
async fn a_frame_that_comes_byte_by_byte_is_received() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    for byte in message(PING, b"slowly") {
        raw.write([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.receive().await, Received::Pong(b"slowly".to_vec()));
}

#[tokio::test]
async fn a_data_frame_from_a_client_closes_with_1008() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    socket.send_text("hello").await;
    assert_eq!(socket.next_close().await, 1008);
    for frames in [
        vec![message(TEXT, b"")],
        vec![message(BINARY, b"\0\xff")],
        vec![message(TEXT, &[b'x'; FRAME_MAX])],
        vec![frame(TEXT, b"in "), message(PING, b""), message(CONTINUE, b"parts")],
    ] {
        assert_eq!(close_after(&server, &frames).await, Some(1008));
    }
    assert_eq!(server.list(Tenant::A).await.seq, 0, "a frame was posted");
}

#[tokio::test]
async fn more_than_16_kib_closes_with_1009_whole_or_in_fragments() {
    let server = Server::start().await;
    let half = [b'x'; FRAME_MAX / 2];
    for frames in [
        vec![message(TEXT, &[b'x'; FRAME_MAX + 1])],
        vec![message(BINARY, &[b'x'; 80_000])],
        vec![frame(TEXT, &half), frame(CONTINUE, &half), message(CONTINUE, b"x")],
        vec![frame(BINARY, &half), message(PING, b""), frame(CONTINUE, &half), frame(CONTINUE, b"x")],
        // Only the header, whose length is 1 MiB: no byte of the payload follows.
        vec![b"\x82\xff\x00\x00\x00\x10\x00\x00\x00\x00\x01\x02\x03\x04".to_vec()],
    ] {
        assert_eq!(close_after(&server, &frames).await, Some(1009));
    }
}

#[tokio::test]
async fn a_breach_of_the_protocol_closes_with_1002() {
    let server = Server::start().await;
    for frames in [
        vec![b"\x81\x01x".to_vec()],
        vec![frame(0xc1, b"x")],
        vec![frame(0xa1, b"x")],
        vec![message(0x3, b"x")],
        vec![message(0xb, b"")],
        vec![frame(PING, b"")],
        vec![message(PING, &[b'x'; 126])],
        vec![message(CONTINUE, b"x")],
        vec![frame(TEXT, b"a"), message(TEXT, b"b")],
        vec![message(CLOSE, b"\x03")],
        vec![message(CLOSE, &1005_u16.to_be_bytes())],
    ] {
        assert_eq!(close_after(&server, &frames).await, Some(1002), "{frames:x?}");
    }
}

#[tokio::test]
async fn nothing_follows_a_close_frame() {
    let server = Server::start().await;
    let (mut closed, mut witness) = (server.raw_socket(Tenant::A).await, server.connect(Tenant::A).await);
    closed.write(message(TEXT, b"not for this socket")).await;
    assert_eq!(closed.receive().await, Received::Close(Some(1008)));
    for _ in 0..2 {
        server.post(Tenant::A, "after the close").await.created();
        witness.next_event().await; // the second event proves that the first was offered to every subscriber
    }
    closed.write(message(CLOSE, &1008_u16.to_be_bytes())).await;
    assert_eq!(closed.receive().await, Received::End);
}

#[tokio::test]
async fn a_close_is_echoed_and_ends_the_connection() {
    let server = Server::start().await;
    server.connect(Tenant::A).await.close().await;
    for code in [None, Some(1000), Some(1001), Some(4_000)] {
        let mut raw = server.raw_socket(Tenant::A).await;
        let payload = code.map(|code: u16| code.to_be_bytes().to_vec()).unwrap_or_default();
        raw.write(message(CLOSE, &payload)).await;
        assert_eq!((raw.receive().await, raw.receive().await), (Received::Close(code), Received::End));
    }
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_does_not_disturb_others() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    assert_eq!(close_after(&server, &[vec![0xff; 14]]).await, Some(1002));
    server.raw_socket(Tenant::A).await.reset();
    let mut partly: Raw = server.raw_socket(Tenant::A).await;
    partly.write(&message(PING, b"never whole")[..5]).await;
    let marker: Event = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await, marker);
}

#[tokio::test]
async fn a_handshake_is_answered_as_rfc_6455_requires() {
    let server = Server::start().await;
    let mut request = server.new_socket(Tenant::A);
    request.add("sec-websocket-extensions", "permessage-deflate");
    request.add("sec-websocket-protocol", "chat");
    let answer = request.send().await.is(StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for never in ["sec-websocket-extensions", "sec-websocket-protocol"] {
        assert!(!answer.headers.contains_key(never), "{never} was not agreed on");
    }
    let mut request = server.new_socket(Tenant::A);
    request.set("connection", "keep-alive, UPGRADE");
    request.set("upgrade", "h2c, WebSocket");
    request.send().await.is(StatusCode::SWITCHING_PROTOCOLS);
}

#[tokio::test]
async fn an_invalid_handshake_is_refused() {
    let server = Server::start().await;
    server.get("/ws?tenant=tenant_a").send().await.refused(426);
    for (name, wrong) in [("upgrade", "h2c"), ("upgrade", "")] {
        let mut request = server.new_socket(Tenant::A);
        request.set(name, wrong);
        request.send().await.refused(426);
    }
    for (name, wrong) in [
        ("connection", "keep-alive"),
        ("sec-websocket-version", "12"),
        ("sec-websocket-version", ""),
        ("sec-websocket-key", ""),
        ("sec-websocket-key", "c2hvcnQ="),
        ("sec-websocket-key", "not base64, but as long."),
    ] {
        let mut request = server.new_socket(Tenant::A);
        request.set(name, wrong);
        request.send().await.refused(400);
    }
    let two_keys = server.new_socket(Tenant::A).header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    two_keys.send().await.refused(400);
}
