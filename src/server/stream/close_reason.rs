//! Defines why a WebSocket connection ends, and the close frame of each reason (contract, "WebSocket").

use crate::feed::protocol::close;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
pub(crate) enum CloseReason {
    /// The server is stopping.
    Stopping,
    /// The feed has begun again with another epoch.
    NewEpoch,
    /// The server does not receive the tenant's events: the backplane is out of reach, or was for too long.
    Unreachable,
    /// The peer sent data.
    Policy,
    /// The peer sent a message above the limit.
    TooBig,
    /// The peer broke the WebSocket protocol.
    ProtocolError,
    /// The peer sent a close reason that is not UTF-8.
    InvalidUtf8,
    /// The peer sent too many frames without content.
    Flood,
    /// The peer reads too slowly.
    TooSlow,
    /// The peer sent nothing for two heartbeat intervals.
    TimedOut,
    /// The peer closed the connection, or its network did.
    PeerClosed,
}

impl CloseReason {
    /// The code and the text of the close frame; `None` if no close frame is sent, because it would not arrive.
    pub(crate) const fn close_frame(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Stopping => Some((close::GOING_AWAY, "the server is stopping")),
            Self::NewEpoch => Some((close::GOING_AWAY, "the feed has begun again")),
            Self::Unreachable => Some((close::TRY_AGAIN_LATER, "this server cannot reach the feed")),
            Self::Policy => Some((close::POLICY, "clients must not send data on this socket: post with POST /events")),
            Self::TooBig => Some((close::TOO_BIG, "the message is larger than 16 KiB")),
            Self::ProtocolError => Some((close::PROTOCOL, "the frame breaks the WebSocket protocol")),
            Self::InvalidUtf8 => Some((close::BAD_TEXT, "the close reason is not UTF-8")),
            Self::Flood => Some((close::POLICY, "more than 100 pings, pongs or empty fragments in 10 s")),
            Self::TooSlow => Some((close::TRY_AGAIN_LATER, "the client reads too slowly")),
            Self::TimedOut | Self::PeerClosed => None,
        }
    }

    /// Whether the peer broke the protocol, so that none of its further frames can be read.
    pub(crate) const fn is_breach(self) -> bool {
        matches!(self, Self::ProtocolError | Self::InvalidUtf8)
    }
}
