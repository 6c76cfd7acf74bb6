//! A TCP stream with a write timeout, so that a peer that stops reading cannot hold a connection's place. The stream is
//! shared with the handler of a request, which learns from it that the peer has reset the connection. What happens
//! after an upgrade is the matter of `stream::subscriber`.

use std::{
    future::{Future, pending},
    io::{self, IoSlice},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::idle_connections::KeptConnection;

/// How long a peer may take nothing of what is written to it (contract, "HTTP").
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct WriteTimeout {
    tcp: Arc<TcpStream>,
    connection: Arc<KeptConnection>,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// Ends when the peer has reset the connection, or its network has failed. It does not end when the peer only ends its
/// sending side: it may still wait for its answer.
pub(crate) async fn reset_by_peer(tcp: &TcpStream) {
    // An error of its own says the same.
    let _ = tcp.ready(Interest::ERROR).await;
}

/// Ends when the peer has ended its sending side, if it has sent nothing else after its request.
pub(crate) async fn ended_by_peer(tcp: &TcpStream) {
    if !tcp.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) {
        pending().await
    }
}

impl WriteTimeout {
    /// While a write waits, `connection` is busy.
    pub(crate) const fn new(tcp: Arc<TcpStream>, connection: Arc<KeptConnection>) -> Self {
        Self { tcp, connection, stalled: None }
    }

    /// The stream, without the timeout. `None` while a handler still has a share of it.
    pub(crate) fn into_inner(self) -> Option<TcpStream> {
        Arc::into_inner(self.tcp)
    }

    /// Writes as soon as the socket takes something, and resets the connection if that takes too long.
    fn poll_within(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        while let Poll::Ready(is_ready) = self.tcp.poll_write_ready(cx) {
            is_ready?;
            match write(&self.tcp) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    if self.stalled.take().is_some() {
                        self.connection.mark_idle(); // until it stalls again: only an answer is written
                    }
                    return Poll::Ready(written);
                }
            }
        }
        let timer = self.stalled.get_or_insert_with(|| {
            self.connection.mark_busy();
            Box::pin(sleep(WRITE_TIMEOUT))
        });
        ready!(timer.as_mut().poll(cx));
        // Nothing of it lingers in the kernel. An error leaves the ordinary end of a TCP stream.
        let _ = self.tcp.set_zero_linger();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_within(cx, |tcp| tcp.try_write(bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_within(cx, |tcp| tcp.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // nothing is buffered here
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}
