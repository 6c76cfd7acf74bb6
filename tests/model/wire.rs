//! Simulates a TCP connection: the server's end has the functions of tokio's `TcpStream` that `subscriber` calls.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, Cursor, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use real_tokio::io::AsyncWrite;
use shuttle::rand::{Rng, thread_rng};
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// The steps in which a peer accepts more bytes: less than a frame, about one frame, or anything.
const STEPS: [usize; 3] = [7, 300, 1 << 20];

/// Both directions of a connection. Its lock is an ordinary one, so each operation is one step of a schedule.
#[derive(Debug, Default)]
struct Wire {
    to_peer: Vec<u8>,
    /// The number of bytes that the peer still accepts.
    accepts: usize,
    to_server: VecDeque<u8>,
    server_gone: bool,
    peer_gone: bool,
    server: Vec<Waker>,
    peer: Option<Waker>,
}

/// The server's end of a connection.
#[derive(Debug)]
pub(crate) struct TcpStream(Arc<Mutex<Wire>>);

/// The peer's end of a connection.
#[derive(Debug)]
pub(crate) struct Peer(Arc<Mutex<Wire>>);

/// A frame that a peer receives, or the end of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Text(String),
    Ping,
    Pong,
    Close(Option<u16>),
    End,
}

pub(crate) fn connect() -> (TcpStream, Peer) {
    let wire = Wire { accepts: if thread_rng().r#gen() { 0 } else { usize::MAX / 2 }, ..Wire::default() };
    let wire = Arc::new(Mutex::new(wire));
    (TcpStream(Arc::clone(&wire)), Peer(wire))
}

fn lock(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    fn wake_server(&mut self) {
        self.server.drain(..).for_each(Waker::wake);
    }

    fn wake_peer(&mut self) {
        if let Some(peer) = self.peer.take() {
            peer.wake();
        }
    }

    /// Ready if the server could continue. Else the server is woken later.
    fn poll(&mut self, ready: bool, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if ready || self.peer_gone {
            return Poll::Ready(Ok(()));
        }
        self.server.push(cx.waker().clone());
        Poll::Pending
    }
}

impl TcpStream {
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut wire = lock(&self.0);
        if wire.peer_gone {
            // The second one is the error if the peer's network has failed.
            let errors = [io::ErrorKind::BrokenPipe, io::ErrorKind::TimedOut];
            return Err(errors[thread_rng().gen_range(0..errors.len())].into());
        }
        let count = wire.accepts.min(bytes.len());
        if count == 0 || thread_rng().gen_ratio(1, 8) {
            return Err(io::ErrorKind::WouldBlock.into()); // a socket may return this even if it was reported as ready
        }
        wire.accepts -= count;
        wire.to_peer.extend_from_slice(&bytes[..count]);
        wire.wake_peer();
        Ok(count)
    }

    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write(&slices.iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<_>>())
    }

    pub(crate) fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut wire = lock(&self.0);
        let count = wire.to_server.len().min(bytes.len());
        if count == 0 && !wire.peer_gone {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        bytes.iter_mut().zip(wire.to_server.drain(..count)).for_each(|(byte, came)| *byte = came);
        Ok(count)
    }

    pub(crate) fn poll_read_ready(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.0);
        let ready = !wire.to_server.is_empty();
        wire.poll(ready, cx)
    }

    pub(crate) fn poll_write_ready(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.0);
        let ready = wire.accepts > 0;
        wire.poll(ready, cx)
    }

    pub(crate) fn set_zero_linger(&self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.try_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let mut wire = lock(&self.0);
        wire.server_gone = true;
        wire.wake_peer();
    }
}

impl Peer {
    /// Receives the next frame.
    pub(crate) async fn receive(&mut self) -> Received {
        poll_fn(|cx| {
            let mut wire = lock(&self.0);
            if let Some((frame, length)) = first_frame(&wire.to_peer) {
                wire.to_peer.drain(..length);
                return Poll::Ready(frame);
            }
            if wire.server_gone {
                assert!(wire.to_peer.is_empty(), "the stream ended within a frame");
                return Poll::Ready(Received::End);
            }
            if wire.accepts < STEPS[2] {
                wire.accepts += STEPS[thread_rng().gen_range(0..STEPS.len())];
            }
            wire.wake_server();
            wire.peer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        let mut wire = lock(&self.0);
        wire.to_server.extend(bytes);
        wire.wake_server();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut wire = lock(&self.0);
        wire.peer_gone = true;
        wire.wake_server();
    }
}

/// The first frame in `bytes`, and its length; `None` if it has not arrived whole.
fn first_frame(bytes: &[u8]) -> Option<(Received, usize)> {
    let mut cursor = Cursor::new(bytes);
    let (header, length) = FrameHeader::parse(&mut cursor).expect("a frame of this server")?;
    let start = usize::try_from(cursor.position()).expect("a length in memory");
    let end = start + usize::try_from(length).expect("a length in memory");
    let payload = bytes.get(start..end)?;
    let frame = match header.opcode {
        OpCode::Data(Data::Text) => Received::Text(String::from_utf8(payload.to_vec()).expect("UTF-8")),
        OpCode::Control(Control::Ping) => Received::Ping,
        OpCode::Control(Control::Pong) => Received::Pong,
        OpCode::Control(Control::Close) => Received::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        other => panic!("an opcode that the server does not send: {other:?}"),
    };
    Some((frame, end))
}
