//! Reads and writes an event as the engine stores it: a subject and a payload. Neither names a tenant: an event belongs to
//! the tenant whose account it is in, and the channel adds the tenant.

use std::{borrow::Cow, fmt::Write, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::stream::{channel::OrderedEvent, idempotency::IdempotencyKey};
use crate::feed::{Message, Timestamp};

/// Maximum size of a payload, in bytes. A message of 500 characters has up to 2,000 bytes, and less than 3,000 in JSON.
pub(super) const PAYLOAD_MAX: i32 = 8_192;

/// The payload of an event.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    id: Uuid,
    #[serde(borrow)]
    message: Cow<'a, str>,
    /// The timestamp of the newest event that the posting server had, in milliseconds since 1970. This event's timestamp is
    /// not earlier, even on a server that no longer receives the events before.
    floor: i64,
}

/// The stored message is not an event of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotAnEvent;

/// The subjects of all events of an epoch.
pub(super) fn subjects(epoch: Uuid) -> String {
    format!("feed.{epoch}.>")
}

/// The subject of an event. Every key has one of its own, so the engine knows whether the key was used. An event without a
/// key has that of its id, so that it can be sent again.
pub(super) fn subject(epoch: Uuid, key: Option<&IdempotencyKey>, id: Uuid) -> String {
    match key {
        None => format!("feed.{epoch}.e.{id}"),
        Some(key) => key.as_str().bytes().fold(format!("feed.{epoch}.k."), |mut subject, byte| {
            let _ = write!(subject, "{byte:02x}"); // writing to a string cannot fail
            subject
        }),
    }
}

pub(super) fn payload(id: Uuid, message: &Message, floor: Option<Timestamp>) -> Vec<u8> {
    let floor = floor.map_or(0, Timestamp::millis);
    let payload = Payload { id, message: Cow::Borrowed(message.as_str()), floor };
    serde_json::to_vec(&payload).expect("three fields with string keys always serialise")
}

/// Reads a stored event, which the engine accepted at `accepted`, in milliseconds since 1970, at least `age` ago.
///
/// # Errors
/// [`NotAnEvent`] if the subject is not one of [`subject`], or the payload not one of [`payload`].
pub(super) fn read(
    epoch: Uuid,
    subject: &str,
    payload: &[u8],
    accepted: i64,
    age: Duration,
) -> Result<OrderedEvent, NotAnEvent> {
    let Payload { id, message, floor } = serde_json::from_slice(payload).map_err(|_| NotAnEvent)?;
    let rest = subject.strip_prefix(&format!("feed.{epoch}.")).ok_or(NotAnEvent)?;
    let key = match rest.split_once('.').ok_or(NotAnEvent)? {
        ("e", _) => None,
        ("k", hex) => Some(key_of(hex).ok_or(NotAnEvent)?),
        _ => return Err(NotAnEvent),
    };
    let message = Message::parse(&message).map_err(|_| NotAnEvent)?;
    Ok(OrderedEvent { id, message, timestamp: Timestamp::from_millis(accepted.max(floor)), age, key })
}

fn key_of(hex: &str) -> Option<IdempotencyKey> {
    let digits = hex.as_bytes().chunks(2).map(|digits| std::str::from_utf8(digits).ok());
    let bytes = digits.map(|digits| u8::from_str_radix(digits?, 16).ok()).collect::<Option<Vec<_>>>()?;
    IdempotencyKey::parse(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::ZERO;

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let (epoch, id) = (Uuid::from_u128(7), Uuid::new_v4());
        let message = Message::parse("\"\u{1F600}\"\nnext").unwrap();
        for key in [None, IdempotencyKey::parse(b"~.*>x")] {
            let subject = subject(epoch, key.as_ref(), id);
            assert!(subject.split('.').count() == 4 && !subject.contains(['*', '>', ' ']), "{subject}");
            for (accepted, floor, timestamp) in [(5, None, 5), (5, Some(9), 9), (9, Some(5), 9)] {
                let payload = payload(id, &message, floor.map(Timestamp::from_millis));
                let event = read(epoch, &subject, &payload, accepted, AGE).unwrap();
                assert_eq!((event.id, &event.message, &event.key), (id, &message, &key));
                assert_eq!(event.timestamp.millis(), timestamp);
            }
        }
    }

    #[test]
    fn the_largest_message_fits() {
        for character in ["\u{1F600}", "\"", "\n"] {
            let text = format!("x{}x", character.repeat(Message::MAX - 2));
            let length = payload(Uuid::nil(), &Message::parse(&text).unwrap(), None).len();
            assert!(length < usize::try_from(PAYLOAD_MAX).unwrap(), "{length}");
        }
    }

    #[test]
    fn what_another_program_has_stored_is_not_an_event() {
        let epoch = Uuid::nil();
        let good = payload(Uuid::nil(), &Message::parse("x").unwrap(), None);
        let subject = subject(epoch, None, Uuid::nil());
        assert!(read(epoch, &subject, &good, 0, AGE).is_ok());
        for (subject, payload) in [
            (&*subject, &b"{}"[..]),
            (&subject, b"hello"),
            (&subject, br#"{"id":"00000000-0000-0000-0000-000000000000","message":"","floor":0}"#),
            (
                &subject,
                br#"{"id":"00000000-0000-0000-0000-000000000000","message":"x","floor":0,"tenant_id":"tenant_b"}"#,
            ),
            ("feed.x.e.y", &good),
            ("feed.00000000-0000-0000-0000-000000000000.k.zz", &good),
            ("feed.00000000-0000-0000-0000-000000000000.k.", &good),
            ("feed.00000000-0000-0000-0000-000000000000.z.00", &good),
        ] {
            assert!(read(epoch, subject, payload, 0, AGE).is_err(), "{subject}");
        }
    }
}
