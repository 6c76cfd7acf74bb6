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

use super::{
    handshake::connect,
    head::Head,
    ledger::{Ledger, Post},
};
use crate::{Outcome, histogram::Histogram};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Posts over several connections at once. Returns how late each post was against its schedule.
pub(crate) fn post(port: u16, ledger: &Ledger, posters: usize, pace: Pace<'_>) -> Outcome<Histogram> {
    let late = Mutex::new(Histogram::default());
    let turn = AtomicUsize::new(0);
    let posters: Vec<_> = (0..posters).map(|_| Poster::connect(port)).collect::<io::Result<_>>()?;
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
                poster.post(ledger, &next)?;
            }
        };
        let threads: Vec<_> = posters.into_iter().map(|poster| scope.spawn(move || work(poster))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a poster panicked")?)
    })?;
    Ok(late.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// One connection that posts.
#[derive(Debug)]
struct Poster {
    socket: TcpStream,
    port: u16,
    answer: Vec<u8>,
}

impl Poster {
    fn connect(port: u16) -> io::Result<Self> {
        let socket = connect(port)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { socket, port, answer: Vec::new() })
    }

    fn post(&mut self, ledger: &Ledger, post: &Post) -> Outcome<()> {
        let body = format!("{{\"message\":\"{}\"}}", post.message);
        let request = format!(
            "POST /events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Tenant-ID: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            ledger.tenant,
            body.len()
        );
        ledger.stamp(post);
        self.socket.write_all(request.as_bytes())?;
        match self.read_answer()? {
            201 => ledger.accept(),
            503 if ledger.may_refuse() => ledger.refuse(),
            status => return Err(format!("a post was answered with {status}").into()),
        }
        Ok(())
    }

    fn read_answer(&mut self) -> io::Result<u16> {
        self.answer.clear();
        read_answer(&mut self.socket, &mut self.answer).map(|(status, _)| status)
    }
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
