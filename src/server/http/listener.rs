//! The accept loop, over hyper: HTTP/1.1 alone, since the way back from an upgrade to the TCP stream needs it.
//!
//! `axum::serve` has no limit on the time that headers take, sleeps for a second when descriptors run out, and its
//! graceful shutdown forgets upgraded connections (axum issue 3003).

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, response::IntoResponse};
use http_body_util::BodyExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    super::{RETRY_AFTER, Server},
    headers,
    limits::Limits,
    middleware,
    problem::Refusal,
    write_timeout::WriteTimeout,
};

/// How long a request's headers may take to come, and a connection may stand unused.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// How much of a request may wait to be understood, in bytes: its head has to fit. It is no limit of a body.
const HEAD_MAX: usize = 32 * 1024;
/// How long to wait where the system has no descriptor left, or for a newcomer to take the answer that says so.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections may wait to be accepted: as many as a tenant's clients that all return at once. Beyond it the
/// kernel drops their first packet without a word, and they try again a second later, then three. (It may allow less:
/// `net.core.somaxconn`, 4,096 by default.)
const ACCEPT_QUEUE: u32 = 4_096;
/// How many descriptors are kept in hand for joiners where no other is left.
const SPARES: usize = 4;
/// How many answers to connections for which there is no place may be under way, and for how long each.
const REJECTING_MAX: usize = 32;
const REJECT_TIMEOUT: Duration = Duration::from_millis(500);

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
pub(crate) struct Connections {
    limits: Limits,
    places: Arc<Semaphore>,
    rejecting: Arc<Semaphore>,
    /// Whether the last to come was turned away: it is logged once.
    full: AtomicBool,
    tracker: TaskTracker,
    finish: CancellationToken,
}

impl Connections {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            places: Arc::new(Semaphore::new(limits.http)),
            rejecting: Arc::new(Semaphore::new(REJECTING_MAX)),
            full: AtomicBool::new(false),
            tracker: TaskTracker::new(),
            finish: CancellationToken::new(),
        }
    }

    /// Accepts connections, and serves each in a task of its own. Never ends by itself.
    pub(crate) async fn accept(&self, listener: &TcpListener, server: &Arc<Server>, router: &Router) {
        let (mut spares, mut short) = (Vec::new(), false);
        loop {
            refill_reserve(&mut spares);
            match listener.accept().await {
                Ok((tcp, _)) => {
                    self.take(tcp, server, router);
                    short = false;
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut short, true) {
                        tracing::warn!(%error, "no connection can be accepted for now");
                    }
                    let pause = Instant::now() + ACCEPT_PAUSE;
                    let spared = spares.pop().is_some(); // and is given back to the system here
                    let told = spared && matches!(timeout_at(pause, turn_one_away(listener)).await, Ok(Ok(())));
                    if !told {
                        sleep_until(pause).await;
                    }
                }
            }
        }
    }

    fn take(&self, tcp: TcpStream, server: &Arc<Server>, router: &Router) {
        let Some(place) = self.place(server.hub.connections()) else { return self.reject(tcp) };
        self.full.store(false, Relaxed);
        // Each frame is a packet of its own, not to wait for the next. Without it events are later, but arrive.
        let _ = tcp.set_nodelay(true);
        let (server, router, finish) = (Arc::clone(server), router.clone(), self.finish.clone());
        self.tracker.spawn(async move {
            let _place = place;
            let answer = service_fn(move |request| middleware::answer(Arc::clone(&server), router.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_PATIENCE)
                .max_buf_size(HEAD_MAX)
                .serve_connection(TokioIo::new(WriteTimeout::new(tcp)), answer)
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
    fn reject(&self, tcp: TcpStream) {
        if !self.full.swap(true, Relaxed) {
            tracing::warn!("every place of connections that are no tenant's is taken: joiners get 503");
        }
        let Ok(turn) = Arc::clone(&self.rejecting).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let _turn = turn;
            // What the peer does with it is its own affair.
            let _ = timeout(REJECT_TIMEOUT, answer_no_place(tcp)).await;
        });
    }

    /// Lets answers under way end, closes what is idle, and ends when no connection is left.
    pub(crate) async fn finish(&self) {
        self.finish.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Keeps descriptors in hand, as far as there are some: where no other is left, the next connection is told so by giving
/// one of them up for it. Others may be quicker to take that one, so it is not the only one.
fn refill_reserve(spares: &mut Vec<TcpSocket>) {
    while spares.len() < SPARES
        && let Ok(spare) = TcpSocket::new_v4()
    {
        spares.push(spare);
    }
}

async fn turn_one_away(listener: &TcpListener) -> io::Result<()> {
    let (tcp, _) = listener.accept().await?;
    answer_no_place(tcp).await
}

/// Answers, then reads what comes until the peer has closed too: a socket that is closed with unread bytes takes the
/// answer with it.
async fn answer_no_place(mut tcp: TcpStream) -> io::Result<()> {
    let mut response = Refusal::NoPlace { retry_after: RETRY_AFTER }.into_response();
    headers::complete(response.headers_mut());
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut answer = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", head.status, body.len());
    for (name, value) in &head.headers {
        answer.extend([name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes()), "\r\n"]);
    }
    tcp.write_all(&[answer.as_bytes(), b"\r\n", &body].concat()).await?;
    tcp.shutdown().await?;
    tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Whether a failure to accept was of that one connection.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionRefused | K::ConnectionReset | K::Interrupted)
}
