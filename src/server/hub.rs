//! A fixed table with one channel per tenant. [`Hub::channel`] is the only door to either. It does nothing with them.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{channel::Channel, fan_out};
use crate::feed::Tenant;

/// What both channels are made with. Nothing of it changes once they run.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Names this process.
    pub(super) epoch: Uuid,
    /// Names the client's build that this server ships.
    pub(super) build: Arc<str>,
    /// How many events a channel keeps.
    pub(super) retain: usize,
    /// How many connections a channel takes.
    pub(super) max_connections: usize,
    /// How often each of them gets a heartbeat at least.
    pub(super) heartbeat: Duration,
}

/// Both tenants' channels, which share nothing.
#[derive(Debug)]
pub(super) struct Hub {
    a: Arc<Channel>,
    b: Arc<Channel>,
}

impl Hub {
    /// Makes the channels, and starts the fan-out of each.
    pub(super) fn start(terms: &Terms) -> Self {
        let channel = |tenant| {
            let channel = Arc::new(Channel::new(tenant, terms.clone()));
            tokio::spawn(fan_out::run(Arc::clone(&channel)));
            channel
        };
        Self { a: channel(Tenant::A), b: channel(Tenant::B) }
    }

    /// The one channel of a tenant.
    pub(super) const fn channel(&self, tenant: Tenant) -> &Arc<Channel> {
        match tenant {
            Tenant::A => &self.a,
            Tenant::B => &self.b,
        }
    }

    /// How many connections stand, of both tenants.
    pub(super) fn connections(&self) -> usize {
        self.a.connections() + self.b.connections()
    }

    /// Takes no more events and connections, and closes the connections there are.
    pub(super) fn stop(&self) {
        Tenant::ALL.into_iter().for_each(|tenant| self.channel(tenant).stop());
    }

    /// Ends when the last connection has.
    pub(super) async fn stopped(&self) {
        for tenant in Tenant::ALL {
            self.channel(tenant).emptied().await;
        }
    }
}
