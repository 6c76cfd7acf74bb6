//! Defines the frames of a WebSocket, the position of a list, and the names of headers (contract, "HTTP" and
//! "WebSocket"). Sockets are in `server::stream` and in `client::browser`.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Tenant, Timestamp};

/// The header that carries the tenant of a request.
pub const TENANT_HEADER: &str = "x-tenant-id";
/// The header that makes a retry of a post safe: a second post with the same key, within 2 minutes, posts nothing.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// The header with the [`Position`] of a list.
pub const POSITION_HEADER: &str = "feed-position";
/// Maximum length of an [`IDEMPOTENCY_HEADER`], in visible ASCII characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 128;

/// The close codes that the server sends (RFC 6455, section 7.4.1).
pub mod close {
    /// The server is stopping.
    pub const GOING_AWAY: u16 = 1001;
    /// The client broke the WebSocket protocol.
    pub const PROTOCOL: u16 = 1002;
    /// The client sent text that is not UTF-8.
    pub const BAD_TEXT: u16 = 1007;
    /// The client broke a rule, for example by sending data. This is the only code after which a client does not reconnect.
    pub const POLICY: u16 = 1008;
    /// The client sent a message of more than [`super::FRAME_MAX`] bytes.
    pub const TOO_BIG: u16 = 1009;
    /// The client reads too slowly.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// Maximum size of a message of a client, whole or in fragments, and of the body of a post, in bytes.
pub const FRAME_MAX: usize = 16 * 1024;

/// The window over which clients spread their reconnects before the server has named one, in milliseconds. It is also the
/// shortest window that the server names.
pub const DEFAULT_RECONNECT_MS: u32 = 500;

/// The position of a list: the process that it came from, and the `seq` of its newest event. It is written as
/// `<epoch>:<seq>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Identifies the server's process. Each process numbers events from 1 again.
    pub epoch: Uuid,
    /// The number of the newest event; 0 before the first.
    pub seq: u64,
}

/// The text is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: write it as <uuid>:<number>")]
pub struct PositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (epoch, seq) = text.split_once(':').ok_or(PositionError)?;
        Ok(Self {
            epoch: Uuid::try_parse(epoch).map_err(|_| PositionError)?,
            seq: seq.parse().map_err(|_| PositionError)?,
        })
    }
}

/// A frame that the server sends: a JSON object with its `type` first.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outgoing<'a> {
    /// The first frame: the connection is subscribed.
    ConnectionEstablished(&'a Hello),
    /// An event of the socket's tenant.
    EventCreated {
        /// The event's number in the tenant's order.
        seq: u64,
        /// The event, as the `201` and the list show it.
        event: &'a Event,
    },
    /// A frame that is sent regularly, in order with the events. It shows that the connection works.
    Heartbeat {
        /// The number of the last event that was sent before this heartbeat, so that a client can notice a missing one.
        seq: u64,
        /// See [`Hello::reconnect_ms`].
        reconnect_ms: u32,
        /// See [`Hello::connections`].
        #[serde(skip_serializing_if = "Option::is_none")]
        connections: Option<u64>,
    },
}

impl Outgoing<'_> {
    /// The text of the frame.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("these types have string keys and no failing serializer")
    }
}

/// A frame that a client receives: an [`Outgoing`] with owned data, or a frame of a type that this build does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// See [`Outgoing::ConnectionEstablished`].
    ConnectionEstablished(Hello),
    /// See [`Outgoing::EventCreated`].
    EventCreated {
        /// The event's number in the tenant's order.
        seq: u64,
        /// The event. Its message was validated again.
        event: Arc<Event>,
    },
    /// See [`Outgoing::Heartbeat`].
    Heartbeat {
        /// The number of the last event that was sent before this heartbeat.
        seq: u64,
        /// See [`Hello::reconnect_ms`].
        reconnect_ms: u32,
        /// See [`Hello::connections`].
        connections: Option<u64>,
    },
    /// A frame of a type that this build does not know. Clients ignore it.
    Unknown,
}

/// The first frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The tenant whose events this connection receives.
    pub tenant_id: Tenant,
    /// Identifies the connection.
    pub connection_id: Uuid,
    /// The time of the subscription, by the server's clock.
    pub timestamp: Timestamp,
    /// Identifies the server's process.
    pub epoch: Uuid,
    /// The number of the newest event before the subscription. Every event with a higher number arrives, and no other.
    pub seq: u64,
    /// Maximum time between two heartbeats, in milliseconds.
    pub heartbeat_ms: u32,
    /// The window over which clients should spread their reconnects, in milliseconds.
    pub reconnect_ms: u32,
    /// The number of the tenant's open connections when the frame was made, this one included. `None` only in a frame of an
    /// older server: a page of this build must still notice that such a server has another build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u64>,
    /// Identifies the build of the client that this server serves.
    pub build: String,
}

/// The fields of all frames. One flat struct is used because serde's tagged enums buffer their content.
#[derive(Deserialize)]
struct Flat {
    r#type: String,
    tenant_id: Option<Tenant>,
    connection_id: Option<Uuid>,
    timestamp: Option<Timestamp>,
    epoch: Option<Uuid>,
    seq: Option<u64>,
    heartbeat_ms: Option<u32>,
    reconnect_ms: Option<u32>,
    connections: Option<u64>,
    build: Option<String>,
    event: Option<Arc<Event>>,
}

/// The text is not a frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a frame that cannot be read")]
pub struct FrameError;

impl Incoming {
    /// Parses one text frame. (A page uses its browser's parser instead: `client::wire`.)
    ///
    /// # Errors
    /// [`FrameError`] if the text is not a JSON object with a `type`, or if a frame of a known type lacks a field.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        let flat: Flat = serde_json::from_str(text).map_err(|_| FrameError)?;
        flat.into_frame().ok_or(FrameError)
    }
}

impl Flat {
    fn into_frame(self) -> Option<Incoming> {
        Some(match self.r#type.as_str() {
            "connection_established" => Incoming::ConnectionEstablished(Hello {
                tenant_id: self.tenant_id?,
                connection_id: self.connection_id?,
                timestamp: self.timestamp?,
                epoch: self.epoch?,
                seq: self.seq?,
                heartbeat_ms: self.heartbeat_ms?,
                reconnect_ms: self.reconnect_ms?,
                connections: self.connections,
                build: self.build?,
            }),
            "event_created" => Incoming::EventCreated { seq: self.seq?, event: self.event? },
            "heartbeat" => {
                Incoming::Heartbeat { seq: self.seq?, reconnect_ms: self.reconnect_ms?, connections: self.connections }
            }
            _ => Incoming::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Message;

    const TIME: &str = "2026-11-23T08:00:00.000Z";

    fn hello() -> Hello {
        Hello {
            tenant_id: Tenant::A,
            connection_id: Uuid::from_u128(1),
            timestamp: Timestamp::parse(TIME).unwrap(),
            epoch: Uuid::from_u128(2),
            seq: 41,
            heartbeat_ms: 15_000,
            reconnect_ms: 500,
            connections: Some(3),
            build: String::from("x"),
        }
    }

    #[test]
    fn the_hello_is_exactly_as_in_the_contract() {
        let text = Outgoing::ConnectionEstablished(&hello()).encode();
        let expected = format!(
            r#"{{"type":"connection_established","tenant_id":"tenant_a","connection_id":"{}","timestamp":"{TIME}","epoch":"{}","seq":41,"heartbeat_ms":15000,"reconnect_ms":500,"connections":3,"build":"x"}}"#,
            Uuid::from_u128(1),
            Uuid::from_u128(2)
        );
        assert_eq!(text, expected);
        assert_eq!(Incoming::decode(&text), Ok(Incoming::ConnectionEstablished(hello())));
    }

    #[test]
    fn a_frame_that_is_sent_can_be_parsed() {
        let event = Event {
            id: Uuid::from_u128(3),
            tenant_id: Tenant::B,
            message: Message::parse("a \"quoted\"\nline").unwrap(),
            timestamp: Timestamp::parse(TIME).unwrap(),
        };
        let text = Outgoing::EventCreated { seq: 7, event: &event }.encode();
        assert!(text.starts_with(r#"{"type":"event_created","seq":7,"event":{"id":"#), "{text}");
        assert_eq!(Incoming::decode(&text), Ok(Incoming::EventCreated { seq: 7, event: Arc::new(event) }));

        let text = Outgoing::Heartbeat { seq: 7, reconnect_ms: 500, connections: Some(3) }.encode();
        assert_eq!(text, r#"{"type":"heartbeat","seq":7,"reconnect_ms":500,"connections":3}"#);
        let heartbeat = Incoming::Heartbeat { seq: 7, reconnect_ms: 500, connections: Some(3) };
        assert_eq!(Incoming::decode(&text), Ok(heartbeat));
    }

    #[test]
    fn a_frame_of_a_server_that_counts_no_connections_can_be_parsed() {
        let text = r#"{"type":"heartbeat","seq":7,"reconnect_ms":500}"#;
        assert_eq!(Incoming::decode(text), Ok(Incoming::Heartbeat { seq: 7, reconnect_ms: 500, connections: None }));
        let older = Hello { connections: None, ..hello() };
        let text = Outgoing::ConnectionEstablished(&older).encode();
        assert!(!text.contains("connections"), "{text}");
        assert_eq!(Incoming::decode(&text), Ok(Incoming::ConnectionEstablished(older)));
    }

    #[test]
    fn the_limits_are_those_of_the_contract() {
        assert_eq!((FRAME_MAX, IDEMPOTENCY_KEY_MAX, DEFAULT_RECONNECT_MS), (16_384, 128, 500));
    }

    #[test]
    fn an_unknown_type_is_not_an_error_and_a_broken_frame_is() {
        assert_eq!(Incoming::decode(r#"{"type":"news","of":1}"#), Ok(Incoming::Unknown));
        for text in ["", "[]", "{}", r#"{"type":"heartbeat"}"#, r#"{"type":"event_created","seq":1}"#] {
            assert_eq!(Incoming::decode(text), Err(FrameError), "{text}");
        }
    }

    #[test]
    fn a_position_is_parsed_as_it_is_formatted() {
        let position = Position { epoch: Uuid::from_u128(2), seq: 41 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in ["", "41", ":41", "x:41", &format!("{}:-1", position.epoch)] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
