//! The accept loop, over hyper: HTTP/1.1 alone, since the way back from an upgrade to the TCP stream needs it.
//!
//! `axum::serve` has no limit on the time that headers take, sleeps for a second when descriptors run out, and its
//! graceful shutdown forgets upgraded connections (axum issue 3003).

use std::{
    collections::VecDeque,
    future::pending,
    io,
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, http::header, response::IntoResponse};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    super::Server,
    body::{DISCARD_MAX, DISCARD_TIMEOUT},
    headers,
    idle_connections::{IdleConnections, TrackedConnection},
    limits::Limits,
    middleware,
    problem::Refusal,
    write_timeout::{WriteTimeout, ended_by_peer, reset_by_peer},
};

/// How long a request's headers may take to come, and a connection may be unused.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a request may wait to be parsed, in bytes: its head has to fit. It is no limit of a body.
const HEAD_MAX: usize = 32 * 1024;
/// How long the accept loop waits if the system has no descriptor left, and how long a rejected connection may linger
/// then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections may wait to be accepted: as many as a tenant's clients that all return at once. Beyond it the
/// kernel drops their first packet without a word, and they try again a second later, then three. (It may allow less:
/// `net.core.somaxconn`, 4,096 by default.)
const ACCEPT_QUEUE: u32 = 4_096;
/// How many descriptors are kept in reserve for new connections if no other is left.
const RESERVE: usize = 4;
/// How many rejected connections may linger, so that their answer arrives. Beyond it the oldest is dropped.
const LINGERING_MAX: usize = 32;
/// How long a rejected connection may linger, and how long a new one waits for the place of an idle one.
const REJECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a read is still worked on whose peer has ended its sending side: most such peers have gone, and each would
/// keep its place while the read waits for its turn.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(1);
/// How much of what the kernel holds for a peer may be unsent, in bytes, before it takes no more. Without it the kernel
/// takes up to 4 MB for a peer that reads nothing, and reports progress only when a third of that is free, which at 50
/// kB/s takes longer than any of our timeouts. Bytes on their way to a distant peer do not count.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 32 * 1024;

/// Listens on an address, with a queue that holds a crowd: the standard library's takes 128 connections.
///
/// # Errors
/// If the address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Otherwise the port of a server that has just ended is taken for a minute. (Elsewhere the option means another
    // thing.)
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

/// The HTTP connections of a server.
#[derive(Debug)]
pub(crate) struct HttpConnections {
    limits: Limits,
    permits: Arc<Semaphore>,
    idle: Arc<IdleConnections>,
    tracker: TaskTracker,
    finish: CancellationToken,
}

/// The connections that were rejected because there is no place for them.
#[derive(Debug, Default)]
struct Rejected {
    /// Those that wait for their peer to take the answer, the oldest first.
    lingering: VecDeque<AbortHandle>,
    /// Whether the last connection was rejected: it is logged once.
    full: bool,
}

impl HttpConnections {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            permits: Arc::new(Semaphore::new(limits.http)),
            idle: Arc::default(),
            tracker: TaskTracker::new(),
            finish: CancellationToken::new(),
        }
    }

    /// Accepts connections, and serves each in a task of its own. Never ends by itself.
    pub(crate) async fn accept(&self, listener: &TcpListener, server: &Arc<Server>, router: &Router) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        limit_unsent(listener);
        let (mut reserve, mut rejected, mut short) = (Vec::new(), Rejected::default(), false);
        loop {
            refill_reserve(&mut reserve);
            match listener.accept().await {
                Ok((tcp, _)) => {
                    self.serve_or_reject(tcp, server, router, &mut rejected);
                    short = false;
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut short, true) {
                        tracing::warn!(%error, "no connection can be accepted for now");
                    }
                    let pause = Instant::now() + ACCEPT_PAUSE;
                    let has_reserve = reserve.pop().is_some(); // and is given back to the system here
                    let answered = has_reserve && matches!(timeout_at(pause, reject_one(listener)).await, Ok(Ok(())));
                    if !answered {
                        sleep_until(pause).await;
                    }
                }
            }
        }
    }

    /// Serves a new connection: in a free place, or else in that of the connection that has been idle longest.
    fn serve_or_reject(&self, tcp: TcpStream, server: &Arc<Server>, router: &Router, rejected: &mut Rejected) {
        // Each frame is a packet of its own, not to wait for the next. Without it events are later, but arrive.
        let _ = tcp.set_nodelay(true);
        let kept = TrackedConnection::new(Arc::clone(&self.idle));
        if let Some(permit) = self.permit(server.hub.connections()) {
            rejected.full = false;
            let serving = serve(tcp, kept, Arc::clone(server), router.clone(), self.finish.clone());
            self.tracker.spawn(async move {
                serving.await;
                drop(permit);
            });
        } else if self.idle.close_longest() {
            let permit = Arc::clone(&self.permits).acquire_owned();
            let (server, router, finish) = (Arc::clone(server), router.clone(), self.finish.clone());
            self.tracker.spawn(async move {
                match timeout(REJECT_TIMEOUT, permit).await {
                    Ok(permit) => {
                        serve(tcp, kept, server, router, finish).await;
                        drop(permit);
                    }
                    Err(_) => {
                        send_rejection(&tcp);
                        linger(&tcp, REJECT_TIMEOUT).await;
                    }
                }
            });
        } else {
            rejected.add(tcp);
        }
    }

    /// A place for one more connection beside so many WebSockets. One that is being upgraded counts as both.
    fn permit(&self, sockets: usize) -> Option<OwnedSemaphorePermit> {
        let taken = self.limits.http - self.permits.available_permits();
        let fits = taken + sockets < self.limits.open;
        fits.then(|| Arc::clone(&self.permits).try_acquire_owned().ok()).flatten()
    }

    /// Lets answers under way end, closes what is idle, and ends when no connection is left.
    pub(crate) async fn finish(&self) {
        self.finish.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Serves one connection to its end.
async fn serve(
    tcp: TcpStream,
    kept: TrackedConnection,
    server: Arc<Server>,
    router: Router,
    finish: CancellationToken,
) {
    let kept = Arc::new(kept);
    let state = Arc::clone(&kept);
    let tcp = Arc::new(tcp);
    let peer = Arc::clone(&tcp);
    let answer = service_fn(move |request| {
        state.mark_busy();
        let (state, peer) = (Arc::clone(&state), Arc::clone(&peer));
        let is_read = request.method().is_safe();
        let answer = middleware::answer(Arc::clone(&server), router.clone(), request);
        async move {
            let answer = tokio::select! {
                biased;
                answer = answer => answer,
                () = abandoned(&peer, &state, is_read) => {
                    return Err(io::Error::from(io::ErrorKind::ConnectionReset));
                }
            };
            if answer.headers().get(header::CONNECTION).is_some_and(|connection| connection == "close") {
                state.will_linger(peer);
            }
            state.mark_idle();
            Ok(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_MAX)
        // A peer that ends its sending side right behind a request still gets its answer: see `abandoned`.
        .half_close(true)
        .serve_connection(TokioIo::new(WriteTimeout::new(tcp, kept.clone())), answer)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = finish.cancelled() => {}, () = kept.asked_to_close() => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    if let Some(tcp) = kept.lingers() {
        linger(&tcp, DISCARD_TIMEOUT).await;
    }
}

/// Ends when nobody waits for the answer to a request any more. A peer that resets its connection does not; one that
/// only ends its sending side may, so a post is always answered, and a read if that takes less than
/// [`HALF_CLOSED_TIMEOUT`]. (hyper's own detection takes the end of the sending side for the end of the connection, so
/// it is off.)
async fn abandoned(peer: &TcpStream, connection: &TrackedConnection, is_read: bool) {
    let half_closed = async {
        if !is_read {
            return pending().await;
        }
        ended_by_peer(peer).await;
        connection.mark_half_closed();
        let _ = timeout(HALF_CLOSED_TIMEOUT, connection.asked_to_close()).await;
    };
    tokio::select! {
        () = reset_by_peer(peer) => {}
        () = half_closed => {}
    }
}

impl Rejected {
    /// Answers `503` at once, and lets the connection linger.
    fn add(&mut self, tcp: TcpStream) {
        if !std::mem::replace(&mut self.full, true) {
            tracing::warn!("HTTP connection limit reached: rejecting new connections with 503");
        }
        send_rejection(&tcp);
        self.lingering.retain(|lingering| !lingering.is_finished());
        if self.lingering.len() >= LINGERING_MAX
            && let Some(oldest) = self.lingering.pop_front()
        {
            oldest.abort();
        }
        self.lingering.push_back(tokio::spawn(async move { linger(&tcp, REJECT_TIMEOUT).await }).abort_handle());
    }
}

/// Limits what the kernel takes for each connection that `listener` accepts: they inherit the option.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_MAX) {
        tracing::warn!(%error, "TCP_NOTSENT_LOWAT cannot be set: slow readers take more memory");
    }
}

/// Keeps descriptors in reserve, as far as there are some: if no other is left, one of them is given up for the next
/// connection, so that it gets an answer. Others may be quicker to take that one, so it is not the only one.
fn refill_reserve(reserve: &mut Vec<TcpSocket>) {
    while reserve.len() < RESERVE
        && let Ok(spare) = TcpSocket::new_v4()
    {
        reserve.push(spare);
    }
}

async fn reject_one(listener: &TcpListener) -> io::Result<()> {
    let (tcp, _) = listener.accept().await?;
    send_rejection(&tcp);
    linger(&tcp, REJECT_TIMEOUT).await;
    Ok(())
}

/// Sends a `503` by one system call: the kernel has room for it on a new connection.
fn send_rejection(tcp: &TcpStream) {
    let mut response = Refusal::TooManyConnections.into_response();
    headers::complete(response.headers_mut());
    let (head, body) = response.into_parts();
    let body = body.collect().now_or_never().and_then(Result::ok).unwrap_or_default().to_bytes();
    let mut answer = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", head.status, body.len());
    for (name, value) in &head.headers {
        answer.extend([name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes()), "\r\n"]);
    }
    let socket = SockRef::from(tcp);
    // An error means that the peer has gone.
    let _ = socket.send(&[answer.as_bytes(), b"\r\n", &body].concat());
    let _ = socket.shutdown(Shutdown::Write);
}

/// Reads and discards what comes, within limits, until the peer has closed too: a socket that is closed with unread
/// bytes takes the answer with it.
async fn linger(tcp: &TcpStream, limit: Duration) {
    let discarding = async {
        let mut bytes = vec![0; 16 * 1024];
        let mut left = DISCARD_MAX;
        while tcp.readable().await.is_ok() {
            match tcp.try_read(&mut bytes) {
                Ok(count @ 1..) if count <= left => left -= count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    };
    let _ = timeout(limit, discarding).await;
}

/// Whether a failure to accept was of that one connection.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionRefused | K::ConnectionReset | K::Interrupted)
}
