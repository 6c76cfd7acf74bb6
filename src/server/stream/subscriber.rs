//! One subscriber's socket, as two know it: the fan-out, which offers it frames, and its own task ([`Connection`]),
//! which drains what the socket did not take and hears what the peer says. It makes no frame, and knows no tenant.
//!
//! An idle one is a few hundred bytes: a TCP stream, a task that is one hand-written poll function, and no buffer. A
//! backlog, a timer and the state of a parser exist only while they are needed.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    io::AsyncWrite,
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    channel::{Channel, ConnectionPermit},
    close_reason::CloseReason,
    frames,
    inbound::{ClientFrame, Inbound},
};

/// How much may wait for one connection, in bytes (contract, "WebSocket").
const BACKLOG_MAX: usize = 1024 * 1024;
/// In how many slices: those of pongs are far smaller than what each costs.
const BACKLOG_SLICES_MAX: usize = 8 * 1024;
/// How long it may (contract, "WebSocket").
const BACKLOG_AGE: Duration = Duration::from_secs(10);
/// How long a closing connection may make no progress (contract, "WebSocket").
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);
/// After how many heartbeats without a sign of life a peer is dropped: the first asks, two are not answered.
const SILENT_MAX: u8 = 3;
/// How much of what a peer sends is read at once, in bytes.
const READ_SIZE: usize = 2 * 1024;
/// How often one poll reads before it lets others.
const READS_AT_ONCE: usize = 16;

/// A subscriber's socket. Its lock is held for one system call at most.
#[derive(Debug)]
pub(crate) struct Subscriber(Mutex<Socket>);

#[derive(Debug)]
struct Socket {
    /// `None` once the connection has ended.
    tcp: Option<TcpStream>,
    /// What the socket did not take yet, if anything.
    backlog: Option<Box<Backlog>>,
    /// That the connection ends: its close frame is queued, and nothing after it.
    ending: Option<Ending>,
    /// How many heartbeats were sent since the peer's last sign of life.
    silent: u8,
    /// The connection's task, once it has been polled.
    task: Option<Waker>,
}

/// A connection on its way out.
#[derive(Debug)]
struct Ending {
    why: CloseReason,
    /// When the socket last took something of what is still to send, or all of it.
    progress: Instant,
    peer: Peer,
}

/// What is still to come from the peer of a connection that ends.
#[derive(Debug, PartialEq, Eq)]
enum Peer {
    /// Its close frame.
    OwesClose,
    /// Nothing that could be read: it has broken the protocol.
    Unreadable,
    /// Nothing: its close frame has come.
    Closed,
}

/// What waits for one connection: slices of the buffers that all share, the first partly written.
#[derive(Debug, Default)]
struct Backlog {
    slices: VecDeque<(Instant, Bytes)>,
    written: usize,
    size: usize,
}

impl Backlog {
    fn push(&mut self, slice: Bytes) {
        self.size += slice.len();
        self.slices.push_back((Instant::now(), slice));
    }

    /// Takes note that the socket took `count` bytes.
    fn advance(&mut self, count: usize) {
        self.size -= count;
        self.written += count;
        if self.slices.front().is_some_and(|(_, slice)| slice.len() == self.written) {
            self.slices.pop_front();
            self.written = 0;
        }
    }

    /// Drops all but the rest of the frame that is under way.
    fn keep_frame_under_way(&mut self) {
        self.slices.truncate(usize::from(self.written > 0));
        if let Some((_, slice)) = self.slices.front_mut() {
            slice.truncate(frames::end_of_frame(slice, self.written));
        }
        self.size = self.slices.front().map_or(0, |(_, slice)| slice.len() - self.written);
        self.advance(0); // where the frame was whole already, nothing is left of it
    }
}

impl Socket {
    /// Both sides have closed, and all is sent.
    fn said_goodbye(&self) -> bool {
        self.backlog.is_none() && self.ending.as_ref().is_some_and(|ending| ending.peer == Peer::Closed)
    }

    /// Sends frames: onto the wire where nothing waits and the socket takes them, else into the backlog.
    fn send(&mut self, frames: &Bytes) {
        let Some(tcp) = self.tcp.as_ref().filter(|_| self.ending.is_none()) else { return };
        if let Some(backlog) = &mut self.backlog {
            backlog.push(frames.clone());
            if backlog.size > BACKLOG_MAX || backlog.slices.len() > BACKLOG_SLICES_MAX {
                self.close(CloseReason::TooSlow);
            }
            return;
        }
        match tcp.try_write(frames) {
            Ok(written) if written == frames.len() => {}
            Ok(written) => self.queue(frames.clone(), written),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.queue(frames.clone(), 0),
            Err(_) => self.cut(CloseReason::PeerClosed),
        }
    }

    /// Leaves frames, of which `written` bytes are sent, to the connection's task.
    fn queue(&mut self, frames: Bytes, written: usize) {
        let backlog = self.backlog.get_or_insert_default();
        backlog.push(frames);
        if written > 0 {
            backlog.advance(written);
        }
        self.wake();
    }

    /// Ends the connection, once, with the close frame that `why` calls for.
    fn close(&mut self, why: CloseReason) {
        let (None, Some((code, reason))) = (&self.ending, why.close_frame()) else { return };
        let mut frame = Vec::new();
        frames::push_close(&mut frame, Some(code), reason);
        if let (CloseReason::TooSlow, Some(backlog)) = (why, &mut self.backlog) {
            backlog.keep_frame_under_way();
        }
        self.queue(frame.into(), 0);
        let peer = if why.is_breach() { Peer::Unreadable } else { Peer::OwesClose };
        self.ending = Some(Ending { why, progress: Instant::now(), peer });
    }

    /// Ends the connection at once: the peer is gone, or is taken for it. Nothing lingers in the kernel.
    fn cut(&mut self, why: CloseReason) {
        if let Some(tcp) = self.tcp.take() {
            // An error leaves the ordinary end of a TCP stream.
            let _ = tcp.set_zero_linger();
        }
        self.backlog = None;
        self.ending.get_or_insert(Ending { why, progress: Instant::now(), peer: Peer::Closed });
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    /// Takes up what the peer said. Says whether more of it can be read.
    fn hear(&mut self, said: ClientFrame) -> bool {
        match said {
            ClientFrame::Pong => {}
            ClientFrame::Ping(payload) => {
                let mut frame = Vec::new();
                frames::push_pong(&mut frame, &payload);
                self.send(&frame.into());
            }
            ClientFrame::Close(code) => {
                if self.ending.is_none() {
                    let mut frame = Vec::new();
                    frames::push_close(&mut frame, code, "");
                    self.send(&frame.into());
                }
                let why = self.ending.as_ref().map_or(CloseReason::PeerClosed, |ending| ending.why);
                self.ending = Some(Ending { why, progress: Instant::now(), peer: Peer::Closed });
            }
            ClientFrame::Data => self.close(CloseReason::Policy),
            ClientFrame::TooBig => self.close(CloseReason::TooBig),
            ClientFrame::ProtocolError => self.close(CloseReason::ProtocolError),
            ClientFrame::InvalidUtf8 => self.close(CloseReason::InvalidUtf8),
        }
        self.ending.as_ref().is_none_or(|ending| ending.peer == Peer::OwesClose)
    }
}

impl Subscriber {
    fn new(tcp: TcpStream) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Socket { tcp: Some(tcp), backlog: None, ending: None, silent: 0, task: None })))
    }

    /// Offers frames that are ready for the wire. Never waits, and never skips one silently: what the socket does not
    /// take is kept in bounds, and beyond them the connection is closed. Says whether it still stands.
    pub(crate) fn offer(&self, frames: &Bytes) -> bool {
        let mut socket = self.0.lock();
        socket.send(frames);
        socket.tcp.is_some()
    }

    /// Leaves frames to the connection's task.
    pub(crate) fn queue(&self, frames: Bytes) {
        self.0.lock().queue(frames, 0);
    }

    /// Ends the connection with the close frame that `why` calls for.
    pub(crate) fn close(&self, why: CloseReason) {
        self.0.lock().close(why);
    }

    /// Counts a heartbeat against the peer, and drops it where it has been silent for too many.
    pub(crate) fn count_silence(&self) {
        let mut socket = self.0.lock();
        socket.silent = socket.silent.saturating_add(1);
        if socket.silent >= SILENT_MAX {
            socket.cut(CloseReason::TimedOut);
        }
    }

    /// Whether the connection still stands.
    pub(crate) fn stands(&self) -> bool {
        self.0.lock().tcp.is_some()
    }
}

/// The task of one connection: ends when the connection has.
#[derive(Debug)]
pub(crate) struct Connection {
    subscriber: Arc<Subscriber>,
    channel: Arc<Channel>,
    inbound: Option<Box<Inbound>>,
    timer: Option<Pin<Box<Sleep>>>,
    _place: ConnectionPermit,
}

impl Connection {
    /// Subscribes `tcp` to the channel. `early` is what the peer sent right behind its handshake.
    pub(crate) fn new(tcp: TcpStream, early: &[u8], channel: Arc<Channel>, place: ConnectionPermit) -> Self {
        let subscriber = Subscriber::new(tcp);
        channel.join(&subscriber);
        let mut inbound = None;
        hear(&mut inbound, &mut subscriber.0.lock(), early);
        Self { subscriber, channel, inbound, timer: None, _place: place }
    }

    /// Reads until nothing is left. Ready when the peer will send no more.
    fn poll_read(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..READS_AT_ONCE {
            let Some(tcp) = &socket.tcp else { return Poll::Ready(()) };
            if ready!(tcp.poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            let mut bytes = [0; READ_SIZE];
            match tcp.try_read(&mut bytes) {
                Ok(0) => return Poll::Ready(()),
                Ok(count) => hear(&mut self.inbound, socket, &bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits for as long as what goes on now may take.
    fn poll_deadline(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = deadline(socket) else {
            self.timer = None;
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl Drop for Connection {
    /// Whatever ends the task, even a defect of its own, ends the connection: nobody else would.
    fn drop(&mut self) {
        self.subscriber.0.lock().cut(CloseReason::PeerClosed);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let subscriber = Arc::clone(&this.subscriber);
        let mut socket = subscriber.0.lock();
        if !socket.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            socket.task = Some(cx.waker().clone());
        }
        loop {
            let gone = this.poll_read(&mut socket, cx).is_ready();
            match poll_write(&mut socket, cx) {
                Poll::Ready(Err(_)) => socket.cut(CloseReason::PeerClosed),
                Poll::Ready(Ok(())) if gone || socket.said_goodbye() => {
                    socket.ending.get_or_insert(Ending {
                        why: CloseReason::PeerClosed,
                        progress: Instant::now(),
                        peer: Peer::Closed,
                    });
                    socket.tcp = None;
                }
                Poll::Pending if gone => socket.cut(CloseReason::PeerClosed),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            if let (None, Some(ending)) = (&socket.tcp, &socket.ending) {
                this.channel.ended(ending.why);
                return Poll::Ready(());
            }
            ready!(this.poll_deadline(&socket, cx));
            match (&socket.ending, &socket.backlog) {
                (None, _) => socket.close(CloseReason::TooSlow),
                (Some(_), Some(_)) => socket.cut(CloseReason::TooSlow),
                (Some(_), None) => socket.tcp = None, // all is sent: an ordinary end, if the peer is still there
            }
        }
    }
}

/// Takes up bytes that the peer has sent. After its close, or a breach, they are thrown away.
fn hear(inbound: &mut Option<Box<Inbound>>, socket: &mut Socket, bytes: &[u8]) {
    socket.silent = 0;
    let readable = socket.ending.as_ref().is_none_or(|ending| ending.peer == Peer::OwesClose);
    if bytes.is_empty() || !readable {
        return;
    }
    let mut state = inbound.take().unwrap_or_default();
    state.read(bytes, |said| socket.hear(said));
    if !state.is_idle() {
        *inbound = Some(state);
    }
}

/// Writes the backlog. Ready when the socket has taken all of it, or never will.
fn poll_write(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let (Some(tcp), Some(backlog)) = (&mut socket.tcp, &mut socket.backlog) else { return Poll::Ready(Ok(())) };
    while let Some((_, slice)) = backlog.slices.front() {
        ready!(tcp.poll_write_ready(cx))?;
        match tcp.try_write(&slice[backlog.written..]) {
            Ok(count) => backlog.advance(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Poll::Ready(Err(error)),
        }
        if let Some(ending) = &mut socket.ending {
            ending.progress = Instant::now();
        }
    }
    socket.backlog = None;
    match &socket.ending {
        // It cannot be understood, but it can see the end of the stream.
        Some(Ending { peer: Peer::Unreadable, .. }) => Pin::new(tcp).poll_shutdown(cx),
        _ => Poll::Ready(Ok(())),
    }
}

/// When what goes on now must have come to something, if it must.
fn deadline(socket: &Socket) -> Option<Instant> {
    match (&socket.ending, &socket.backlog) {
        (Some(ending), _) => Some(ending.progress + CLOSING_PATIENCE),
        (None, Some(backlog)) => backlog.slices.front().map(|(since, _)| *since + BACKLOG_AGE),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        feed::{Tenant, protocol::close},
        server::stream::channel::{Channel, ChannelConfig},
    };

    #[tokio::test]
    async fn of_a_backlog_that_is_too_large_the_frame_under_way_is_sent_and_the_rest_is_dropped() {
        use tokio::io::AsyncReadExt;

        let config = ChannelConfig {
            epoch: uuid::Uuid::nil(),
            build: "x".into(),
            retain: 1,
            max_connections: 1,
            heartbeat: Duration::from_secs(15),
        };
        let channel = Arc::new(Channel::new(Tenant::A, config));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        let place = channel.place().unwrap();
        let connection = Connection::new(tcp, &[], channel, place);
        let subscriber = Arc::clone(&connection.subscriber);
        let ended = tokio::spawn(connection);
        let mut read = Vec::with_capacity(64 * 1024);
        while read.is_empty() || subscriber.0.lock().backlog.is_some() {
            peer.read_buf(&mut read).await.unwrap(); // the hello: what follows goes onto the wire as far as that takes it
        }
        read.clear();

        let (mut frame, mut close) = (Vec::new(), Vec::new());
        frames::push_text(&mut frame, &"x".repeat(10_000));
        frames::push_close(&mut close, Some(close::TRY_AGAIN_LATER), "reads too slowly");
        let frame = Bytes::from(frame);
        let mut offered = 0;
        while subscriber.0.lock().ending.is_none() {
            subscriber.offer(&frame);
            offered += frame.len();
        }
        while !read.ends_with(&close) {
            assert_ne!(peer.read_buf(&mut read).await.unwrap(), 0, "the close frame comes last");
        }
        let sent = read.len() - close.len();
        assert_eq!(frames::end_of_frame(&read, sent), sent, "whole frames before it");
        assert!(
            sent > frame.len() && sent + BACKLOG_MAX <= offered + frame.len(),
            "{sent} bytes of {offered} were sent"
        );
        drop(peer);
        ended.await.unwrap();
    }
}
