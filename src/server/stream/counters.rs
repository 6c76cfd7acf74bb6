//! Counts events and connections for the administrator's view. The counters hold no event and no message.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::close_reason::CloseReason;

/// A count since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The counts of a channel. `feed::Report` explains each of them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Count,
    pub(crate) delivered: Count,
    pub(crate) slow: Count,
    pub(crate) silent: Count,
    pub(crate) stopping: Count,
    pub(crate) unreachable: Count,
    pub(crate) policy: Count,
    pub(crate) peer: Count,
}

impl Counters {
    /// Counts a connection that has ended.
    pub(crate) fn count_ended(&self, reason: CloseReason) {
        let count = match reason {
            CloseReason::TooSlow => &self.slow,
            CloseReason::TimedOut => &self.silent,
            CloseReason::Stopping => &self.stopping,
            CloseReason::NewEpoch | CloseReason::Unreachable => &self.unreachable,
            CloseReason::Policy
            | CloseReason::Flood
            | CloseReason::TooBig
            | CloseReason::ProtocolError
            | CloseReason::InvalidUtf8 => &self.policy,
            CloseReason::PeerClosed => &self.peer,
        };
        count.add(1);
    }
}

/// The counts of requests that were refused before their tenant was read.
#[derive(Debug, Default)]
pub(crate) struct RefusedCounters {
    pub(crate) origin: Count,
    pub(crate) host: Count,
}
