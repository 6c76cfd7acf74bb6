//! What the server counts, for an administrator to see: numbers alone, no event and no text.

use serde::Serialize;
use uuid::Uuid;

use super::{Tenant, Timestamp};

/// The server's counts since its process started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Names the process. Counts of two processes are never compared.
    pub epoch: Uuid,
    /// When these counts were right, by the server's clock.
    pub timestamp: Timestamp,
    /// Names the client's build that the server ships.
    pub build: String,
    /// In the order of [`Tenant::ALL`].
    pub tenants: [TenantReport; 2],
    /// Handshakes rejected because their `Origin` is not allowed.
    pub refused_origin: u64,
    /// Requests rejected because their `Host` is not allowed.
    pub refused_host: u64,
}

/// One tenant's part of a [`Report`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TenantReport {
    /// Connections open now.
    pub connections: u64,
    /// Events accepted.
    pub accepted: u64,
    /// Event frames sent to connections.
    pub delivered: u64,
    /// Why connections were closed.
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
    /// The client broke the protocol or sent data.
    pub policy: u64,
    /// The client closed, or the line was cut.
    pub closed_by_peer: u64,
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
    fn the_counts_are_in_the_order_of_the_tenants() {
        let mut report = Report::default();
        for (counts, tenant) in report.tenants.iter_mut().zip(Tenant::ALL) {
            counts.accepted = 1 + tenant as u64;
        }
        assert_eq!(Tenant::ALL.map(|tenant| report.of(tenant).accepted), [1, 2]);
    }
}
