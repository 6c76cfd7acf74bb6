//! One tenant's feed, as requests use it: its channel, and the backplane that orders its events, if there is one.

use std::sync::Arc;

use super::{
    backplane::{Backplane, Replica},
    stream::{
        channel::{Channel, NotAccepted, Reach},
        hub::Hub,
        idempotency::IdempotencyKey,
    },
};
use crate::feed::{Event, Message, Tenant};

/// The feed of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct TenantFeed {
    channel: Arc<Channel>,
    /// Keeps the channel equal to the tenant's stream in the backplane.
    replica: Option<Arc<Replica>>,
}

/// The tenant's newest events do not arrive here, because the backplane is out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreachable;

impl TenantFeed {
    pub(crate) fn new(tenant: Tenant, hub: &Hub, backplane: Option<&Backplane>) -> Self {
        let replica = backplane.map(|backplane| Arc::clone(backplane.replica(tenant)));
        Self { channel: Arc::clone(hub.channel(tenant)), replica }
    }

    /// The tenant's channel.
    pub(crate) const fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Accepts a message as the tenant's next event. If `key` was used before, returns the event that it made then. The
    /// event is in the channel's list when this returns.
    ///
    /// # Errors
    /// [`NotAccepted`] is the reason. Nothing has changed, except perhaps for [`NotAccepted::Unsettled`].
    ///
    /// # Cancel safety
    /// Without a backplane, nothing has changed if the future is dropped. With one, the post may be accepted later.
    pub(crate) async fn publish(
        &self,
        message: Message,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Event>, NotAccepted> {
        match &self.replica {
            None => self.channel.publish(message, key).await,
            Some(replica) => replica.publish(message, key).await,
        }
    }

    /// Waits until the channel has every event that the tenant's feed had, on any server, when this was called.
    ///
    /// # Errors
    /// [`Unreachable`] if the backplane does not answer.
    pub(crate) async fn catch_up(&self) -> Result<(), Unreachable> {
        match &self.replica {
            None => Ok(()),
            Some(replica) => replica.catch_up().await,
        }
    }

    /// Checks that the tenant's newest events arrive here.
    ///
    /// # Errors
    /// [`Unreachable`] if they do not.
    pub(crate) fn check_live(&self) -> Result<(), Unreachable> {
        if self.channel.reach() == Reach::Live { Ok(()) } else { Err(Unreachable) }
    }

    /// Checks that the tenant's events have arrived here at any time. They may be old.
    ///
    /// # Errors
    /// [`Unreachable`] if they have not.
    pub(crate) fn check_opened(&self) -> Result<(), Unreachable> {
        if self.channel.reach() == Reach::Opening { Err(Unreachable) } else { Ok(()) }
    }
}
