//! `GET /ws`: the hello, the order of what follows, heartbeats, and what a client may say.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::support::{Client, Event, Frame, Heard, List, Raw, Server, Socket, StatusCode, Tenant, frame, message};

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const FRAME_MAX: usize = 16 * 1024;

/// Posts `count` messages one after the other, as one of several writers.
async fn write(client: Client, writer: usize, count: usize) {
    let mut connection = client.open().await;
    for n in 0..count {
        connection.send(client.new_post(Tenant::A, &format!("{writer} {n}"))).await.created();
    }
}

/// Reads a socket up to this `seq`, and checks that it got exactly what the list has from its hello on.
async fn check_complete(mut socket: Socket, list: &List) {
    for seq in socket.hello.seq + 1..=list.seq {
        assert_eq!(&socket.next_event().await, list.event(seq), "event {seq}");
    }
}

/// Says something over a socket of its own, and gives the code of the close that follows.
async fn close_after(server: &Server, said: &[Vec<u8>]) -> Option<u16> {
    let mut raw = server.raw_socket(Tenant::A).await;
    raw.write(said.concat()).await;
    raw.close_code().await
}

#[tokio::test]
async fn the_hello_comes_first_and_says_where_the_stream_starts() {
    let server = Server::start().await;
    server.post(Tenant::A, "before").await.created();
    let mut socket = server.connect(Tenant::A).await;
    let list = server.list(Tenant::A).await;
    let hello = &socket.hello;
    assert_eq!((hello.seq, &hello.epoch), (1, &list.epoch));
    assert_eq!((hello.heartbeat_ms, hello.reconnect_ms), (15_000, 500));
    assert!(!hello.build.is_empty() && hello.timestamp >= list.events[0].timestamp);
    let after = server.post(Tenant::A, "after").await.created();
    assert_eq!((socket.next_event().await, socket.seq()), (after, 2));
}

#[tokio::test]
async fn each_of_a_crowd_hears_every_event_once_and_in_order() {
    let server = Server::start().await;
    let crowd = join_all((0..384).map(|_| server.connect(Tenant::A))).await; // a pass takes three whole steps for them
    let mut poster = server.open().await;
    for n in 0..80 {
        // More in all than the door has room for, and than a quarter of that is.
        let text = format!("{n} {}", "\u{1F600}".repeat(450));
        poster.send(server.new_post(Tenant::A, &text)).await.created();
    }
    let list = server.list(Tenant::A).await;
    join_all(crowd.into_iter().map(|socket| check_complete(socket, &list))).await;
    assert_eq!(server.counts(Tenant::A).await["delivered"], 384 * 80);
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
async fn who_subscribes_while_others_post_misses_nothing_and_gets_nothing_twice() {
    let server = Server::start().await;
    let client: Client = *server;
    let writers: Vec<_> = (0..4).map(|writer| tokio::spawn(write(client, writer, 75))).collect();
    let mut sockets = Vec::new();
    while writers.iter().any(|writer| !writer.is_finished()) {
        sockets.push(server.connect(Tenant::A).await);
        let (socket, list) = (&sockets[sockets.len() - 1], server.list(Tenant::A).await);
        assert!(list.seq >= socket.hello.seq, "subscribed first, list second: no gap between them");
    }
    let list = server.list(Tenant::A).await;
    assert_eq!(list.seq, 300);
    for socket in sockets {
        check_complete(socket, &list).await;
    }
}

#[tokio::test]
async fn nothing_from_before_the_hello_is_sent() {
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
    // Of each heartbeat, the socket checks the seq against the events that it has read.
    assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 1, reconnect_ms: 500 });
    server.post(Tenant::A, "between").await.created();
    socket.next_event().await;
    assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 2, reconnect_ms: 500 });
}

#[tokio::test]
async fn who_answers_pings_stays_connected() {
    let server = Server::with(|settings| settings.heartbeat = 200).await;
    let mut socket = server.connect(Tenant::A).await;
    for _ in 0..8 {
        assert_eq!(socket.next_frame().await, Frame::Heartbeat { seq: 0, reconnect_ms: 500 });
    }
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await, marker);
}

#[tokio::test]
async fn a_peer_that_sends_nothing_for_two_whole_intervals_is_dropped_although_it_reads() {
    let server = Server::with(|settings| settings.heartbeat = 1_000).await;
    let mut silent = server.raw_socket(Tenant::A).await;
    let start = Instant::now();
    let mut pings = 0;
    let end = silent
        .hear_until(|heard| match heard {
            Heard::Ping => {
                pings += 1;
                false
            }
            heard => matches!(heard, Heard::End | Heard::Reset),
        })
        .await;
    assert_eq!(end, Heard::Reset);
    assert!(start.elapsed() >= Duration::from_millis(1_990), "dropped after {:?}", start.elapsed()); // its handshake was earlier
    assert!(pings >= 2, "dropped after {pings} pings");
    assert_eq!(server.counts(Tenant::A).await["ended"]["silent"], 1);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    for payload in [&b""[..], b"are you there", &[0xff; 125]] {
        raw.write(message(PING, payload)).await;
        assert_eq!(raw.hear().await, Heard::Pong(payload.to_vec()));
    }
}

#[tokio::test]
async fn what_is_sent_right_behind_the_handshake_is_heard() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    raw.write([server.new_socket(Tenant::A).head(), message(PING, b"early")].concat()).await;
    raw.answer().await.is(StatusCode::SWITCHING_PROTOCOLS);
    raw.hear_until(|heard| *heard == Heard::Pong(b"early".to_vec())).await;
}

#[tokio::test]
async fn a_frame_that_comes_byte_by_byte_is_heard() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    for byte in message(PING, b"slowly") {
        raw.write([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.hear().await, Heard::Pong(b"slowly".to_vec()));
}

#[tokio::test]
async fn a_data_frame_from_a_client_closes_with_1008() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    socket.send_text("hello").await;
    assert_eq!(socket.next_close().await, 1008);
    for said in [
        vec![message(TEXT, b"")],
        vec![message(BINARY, b"\0\xff")],
        vec![message(TEXT, &[b'x'; FRAME_MAX])],
        vec![frame(TEXT, b"in "), message(PING, b""), message(CONTINUE, b"parts")],
    ] {
        assert_eq!(close_after(&server, &said).await, Some(1008));
    }
    assert_eq!(server.list(Tenant::A).await.seq, 0, "nothing of it was posted");
}

#[tokio::test]
async fn more_than_16_kib_closes_with_1009_whole_or_in_fragments() {
    let server = Server::start().await;
    let half = [b'x'; FRAME_MAX / 2];
    for said in [
        vec![message(TEXT, &[b'x'; FRAME_MAX + 1])],
        vec![message(BINARY, &[b'x'; 80_000])],
        vec![frame(TEXT, &half), frame(CONTINUE, &half), message(CONTINUE, b"x")],
        vec![frame(BINARY, &half), message(PING, b""), frame(CONTINUE, &half), frame(CONTINUE, b"x")],
        // Told by its length alone: no byte of it comes.
        vec![b"\x82\xff\x00\x00\x00\x10\x00\x00\x00\x00\x01\x02\x03\x04".to_vec()],
    ] {
        assert_eq!(close_after(&server, &said).await, Some(1009));
    }
}

#[tokio::test]
async fn a_breach_of_the_protocol_closes_with_1002() {
    let server = Server::start().await;
    for said in [
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
        assert_eq!(close_after(&server, &said).await, Some(1002), "{said:x?}");
    }
}

#[tokio::test]
async fn nothing_follows_a_close_frame() {
    let server = Server::start().await;
    let (mut closed, mut witness) = (server.raw_socket(Tenant::A).await, server.connect(Tenant::A).await);
    closed.write(message(TEXT, b"not for this socket")).await;
    assert_eq!(closed.hear().await, Heard::Close(Some(1008)));
    for _ in 0..2 {
        server.post(Tenant::A, "to whoever still listens").await.created();
        witness.next_event().await; // the second tells that the first was offered to all
    }
    closed.write(message(CLOSE, &1008_u16.to_be_bytes())).await;
    assert_eq!(closed.hear().await, Heard::End);
}

#[tokio::test]
async fn a_close_is_echoed_and_ends_the_connection() {
    let server = Server::start().await;
    server.connect(Tenant::A).await.close().await;
    for code in [None, Some(1000), Some(1001), Some(4_000)] {
        let mut raw = server.raw_socket(Tenant::A).await;
        let payload = code.map(|code: u16| code.to_be_bytes().to_vec()).unwrap_or_default();
        raw.write(message(CLOSE, &payload)).await;
        assert_eq!((raw.hear().await, raw.hear().await), (Heard::Close(code), Heard::End));
    }
}

#[tokio::test]
async fn one_client_that_misbehaves_is_nothing_to_the_others() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::A).await;
    assert_eq!(close_after(&server, &[vec![0xff; 14]]).await, Some(1002));
    server.raw_socket(Tenant::A).await.cut();
    let mut partly: Raw = server.raw_socket(Tenant::A).await;
    partly.write(&message(PING, b"never whole")[..5]).await;
    let marker: Event = server.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await, marker);
}

#[tokio::test]
async fn a_handshake_is_answered_as_the_protocol_says() {
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
async fn a_wrong_handshake_is_refused() {
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
