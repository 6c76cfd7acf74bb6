//! Opens connections that read nothing, and records when the server ends each.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use super::handshake::{begin, finish};
use crate::Outcome;

/// Connections of both tenants that stop reading behind their handshake.
#[derive(Debug)]
pub(crate) struct Stalled {
    count: usize,
    ended: Arc<Mutex<Vec<Duration>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Stalled {
    /// Opens connections. `receive_buffer` is the size of each receive buffer, in bytes: a small one is full soon. With
    /// `None` the kernel chooses the size.
    pub(crate) fn open(port: u16, count: usize, receive_buffer: Option<usize>) -> Outcome<Self> {
        let mut poll = Poll::new()?;
        let mut sockets = Vec::new();
        for index in 0..count {
            let mut socket = begin(connect(port, receive_buffer)?, port, Tenant::ALL[index % 2])?;
            finish(&mut socket)?;
            socket.set_nonblocking(true)?;
            let mut socket = mio::net::TcpStream::from_std(socket);
            poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            sockets.push(Some(socket));
        }
        let (ended, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (noted, stopped, opened) = (Arc::clone(&ended), Arc::clone(&stop), Instant::now());
        let thread = thread::spawn(move || {
            let mut events = Events::with_capacity(1024);
            while !stopped.load(SeqCst) {
                let _ = poll.poll(&mut events, Some(Duration::from_millis(50)));
                for event in events.iter().filter(|event| event.is_error() || event.is_read_closed()) {
                    if sockets[event.token().0].take().is_some() {
                        noted.lock().unwrap_or_else(PoisonError::into_inner).push(opened.elapsed());
                    }
                }
            }
        });
        Ok(Self { count, ended, stop, thread: Some(thread) })
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The number of connections that the server has ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The time from the opening of the connections to the first one's end.
    pub(crate) fn first_ended(&self) -> Option<Duration> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter().min().copied()
    }

    /// The time from the opening of the connections to the last one's end.
    pub(crate) fn last_ended(&self) -> Option<Duration> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).iter().max().copied()
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn connect(port: u16, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size)?;
    }
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket.into())
}
