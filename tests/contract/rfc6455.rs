//! Tests the WebSocket protocol over raw TCP, in the order of RFC 6455. The module `sockets` tests what the contract
//! adds.

use crate::support::{Method, Raw, Received, Server, Tenant, frame, masked, message};

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
const FIN: u8 = 0x80;

/// The ways to send the same bytes.
#[derive(Debug, Clone, Copy)]
enum Delivery {
    AtOnce,
    ByteByByte,
    BehindTheHandshake,
}

const DELIVERIES: [Delivery; 3] = [Delivery::AtOnce, Delivery::ByteByByte, Delivery::BehindTheHandshake];

/// Sends these bytes on a new subscriber's connection, and returns the connection.
async fn send(server: &Server, bytes: &[u8], delivery: Delivery) -> Raw {
    match delivery {
        Delivery::AtOnce => {
            let mut raw = server.raw_socket(Tenant::A).await;
            raw.write(bytes).await;
            raw
        }
        Delivery::ByteByByte => {
            let mut raw = server.raw_socket(Tenant::A).await;
            for byte in bytes {
                // The server may refuse it, and close, before the last byte.
                if raw.try_write([*byte]).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            raw
        }
        Delivery::BehindTheHandshake => {
            let mut raw = server.raw().await;
            raw.write([&server.new_socket(Tenant::A).head(), bytes].concat()).await;
            raw.answer().await.is(hyper::StatusCode::SWITCHING_PROTOCOLS);
            assert!(matches!(raw.receive().await, Received::Text(_)), "the hello");
            raw
        }
    }
}

/// Checks that these bytes are answered with a close of this code, and then with the end of the stream, in every
/// [`Delivery`].
async fn check_closes(server: &Server, bytes: &[u8], code: u16) {
    for delivery in DELIVERIES {
        let mut raw = send(server, bytes, delivery).await;
        let closed = raw.close_code().await;
        assert_eq!(closed, Some(code), "{bytes:02x?}, {delivery:?}");
        // RFC 6455, section 7.1.1: the server closes the TCP connection first. After 1002 and 1007 it awaits no close
        // from the client.
        if code == 1002 || code == 1007 {
            let end = raw.receive().await;
            assert!(matches!(end, Received::End | Received::Reset), "{bytes:02x?}, {delivery:?}: {end:?}");
        }
    }
}

/// Checks that the newest of these pings is answered, in every [`Delivery`], and that the connection stays open.
/// Earlier pings may be answered too, in order (section 5.5.3).
async fn check_pongs(server: &Server, bytes: &[u8], payloads: &[&[u8]]) {
    let (newest, others) = payloads.split_last().expect("a ping");
    for delivery in DELIVERIES {
        let mut raw = send(server, bytes, delivery).await;
        let mut others = others.iter();
        loop {
            let Received::Pong(payload) = raw.receive().await else { panic!("no pong: {bytes:02x?}, {delivery:?}") };
            if payload == *newest {
                break;
            }
            assert!(others.any(|other| payload == *other), "{payload:02x?}: {bytes:02x?}, {delivery:?}");
        }
        raw.write(message(PING, b"marker")).await;
        assert_eq!(raw.receive().await, Received::Pong(b"marker".to_vec()), "{bytes:02x?}, {delivery:?}");
    }
}

#[tokio::test]
async fn s4_1_an_opening_handshake_is_a_get() {
    let server = Server::start().await;
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let mut request = server.new_socket(Tenant::A);
        request.method = method.clone();
        let answer = request.send().await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET"), "{method}");
    }
}

#[tokio::test]
async fn s4_1_an_opening_handshake_is_http_1_1() {
    let server = Server::start().await;
    let head = String::from_utf8(server.new_socket(Tenant::A).head()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    let mut raw = server.raw().await;
    raw.write(head).await;
    let status = raw.answer().await.status;
    assert!(status == 400 || status == 426, "{status}");
}

#[tokio::test]
async fn s5_1_any_frame_that_is_not_masked_is_refused() {
    let server = Server::start().await;
    for opcode in [CONTINUE, TEXT, BINARY, CLOSE, PING, PONG] {
        check_closes(&server, &[FIN | opcode, 0], 1002).await;
        check_closes(&server, &[FIN | opcode, 2, 3, 0xe8], 1002).await;
    }
}

#[tokio::test]
async fn s5_2_a_reserved_bit_is_refused_on_every_frame() {
    let server = Server::start().await;
    for bit in [0x40, 0x20, 0x10, 0x70] {
        for opcode in [TEXT, BINARY, CLOSE, PING, PONG] {
            check_closes(&server, &message(bit | opcode, b""), 1002).await;
        }
        check_closes(&server, &[frame(TEXT, b"a"), message(bit | CONTINUE, b"b")].concat(), 1002).await;
    }
}

#[tokio::test]
async fn s5_2_a_reserved_opcode_is_refused() {
    let server = Server::start().await;
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        check_closes(&server, &message(opcode, b""), 1002).await;
        check_closes(&server, &message(opcode, b"x"), 1002).await;
    }
}

#[tokio::test]
async fn s5_2_a_length_must_use_as_few_bytes_as_possible() {
    let server = Server::start().await;
    for head in [
        &[FIN | PING, FIN | 126, 0, 5][..],
        &[FIN | PING, FIN | 127, 0, 0, 0, 0, 0, 0, 0, 5],
        &[FIN | TEXT, FIN | 126, 0, 125],
        &[FIN | TEXT, FIN | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        &[FIN | CLOSE, FIN | 126, 0, 0],
    ] {
        check_closes(&server, &[head, &[1, 2, 3, 4], &[b'x'; 5]].concat(), 1002).await;
    }
}

#[tokio::test]
async fn s5_2_a_length_has_63_bits() {
    let server = Server::start().await;
    check_closes(&server, &[FIN | TEXT, FIN | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1002).await;
    check_closes(&server, &[FIN | TEXT, FIN | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4], 1009).await;
}

#[tokio::test]
async fn s5_3_every_frame_has_a_mask_of_its_own() {
    let server = Server::start().await;
    let payload: Vec<u8> = (0..125).collect();
    for mask in [[0; 4], [0xff; 4], [1, 0, 0, 0], [0, 0, 0, 1], [0x37, 0xfa, 0x21, 0x3d]] {
        check_pongs(&server, &masked(mask, FIN | PING, &payload), &[&payload]).await;
        let bytes = [masked(mask, FIN | PING, &payload), masked([9, 8, 7, 6], FIN | PING, b"another")].concat();
        check_pongs(&server, &bytes, &[&payload, b"another"]).await;
    }
}

#[tokio::test]
async fn s5_4_control_frames_between_fragments_are_answered_at_once() {
    let server = Server::start().await;
    for opcode in [TEXT, BINARY] {
        let bytes = [
            frame(opcode, b"a"),
            message(PING, b"1"),
            frame(CONTINUE, b""),
            message(PONG, b"2"),
            frame(CONTINUE, b"b"),
        ];
        check_pongs(&server, &bytes.concat(), &[b"1"]).await;
        check_closes(&server, &[bytes.concat(), message(CONTINUE, b"end")].concat(), 1008).await;
    }
}

#[tokio::test]
async fn s5_4_fragments_of_two_messages_must_not_be_interleaved() {
    let server = Server::start().await;
    for opcode in [TEXT, BINARY] {
        check_closes(&server, &message(CONTINUE, b"x"), 1002).await;
        check_closes(&server, &frame(CONTINUE, b""), 1002).await;
        check_closes(&server, &[frame(opcode, b"a"), message(opcode, b"b")].concat(), 1002).await;
        check_closes(&server, &[frame(opcode, b"a"), frame(CONTINUE, b""), frame(opcode, b"")].concat(), 1002).await;
    }
}

#[tokio::test]
async fn s5_5_a_control_frame_has_at_most_125_bytes_and_no_fragments() {
    let server = Server::start().await;
    for opcode in [CLOSE, PING, PONG] {
        check_closes(&server, &message(opcode, &[0; 126]), 1002).await;
        check_closes(&server, &message(opcode, &[0; 70_000])[..14], 1002).await;
        check_closes(&server, &frame(opcode, b""), 1002).await;
    }
    check_pongs(&server, &message(PING, &[0xff; 125]), &[&[0xff; 125]]).await;
}

#[tokio::test]
async fn s5_5_1_a_close_is_answered_once_and_what_follows_is_discarded() {
    let server = Server::start().await;
    let close = message(CLOSE, &1000_u16.to_be_bytes());
    for after in [close.clone(), message(PING, b"late"), message(TEXT, b"late"), vec![0xff; 32]] {
        for delivery in DELIVERIES {
            let mut raw = send(&server, &[&close[..], &after].concat(), delivery).await;
            assert_eq!(raw.receive().await, Received::Close(Some(1000)));
            let end = raw.receive().await;
            assert!(matches!(end, Received::End | Received::Reset), "{after:02x?}, {delivery:?}: {end:?}");
        }
    }
    let marker = server.connect(Tenant::B).await;
    assert_eq!(marker.seq(), 0);
}

#[tokio::test]
async fn s5_5_1_a_reason_must_be_utf_8() {
    let server = Server::start().await;
    let with = |reason: &[u8]| message(CLOSE, &[&1000_u16.to_be_bytes(), reason].concat());
    for reason in [
        &b"\xff"[..],
        b"\xc0\x80",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98",
        b"ok, then \xfe",
    ] {
        check_closes(&server, &with(reason), 1007).await;
    }
    for reason in ["", "bye", "grüß 😀 \u{202e}\u{0}", &"x".repeat(123)] {
        check_closes(&server, &with(reason.as_bytes()), 1000).await;
    }
}

#[tokio::test]
async fn s5_5_2_and_3_the_newest_ping_is_answered_and_a_pong_never_is() {
    let server = Server::start().await;
    // 49 × 2 = 98 frames and the marker: a client may send 100 within 10 s (contract, "WebSocket").
    let pings: Vec<_> = (0..49_u8).map(|n| vec![n; usize::from(n)]).collect();
    let bytes: Vec<_> = pings.iter().flat_map(|payload| [message(PONG, payload), message(PING, payload)]).collect();
    let payloads: Vec<_> = pings.iter().map(Vec::as_slice).collect();
    check_pongs(&server, &bytes.concat(), &payloads).await;
}

#[tokio::test]
async fn s7_1_after_its_close_the_server_awaits_the_clients_close_and_ends() {
    let server = Server::start().await;
    for delivery in DELIVERIES {
        let mut raw = send(&server, &message(TEXT, b"not for this socket"), delivery).await;
        assert_eq!(raw.close_code().await, Some(1008));
        raw.write(message(PING, b"unanswered")).await;
        raw.write(message(CLOSE, &1008_u16.to_be_bytes())).await;
        assert_eq!(raw.receive().await, Received::End, "{delivery:?}");
    }
}

#[tokio::test]
async fn s7_4_codes_that_may_be_sent_are_echoed_and_others_refused() {
    let server = Server::start().await;
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999_u16] {
        check_closes(&server, &message(CLOSE, &code.to_be_bytes()), code).await;
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0xffff_u16] {
        check_closes(&server, &message(CLOSE, &code.to_be_bytes()), 1002).await;
    }
    check_closes(&server, &message(CLOSE, b"\x03"), 1002).await;
}

#[tokio::test]
async fn s8_1_a_text_frame_is_utf_8_for_any_message() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    // Noncharacters, line separators, escaped characters, and the longest messages. `Raw` checks the form of each
    // frame.
    for message in ["\u{10ffff}", "\u{fffe}\u{fdd0}", "x\u{2028}y\u{2029}z", "\"", &"\"".repeat(500), &"😀".repeat(500)]
    {
        let event = server.post(Tenant::A, message).await.created();
        let Received::Text(text) = raw.receive().await else { panic!("no text") };
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((frame["event"]["message"].as_str(), event.message.as_str()), (Some(message), message));
    }
}
