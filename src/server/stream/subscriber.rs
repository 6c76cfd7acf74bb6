//! Sends a channel's frames to one peer. A subscriber is the half of a connection that the fan-out and the connection's
//! task ([`Connection`](super::connection::Connection)) share: the socket, and a position in the channel's [`BatchLog`].
//!
//! The fan-out offers each batch, and the task sends what the socket did not accept at once. Both send from the one
//! position, under one lock, so no frame is sent twice or skipped. The lock is held for one read or one write at most. A
//! batch never waits for it: if the task has the lock, the fan-out wakes the task, which sends the batch from the log.
//!
//! A subscriber also has frames of its own: the hello, pongs and the close frame. It sends them between two frames of the
//! channel.

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

/// Maximum time for which a closing connection may make no progress (contract, "WebSocket").
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum number of bytes that are read from a closing connection and discarded. Above it the connection is reset
/// (contract, "WebSocket").
const DISCARD_MAX: usize = 256 * 1024;
/// Maximum number of batches that one system call sends.
const SLICES_MAX: usize = 16;

/// The shared half of a connection.
#[derive(Debug)]
pub(crate) struct Subscriber {
    socket: Mutex<Socket>,
    /// Wakes the connection's task.
    task: AtomicWaker,
}

/// The state under the lock.
#[derive(Debug)]
struct Socket {
    /// `None` once the connection has ended.
    tcp: Option<TcpStream>,
    /// The position in the channel's log of the next byte to send.
    position: u64,
    /// The frames of this connection alone; `None` if all of them are sent.
    own: Option<Box<OwnFrames>>,
    closing: Option<Closing>,
    /// The number of checks for silent peers since the peer last sent anything.
    silent_checks: u8,
    /// The number of pings of the server that the peer has not answered yet.
    unanswered_pings: u8,
}

/// The unsent frames of one connection alone. Each is sent between two frames of the channel.
#[derive(Debug)]
struct OwnFrames {
    /// The bytes that are sent next: an own frame, or what is left of it. An own frame is put here only between two frames
    /// of the channel. When the connection begins to close, the rest of the channel's current frame is put here instead.
    current: Bytes,
    /// The answer to the newest ping. It answers the pings before it too (RFC 6455, section 5.5.3).
    pong: Option<Bytes>,
    /// The close frame. Nothing is sent after it.
    close: Option<Bytes>,
    queued_at: Instant,
}

/// The state of a connection that is closing.
#[derive(Debug)]
struct Closing {
    reason: CloseReason,
    peer: PeerState,
    /// The time when the socket last accepted bytes, or when the closing began.
    progress_at: Instant,
    /// The number of bytes of the peer that were discarded since the closing began.
    discarded: usize,
}

/// Whether the peer of a closing connection still sends frames that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PeerState {
    /// Its close frame has not arrived yet, so its frames are still handled.
    Open,
    /// It has broken the protocol, so no further frame can be parsed.
    Unreadable,
    /// Its close frame has arrived.
    Closed,
}

/// The bytes to send next.
enum Next {
    Nothing,
    /// The current bytes of [`OwnFrames`].
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

    /// Chooses the bytes to send next. An own frame waits for the end of the current frame of the channel. The close frame
    /// waits for nothing else, except at a stop: then it waits until all frames in the log are sent.
    fn next(&mut self, log: &BatchLog) -> Next {
        let (is_stopping, is_closing) = (self.is_stopping(), self.closing.is_some());
        let sends_channel = is_stopping || !is_closing;
        if let Some(own) = &mut self.own {
            if !own.current.is_empty() {
                return Next::Own;
            }
            match log.rest_of_frame(self.position) {
                _ if !sends_channel => {} // `Socket::begin_to_close` has put the rest of the frame into `own.current`
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

    /// Notes that the socket accepted `count` bytes of `next`, which [`Socket::next`] chose.
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

    /// Begins to close the connection with the close frame of `reason`, unless it is closing already. A breach of the
    /// protocol makes the peer unreadable in any case.
    fn close(&mut self, reason: CloseReason, log: &BatchLog) {
        if let Some(closing) = self.closing.as_mut().filter(|_| reason.is_breach()) {
            closing.peer = PeerState::Unreadable;
        }
        let (None, Some((code, text))) = (&self.closing, reason.close_frame()) else { return };
        let peer = if reason.is_breach() { PeerState::Unreadable } else { PeerState::Open };
        self.begin_to_close(Closing { reason, peer, ..Closing::by_peer() }, Some(code), text, log);
    }

    /// Notes the peer's close frame. If the server has sent none before, it sends the code back (RFC 6455, section 5.5.1).
    fn peer_closed(&mut self, code: Option<u16>, log: &BatchLog) {
        match &mut self.closing {
            Some(closing) => closing.peer = PeerState::Closed,
            None => self.begin_to_close(Closing::by_peer(), code, "", log),
        }
    }

    /// Queues a close frame. At a stop all frames in the log are sent before it. Otherwise only the rest of the current
    /// frame is sent before it. That rest is copied to `own`, because the log may drop it before the socket accepts it.
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

    /// Ends the connection at once with a reset, for a peer that is gone or counts as gone. The kernel drops unsent bytes.
    fn reset(&mut self, reason: CloseReason) {
        if let Some(tcp) = self.tcp.take() {
            // If this fails, the stream ends in the ordinary way.
            let _ = tcp.set_zero_linger();
        }
        self.own = None;
        self.closing.get_or_insert(Closing { reason, ..Closing::by_peer() });
    }

    /// Ends the connection in the ordinary way: bytes that the kernel has accepted still arrive.
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

/// The functions for the channel and its fan-out.
impl Subscriber {
    /// Makes a subscriber that has not joined its channel yet.
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

    /// Starts at `position` of the channel's log. The task sends `hello` before the channel's frames.
    pub(crate) fn start(&self, hello: Bytes, position: u64) {
        let mut socket = self.socket.lock();
        socket.position = position;
        socket.own().current = hello;
    }

    /// Offers a batch, which is in the log already. If everything before the batch is sent, sends as much of it as the
    /// socket accepts; the task sends the rest. Closes the connection if its backlog is too large. Never waits.
    ///
    /// Returns the position that the subscriber has reached, 0 if it is not known, and `None` if its connection has ended.
    pub(crate) fn offer(&self, batch: &Segment, has_ping: bool, log: &BatchLog) -> Option<u64> {
        let Some(mut socket) = self.socket.try_lock() else {
            self.task.wake();
            return Some(0); // the position is not known
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

    /// Begins to close the connection with the close frame of `reason`.
    pub(crate) fn close(&self, reason: CloseReason, log: &BatchLog) {
        self.socket.lock().close(reason, log);
        self.task.wake();
    }

    /// Counts a check for silent peers, and resets the connection after more than `most` checks without a byte from the
    /// peer. It counts checks, not time: a server that was suspended then reads what has arrived before it resets a peer.
    pub(crate) fn check_silence(&self, most: u8) {
        let Some(mut socket) = self.socket.try_lock() else { return }; // the task runs: this check does not count
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

/// The functions for the connection's task.
impl Subscriber {
    /// Registers the task to be woken.
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
                cx.waker().wake_by_ref(); // the next poll registers for readiness
                Poll::Pending
            }
            Err(_) => Poll::Ready(0),
        }
    }

    /// Notes that the peer has sent `count` bytes. Returns whether they must be parsed as frames: after the peer's close
    /// frame or a breach of the protocol, they must not. Resets a closing connection if the peer sends too much.
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

    /// Queues the answer to a ping. It replaces an answer that is not sent yet.
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut frame = Vec::new();
        frames::push_pong(&mut frame, payload);
        let mut socket = self.socket.lock();
        if socket.closing.is_none() {
            socket.own().pong = Some(frame.into());
        }
    }

    /// Notes a pong. Returns whether it answers a ping of the server.
    pub(super) fn take_expected_pong(&self) -> bool {
        let mut socket = self.socket.lock();
        let rest = socket.unanswered_pings.checked_sub(1);
        socket.unanswered_pings = rest.unwrap_or_default();
        rest.is_some()
    }

    /// Notes the peer's close frame.
    pub(super) fn peer_closed(&self, code: Option<u16>, log: &BatchLog) {
        self.socket.lock().peer_closed(code, log);
    }

    /// Whether frames of the peer are still handled.
    pub(super) fn is_readable(&self) -> bool {
        self.socket.lock().closing.as_ref().is_none_or(|closing| closing.peer == PeerState::Open)
    }

    /// Sends unsent bytes with one write at most. Ready when nothing is left to send, or the connection has ended.
    /// Resets it if the log no longer keeps the frames to send.
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
                // The peer's close frame cannot be parsed any more, so the end of its stream is awaited instead.
                Next::Nothing if is_unreadable => return Pin::new(tcp).poll_shutdown(cx),
                Next::Nothing => return Poll::Ready(Ok(())),
                Next::Lost => {
                    socket.reset(CloseReason::TooSlow);
                    return Poll::Ready(Ok(()));
                }
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
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {} // the next poll registers for readiness
                Err(error) => return Poll::Ready(Err(error)),
            }
            has_written = true;
        }
    }

    /// Ends the connection with a reset.
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

    /// The reason for which the connection has ended; `None` while it is open.
    pub(super) fn ended(&self) -> Option<CloseReason> {
        let socket = self.socket.lock();
        socket.closing.as_ref().filter(|_| socket.tcp.is_none()).map(|closing| closing.reason)
    }

    /// The deadline of the closing, or of the backlog; `None` if there is neither.
    pub(super) fn deadline(&self, log: &BatchLog) -> Option<Instant> {
        let socket = self.socket.lock();
        if let Some(closing) = &socket.closing {
            return Some(closing.progress_at + CLOSE_TIMEOUT);
        }
        backlog_deadline(socket.own.as_ref().map(|own| own.queued_at), log.queued_at(socket.position))
    }

    /// Handles a deadline that has passed: closes the connection if it is open, else ends it.
    pub(super) fn time_out(&self, log: &BatchLog) {
        let mut socket = self.socket.lock();
        if socket.closing.is_none() {
            socket.close(CloseReason::TooSlow, log);
        } else if matches!(socket.next(log), Next::Nothing) {
            socket.end(); // all is sent, and arrives if the peer is still there
        } else {
            socket.reset(CloseReason::TooSlow);
        }
    }
}

/// The time when a backlog becomes too old: it is as old as the oldest byte, of an own frame or of the channel.
fn backlog_deadline(own_since: Option<Instant>, channel_since: Option<Instant>) -> Option<Instant> {
    own_since.into_iter().chain(channel_since).min().map(|since| since + BACKLOG_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_as_old_as_its_oldest_byte() {
        let (earlier, later) = (Instant::now(), Instant::now() + Duration::from_secs(9));
        for (own, channel) in [(Some(earlier), Some(later)), (Some(later), Some(earlier)), (Some(earlier), None)] {
            assert_eq!(backlog_deadline(own, channel), Some(earlier + BACKLOG_AGE));
        }
        assert_eq!(backlog_deadline(None, None), None);
    }
}
