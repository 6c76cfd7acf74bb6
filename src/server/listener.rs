//! The accept loop, over hyper: HTTP/1.1 alone, since the way back from an upgrade to the TCP stream needs it.
//!
//! `axum::serve` has no limit on the time that headers take, sleeps for a second when descriptors run out, and its
//! graceful shutdown forgets upgraded connections (axum issue 3003).

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    RETRY_AFTER, Server, edge,
    limits::Limits,
    problem::{Refusal, problem_json},
};
use crate::feed::Problem;

/// How long a request's headers may take to come, and a connection may stand unused.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait where the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections may wait to be accepted: as many as a tenant's clients that all return at once. Beyond it the
/// kernel drops their first packet without a word, and they try again a second later, then three. (It may allow less:
/// `net.core.somaxconn`, 4,096 by default.)
const ACCEPT_QUEUE: u32 = 4_096;
/// How many answers to connections for which there is no place may be under way, and for how long each.
const TURNED_AWAY_AT_ONCE: usize = 32;
const TURN_AWAY_PATIENCE: Duration = Duration::from_millis(500);

/// Listens on an address, with a queue that holds a crowd: the standard library's takes 128 connections.
///
/// # Errors
/// Where the address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Otherwise the port of a server that has just ended is taken for a minute. (Elsewhere the option means another thing.)
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

/// The HTTP connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    places: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    tracker: TaskTracker,
    finish: CancellationToken,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Arc::new(Semaphore::new(limits.http)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_ONCE)),
            tracker: TaskTracker::new(),
            finish: CancellationToken::new(),
        }
    }

    /// Accepts connections, and serves each in a task of its own. Never ends by itself.
    pub(super) async fn accept(&self, listener: &TcpListener, server: &Arc<Server>, router: &Router) {
        loop {
            match listener.accept().await {
                Ok((tcp, _)) => self.take(tcp, server, router),
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted for now");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, tcp: TcpStream, server: &Arc<Server>, router: &Router) {
        let Some(place) = self.place(server.hub.connections()) else { return self.turn_away(tcp) };
        // Each frame is a packet of its own, not to wait for the next. Without it events are later, but arrive.
        let _ = tcp.set_nodelay(true);
        let (server, router, finish) = (Arc::clone(server), router.clone(), self.finish.clone());
        self.tracker.spawn(async move {
            let _place = place;
            let answer = service_fn(move |request| edge::answer(Arc::clone(&server), router.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_PATIENCE)
                .serve_connection(TokioIo::new(tcp), answer)
                .with_upgrades();
            tokio::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = finish.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }

    /// A place for one more connection beside so many WebSockets. One that is being upgraded counts as both.
    fn place(&self, sockets: usize) -> Option<OwnedSemaphorePermit> {
        let taken = self.limits.http - self.places.available_permits();
        let fits = taken + sockets < self.limits.open;
        fits.then(|| Arc::clone(&self.places).try_acquire_owned().ok()).flatten()
    }

    /// Says `503` and closes, without holding on to a place.
    fn turn_away(&self, tcp: TcpStream) {
        tracing::debug!("turned away: no place for one more connection");
        let Ok(turn) = Arc::clone(&self.turned_away).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _turn = turn;
            // What the peer does with it is its own affair.
            let _ = timeout(TURN_AWAY_PATIENCE, answer_no_place(tcp)).await;
        });
    }

    /// Lets answers under way end, closes what is idle, and ends when no connection is left.
    pub(super) async fn finish(&self) {
        self.finish.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Answers, then reads what comes until the peer has closed too: a socket that is closed with unread bytes takes the
/// answer with it.
async fn answer_no_place(mut tcp: TcpStream) -> io::Result<()> {
    let refusal = Refusal::NoPlace { retry_after: RETRY_AFTER };
    let (retry_after, problem) = (RETRY_AFTER.as_secs(), problem_json(&refusal.problem()));
    let answer = format!(
        "HTTP/1.1 {}\r\nretry-after: {retry_after}\r\nconnection: close\r\ncache-control: no-store\r\n\
         content-type: {}\r\ncontent-length: {}\r\n\r\n{problem}",
        refusal.status(),
        Problem::MEDIA_TYPE,
        problem.len()
    );
    tcp.write_all(answer.as_bytes()).await?;
    tcp.shutdown().await?;
    tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Whether a failure to accept was of that one connection.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionRefused | K::ConnectionReset | K::Interrupted)
}
