//! Defines the domain: tenants, messages, events, their order, and the frames and headers that carry them.
//!
//! It is compiled for the server and for the browser. It does no I/O, uses no random numbers, and reads the clock only in
//! [`Timestamp`]`::now`. It does not depend on the server, the client or a web framework.

mod event;
mod message;
mod per_tenant;
mod problem;
pub mod protocol;
mod report;
mod tenant;
mod timeline;

pub use event::{Event, Timestamp, TimestampError};
pub use message::{Message, MessageError};
pub use per_tenant::PerTenant;
pub use problem::Problem;
pub use protocol::Position;
pub use report::{Ended, Report, TenantReport};
pub use tenant::{Tenant, UnknownTenant};
pub use timeline::{Entry, Timeline};
