//! Runs the task of one WebSocket connection: sends the frames that the fan-out could not send at once, handles the frames
//! of the peer, and ends when the connection has ended.
//!
//! An idle connection takes a few hundred bytes: a TCP stream, and a task that is one hand-written poll function. A
//! buffer, a timer and a parser's state exist only while they are needed. Each poll does one read and one write,
//! whatever the peer sends.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    net::TcpStream,
    time::{Sleep, sleep_until},
};

use super::{
    batch_log::BatchLog,
    channel::{Channel, ConnectionPermit},
    close_reason::CloseReason,
    frame_limit::FrameLimit,
    inbound::{ClientFrame, Inbound},
    subscriber::Subscriber,
};

/// Maximum number of bytes that one poll reads.
const READ_SIZE: usize = 2 * 1024;

/// The task of one connection. It ends when the connection has ended.
#[derive(Debug)]
pub(crate) struct Connection {
    subscriber: Arc<Subscriber>,
    channel: Arc<Channel>,
    inbound: Option<Box<Inbound>>,
    frame_limit: FrameLimit,
    timer: Option<Pin<Box<Sleep>>>,
    _permit: ConnectionPermit,
}

impl Connection {
    /// Subscribes `tcp` to the channel. `early` holds the bytes that the peer sent right behind its handshake.
    pub(crate) fn new(tcp: TcpStream, early: &[u8], channel: Arc<Channel>, permit: ConnectionPermit) -> Self {
        let subscriber = Arc::new(Subscriber::new(tcp));
        channel.join(&subscriber);
        let frame_limit = FrameLimit::default();
        let mut this = Self { subscriber, channel, inbound: None, frame_limit, timer: None, _permit: permit };
        if !early.is_empty() {
            this.receive(early);
        }
        this
    }

    /// Reads once. Ready when the peer will send nothing more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; READ_SIZE];
        match ready!(self.subscriber.poll_read(cx, &mut bytes)) {
            0 => Poll::Ready(()),
            count => {
                self.receive(&bytes[..count]);
                cx.waker().wake_by_ref(); // there may be more to read, after other tasks have run
                Poll::Pending
            }
        }
    }

    /// Handles bytes that the peer has sent.
    fn receive(&mut self, bytes: &[u8]) {
        if !self.subscriber.received(bytes.len()) {
            self.inbound = None;
            return;
        }
        let mut inbound = self.inbound.take().unwrap_or_default();
        let Self { subscriber, channel, frame_limit, .. } = self;
        inbound.read(bytes, |frame| handle(subscriber, channel.log(), frame_limit, frame));
        if !inbound.is_idle() {
            self.inbound = Some(inbound);
        }
    }

    /// Ready when the current deadline has passed.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.subscriber.deadline(self.channel.log()) else {
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

/// Handles one frame of the peer. Returns whether to continue with its next frame.
fn handle(subscriber: &Subscriber, log: &BatchLog, limit: &mut FrameLimit, frame: ClientFrame) -> bool {
    let within_limit = match &frame {
        ClientFrame::Pong => subscriber.take_expected_pong() || limit.count(),
        ClientFrame::Ping(_) | ClientFrame::EmptyFragment => limit.count(),
        _ => true,
    };
    if !within_limit {
        subscriber.close(CloseReason::Flood, log);
        return subscriber.is_readable();
    }
    match frame {
        ClientFrame::Pong | ClientFrame::EmptyFragment => {}
        ClientFrame::Ping(payload) => subscriber.pong(&payload),
        ClientFrame::Close(code) => subscriber.peer_closed(code, log),
        ClientFrame::Data => subscriber.close(CloseReason::Policy, log),
        ClientFrame::TooBig => subscriber.close(CloseReason::TooBig, log),
        ClientFrame::ProtocolError => subscriber.close(CloseReason::ProtocolError, log),
        ClientFrame::InvalidUtf8 => subscriber.close(CloseReason::InvalidUtf8, log),
    }
    subscriber.is_readable()
}

impl Drop for Connection {
    /// Ends the connection if its task ends early, even by a panic. Nothing else would end it.
    fn drop(&mut self) {
        self.subscriber.reset(CloseReason::PeerClosed);
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.subscriber.register(cx);
        let peer_is_gone = this.poll_read(cx).is_ready();
        match this.subscriber.poll_write(this.channel.log(), cx) {
            Poll::Ready(Err(_)) => this.subscriber.reset(CloseReason::PeerClosed),
            Poll::Ready(Ok(())) => this.subscriber.end_if_complete(peer_is_gone),
            Poll::Pending if peer_is_gone => this.subscriber.reset(CloseReason::PeerClosed),
            Poll::Pending => {}
        }
        if let Some(reason) = this.subscriber.ended() {
            this.channel.count_ended(reason);
            return Poll::Ready(());
        }
        ready!(this.poll_deadline(cx));
        this.subscriber.time_out(this.channel.log());
        cx.waker().wake_by_ref(); // the next poll sends the close frame, or ends the task
        Poll::Pending
    }
}
