//! A fixed table with one channel per tenant. [`Hub::channel`] is the only door to either. It does nothing with them.

use std::sync::Arc;

use super::{
    channel::{Channel, ChannelConfig},
    fan_out,
};
use crate::feed::Tenant;

/// Both tenants' channels, which share nothing.
#[derive(Debug)]
pub(crate) struct Hub {
    a: Arc<Channel>,
    b: Arc<Channel>,
}

impl Hub {
    /// Makes the channels, and starts the fan-out of each.
    pub(crate) fn start(config: &ChannelConfig) -> Self {
        let channel = |tenant| {
            let channel = Arc::new(Channel::new(tenant, config.clone()));
            tokio::spawn(fan_out::run(Arc::clone(&channel)));
            channel
        };
        Self { a: channel(Tenant::A), b: channel(Tenant::B) }
    }

    /// The one channel of a tenant.
    pub(crate) const fn channel(&self, tenant: Tenant) -> &Arc<Channel> {
        match tenant {
            Tenant::A => &self.a,
            Tenant::B => &self.b,
        }
    }

    /// How many connections stand, of both tenants.
    pub(crate) fn connections(&self) -> usize {
        self.a.connections() + self.b.connections()
    }

    /// Takes no more events and connections, and closes the connections there are.
    pub(crate) fn stop(&self) {
        Tenant::ALL.into_iter().for_each(|tenant| self.channel(tenant).stop());
    }

    /// Ends when the last connection has.
    pub(crate) async fn stopped(&self) {
        for tenant in Tenant::ALL {
            self.channel(tenant).emptied().await;
        }
    }
}
