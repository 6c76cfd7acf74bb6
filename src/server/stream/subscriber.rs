//! The shared half of a subscriber's connection: its socket, and how far its peer has received the channel's frames.
//! The fan-out offers each batch to it; its task ([`Connection`](super::connection::Connection)) sends what the socket
//! did not take at once.
//!
//! Both send from one position in the channel's [`BatchLog`], under one lock, so no frame is sent twice or skipped. The
//! lock is held for one system call at most, and a batch never waits for it: if the task has the lock, the fan-out
//! wakes the task, which then sends the batch from the log.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::{io::AsyncWrite, net::TcpStream, time::Instant};

use super::{
    batch_log::{BACKLOG_AGE, BACKLOG_MAX, BatchLog, Segment},
    close_reason::CloseReason,
    frames,
};

/// How long a closing connection may make no progress (contract, "WebSocket").
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of what a peer sends after its connection began to close is read and discarded, in bytes. Beyond it the
/// connection is reset.
const DISCARD_MAX: usize = 256 * 1024;
/// How many batches one system call may send.
const SLICES_MAX: usize = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Subscriber {
    socket: Mutex<Socket>,
    /// The connection's task.
    task: AtomicWaker,
}

/// The state under the lock.
#[derive(Debug)]
struct Socket {
    /// `None` once the connection has ended.
    tcp: Option<TcpStream>,
    /// How far the peer was sent the channel's frames: a position in the channel's log.
    position: u64,
    /// Frames for this connection alone, if any is still to be sent.
    own: Option<Box<OwnFrames>>,
    closing: Option<Closing>,
    /// How many checks for silent peers there were since the peer last sent anything.
    silent_checks: u8,
    /// Pings of the server that no pong has answered yet.
    unanswered_pings: u8,
}

/// Frames for one connection alone. Each is sent between two frames of the channel.
#[derive(Debug)]
struct OwnFrames {
    /// The frame that is sent next, or what is left of it. It is chosen at the end of a frame of the channel, so nothing comes
    /// before it.
    current: Bytes,
    /// The answer to the newest ping. It answers the pings before it too (RFC 6455, section 5.5.3).
    pong: Option<Bytes>,
    /// The close frame: nothing is sent after it.
    close: Option<Bytes>,
    queued_at: Instant,
}

/// A connection that ends.
#[derive(Debug)]
struct Closing {
    reason: CloseReason,
    peer: PeerState,
    /// When the socket last took some of what is still to be sent.
    progress_at: Instant,
    /// How much of what the peer sent since was read and discarded, in bytes.
    discarded: usize,
}

/// How much can still be read from the peer of a connection that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerState {
    /// Its close frame is still to come.
    Open,
    /// Nothing: it has broken the protocol.
    Unreadable,
    /// Nothing: its close frame has come.
    Closed,
}

/// The bytes to send next.
enum Next {
    Nothing,
    /// The current one of [`OwnFrames`].
    Own,
    /// The channel's frames.
    Channel(Vec<Bytes>),
    /// Frames that the log no longer keeps.
    Lost,
}

impl OwnFrames {
    fn new() -> Self {
        Self { current: Bytes::new(), pong: None, close: None, queued_at: Instant::now() }
    }

    fn is_empty(&self) -> bool {
        self.current.is_empty() && self.pong.is_none() && self.close.is_none()
    }
}

impl Socket {
    fn own(&mut self) -> &mut OwnFrames {
        self.own.get_or_insert_with(|| Box::new(OwnFrames::new()))
    }

    /// Chooses what is sent next. An own frame waits for the end of the frame that is under way. The close frame waits
    /// for nothing else, but before a stop it waits for all that the channel has sent.
    fn next(&mut self, log: &BatchLog) -> Next {
        let (is_stopping, is_closing) = (self.is_stopping(), self.closing.is_some());
        let sends_channel = is_stopping || !is_closing;
        if let Some(own) = &mut self.own {
            if !own.current.is_empty() {
                return Next::Own;
            }
            match log.rest_of_frame(self.position) {
                _ if !sends_channel => {} // the frame under way is an own one since `Socket::begin_to_close`
                None => return Next::Lost,
                Some(rest) if rest.is_empty() => {}
                Some(rest) => return Next::Channel(vec![rest]),
            }
            let pong = own.pong.take().filter(|_| !is_closing);
            let is_complete = !is_stopping || self.position >= log.end();
            own.current = pong.or_else(|| own.close.take_if(|_| is_complete)).unwrap_or_default();
            if !own.current.is_empty() {
                return Next::Own;
            }
        }
        if !sends_channel {
            return Next::Nothing;
        }
        match log.read(self.position, SLICES_MAX) {
            None => Next::Lost,
            Some(slices) if slices.is_empty() => Next::Nothing,
            Some(slices) => Next::Channel(slices),
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(self.closing, Some(Closing { reason: CloseReason::Stopping, .. }))
    }

    /// Notes that the socket took `count` bytes of what [`Socket::next`] chose.
    fn advance(&mut self, next: &Next, count: usize) {
        match (next, &mut self.own) {
            (Next::Own, Some(own)) => {
                own.current.advance(count);
                if own.is_empty() {
                    self.own = None;
                }
            }
            _ => self.position += count as u64,
        }
        if let Some(closing) = &mut self.closing {
            closing.progress_at = Instant::now();
        }
    }

    /// Ends the connection with the close frame of `reason`, after which nothing is sent. The first reason is kept.
    fn close(&mut self, reason: CloseReason, log: &BatchLog) {
        if let Some(closing) = self.closing.as_mut().filter(|_| reason.is_breach()) {
            closing.peer = PeerState::Unreadable;
        }
        let (None, Some((code, text))) = (&self.closing, reason.close_frame()) else { return };
        let peer = if reason.is_breach() { PeerState::Unreadable } else { PeerState::Open };
        self.begin_to_close(Closing { reason, peer, ..Closing::by_peer() }, Some(code), text, log);
    }

    /// Notes that the peer has closed. If it was the first to, its code is sent back (RFC 6455, section 5.5.1).
    fn peer_closed(&mut self, code: Option<u16>, log: &BatchLog) {
        match &mut self.closing {
            Some(closing) => closing.peer = PeerState::Closed,
            None => self.begin_to_close(Closing::by_peer(), code, "", log),
        }
    }

    /// Queues a close frame. Unless the server stops, nothing of the channel is sent before it but the rest of the
    /// frame under way, which is kept here: the log may have dropped it before the socket takes it.
    fn begin_to_close(&mut self, closing: Closing, code: Option<u16>, text: &str, log: &BatchLog) {
        let mut frame = Vec::new();
        frames::push_close(&mut frame, code, text);
        let position = self.position;
        let own = self.own();
        own.close = Some(frame.into());
        let is_own_under_way = !own.current.is_empty();
        let (reason, is_stop) = (closing.reason, closing.reason == CloseReason::Stopping);
        self.closing = Some(closing);
        if is_stop || is_own_under_way {
            return;
        }
        match log.rest_of_frame(position) {
            None => self.reset(reason),
            Some(rest) => self.own().current = rest,
        }
    }

    /// Ends the connection at once, by a reset: the peer is gone, or counts as gone, and nothing lingers in the kernel.
    fn reset(&mut self, reason: CloseReason) {
        if let Some(tcp) = self.tcp.take() {
            // An error leaves the ordinary end of a TCP stream.
            let _ = tcp.set_zero_linger();
        }
        self.own = None;
        self.closing.get_or_insert(Closing { reason, ..Closing::by_peer() });
    }

    /// Ends the connection in the ordinary way: what the kernel has taken still arrives.
    fn end(&mut self) {
        self.tcp = None;
        self.own = None;
        self.closing.get_or_insert_with(Closing::by_peer);
    }
}

impl Closing {
    fn by_peer() -> Self {
        Self { reason: CloseReason::PeerClosed, peer: PeerState::Closed, progress_at: Instant::now(), discarded: 0 }
    }
}

/// The half of the fan-out.
impl Subscriber {
    /// A subscriber that has not joined its channel yet.
    pub(crate) fn new(tcp: TcpStream) -> Self {
        let socket = Socket {
            tcp: Some(tcp),
            position: u64::MAX,
            own: None,
            closing: None,
            silent_checks: 0,
            unanswered_pings: 0,
        };
        Self { socket: Mutex::new(socket), task: AtomicWaker::new() }
    }

    /// Subscribes it to the channel's frames from `position` on. Its task sends `hello` before them.
    pub(crate) fn start(&self, hello: Bytes, position: u64) {
        let mut socket = self.socket.lock();
        socket.position = position;
        socket.own().current = hello;
    }

    /// Offers a batch, which is in the log already. Sends it at once if all before it is sent and the socket takes it;
    /// what is left is sent by the task. A subscriber that falls too far behind is closed. Never waits.
    ///
    /// Gives the position that the subscriber has reached; `None` once its connection has ended.
    pub(crate) fn offer(&self, batch: &Segment, has_ping: bool, log: &BatchLog) -> Option<u64> {
        let Some(mut socket) = self.socket.try_lock() else {
            self.task.wake();
            return Some(0); // it may be anywhere
        };
        socket.tcp.as_ref()?;
        if has_ping {
            socket.unanswered_pings = socket.unanswered_pings.saturating_add(1);
        }
        if socket.closing.is_some() {
            return Some(socket.position);
        }
        if socket.own.is_some() || socket.position < batch.start {
            if batch.end().saturating_sub(socket.position) > BACKLOG_MAX as u64 {
                socket.close(CloseReason::TooSlow, log);
                self.task.wake();
            }
            return Some(socket.position);
        }
        let (Some(rest), Some(tcp)) = (batch.from(socket.position), &socket.tcp) else { return Some(socket.position) };
        match tcp.try_write(&rest) {
            Ok(count) if count == rest.len() => socket.position += count as u64,
            Ok(count) => {
                socket.position += count as u64;
                self.task.wake();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.task.wake(),
            Err(_) => {
                socket.reset(CloseReason::PeerClosed);
                self.task.wake();
            }
        }
        socket.tcp.as_ref().map(|_| socket.position)
    }

    /// Ends the connection with the close frame of `reason`.
    pub(crate) fn close(&self, reason: CloseReason, log: &BatchLog) {
        self.socket.lock().close(reason, log);
        self.task.wake();
    }

    /// Counts a check for silent peers, and drops the peer if it has sent nothing since the last `most`. (Checks count,
    /// not a clock: a server that was suspended first reads what has come meanwhile.)
    pub(crate) fn check_silence(&self, most: u8) {
        let Some(mut socket) = self.socket.try_lock() else { return }; // its task is at work
        socket.silent_checks = socket.silent_checks.saturating_add(1);
        if socket.tcp.is_some() && socket.silent_checks > most {
            socket.reset(CloseReason::TimedOut);
            self.task.wake();
        }
    }

    /// Whether the connection has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.socket.try_lock().is_none_or(|socket| socket.tcp.is_some())
    }
}

/// The half of the connection's task.
impl Subscriber {
    /// Has the task woken from now on.
    pub(super) fn register(&self, cx: &Context<'_>) {
        self.task.register(cx.waker());
    }

    /// Reads once. Ready with 0 if nothing more will come.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<usize> {
        let socket = self.socket.lock();
        let Some(tcp) = &socket.tcp else { return Poll::Ready(0) };
        if ready!(tcp.poll_read_ready(cx)).is_err() {
            return Poll::Ready(0);
        }
        match tcp.try_read(bytes) {
            Ok(count) => Poll::Ready(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref(); // the next poll registers for more
                Poll::Pending
            }
            Err(_) => Poll::Ready(0),
        }
    }

    /// Notes that the peer has sent `count` bytes. Says whether they are to be read as frames: not after its close
    /// frame, and not after a breach. A peer that floods a closing connection is reset.
    pub(super) fn received(&self, count: usize) -> bool {
        let mut socket = self.socket.lock();
        socket.silent_checks = 0;
        let Some(closing) = &mut socket.closing else { return true };
        closing.discarded += count;
        let (is_flood, is_readable) = (closing.discarded > DISCARD_MAX, closing.peer == PeerState::Open);
        if is_flood {
            socket.reset(CloseReason::Flood);
        }
        is_readable
    }

    /// Answers a ping.
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut frame = Vec::new();
        frames::push_pong(&mut frame, payload);
        let mut socket = self.socket.lock();
        if socket.closing.is_none() {
            socket.own().pong = Some(frame.into());
        }
    }

    /// Takes a pong. Says whether the server has asked for it.
    pub(super) fn is_asked_for(&self) -> bool {
        let mut socket = self.socket.lock();
        let rest = socket.unanswered_pings.checked_sub(1);
        socket.unanswered_pings = rest.unwrap_or_default();
        rest.is_some()
    }

    /// Notes that the peer has closed.
    pub(super) fn peer_closed(&self, code: Option<u16>, log: &BatchLog) {
        self.socket.lock().peer_closed(code, log);
    }

    /// Whether frames of the peer are still read.
    pub(super) fn is_readable(&self) -> bool {
        self.socket.lock().closing.as_ref().is_none_or(|closing| closing.peer == PeerState::Open)
    }

    /// Sends what is still to be sent, by one system call at most. Ready when nothing is left.
    pub(super) fn poll_write(&self, log: &BatchLog, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.socket.lock();
        let mut has_written = false;
        loop {
            let next = socket.next(log);
            let is_unreadable = matches!(socket.closing, Some(Closing { peer: PeerState::Unreadable, .. }));
            let Socket { tcp: Some(tcp), own, .. } = &mut *socket else { return Poll::Ready(Ok(())) };
            if has_written && !matches!(next, Next::Nothing) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let written = match &next {
                // It cannot be understood, but it can see the end of the stream.
                Next::Nothing if is_unreadable => return Pin::new(tcp).poll_shutdown(cx),
                Next::Nothing => return Poll::Ready(Ok(())),
                Next::Lost => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Next::Own => {
                    ready!(tcp.poll_write_ready(cx))?;
                    tcp.try_write(own.as_ref().map_or(&[], |own| &own.current))
                }
                Next::Channel(slices) => {
                    ready!(tcp.poll_write_ready(cx))?;
                    tcp.try_write_vectored(&slices.iter().map(|slice| IoSlice::new(slice)).collect::<Vec<_>>())
                }
            };
            match written {
                Ok(count) => socket.advance(&next, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {} // the next poll registers for more
                Err(error) => return Poll::Ready(Err(error)),
            }
            has_written = true;
        }
    }

    /// Ends the connection by a reset.
    pub(super) fn reset(&self, reason: CloseReason) {
        self.socket.lock().reset(reason);
    }

    /// Ends the connection in the ordinary way if both sides have closed, or if the peer will send nothing more.
    pub(super) fn end_if_complete(&self, peer_is_gone: bool) {
        let mut socket = self.socket.lock();
        let both_closed = matches!(socket.closing, Some(Closing { peer: PeerState::Closed, .. }));
        if both_closed || peer_is_gone {
            socket.end();
        }
    }

    /// Why the connection has ended; `None` while it has not.
    pub(super) fn ended(&self) -> Option<CloseReason> {
        let socket = self.socket.lock();
        socket.closing.as_ref().filter(|_| socket.tcp.is_none()).map(|closing| closing.reason)
    }

    /// When what goes on now must be over; `None` if it may go on.
    pub(super) fn deadline(&self, log: &BatchLog) -> Option<Instant> {
        let socket = self.socket.lock();
        if let Some(closing) = &socket.closing {
            return Some(closing.progress_at + CLOSE_TIMEOUT);
        }
        backlog_deadline(socket.own.as_ref().map(|own| own.queued_at), log.queued_at(socket.position))
    }

    /// Acts on a deadline that has passed.
    pub(super) fn time_out(&self, log: &BatchLog) {
        let mut socket = self.socket.lock();
        if socket.closing.is_none() {
            socket.close(CloseReason::TooSlow, log);
        } else if matches!(socket.next(log), Next::Nothing) {
            socket.end(); // all is sent: it arrives if the peer is still there
        } else {
            socket.reset(CloseReason::TooSlow);
        }
    }
}

/// When a backlog is too old. A pong that waits does not postpone it.
fn backlog_deadline(own_since: Option<Instant>, channel_since: Option<Instant>) -> Option<Instant> {
    own_since.into_iter().chain(channel_since).min().map(|since| since + BACKLOG_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_as_old_as_the_oldest_of_what_waits() {
        let (earlier, later) = (Instant::now(), Instant::now() + Duration::from_secs(9));
        for (own, channel) in [(Some(earlier), Some(later)), (Some(later), Some(earlier)), (Some(earlier), None)] {
            assert_eq!(backlog_deadline(own, channel), Some(earlier + BACKLOG_AGE));
        }
        assert_eq!(backlog_deadline(None, None), None);
    }
}
