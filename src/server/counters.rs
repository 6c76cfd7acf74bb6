//! What the administrator's view counts: numbers of a channel, and of what was refused before it had one. No event is
//! kept here, and no text.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::link::End;

/// How often something has happened since the process started.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A channel's.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: Count,
    pub(super) delivered: Count,
    pub(super) slow: Count,
    pub(super) silent: Count,
    pub(super) stopping: Count,
    pub(super) policy: Count,
    pub(super) peer: Count,
}

impl Counters {
    /// Counts a connection that has ended.
    pub(super) fn ended(&self, why: End) {
        let count = match why {
            End::Slow => &self.slow,
            End::Silent => &self.silent,
            End::Stopping => &self.stopping,
            End::Policy | End::TooBig | End::Protocol | End::BadText => &self.policy,
            End::Peer => &self.peer,
        };
        count.add(1);
    }
}

/// The server's: requests that were refused before they had a tenant.
#[derive(Debug, Default)]
pub(super) struct RefusedCounters {
    pub(super) origin: Count,
    pub(super) host: Count,
}
