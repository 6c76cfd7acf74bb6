//! Holds the two channels, one for each tenant. [`Hub::channel`] is the only way to get one.

use std::sync::Arc;

use super::{
    channel::{Channel, ChannelConfig},
    fan_out,
};
use crate::feed::{PerTenant, Tenant};

/// The channels of both tenants. They share nothing.
#[derive(Debug)]
pub(crate) struct Hub(PerTenant<Arc<Channel>>);

impl Hub {
    /// Makes the channels, and starts the fan-out of each.
    pub(crate) fn start(config: &ChannelConfig) -> Self {
        Self(PerTenant::new(|tenant| {
            let channel = Arc::new(Channel::new(tenant, config.clone()));
            tokio::spawn(fan_out::run(Arc::clone(&channel)));
            channel
        }))
    }

    /// The channel of a tenant.
    pub(crate) const fn channel(&self, tenant: Tenant) -> &Arc<Channel> {
        self.0.of(tenant)
    }

    /// The number of connections of both tenants.
    pub(crate) fn connections(&self) -> usize {
        Tenant::ALL.into_iter().map(|tenant| self.channel(tenant).connections()).sum()
    }

    /// Stops both channels: they accept no more events and subscribers, and close their connections.
    pub(crate) fn stop(&self) {
        Tenant::ALL.into_iter().for_each(|tenant| self.channel(tenant).stop());
    }

    /// Waits until the last connection has ended.
    pub(crate) async fn wait_until_stopped(&self) {
        for tenant in Tenant::ALL {
            self.channel(tenant).wait_until_empty().await;
        }
    }
}
