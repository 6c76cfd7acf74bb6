//! Keeps clients connected to several servers that have one feed. A client that loses its connection returns to one of
//! them and reads the list (contract, "A client's duty").
//!
//! An event is delivered to a client once, by a frame or by a list. Events must rise by one, belong to their tenant, and
//! have been posted once. An event with the same `seq` must be the same in all frames and lists of all servers.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use event_feed::feed::{
    Event, Tenant,
    protocol::{Hello, Incoming},
};
use mio::{Events, Interest, Poll, Token};
use uuid::Uuid;

use super::{
    handshake::{begin, connect, finish},
    ledger::{Ledger, Phase},
    list::List,
    poster::{self, OnFailure, Pace},
    reader::PONG,
    stream::{Frame, Violation, first_frame},
    wait,
};
use crate::{Outcome, histogram::Histogram};

/// Maximum time until a client has returned.
const RETURN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause before the next attempt of a client that was not accepted.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// How often the thread checks whether it must end.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// Size of each read, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// Clients of both tenants.
#[derive(Debug)]
pub(crate) struct Failover {
    ports: Vec<u16>,
    connections: usize,
    states: [Arc<State>; 2],
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    joined: AtomicU64,
    delivered: AtomicU64,
    violation: OnceLock<Violation>,
    end: AtomicBool,
    /// The time from each loss of a connection until the client was complete again.
    returns: Mutex<Histogram>,
}

impl Failover {
    /// Opens connections, half of them for each tenant, spread over the servers on `ports`, and waits for all. Messages have
    /// `size` bytes. The feed must be empty.
    pub(crate) fn open(ports: &[u16], connections: usize, size: usize) -> Outcome<Self> {
        let (base, connections) = (Instant::now(), connections / 2);
        let states = Tenant::ALL.map(|tenant| {
            Arc::new(State {
                ledger: Ledger::new(tenant, base, size),
                joined: AtomicU64::new(0),
                delivered: AtomicU64::new(0),
                violation: OnceLock::new(),
                end: AtomicBool::new(false),
                returns: Mutex::default(),
            })
        });
        let threads = states.iter().map(|state| {
            let (state, ports) = (Arc::clone(state), ports.to_vec());
            thread::spawn(move || {
                if let Err(violation) = run(&state, &ports, connections) {
                    let _ = state.violation.set(violation);
                }
            })
        });
        let threads = threads.collect();
        let clients = Self { ports: ports.to_vec(), connections, states, threads };
        let joined = |state: &Arc<State>| (state.joined.load(SeqCst), connections as u64);
        wait("a connection", || clients.violation(), || clients.states.iter().map(joined))?;
        Ok(clients)
    }

    /// Posts for both tenants, over several connections of each. A post that is not accepted is sent again.
    pub(crate) fn post(&self, posters: usize, pace: Pace<'_>) -> Outcome<()> {
        thread::scope(|scope| {
            let both = self.states.each_ref().map(|state| {
                state.ledger.turn_to(Phase::Quiet);
                scope.spawn(|| poster::post(&self.ports, &state.ledger, posters, pace, OnFailure::Repeat))
            });
            both.into_iter().try_for_each(|one| one.join().map_err(|_| "posting panicked")?.map(drop))
        })
    }

    /// Waits until every client has every event.
    pub(crate) fn settle(&self) -> Outcome<()> {
        let delivered =
            |state: &Arc<State>| (state.delivered.load(SeqCst), state.ledger.accepted() * self.connections as u64);
        wait("an event", || self.violation(), || self.states.iter().map(delivered))
    }

    /// The violation that makes the run void, if there is one.
    pub(crate) fn violation(&self) -> Option<&str> {
        self.states.iter().find_map(|state| state.violation.get()).map(String::as_str)
    }

    /// The number of verified deliveries.
    pub(crate) fn delivered(&self) -> u64 {
        self.states.iter().map(|state| state.delivered.load(SeqCst)).sum()
    }

    /// The number of accepted posts.
    pub(crate) fn accepted(&self) -> u64 {
        self.states.iter().map(|state| state.ledger.accepted()).sum()
    }

    /// The number of posts that were sent again.
    pub(crate) fn repeated(&self) -> u64 {
        self.states.iter().map(|state| state.ledger.refused()).sum()
    }

    /// The time from each loss of a connection until the client was complete again.
    pub(crate) fn returns(&self) -> Histogram {
        let mut sum = Histogram::default();
        for state in &self.states {
            sum.merge(&state.returns.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }
}

impl Drop for Failover {
    fn drop(&mut self) {
        self.states.iter().for_each(|state| state.end.store(true, SeqCst));
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Reads all connections of a tenant until it must end, or until a violation makes the run void.
fn run(state: &State, ports: &[u16], connections: usize) -> Result<(), Violation> {
    let failed = |error: io::Error| format!("the reader failed: {error}");
    let mut poll = Poll::new().map_err(failed)?;
    let mut order = Order { epoch: None, events: Vec::new(), posts: HashSet::new() };
    let mut clients = Vec::with_capacity(connections);
    for index in 0..connections {
        let mut client = Client { ports, at: index % ports.len(), last: 0 };
        let mut socket = client.join(&mut order, state)?;
        poll.registry().register(&mut socket.stream, Token(index), Interest::READABLE).map_err(failed)?;
        socket.receive(&mut client.last, &mut order, state)?;
        clients.push((client, socket));
        state.joined.fetch_add(1, SeqCst);
    }
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_SIZE];
    while !state.end.load(SeqCst) {
        match poll.poll(&mut events, Some(CHECK_INTERVAL)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(failed(error)),
            _ => {}
        }
        for event in &events {
            let token = event.token();
            let (client, socket) = &mut clients[token.0];
            if socket.drain(&mut buffer, &mut client.last, &mut order, state)? {
                continue;
            }
            let lost = Instant::now();
            // Every second client first tries the server that it has lost.
            client.at = (client.at + token.0 % 2) % ports.len();
            *socket = client.join(&mut order, state)?;
            poll.registry().register(&mut socket.stream, token, Interest::READABLE).map_err(failed)?;
            socket.receive(&mut client.last, &mut order, state)?;
            let nanos = u64::try_from(lost.elapsed().as_nanos()).unwrap_or(u64::MAX);
            state.returns.lock().unwrap_or_else(PoisonError::into_inner).record(nanos);
        }
    }
    Ok(())
}

/// The events of a tenant, in the one order that all clients must receive.
#[derive(Debug)]
struct Order {
    epoch: Option<Uuid>,
    events: Vec<Event>,
    /// The indices of the posts of these events.
    posts: HashSet<usize>,
}

impl Order {
    /// Checks an event, which may be new.
    fn check(&mut self, seq: u64, event: &Event, ledger: &Ledger) -> Result<(), Violation> {
        let at = usize::try_from(seq)
            .ok()
            .and_then(|seq| seq.checked_sub(1))
            .ok_or("a seq that is no number of an event")?;
        if let Some(known) = self.events.get(at) {
            return if known == event { Ok(()) } else { Err(format!("seq {seq} is not the same event for all")) };
        }
        if at > self.events.len() {
            return Err(format!("seq {seq} came where {} was due", self.events.len() + 1));
        }
        if event.tenant_id != ledger.tenant {
            return Err(format!("an event of {} reached {}", event.tenant_id, ledger.tenant));
        }
        let (post, ..) = ledger.recognise(event.message.as_str()).ok_or("an event that was never posted")?;
        if !self.posts.insert(post) {
            return Err(format!("post {post} became two events"));
        }
        self.events.push(event.clone());
        Ok(())
    }
}

/// One client. It stays when its connection is lost.
#[derive(Debug)]
struct Client<'a> {
    ports: &'a [u16],
    /// The index of the port in use.
    at: usize,
    /// The `seq` of its last event.
    last: u64,
}

impl Client<'_> {
    /// Connects to one of the servers, and reads the list if anything may be missing.
    fn join(&mut self, order: &mut Order, state: &State) -> Result<Socket, Violation> {
        let begun = Instant::now();
        while begun.elapsed() < RETURN_TIMEOUT {
            if let Some(socket) = self.attempt(order, state)? {
                return Ok(socket);
            }
            self.at = (self.at + 1) % self.ports.len();
            thread::sleep(RETRY_PAUSE);
        }
        Err(format!("no server let a client return within {RETURN_TIMEOUT:?}"))
    }

    /// Tries one server. `None` if it refuses, or ends during the attempt.
    fn attempt(&mut self, order: &mut Order, state: &State) -> Result<Option<Socket>, Violation> {
        let (port, tenant) = (self.ports[self.at], state.ledger.tenant);
        let Ok((stream, mut bytes)) = open(port, tenant) else { return Ok(None) };
        let Some(hello) = read_hello(&stream, &mut bytes)? else { return Ok(None) };
        if hello.tenant_id != tenant || *order.epoch.get_or_insert(hello.epoch) != hello.epoch {
            return Err(format!("a hello of another tenant or epoch: {hello:?}"));
        }
        if hello.seq > self.last {
            let Ok(Some(list)) = List::read(port, tenant) else { return Ok(None) };
            if list.position.epoch != hello.epoch || list.position.seq < hello.seq {
                return Err(format!("a list at {} after a hello at {}:{}", list.position, hello.epoch, hello.seq));
            }
            for (seq, event) in list.events().map_err(|error| format!("a list cannot be read: {error}"))? {
                order.check(seq, &event, &state.ledger)?;
                deliver(seq, &mut self.last, state);
            }
            if self.last < list.position.seq {
                return Err(format!("the list at {} lacks event {}", list.position.seq, self.last + 1));
            }
        }
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        Ok(Some(Socket { stream: mio::net::TcpStream::from_std(stream), bytes, seq: hello.seq }))
    }
}

/// Counts a delivery if the event is the client's next.
fn deliver(seq: u64, last: &mut u64, state: &State) {
    if seq == *last + 1 {
        *last = seq;
        state.delivered.fetch_add(1, SeqCst);
    }
}

fn open(port: u16, tenant: Tenant) -> io::Result<(TcpStream, Vec<u8>)> {
    let mut stream = begin(connect(port)?, port, tenant)?;
    let behind = finish(&mut stream)?;
    Ok((stream, behind))
}

/// Reads the hello. `None` if the server ends or closes the connection.
fn read_hello(mut stream: &TcpStream, bytes: &mut Vec<u8>) -> Result<Option<Hello>, Violation> {
    let mut piece = [0; 2048];
    loop {
        if let Some((frame, length)) = first_frame(bytes)? {
            let hello = match frame {
                Frame::Close => return Ok(None),
                Frame::Text(text) => match Incoming::decode(text) {
                    Ok(Incoming::ConnectionEstablished(hello)) => hello,
                    other => return Err(format!("an unexpected first frame: {other:?}")),
                },
                Frame::Ping => return Err(String::from("a ping before the hello")),
            };
            bytes.drain(..length);
            return Ok(Some(hello));
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return Ok(None),
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// An open connection.
#[derive(Debug)]
struct Socket {
    stream: mio::net::TcpStream,
    /// An incomplete frame.
    bytes: Vec<u8>,
    /// The `seq` of its last frame, which may be one that the client has from a list, or from another server.
    seq: u64,
}

impl Socket {
    /// Reads until nothing is left. Returns whether the connection is still open.
    fn drain(
        &mut self,
        buffer: &mut [u8],
        last: &mut u64,
        order: &mut Order,
        state: &State,
    ) -> Result<bool, Violation> {
        loop {
            match self.stream.read(buffer) {
                Ok(count) if count > 0 => {
                    self.bytes.extend_from_slice(&buffer[..count]);
                    if !self.receive(last, order, state)? {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Ok(_) | Err(_) => return Ok(false),
            }
        }
    }

    /// Reads the frames that have arrived. Returns whether none of them closes the connection.
    fn receive(&mut self, last: &mut u64, order: &mut Order, state: &State) -> Result<bool, Violation> {
        let mut read = 0;
        while let Some((frame, length)) = first_frame(&self.bytes[read..])? {
            read += length;
            let text = match frame {
                Frame::Close => return Ok(false),
                Frame::Ping => {
                    let _ = self.stream.write(&PONG); // if this fails, the next read returns the reason
                    continue;
                }
                Frame::Text(text) => text,
            };
            match Incoming::decode(text) {
                Ok(Incoming::Heartbeat { seq, .. }) if seq == self.seq => {}
                Ok(Incoming::EventCreated { seq, event }) if seq == self.seq + 1 => {
                    order.check(seq, &event, &state.ledger)?;
                    self.seq = seq;
                    deliver(seq, last, state);
                }
                other => return Err(format!("after seq {} came {other:?}", self.seq)),
            }
        }
        self.bytes.drain(..read);
        Ok(true)
    }
}
