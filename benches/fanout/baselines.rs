//! Runs a baseline, with which the server is compared. This program starts itself as the baseline's process.

mod limit;
mod naive;

use std::io;

use event_feed::feed::{
    Event, Message, Tenant, Timestamp,
    protocol::{Hello, Outgoing},
};
use uuid::Uuid;

use crate::servers::Kind;

/// Serves on `port` until the process is killed.
pub(crate) fn serve(kind: Kind, port: u16) -> io::Result<()> {
    match kind {
        Kind::Limit => limit::serve(port),
        Kind::Naive => naive::serve(port),
        Kind::Ours | Kind::Node => Err(io::Error::other("no baseline of this program")),
    }
}

/// The text of the first frame of a connection.
fn hello(tenant: Tenant, seq: u64) -> String {
    let hello = Hello {
        tenant_id: tenant,
        connection_id: Uuid::new_v4(),
        timestamp: Timestamp::now(),
        epoch: Uuid::nil(),
        seq,
        heartbeat_ms: 15_000,
        reconnect_ms: 500,
        connections: Some(1),
        build: String::new(),
    };
    Outgoing::ConnectionEstablished(&hello).encode()
}

/// The next event of a tenant.
fn event(tenant: Tenant, message: Message) -> Event {
    Event { id: Uuid::new_v4(), tenant_id: tenant, message, timestamp: Timestamp::now() }
}
