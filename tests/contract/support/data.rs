//! Parses answers and frames as strictly as the contract defines them: unknown fields and other forms fail.
//!
//! These types are not the server's own, so that a change of the server's types cannot change the test with them. The
//! one exception is the enum [`Tenant`], whose ids the contract fixes.

use event_feed::feed::Tenant;
use serde::Deserialize;
use uuid::{Uuid, Variant};

/// An event: exactly four fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) message: String,
    pub(crate) timestamp: String,
}

/// The body of a refusal: the four members of RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) title: String,
    pub(crate) status: u16,
    pub(crate) detail: String,
}

/// The answer to `GET /events`: its events, newest first, and its `Feed-Position`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    pub(crate) events: Vec<Event>,
}

/// A text frame of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Frame {
    ConnectionEstablished(Hello),
    EventCreated { seq: u64, event: Event },
    Heartbeat { seq: u64, reconnect_ms: u32, connections: u64 },
}

/// The first frame of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    pub(crate) tenant_id: String,
    pub(crate) connection_id: String,
    pub(crate) timestamp: String,
    pub(crate) epoch: String,
    pub(crate) seq: u64,
    pub(crate) heartbeat_ms: u32,
    pub(crate) reconnect_ms: u32,
    pub(crate) connections: u64,
    pub(crate) build: String,
}

impl Event {
    /// Checks the format of each field.
    pub(crate) fn checked(self) -> Self {
        check_uuid(&self.id);
        check_timestamp(&self.timestamp);
        assert!(Tenant::ALL.iter().any(|tenant| tenant.id() == self.tenant_id), "{self:?}");
        self
    }
}

impl List {
    /// Parses the value of `Feed-Position`, and checks each event.
    pub(crate) fn new(position: &str, events: Vec<Event>) -> Self {
        let (epoch, seq) = position.split_once(':').expect("Feed-Position is <epoch>:<seq>");
        check_uuid(epoch);
        Self {
            epoch: epoch.to_owned(),
            seq: seq.parse().expect("a seq is a number"),
            events: events.into_iter().map(Event::checked).collect(),
        }
    }

    /// The event with this `seq`. The i-th event of a list (from 0) has the position's `seq` minus i.
    pub(crate) fn event(&self, seq: u64) -> &Event {
        &self.events[usize::try_from(self.seq - seq).unwrap()]
    }

    /// The messages of its events, newest first.
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.message.as_str()).collect()
    }
}

impl Frame {
    /// Parses one text frame.
    pub(crate) fn read(text: &str) -> Self {
        let frame = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        match frame {
            Self::ConnectionEstablished(hello) => {
                check_uuid(&hello.connection_id);
                check_uuid(&hello.epoch);
                check_timestamp(&hello.timestamp);
                Self::ConnectionEstablished(hello)
            }
            Self::EventCreated { seq, event } => Self::EventCreated { seq, event: event.checked() },
            Self::Heartbeat { .. } => frame,
        }
    }
}

/// Checks that this is a random uuid (version 4) in lower case.
fn check_uuid(text: &str) {
    let uuid: Uuid = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, Variant::RFC4122), "{text}");
    assert_eq!(uuid.to_string(), text, "lower case, with hyphens");
}

/// Checks the format: RFC 3339, UTC, milliseconds, `Z`.
fn check_timestamp(text: &str) {
    let moment = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.3fZ");
    assert!(moment.is_ok() && text.len() == "2026-11-23T08:00:00.000Z".len(), "{text}");
}
