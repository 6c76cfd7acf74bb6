//! One stream of events for each tenant: accepts events, keeps the newest, and sends each to every subscriber of its
//! tenant. It knows no HTTP: requests are `http`'s.

pub(crate) mod admission;
pub(crate) mod batch_log;
pub(crate) mod channel;
pub(crate) mod close_reason;
pub(crate) mod connection;
pub(crate) mod counters;
pub(crate) mod fan_out;
pub(crate) mod frame_limit;
pub(crate) mod frames;
pub(crate) mod hub;
pub(crate) mod idempotency;
pub(crate) mod inbound;
pub(crate) mod list_limiter;
pub(crate) mod subscriber;
pub(crate) mod throttle;
