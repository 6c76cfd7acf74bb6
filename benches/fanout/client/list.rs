//! Reads a tenant's list, over a connection of its own.

use std::{
    io::{self, Write},
    time::Duration,
};

use event_feed::feed::{Event, Position, Tenant, protocol::POSITION_HEADER};

use super::{handshake::connect, poster::read_answer};

/// Maximum time without progress of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A tenant's list, as a server answered it.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) position: Position,
    pub(crate) body: Vec<u8>,
}

impl List {
    /// Reads the list of a tenant from the server on `port`. `None` if the server refuses with 503.
    pub(crate) fn read(port: u16, tenant: Tenant) -> io::Result<Option<Self>> {
        let mut socket = connect(port)?;
        socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let request = format!("GET /events HTTP/1.1\r\nX-Tenant-ID: {tenant}\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        socket.write_all(request.as_bytes())?;
        let mut bytes = Vec::new();
        let (status, start) = read_answer(&mut socket, &mut bytes)?;
        let body = bytes.split_off(start);
        match status {
            200 => {}
            503 => return Ok(None),
            status => return Err(io::Error::other(format!("a list was answered with {status}"))),
        }
        let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let position =
            head.lines().find_map(|line| line.strip_prefix(POSITION_HEADER)?.strip_prefix(": ")?.parse().ok());
        let position = position.ok_or_else(|| io::Error::other("a list without a position"))?;
        Ok(Some(Self { position, body }))
    }

    /// The events with their `seq`, oldest first.
    pub(crate) fn events(&self) -> Result<Vec<(u64, Event)>, serde_json::Error> {
        let events: Vec<Event> = serde_json::from_slice(&self.body)?;
        let numbers = (0..=self.position.seq).rev();
        let mut events: Vec<_> = numbers.zip(events).collect();
        events.reverse();
        Ok(events)
    }
}
