//! Takes the place of the backplane in a program that was built without it. Its types have no values, so the compiler
//! removes every use of them.

use std::{convert::Infallible, io, sync::Arc};

use super::{
    super::{
        stream::{channel::NotAccepted, hub::Hub, idempotency::IdempotencyKey},
        tenant_feed::Unreachable,
    },
    url::EngineAddress,
};
use crate::feed::{Event, Message, Tenant};

/// See `replica::Backplane`.
#[derive(Debug)]
pub(crate) struct Backplane(Infallible);

/// See `replica::Replica`.
#[derive(Debug)]
pub(crate) struct Replica(Infallible);

#[expect(clippy::unused_async, reason = "the functions have the signatures of those of the real backplane")]
impl Backplane {
    pub(crate) async fn start(_: [EngineAddress; 2], _: &Hub) -> io::Result<Self> {
        Err(io::Error::other("this program was built without the feature nats"))
    }

    pub(crate) const fn replica(&self, _: Tenant) -> &Arc<Replica> {
        match self.0 {}
    }
}

#[expect(clippy::unused_async, reason = "the functions have the signatures of those of the real backplane")]
impl Replica {
    pub(crate) async fn publish(&self, _: Message, _: Option<IdempotencyKey>) -> Result<Arc<Event>, NotAccepted> {
        match self.0 {}
    }

    pub(crate) async fn catch_up(&self) -> Result<(), Unreachable> {
        match self.0 {}
    }
}
