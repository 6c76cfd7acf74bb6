//! What the server counts, for an administrator to see: numbers alone, no event and no text.

use serde::Serialize;

use super::Tenant;

/// The server's counts since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of [`Tenant::ALL`].
    pub tenants: [TenantReport; 2],
    /// Handshakes refused for their `Origin`.
    pub refused_origin: u64,
    /// Requests refused for their `Host`.
    pub refused_host: u64,
}

/// One tenant's part of a [`Report`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TenantReport {
    /// Connections that stand now.
    pub connections: u64,
    /// Events accepted.
    pub accepted: u64,
    /// Event frames handed to connections.
    pub delivered: u64,
    /// Why connections have ended.
    pub ended: Ended,
}

/// How many connections have ended, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// They read too slowly.
    pub slow: u64,
    /// They were silent for two heartbeat intervals.
    pub silent: u64,
    /// The server is stopping.
    pub stopping: u64,
    /// They broke the protocol or sent data.
    pub policy: u64,
    /// The peer closed, or the line was cut.
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
    fn the_counts_stand_in_the_order_of_the_tenants() {
        let mut report = Report::default();
        for (counts, tenant) in report.tenants.iter_mut().zip(Tenant::ALL) {
            counts.accepted = 1 + tenant as u64;
        }
        assert_eq!(Tenant::ALL.map(|tenant| report.of(tenant).accepted), [1, 2]);
    }
}
