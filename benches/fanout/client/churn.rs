//! Opens and closes connections all the time, and verifies each while it is open.
//!
//! Its events must start behind its hello, rise by one, belong to its tenant, and have been posted. An event with the same
//! `seq` must be the same on all connections.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::Shutdown,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use event_feed::feed::protocol::Incoming;
use mio::{Events, Interest, Poll, Token};

use super::{
    handshake::{begin, connect, finish},
    ledger::Ledger,
    reader::{CLOSE, PONG, Shared},
    stream::{Frame, Violation, first_frame},
};

/// The shortest time for which a connection stays, in milliseconds.
const STAY: u64 = 500;
/// The number of different times: connections stay for 1, 2, … or 20 times [`STAY`].
const KINDS: u64 = 20;
/// How long the thread waits for data before it checks which connections must leave.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// One tenant's connections that join and leave.
#[derive(Debug)]
pub(crate) struct Churn {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    end: AtomicBool,
    joined: AtomicU64,
    delivered: AtomicU64,
    violation: OnceLock<Violation>,
}

/// A connection that joins and leaves.
#[derive(Debug)]
struct Guest {
    socket: mio::net::TcpStream,
    bytes: Vec<u8>,
    seq: Option<u64>,
    leaves: Instant,
}

impl Churn {
    /// Starts a thread that keeps `count` connections open.
    pub(super) fn start(port: u16, shared: Arc<Shared>, count: usize) -> Self {
        let state = Arc::new(State::default());
        let shared_state = Arc::clone(&state);
        let thread = thread::spawn(move || {
            if let Err(violation) = come_and_go(port, &shared.ledger, count, &shared_state) {
                let _ = shared_state.violation.set(violation);
            }
        });
        Self { state, thread: Some(thread) }
    }

    /// The number of connections that have joined.
    pub(crate) fn joined(&self) -> u64 {
        self.state.joined.load(SeqCst)
    }

    /// The number of verified deliveries.
    pub(crate) fn delivered(&self) -> u64 {
        self.state.delivered.load(SeqCst)
    }

    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.state.violation.get()
    }

    /// Closes all connections.
    pub(crate) fn end(&mut self) {
        self.state.end.store(true, SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            let _ = self.state.violation.set(String::from("those who come and go panicked"));
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.end();
    }
}

fn come_and_go(port: u16, ledger: &Ledger, count: usize, state: &State) -> Result<(), Violation> {
    let failed = |error: io::Error| format!("joining or leaving failed: {error}");
    let mut poll = Poll::new().map_err(failed)?;
    let mut events = Events::with_capacity(1024);
    let mut order = HashMap::new();
    let mut guests: Vec<Option<Guest>> = (0..count).map(|_| None).collect();
    while !state.end.load(SeqCst) {
        for (index, place) in guests.iter_mut().enumerate() {
            if place.as_ref().is_some_and(|guest| guest.leaves > Instant::now()) {
                continue;
            }
            if let Some(guest) = place.take() {
                guest.leave(index);
            }
            let number = state.joined.fetch_add(1, SeqCst);
            let guest = place.insert(Guest::join(port, ledger, number).map_err(failed)?);
            poll.registry().register(&mut guest.socket, Token(index), Interest::READABLE).map_err(failed)?;
            guest.receive(ledger, &mut order, state)?;
        }
        match poll.poll(&mut events, Some(CHECK_INTERVAL)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(failed(error)),
            _ => {}
        }
        for event in &events {
            if let Some(Some(guest)) = guests.get_mut(event.token().0) {
                guest.drain(ledger, &mut order, state)?;
            }
        }
    }
    guests.into_iter().flatten().for_each(|guest| guest.leave(0));
    Ok(())
}

impl Guest {
    fn join(port: u16, ledger: &Ledger, number: u64) -> io::Result<Self> {
        let mut socket = begin(connect(port)?, port, ledger.tenant)?;
        let bytes = finish(&mut socket)?;
        socket.set_nonblocking(true)?;
        let socket = mio::net::TcpStream::from_std(socket);
        let stay = Duration::from_millis(STAY * (1 + number % KINDS));
        Ok(Self { socket, bytes, seq: None, leaves: Instant::now() + stay })
    }

    /// Closes the connection: every second one as a browser does, and the others with a reset.
    fn leave(mut self, index: usize) {
        let closes = index.is_multiple_of(2) && self.socket.write(&CLOSE).is_ok();
        let linger = if closes { None } else { Some(Duration::ZERO) };
        // The reaction of the server is not checked.
        let _ = socket2::SockRef::from(&self.socket).set_linger(linger);
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    fn drain(&mut self, ledger: &Ledger, order: &mut HashMap<u64, usize>, state: &State) -> Result<(), Violation> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(String::from("the server closed a connection that had just joined")),
                Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.receive(ledger, order, state),
                Err(error) => return Err(format!("the server dropped a connection that had just joined: {error}")),
            }
        }
    }

    fn receive(&mut self, ledger: &Ledger, order: &mut HashMap<u64, usize>, state: &State) -> Result<(), Violation> {
        let mut read = 0;
        while let Some((frame, length)) = first_frame(&self.bytes[read..])? {
            read += length;
            let text = match frame {
                Frame::Text(text) => text,
                Frame::Ping => {
                    let _ = self.socket.write(&PONG); // if this fails, the next read returns the reason
                    continue;
                }
                Frame::Close => return Err(String::from("the server closed a connection that had just joined")),
            };
            match (Incoming::decode(text), self.seq) {
                (Ok(Incoming::ConnectionEstablished(hello)), None) if hello.tenant_id == ledger.tenant => {
                    self.seq = Some(hello.seq);
                }
                (Ok(Incoming::Heartbeat { seq, .. }), Some(last)) if seq == last => {}
                (Ok(Incoming::EventCreated { seq, event }), Some(last)) if seq == last + 1 => {
                    let known = ledger.recognise(event.message.as_str()).filter(|_| event.tenant_id == ledger.tenant);
                    let Some((index, ..)) = known else { return Err(String::from("an event that was never posted")) };
                    if *order.entry(seq).or_insert(index) != index {
                        return Err(format!("seq {seq} is not the same event for all"));
                    }
                    self.seq = Some(seq);
                    state.delivered.fetch_add(1, SeqCst);
                }
                (other, last) => return Err(format!("after seq {last:?} came {other:?}")),
            }
        }
        self.bytes.drain(..read);
        Ok(())
    }
}
