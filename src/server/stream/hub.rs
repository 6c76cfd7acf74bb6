//! Holds the two channels, one for each tenant. [`Hub::channel`] is the only way to get one.

use std::sync::Arc;

use super::{
    channel::{Channel, ChannelConfig},
    fan_out,
};
use crate::feed::Tenant;

/// The channels of both tenants. They share nothing.
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

    /// The channel of a tenant.
    pub(crate) const fn channel(&self, tenant: Tenant) -> &Arc<Channel> {
        match tenant {
            Tenant::A => &self.a,
            Tenant::B => &self.b,
        }
    }

    /// The number of connections of both tenants.
    pub(crate) fn connections(&self) -> usize {
        self.a.connections() + self.b.connections()
    }

    /// Stops both channels: they accept no more events and subscribers, and close their connections.
    pub(crate) fn stop(&self) {
        Tenant::ALL.into_iter().for_each(|tenant| self.channel(tenant).stop());
    }

    /// Ends when the last connection has ended.
    pub(crate) async fn stopped(&self) {
        for tenant in Tenant::ALL {
            self.channel(tenant).emptied().await;
        }
    }
}
