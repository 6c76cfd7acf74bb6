//! Posts over persistent HTTP/1.1 connections: one small request, then one answer, read to its end.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;

use super::{
    handshake::connect,
    head::Head,
    ledger::{Ledger, Post},
};
use crate::{Outcome, histogram::Histogram};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum time until a post that is repeated is accepted.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before the next attempt if no server can be reached.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// The pace of the posts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace<'a> {
    /// A rate for a duration, or until the flag is set.
    Paced { rate: f64, lasting: Duration, stop: &'a AtomicBool },
    /// A number of posts, as fast as the server accepts them.
    Burst { events: usize },
    /// As fast as the server accepts them, until the flag is set.
    Until(&'a AtomicBool),
}

/// The reaction of a poster to a post that is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// The run fails, unless the ledger allows a 503.
    Fail,
    /// The post is sent again to the next server, with the same idempotency key, until one accepts it.
    Repeat,
}

/// Posts over several connections at once, which are spread over the servers on `ports`. Returns how late each post was
/// against its schedule.
pub(crate) fn post(
    ports: &[u16],
    ledger: &Ledger,
    posters: usize,
    pace: Pace<'_>,
    on_failure: OnFailure,
) -> Outcome<Histogram> {
    let late = Mutex::new(Histogram::default());
    let turn = AtomicUsize::new(0);
    let posters: Vec<_> = (0..posters).map(|index| Poster::connect(ports, index)).collect::<io::Result<_>>()?;
    let start = Instant::now();
    thread::scope(|scope| {
        let work = |mut poster: Poster| -> Outcome<()> {
            loop {
                let index = turn.fetch_add(1, SeqCst);
                match pace {
                    Pace::Paced { rate, lasting, stop } => {
                        let due = Duration::from_secs_f64(index as f64 / rate);
                        if due >= lasting || stop.load(SeqCst) {
                            return Ok(());
                        }
                        thread::sleep(due.saturating_sub(start.elapsed()));
                        let lag = start.elapsed().saturating_sub(due).as_nanos();
                        let mut late = late.lock().unwrap_or_else(PoisonError::into_inner);
                        late.record(u64::try_from(lag).unwrap_or(u64::MAX));
                    }
                    Pace::Burst { events } if index >= events => return Ok(()),
                    Pace::Until(end) if end.load(SeqCst) => return Ok(()),
                    Pace::Burst { .. } | Pace::Until(_) => {}
                }
                let Some(next) = ledger.next() else { return Ok(()) };
                match on_failure {
                    OnFailure::Fail => poster.post(ledger, &next)?,
                    OnFailure::Repeat => poster.post_until_accepted(ledger, &next)?,
                }
            }
        };
        let threads: Vec<_> = posters.into_iter().map(|poster| scope.spawn(move || work(poster))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a poster panicked")?)
    })?;
    Ok(late.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One connection that posts.
#[derive(Debug)]
struct Poster<'a> {
    ports: &'a [u16],
    /// The index of the port in use.
    at: usize,
    socket: TcpStream,
    answer: Vec<u8>,
}

impl<'a> Poster<'a> {
    fn connect(ports: &'a [u16], index: usize) -> io::Result<Self> {
        let at = index % ports.len();
        Ok(Self { ports, at, socket: open(ports[at])?, answer: Vec::new() })
    }

    fn post(&mut self, ledger: &Ledger, post: &Post) -> Outcome<()> {
        ledger.stamp(post);
        match self.send(ledger.tenant, post, "")? {
            201 => ledger.accept(),
            503 if ledger.may_refuse() => ledger.refuse(),
            status => return Err(format!("a post was answered with {status}").into()),
        }
        Ok(())
    }

    fn post_until_accepted(&mut self, ledger: &Ledger, post: &Post) -> Outcome<()> {
        ledger.stamp(post);
        let key = format!("Idempotency-Key: post-{}\r\n", post.index);
        let begun = Instant::now();
        while begun.elapsed() < ACCEPT_TIMEOUT {
            match self.send(ledger.tenant, post, &key) {
                Ok(201) => {
                    ledger.accept();
                    return Ok(());
                }
                Ok(503 | 504) | Err(_) => {}
                Ok(status) => return Err(format!("a post was answered with {status}").into()),
            }
            ledger.refuse();
            self.turn_to_next();
        }
        Err(format!("post {} was not accepted within {ACCEPT_TIMEOUT:?}", post.index).into())
    }

    /// Connects to the next server that can be reached. If there is none, the next post fails at once.
    fn turn_to_next(&mut self) {
        for _ in self.ports {
            self.at = (self.at + 1) % self.ports.len();
            if let Ok(socket) = open(self.ports[self.at]) {
                self.socket = socket;
                return;
            }
        }
        thread::sleep(RETRY_PAUSE);
    }

    /// Sends a post, with further header lines. Returns the status of the answer.
    fn send(&mut self, tenant: Tenant, post: &Post, headers: &str) -> io::Result<u16> {
        let (port, message) = (self.ports[self.at], &post.message);
        let body = format!("{{\"message\":\"{message}\"}}");
        let request = format!(
            "POST /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Tenant-ID: {tenant}\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.write_all(request.as_bytes())?;
        self.answer.clear();
        read_answer(&mut self.socket, &mut self.answer).map(|(status, _)| status)
    }
}

fn open(port: u16) -> io::Result<TcpStream> {
    let socket = connect(port)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(socket)
}

/// Reads one answer into `bytes`. Returns its status, and the offset of its body.
pub(crate) fn read_answer(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<(u16, usize)> {
    let mut piece = [0; 16 * 1024];
    let mut whole = None;
    loop {
        if let Some((status, body, end)) = whole.filter(|(_, _, end)| bytes.len() >= *end) {
            bytes.truncate(end);
            return Ok((status, body));
        }
        let count = socket.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..count]);
        if whole.is_none()
            && let Some(head) = Head::parse(bytes)
        {
            let length = head.length.ok_or_else(|| io::Error::other("an answer without a length"))?;
            whole = Some((head.status, head.body, head.body + length));
        }
    }
}
