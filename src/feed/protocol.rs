//! What goes over the wire beside events: the WebSocket's frames and the position of a list (contract, "WebSocket"). No
//! socket is here.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Event, Tenant, Timestamp};

/// The header that carries the tenant of a request.
pub const TENANT_HEADER: &str = "x-tenant-id";
/// The header that makes a retry safe: within the kept events, a repeat of a key posts nothing.
pub const IDEMPOTENCY_HEADER: &str = "idempotency-key";
/// The header that says where a list ends.
pub const POSITION_HEADER: &str = "feed-position";
/// The longest [`IDEMPOTENCY_HEADER`], in visible ASCII characters.
pub const IDEMPOTENCY_KEY_MAX: usize = 128;

/// The close codes that the server sends (RFC 6455, section 7.4.1).
pub mod close {
    /// The server is stopping.
    pub const GOING_AWAY: u16 = 1001;
    /// The client broke the WebSocket protocol.
    pub const PROTOCOL: u16 = 1002;
    /// The client sent text that is not UTF-8.
    pub const BAD_TEXT: u16 = 1007;
    /// The client sent data: the socket is for listening. After this one alone a client does not return by itself.
    pub const POLICY: u16 = 1008;
    /// A frame or message of more than [`super::FRAME_MAX`] bytes.
    pub const TOO_BIG: u16 = 1009;
    /// The client reads too slowly.
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// The most that a client may send in one message, whole or in fragments, in bytes.
pub const FRAME_MAX: usize = 16 * 1024;

/// The window over which clients spread their return before any was told, in milliseconds.
pub const DEFAULT_RECONNECT_MS: u32 = 500;

/// Where a list ends: the process that it came from, and the `seq` of its newest event. On the wire `<epoch>:<seq>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Names the server's process. Another epoch is another order of events.
    pub epoch: Uuid,
    /// The newest event's, or 0 before the first.
    pub seq: u64,
}

/// The text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position is <uuid>:<number>")]
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
        Ok(Self { epoch: epoch.parse().map_err(|_| PositionError)?, seq: seq.parse().map_err(|_| PositionError)? })
    }
}

/// What the server sends over a socket: a JSON object a frame, its `type` first.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outgoing<'a> {
    /// The first: the subscription stands.
    ConnectionEstablished(&'a Hello),
    /// An event of the socket's tenant.
    EventCreated {
        /// Its place in the order.
        seq: u64,
        /// The event, as the `201` and the list show it.
        event: &'a Event,
    },
    /// A sign of life that takes its place in the stream.
    Heartbeat {
        /// That of the last event sent before it, so that a client can see that none is missing.
        seq: u64,
        /// See [`Hello::reconnect_ms`].
        reconnect_ms: u32,
    },
}

impl Outgoing<'_> {
    /// The text of the frame.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("these types have string keys and no failing serializer")
    }
}

/// What a client reads from a socket: [`Outgoing`], owned, or a type that this build does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// See [`Outgoing::ConnectionEstablished`].
    ConnectionEstablished(Hello),
    /// See [`Outgoing::EventCreated`].
    EventCreated {
        /// Its place in the order.
        seq: u64,
        /// The event, its message validated once more.
        event: Arc<Event>,
    },
    /// See [`Outgoing::Heartbeat`].
    Heartbeat {
        /// That of the last event sent before it.
        seq: u64,
        /// See [`Hello::reconnect_ms`].
        reconnect_ms: u32,
    },
    /// Of a type that this build does not know: to be ignored.
    Unknown,
}

/// The first frame of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Whose events this socket carries.
    pub tenant_id: Tenant,
    /// Names the connection, in the server's words about it.
    pub connection_id: Uuid,
    /// When the subscription came to stand, by the server's clock.
    pub timestamp: Timestamp,
    /// Names the server's process.
    pub epoch: Uuid,
    /// Every event with a higher one arrives on this socket, and none with a lower one or this.
    pub seq: u64,
    /// A heartbeat comes at least this often, in milliseconds.
    pub heartbeat_ms: u32,
    /// The window over which clients should spread their return, in milliseconds.
    pub reconnect_ms: u32,
    /// Names the client's build that this server ships.
    pub build: String,
}

/// One flat struct for every frame: serde's tagged enums buffer their content.
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
    build: Option<String>,
    event: Option<Arc<Event>>,
}

/// The text is no frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a frame that cannot be read")]
pub struct FrameError;

impl Incoming {
    /// Reads one text frame. (The page reads by its browser's parser: `client::wire`.)
    ///
    /// # Errors
    /// [`FrameError`] where it is no JSON object with a `type`, or a known type lacks a field.
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
                build: self.build?,
            }),
            "event_created" => Incoming::EventCreated { seq: self.seq?, event: self.event? },
            "heartbeat" => Incoming::Heartbeat { seq: self.seq?, reconnect_ms: self.reconnect_ms? },
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
            build: String::from("x"),
        }
    }

    #[test]
    fn the_hello_is_the_contracts_to_the_letter() {
        let text = Outgoing::ConnectionEstablished(&hello()).encode();
        let expected = format!(
            r#"{{"type":"connection_established","tenant_id":"tenant_a","connection_id":"{}","timestamp":"{TIME}","epoch":"{}","seq":41,"heartbeat_ms":15000,"reconnect_ms":500,"build":"x"}}"#,
            Uuid::from_u128(1),
            Uuid::from_u128(2)
        );
        assert_eq!(text, expected);
        assert_eq!(Incoming::decode(&text), Ok(Incoming::ConnectionEstablished(hello())));
    }

    #[test]
    fn what_is_sent_is_read_again() {
        let event = Event {
            id: Uuid::from_u128(3),
            tenant_id: Tenant::B,
            message: Message::parse("a \"quoted\"\nline").unwrap(),
            timestamp: Timestamp::parse(TIME).unwrap(),
        };
        let text = Outgoing::EventCreated { seq: 7, event: &event }.encode();
        assert!(text.starts_with(r#"{"type":"event_created","seq":7,"event":{"id":"#), "{text}");
        assert_eq!(Incoming::decode(&text), Ok(Incoming::EventCreated { seq: 7, event: Arc::new(event) }));

        let text = Outgoing::Heartbeat { seq: 7, reconnect_ms: 500 }.encode();
        assert_eq!(text, r#"{"type":"heartbeat","seq":7,"reconnect_ms":500}"#);
        assert_eq!(Incoming::decode(&text), Ok(Incoming::Heartbeat { seq: 7, reconnect_ms: 500 }));
    }

    #[test]
    fn the_limits_are_the_contracts() {
        assert_eq!((FRAME_MAX, IDEMPOTENCY_KEY_MAX, DEFAULT_RECONNECT_MS), (16_384, 128, 500));
    }

    #[test]
    fn an_unknown_type_is_told_from_a_broken_frame() {
        assert_eq!(Incoming::decode(r#"{"type":"news","of":1}"#), Ok(Incoming::Unknown));
        for text in ["", "[]", "{}", r#"{"type":"heartbeat"}"#, r#"{"type":"event_created","seq":1}"#] {
            assert_eq!(Incoming::decode(text), Err(FrameError), "{text}");
        }
    }

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position { epoch: Uuid::from_u128(2), seq: 41 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for text in ["", "41", ":41", "x:41", &format!("{}:-1", position.epoch)] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }
}
