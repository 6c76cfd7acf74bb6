//! Checks promises of the server for arbitrary bytes: each function panics if a promise is broken.
//!
//! They are the entry points of `cargo fuzz` (`fuzz/`), and `cargo test` calls them with the kept corpus and with random
//! inputs. They are compiled only for fuzzers and tests.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::{
    http::{
        authority::{self, HostName, HostRefused, Origin},
        credential::{self, TenantParam},
        post,
    },
    settings::CommaList,
    stream::inbound::{ClientFrame, Inbound},
};
use crate::feed::{
    Message, Position, Tenant,
    protocol::{IDEMPOTENCY_HEADER, Incoming, Outgoing, TENANT_HEADER},
};

/// Message validation: a valid message obeys the rules, and is valid again without a change.
pub fn message(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Message::parse(&text) {
        Ok(message) => {
            let kept = message.as_str();
            assert!((1..=Message::MAX).contains(&kept.chars().count()));
            assert!(kept.trim() == kept && !kept.contains('\r'));
            assert!(kept.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
            assert_eq!(Message::parse(kept).as_ref(), Ok(&message));
            assert_eq!(Message::count(&text), kept.chars().count());
            let json = serde_json::to_string(&message).expect("a string serialises");
            assert_eq!(serde_json::from_str::<Message>(&json).ok(), Some(message));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Header parsing: each header gets the lines of `bytes` as its values, and the first line is also the target.
pub fn headers(bytes: &[u8]) {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').take(4).collect();
    let of = |name: HeaderName| {
        let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
        values.map(|value| (name.clone(), value)).collect::<HeaderMap>()
    };
    tenant_header(&of(HeaderName::from_static(TENANT_HEADER)));
    if let Ok(Some(_)) = post::idempotency_key(&of(HeaderName::from_static(IDEMPOTENCY_HEADER))) {
        assert!(lines.iter().filter(|line| HeaderValue::from_bytes(line).is_ok()).count() == 1);
    }
    let Ok(target) = Uri::try_from(lines[0]) else { return };
    tenant_parameter(&target);
    host_and_origin(&target, &of(header::HOST), &of(header::ORIGIN));
}

/// A tenant is named by exactly one line that is exactly its id.
fn tenant_header(headers: &HeaderMap) {
    let values: Vec<_> = headers.values().map(HeaderValue::as_bytes).collect();
    let named = match values[..] {
        [b"tenant_a"] => Some(Tenant::A),
        [b"tenant_b"] => Some(Tenant::B),
        _ => None,
    };
    assert_eq!(credential::of_header(headers).ok(), named);
}

/// A target names a tenant only if it has exactly one parameter `tenant`, and its value is the tenant's id.
fn tenant_parameter(target: &Uri) {
    let query = target.query().unwrap_or_default();
    let named: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "tenant").collect();
    match credential::of_address(target) {
        TenantParam::Absent => assert!(named.is_empty()),
        TenantParam::One(tenant) => assert!(matches!(&named[..], [(_, value)] if value == tenant.id())),
        TenantParam::Invalid => assert!(!named.is_empty()),
    }
}

/// An origin other than the host passes only if it is allowed, and a name that is not allowed can be logged.
fn host_and_origin(target: &Uri, hosts: &HeaderMap, origins: &HeaderMap) {
    let allowed: HostName = "feed.example".parse().expect("a name");
    match authority::host_of(target, hosts, &["feed.example".parse().expect("a list")]) {
        Ok(host) => {
            let evil: CommaList<Origin> = "https://evil.example:444".parse().expect("a list");
            let mut foreign = HeaderMap::new();
            foreign.insert(header::ORIGIN, HeaderValue::from_static("https://evil.example:444"));
            assert!(!authority::origin_passes(&foreign, &host, &[]));
            assert!(authority::origin_passes(&foreign, &host, &[evil]));
            assert!(authority::origin_passes(&HeaderMap::new(), &host, &[]));
            assert!(origins.len() < 2 || !authority::origin_passes(origins, &host, &[]));
        }
        Err(HostRefused::NotAllowed(name)) => {
            assert_ne!(name, allowed);
            assert_eq!(name.to_string().parse().as_ref(), Ok(&name), "it is put into the log and the answer");
        }
        Err(HostRefused::Malformed) => {}
    }
}

/// Frames of the server and positions: each that can be parsed is the same after formatting and parsing it again.
pub fn protocol(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(position) = text.parse::<Position>() {
        assert_eq!(position.to_string().parse(), Ok(position));
    }
    let Ok(frame) = Incoming::decode(&text) else { return };
    let written = match &frame {
        Incoming::ConnectionEstablished(hello) => Outgoing::ConnectionEstablished(hello),
        Incoming::EventCreated { seq, event } => Outgoing::EventCreated { seq: *seq, event },
        Incoming::Heartbeat { seq, reconnect_ms, connections } => {
            Outgoing::Heartbeat { seq: *seq, reconnect_ms: *reconnect_ms, connections: *connections }
        }
        Incoming::Unknown => return,
    };
    assert_eq!(Incoming::decode(&written.encode()), Ok(frame));
}

/// Frames of a client: the result does not depend on the size of the pieces in which the bytes arrive. The first byte is
/// that size.
pub fn inbound(bytes: &[u8]) {
    let Some((step, bytes)) = bytes.split_first() else { return };
    let (whole, pieces) = (read_in_pieces(bytes, bytes.len()), read_in_pieces(bytes, usize::from(*step) + 1));
    assert_eq!(whole, pieces);
}

/// The frames that are read if the bytes arrive in pieces of `step`. Checks that the parser holds few bytes meanwhile.
fn read_in_pieces(bytes: &[u8], step: usize) -> Vec<ClientFrame> {
    let (mut inbound, mut frames) = (Inbound::default(), Vec::new());
    for piece in bytes.chunks(step.max(1)) {
        inbound.read(piece, |one| {
            frames.push(one);
            true // the parser has to stop by itself after a breach
        });
        assert!(inbound.holds() <= 14 + 125);
        if frames.last().is_some_and(ClientFrame::is_breach) {
            break;
        }
    }
    for one in &frames {
        match one {
            ClientFrame::Ping(payload) => assert!(payload.len() <= 125),
            ClientFrame::Close(Some(code)) => assert!((1000..5000).contains(code)),
            ClientFrame::Data => assert!(bytes.len() >= 6),
            _ => {}
        }
    }
    assert!(frames.len() <= bytes.len() / 2 + 1, "a frame takes at least two bytes");
    frames
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;

    use super::{headers, inbound, message, protocol};

    /// Checks every kept input of a fuzz target.
    fn check_corpus(target: &str, check: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            check(&fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "no corpus in {}", folder.display());
    }

    #[test]
    fn the_kept_corpus_breaks_no_promise() {
        check_corpus("message", message);
        check_corpus("headers", headers);
        check_corpus("protocol", protocol);
        check_corpus("inbound", inbound);
    }

    /// Valid frames of every kind, and some slightly invalid ones, so that often more than the first frame is read.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![8 => 0..=125_u64, 2 => 126..=300_u64, 1 => any::<u64>()];
        let frame = (prop_oneof![9 => Just(true), 1 => Just(false)], any::<u8>(), length, any::<[u8; 4]>());
        let frame = frame.prop_map(|(masked, first, length, mask)| {
            let masked = if masked { 0x80 } else { 0 };
            let mut bytes = vec![if length % 3 == 0 { first } else { first & 0x8f }];
            match length {
                0..=125 => bytes.push(masked | length as u8),
                126..=0xffff => {
                    bytes.push(masked | 126);
                    bytes.extend((length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(masked | 127);
                    bytes.extend(length.to_be_bytes());
                }
            }
            bytes.extend(mask);
            bytes.resize(bytes.len() + length.min(400) as usize, mask[0]);
            bytes
        });
        (any::<u8>(), proptest::collection::vec(frame, 0..12)).prop_map(|(step, frames)| {
            let mut bytes = vec![step];
            bytes.extend(frames.concat());
            bytes
        })
    }

    /// A pattern of frames of the server, valid or nearly so.
    const JSON: &str = "\\{(\"(type|seq|epoch|event|tenant_id|heartbeat_ms|build)\":(\"(heartbeat|event_created|tenant_a|x)\"|\
                        [0-9]{1,3}|null|\\{\\}),?){0,6}\\}";
    const HEADERS: &str = "((/[?&])?(t?enant|host|x)?=?(tenant_[ab]|localhost|feed\\.example|http://|\\[::1\\]|127\\.0\\.0\\.1|\
                           :[0-9]{0,6}|%[0-9A-F]{2}|[ -~]|\n)){0,8}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn no_message_breaks_a_promise(text in "(\r\n|[ \t]|\\PC|\\p{Cc}|a{0,200}){0,12}") {
            message(text.as_bytes());
        }

        #[test]
        fn no_headers_break_a_promise(text in HEADERS) {
            headers(text.as_bytes());
        }

        #[test]
        fn no_frame_breaks_a_promise(text in JSON) {
            protocol(text.as_bytes());
        }

        #[test]
        fn no_bytes_of_a_peer_break_a_promise(bytes in frames()) {
            inbound(&bytes);
        }

        #[test]
        fn no_bytes_at_all_break_a_promise(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for check in [message, headers, protocol, inbound] {
                check(&bytes);
            }
        }
    }
}
