//! Defines the counts that the server reports to an administrator: only numbers, no event and no message.

use serde::Serialize;
use uuid::Uuid;

use super::{Tenant, Timestamp};

/// The server's counts since its process started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Identifies the process. Counts of two processes are never compared. Without a backplane it is the epoch too.
    pub epoch: Uuid,
    /// The time of these counts, by the server's clock.
    pub timestamp: Timestamp,
    /// Identifies the build of the client that the server serves.
    pub build: String,
    /// The counts of each tenant, in the order of [`Tenant::ALL`].
    pub tenants: [TenantReport; 2],
    /// Handshakes rejected because their `Origin` is not allowed.
    pub refused_origin: u64,
    /// Requests rejected because their `Host` is not allowed.
    pub refused_host: u64,
}

/// One tenant's part of a [`Report`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TenantReport {
    /// The epoch of the tenant's feed. Without a backplane it is [`Report::epoch`].
    pub epoch: Uuid,
    /// Connections open now.
    pub connections: u64,
    /// Events accepted.
    pub accepted: u64,
    /// Event frames sent to connections.
    pub delivered: u64,
    /// How many connections were closed, by reason.
    pub ended: Ended,
}

/// How many connections were closed, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The client read too slowly.
    pub slow: u64,
    /// The peer sent nothing for two heartbeat intervals.
    pub silent: u64,
    /// The server is stopping.
    pub stopping: u64,
    /// The server lost its backplane, or the feed began again there. Always 0 without a backplane.
    pub unreachable: u64,
    /// The client broke the protocol, sent data, or sent too many frames without content.
    pub policy: u64,
    /// The client closed the connection, or its network did.
    pub closed_by_peer: u64,
}

impl Ended {
    /// How many connections were closed for any reason.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.slow + self.silent + self.stopping + self.unreachable + self.policy + self.closed_by_peer
    }
}

impl Report {
    /// This tenant's counts.
    #[must_use]
    pub const fn of(&self, tenant: Tenant) -> &TenantReport {
        &self.tenants[tenant as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_counts() {
        let ended =
            Ended { slow: 1, silent: 20, stopping: 300, policy: 4_000, closed_by_peer: 50_000, unreachable: 600_000 };
        assert_eq!(ended.total(), 654_321);
    }

    #[test]
    fn the_counts_are_in_the_order_of_the_tenants() {
        let mut report = Report::default();
        for (counts, tenant) in report.tenants.iter_mut().zip(Tenant::ALL) {
            counts.accepted = 1 + tenant as u64;
        }
        assert_eq!(Tenant::ALL.map(|tenant| report.of(tenant).accepted), [1, 2]);
    }
}
