//! Counts for the administrator's view: what happened in a channel, and what was refused before it had one. They hold
//! no event and no text.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::close_reason::CloseReason;

/// How often something has happened since the process started.
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

/// The counts of a channel.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) accepted: Count,
    pub(crate) delivered: Count,
    pub(crate) slow: Count,
    pub(crate) silent: Count,
    pub(crate) stopping: Count,
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

/// The counts of the server: requests that were refused before they had a tenant.
#[derive(Debug, Default)]
pub(crate) struct RefusedCounters {
    pub(crate) origin: Count,
    pub(crate) host: Count,
}
