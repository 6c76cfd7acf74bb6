//! Reads all connections of a tenant in one thread, with large reads. Verifies each event and measures its latency.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use event_feed::feed::protocol::Incoming;
use mio::{Events, Interest, Poll, Token};

use super::{
    handshake::Opened,
    ledger::{Ledger, Phase},
    stream::{Call, Frame, Stream, Violation, first_frame},
};
use crate::histogram::Histogram;

/// The size of each read, in bytes.
const READ_SIZE: usize = 256 * 1024;
/// How often the thread checks whether it must end.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Client frames, masked with zeroes: an empty pong, and a close with 1001.
pub(super) const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
pub(super) const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

/// The state that the reader shares with the client.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) records: Mutex<Records>,
    pub(super) delivered: AtomicU64,
    /// The number of connections that have received their first frame. From then on each must receive every event.
    pub(super) greeted: AtomicUsize,
    /// The number of connections that have received the marking event.
    pub(super) marked: AtomicUsize,
    pub(super) violation: OnceLock<Violation>,
    pub(super) end: AtomicBool,
    /// Whether the server may close connections.
    pub(super) may_close: AtomicBool,
    /// The thread's directory under `/proc`.
    pub(super) thread: OnceLock<PathBuf>,
}

/// The latencies of each phase, and the time of its last delivery.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) latencies: [Histogram; Phase::COUNT],
    pub(super) last: [u64; Phase::COUNT],
}

impl Shared {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            records: Mutex::default(),
            delivered: AtomicU64::new(0),
            greeted: AtomicUsize::new(0),
            marked: AtomicUsize::new(0),
            violation: OnceLock::new(),
            end: AtomicBool::new(false),
            may_close: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Tap {
    socket: mio::net::TcpStream,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the marking event: an incomplete frame, and the `seq` of the hello.
    Greeting { bytes: Vec<u8>, seq: Option<u64> },
    /// How much of the stream it has received, in bytes, events and calls.
    Live { at: u64, events: usize, calls: usize },
    /// The server has closed it, as it was allowed to.
    Closed,
}

/// Reads until it must end, or until a violation makes the run void.
pub(super) fn run(shared: &Shared, opened: Vec<Opened>) {
    if let Ok(thread) = std::fs::read_link("/proc/thread-self") {
        let _ = shared.thread.set(PathBuf::from("/proc").join(thread));
    }
    if let Err(violation) = read(shared, opened) {
        let _ = shared.violation.set(violation);
    }
}

fn read(shared: &Shared, opened: Vec<Opened>) -> Result<(), Violation> {
    let failed = |error: io::Error| format!("the reader failed: {error}");
    let mut poll = Poll::new().map_err(failed)?;
    let mut stream = Stream::default();
    let mut taps = Vec::with_capacity(opened.len());
    for (index, (socket, behind)) in opened.into_iter().enumerate() {
        let mut socket = listen(socket).map_err(failed)?;
        poll.registry().register(&mut socket, Token(index), Interest::READABLE).map_err(failed)?;
        let mut tap = Tap { socket, state: State::Greeting { bytes: Vec::new(), seq: None } };
        let mut records = shared.records.lock().unwrap_or_else(PoisonError::into_inner);
        tap.receive(&behind, &mut stream, shared, &mut records)?;
        taps.push(tap);
    }
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_SIZE];
    while !shared.end.load(SeqCst) {
        match poll.poll(&mut events, Some(CHECK_INTERVAL)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(failed(error)),
            _ => {}
        }
        let mut records = shared.records.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &events {
            taps[event.token().0].drain(&mut buffer, &mut stream, shared, &mut records)?;
        }
    }
    for tap in taps {
        // Resets the connections: thousands of ports in TIME_WAIT would disturb the next run.
        let _ = socket2::SockRef::from(&tap.socket).set_linger(Some(Duration::ZERO));
    }
    Ok(())
}

fn listen(socket: TcpStream) -> io::Result<mio::net::TcpStream> {
    socket.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(socket))
}

impl Tap {
    /// Reads until the socket is empty.
    fn drain(
        &mut self,
        buffer: &mut [u8],
        stream: &mut Stream,
        shared: &Shared,
        records: &mut Records,
    ) -> Result<(), Violation> {
        loop {
            match self.socket.read(buffer) {
                Ok(count) if count > 0 => {
                    self.receive(&buffer[..count], stream, shared, records)?;
                    if count < buffer.len() {
                        return Ok(()); // edge-triggered: later data wakes the thread
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                _ if shared.may_close.load(SeqCst) => {
                    self.state = State::Closed;
                    // The server waits until this side is closed too.
                    let _ = self.socket.shutdown(std::net::Shutdown::Both);
                    return Ok(());
                }
                Ok(_) => return Err(String::from("the server closed a connection")),
                Err(error) => return Err(format!("the server dropped a connection: {error}")),
            }
        }
    }

    fn receive(
        &mut self,
        bytes: &[u8],
        stream: &mut Stream,
        shared: &Shared,
        records: &mut Records,
    ) -> Result<(), Violation> {
        match &mut self.state {
            State::Greeting { bytes: held, seq } => {
                held.extend_from_slice(bytes);
                if let Some(length) = greet(held, seq, &mut self.socket, shared)? {
                    let rest = held.split_off(length);
                    stream.starts_behind(seq.unwrap_or(0) + 1)?;
                    shared.marked.fetch_add(1, SeqCst);
                    self.state = State::Live { at: 0, events: 0, calls: 0 };
                    return self.receive(&rest, stream, shared, records);
                }
            }
            State::Live { at, events, calls } => {
                stream.take(*at, bytes, &shared.ledger)?;
                *at += bytes.len() as u64;
                let now = shared.ledger.now();
                let before = *events;
                while let Some(mark) = stream.marks.get(*events).filter(|mark| mark.end <= *at) {
                    records.latencies[mark.phase as usize].record(now.saturating_sub(mark.sent));
                    records.last[mark.phase as usize] = now;
                    *events += 1;
                }
                if *events > before {
                    shared.delivered.fetch_add((*events - before) as u64, SeqCst);
                }
                while let Some((_, call)) = stream.calls.get(*calls).filter(|(end, _)| *end <= *at) {
                    *calls += 1;
                    // If this fails, the next read returns the reason.
                    let _ = match call {
                        Call::Ping => self.socket.write(&PONG),
                        Call::Close => self.socket.write(&CLOSE),
                    };
                }
            }
            State::Closed => {}
        }
        Ok(())
    }
}

/// Reads frames up to the marking event. Returns the offset of its end, if it has arrived.
fn greet(
    bytes: &mut Vec<u8>,
    seq: &mut Option<u64>,
    socket: &mut mio::net::TcpStream,
    shared: &Shared,
) -> Result<Option<usize>, Violation> {
    while let Some((frame, length)) = first_frame(bytes)? {
        match frame {
            Frame::Ping => {
                let _ = socket.write(&PONG);
            }
            Frame::Close => return Ok(None),
            Frame::Text(text) => match (Incoming::decode(text), *seq) {
                (Ok(Incoming::ConnectionEstablished(hello)), None) if hello.tenant_id == shared.ledger.tenant => {
                    *seq = Some(hello.seq);
                    shared.greeted.fetch_add(1, SeqCst);
                }
                (Ok(Incoming::Heartbeat { seq, .. }), Some(last)) if seq == last => {}
                (Ok(Incoming::EventCreated { seq, event }), Some(last)) if seq == last + 1 => {
                    return match shared.ledger.recognise(event.message.as_str()) {
                        Some((_, Phase::Mark, _)) if event.tenant_id == shared.ledger.tenant => Ok(Some(length)),
                        _ => Err(String::from("the first event is not the one that was posted first")),
                    };
                }
                (other, _) => return Err(format!("an unexpected first frame: {other:?}")),
            },
        }
        bytes.drain(..length);
    }
    Ok(None)
}
