//! The domain: what a tenant, a message and an event are, in which order events stand, and what goes over the wire.
//!
//! Compiled for every side, without I/O, clock or chance. Nothing in here knows a server, a browser or a framework.

mod event;
mod message;
mod problem;
pub mod protocol;
mod report;
mod tenant;
mod timeline;

pub use event::{Event, Timestamp, TimestampError};
pub use message::{Message, MessageError};
pub use problem::Problem;
pub use protocol::Position;
pub use report::{Ended, Report, TenantReport};
pub use tenant::{Tenant, UnknownTenant};
pub use timeline::{DEFAULT_RETAIN, Entry, Timeline};
