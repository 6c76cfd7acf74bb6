//! Lets several servers share one feed, through an engine that orders the events: NATS JetStream (docs/deploying.md). It is
//! compiled with the feature `nats` only; else nothing here has a value.
//!
//! Each tenant has an account of its own in the engine, with one stream in memory. A `replica` keeps the tenant's channel
//! equal to the stream: `engine` connects and checks the stream, `events` receives its events, `publish` adds posts to it,
//! and `barrier` waits until the replica has caught up. `wire` is what a stored event looks like.

#[cfg(feature = "nats")]
mod barrier;
#[cfg(feature = "nats")]
mod engine;
#[cfg(feature = "nats")]
mod events;
#[cfg(feature = "nats")]
mod publish;
#[cfg(feature = "nats")]
mod replica;
pub(crate) mod url;
#[cfg(feature = "nats")]
mod wire;

#[cfg(not(feature = "nats"))]
mod absent;

#[cfg(not(feature = "nats"))]
pub(crate) use absent::{Backplane, Replica};
#[cfg(feature = "nats")]
pub(crate) use replica::{Backplane, Replica};
