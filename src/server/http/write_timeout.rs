//! Adds a write timeout to a TCP stream, so that a peer that stops reading cannot hold a connection slot.
//!
//! The stream is shared with the task that answers a request. That task watches the stream, to notice that the peer has
//! reset the connection or ended its sending side. After an upgrade, `stream::subscriber` has time limits of its own.

use std::{
    future::Future,
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

use super::idle_connections::TrackedConnection;

/// Maximum time for which a peer may accept no byte of an answer (contract, "HTTP").
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two checks whether a peer has ended its sending side, if unread bytes are in front of that end.
const PEEK_INTERVAL: Duration = Duration::from_millis(250);

/// A TCP stream with a write timeout.
#[derive(Debug)]
pub(crate) struct WriteTimeout {
    tcp: Arc<TcpStream>,
    connection: Arc<TrackedConnection>,
    /// The timer of the write that waits, if one does.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// Ends when the peer has reset the connection, or its network has failed. Does not end when the peer only ends its
/// sending side, since that peer may still wait for its answer.
pub(crate) async fn reset_by_peer(tcp: &TcpStream) {
    // If this fails, the connection has failed too.
    let _ = tcp.ready(Interest::ERROR).await;
}

/// Ends when the peer has ended its sending side. If unread bytes are in front of that end, notices it with a delay of up
/// to [`PEEK_INTERVAL`].
pub(crate) async fn ended_by_peer(tcp: &TcpStream) {
    loop {
        if tcp.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) {
            return;
        }
        match tcp.peek(&mut [0]).await {
            Ok(1..) => sleep(PEEK_INTERVAL).await,
            Ok(0) | Err(_) => return,
        }
    }
}

impl WriteTimeout {
    /// Makes a stream with a write timeout. While a write waits, it marks `connection` as busy.
    pub(crate) const fn new(tcp: Arc<TcpStream>, connection: Arc<TrackedConnection>) -> Self {
        Self { tcp, connection, stalled: None }
    }

    /// The stream without the timeout; `None` while another task still shares it.
    pub(crate) fn into_inner(self) -> Option<TcpStream> {
        Arc::into_inner(self.tcp)
    }

    /// Writes when the socket accepts bytes, and resets the connection if that takes too long.
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
                        self.connection.mark_idle(); // a write that waits marks it busy again
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
        // A reset, so that the kernel keeps no unsent bytes. If this fails, the stream ends in the ordinary way.
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
                    if count > 0 {
                        self.connection.mark_busy(); // these bytes may be a part of a request
                    }
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

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair() -> (WriteTimeout, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        (WriteTimeout::new(Arc::new(tcp), Arc::new(TrackedConnection::new(Arc::default()))), peer)
    }

    #[tokio::test]
    async fn the_end_of_a_peers_sending_side_is_noticed_behind_unread_bytes_too() {
        for more in [&b""[..], b"the start of another request"] {
            let (mut stream, mut peer) = pair().await;
            peer.write_all(b"a request").await.unwrap();
            stream.read_exact(&mut [0; 9]).await.unwrap();
            peer.write_all(more).await.unwrap();
            let tcp = Arc::clone(&stream.tcp);
            let mut ended = Box::pin(ended_by_peer(&tcp));
            assert!(poll!(&mut ended).is_pending());
            peer.shutdown().await.unwrap();
            ended.await;
        }
    }

    #[tokio::test]
    async fn a_reset_is_noticed_and_differs_from_the_end_of_the_sending_side() {
        let (stream, mut peer) = pair().await;
        let mut reset = Box::pin(reset_by_peer(&stream.tcp));
        peer.shutdown().await.unwrap();
        ended_by_peer(&stream.tcp).await;
        assert!(poll!(&mut reset).is_pending());
        peer.set_zero_linger().unwrap();
        drop(peer);
        reset.await;
    }
}
