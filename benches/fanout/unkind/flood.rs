//! Runs subscribers that send frames as fast as they can.
//!
//! A flooding client reads and discards what comes, so that the server can always answer. When it is closed, it
//! reconnects at once.

use std::{
    io::{self, Read, Write},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use event_feed::feed::Tenant;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use super::{Attack, Loaded, conditions, latencies, loaded, quiet};
use crate::{
    Options, Outcome,
    client::{Phase, begin, connect, finish},
    scenarios::Figures,
    servers::Server,
};

/// Frames in one write, 60 kB: a system call costs little against what it carries.
const FRAMES_PER_WRITE: usize = 10_000;
/// Size of each read, in bytes.
const READ_SIZE: usize = 256 * 1024;
/// How often a blocked client checks whether it must stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// A kind of frame without payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flood {
    /// Pings, each of which asks for a pong.
    Pings,
    /// Pongs without a ping.
    Pongs,
    /// Fragments of one message that never ends.
    Fragments,
}

/// A client's frame without payload, masked with zeros.
const fn empty(first: u8) -> [u8; 6] {
    [first, 0x80, 0, 0, 0, 0]
}

impl Flood {
    const fn frame(self) -> [u8; 6] {
        match self {
            Self::Pings => empty(0x89),
            Self::Pongs => empty(0x8a),
            Self::Fragments => empty(0x00),
        }
    }
}

/// The counts of one client.
#[derive(Debug, Default)]
struct Counts {
    /// Bytes that the kernel accepted.
    bytes: u64,
    /// How often the server closed or reset the connection.
    closed: u64,
    /// How often the handshake failed.
    refused: u64,
}

/// Measures the other clients quiet, then next to flooding clients of A.
pub(crate) fn flood(server: &Server, flood: Flood, options: &Options) -> Outcome<Figures> {
    let client = quiet(server, 0, options.size as usize, options)?;
    let port = server.port;
    let attack = Attack::start(options.flooders, move |stop| run(port, flood, stop));
    let Loaded { counts, lasted, late, used } = loaded(server, &client, attack, options)?;
    let total = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64;
    let frames = total(|counts| counts.bytes) / flood.frame().len() as f64;
    let mut values = latencies(&client, Phase::Loaded);
    values.extend([
        ("frames/s", frames / lasted.as_secs_f64()),
        ("closed", total(|counts| counts.closed)),
        ("refused", total(|counts| counts.refused)),
    ]);
    values.extend(conditions(&client, &late, &used));
    Ok(Figures { values, doubt: used.shared() })
}

fn run(port: u16, flood: Flood, stop: &AtomicBool) -> Counts {
    let frames = flood.frame().repeat(FRAMES_PER_WRITE);
    let (mut buffer, mut counts) = (vec![0; READ_SIZE], Counts::default());
    while !stop.load(SeqCst) {
        let Ok(mut connection) = Connection::open(port, flood) else {
            counts.refused += 1;
            continue;
        };
        if connection.flood(&frames, &mut buffer, &mut counts.bytes, stop).is_err() {
            counts.closed += 1;
        }
    }
    counts
}

struct Connection {
    socket: mio::net::TcpStream,
    poll: Poll,
    incoming: Incoming,
}

impl Connection {
    fn open(port: u16, flood: Flood) -> io::Result<Self> {
        let mut socket = begin(connect(port)?, port, Tenant::A)?;
        // A close resets the connection, so that no port is left in TIME_WAIT.
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        let mut incoming = Incoming::default();
        incoming.has_close(&finish(&mut socket)?);
        if flood == Flood::Fragments {
            socket.write_all(&empty(0x01))?; // the first fragment of a text
        }
        socket.set_nonblocking(true)?;
        let mut socket = mio::net::TcpStream::from_std(socket);
        let poll = Poll::new()?;
        poll.registry().register(&mut socket, Token(0), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { socket, poll, incoming })
    }

    /// Writes and reads until it must stop. Adds the bytes written to `bytes`.
    ///
    /// # Errors
    /// If the server closes or resets the connection.
    fn flood(&mut self, frames: &[u8], buffer: &mut [u8], bytes: &mut u64, stop: &AtomicBool) -> io::Result<()> {
        let mut events = Events::with_capacity(4);
        let mut at = 0;
        while !stop.load(SeqCst) {
            let written = unless_blocked(self.socket.write(&frames[at..]))?;
            at = (at + written.unwrap_or(0)) % frames.len();
            *bytes += written.unwrap_or(0) as u64;
            let read = unless_blocked(self.socket.read(buffer))?;
            if read == Some(0) || self.incoming.has_close(&buffer[..read.unwrap_or(0)]) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if written.is_none() && read.is_none() {
                unless_blocked(self.poll.poll(&mut events, Some(STOP_CHECK)))?;
            }
        }
        Ok(())
    }
}

/// `None` if the call would have had to wait, or was interrupted.
fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        result => result.map(Some),
    }
}

/// Looks for a close frame in what the server sends, and skips all else.
#[derive(Debug, Default)]
struct Incoming {
    /// The header of the next frame, as far as it has come.
    header: Vec<u8>,
    /// How much of a payload is still to come, in bytes.
    payload: usize,
}

impl Incoming {
    fn has_close(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            let Some((first, rest)) = bytes[skipped..].split_first() else { return false };
            self.header.push(*first);
            bytes = rest;
            self.payload = match *self.header {
                [0x88, ..] => return true,
                [_, 126, high, low] => usize::from(u16::from_be_bytes([high, low])),
                [_, short] if short < 126 => usize::from(short),
                _ => continue,
            };
            self.header.clear();
        }
    }
}
