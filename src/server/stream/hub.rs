//! Holds the two channels in a fixed table. [`Hub::channel`] is the only way to reach either of them.

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

    /// How many connections both tenants have.
    pub(crate) fn connections(&self) -> usize {
        self.a.connections() + self.b.connections()
    }

    /// Stops accepting events and subscribers, and closes the connections.
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
