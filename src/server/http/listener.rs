//! Accepts TCP connections and serves HTTP/1.1 on them with hyper, within limits.
//!
//! `axum::serve` does not suffice: it has no time limit for headers, sleeps for a second when descriptors run out, and
//! its graceful shutdown forgets upgraded connections (axum issue 3003). HTTP/2 is not served, because a WebSocket takes
//! over the TCP stream of its connection.

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

/// Maximum time until a request's headers have arrived. It is also the maximum time between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a request's head, in bytes: hyper's buffer must hold it whole. Bodies may be larger.
const HEAD_MAX: usize = 32 * 1024;
/// The pause of the accept loop if no descriptor is left. It is also the maximum time for which a connection that is
/// rejected for this reason may linger.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Maximum number of connections that wait to be accepted, for the case that many clients reconnect at once. The kernel
/// silently drops the first packet of further ones, and they try again after one second, then after three. It may also
/// lower this number (`net.core.somaxconn`, 4,096 by default).
const ACCEPT_QUEUE: u32 = 4_096;
/// The number of descriptors in reserve for new connections if no other is left.
const RESERVE: usize = 4;
/// Maximum number of rejected connections that linger so that their answer arrives. Above it the oldest is dropped.
const LINGERING_MAX: usize = 32;
/// Maximum time for which a rejected connection may linger. It is also the maximum time for which a new connection waits
/// for the slot of an idle one.
const REJECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum time for which a read goes on after its peer has ended its sending side. Most such peers have gone, and each
/// would hold a slot while the read waits for its turn.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of unsent bytes that the kernel holds for a peer. Bytes on their way to a distant peer do not count.
///
/// By default the kernel holds up to 4 MB for a peer that reads nothing. It then reports progress only when a third of
/// that is free, which takes longer than our timeouts at 50 kB/s.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_MAX: u32 = 32 * 1024;

/// Listens on an address, with a queue of 4,096 connections: the standard library's queue holds 128.
///
/// # Errors
/// If the address is in use, or does not belong to this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Without this, the port of a server that has just ended counts as in use for a minute. On Windows the option means
    // something else.
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

/// The connections that were rejected at the limit.
#[derive(Debug, Default)]
struct RejectedConnections {
    /// The connections that linger until their peer has received the answer, the oldest first.
    lingering: VecDeque<AbortHandle>,
    /// Whether the last connection was rejected. Only the first rejection in a row is logged.
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

    /// Accepts connections, and serves each in a task of its own. Never ends.
    pub(crate) async fn accept(&self, listener: &TcpListener, server: &Arc<Server>, router: &Router) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        limit_unsent(listener);
        let (mut reserve, mut rejected, mut short) = (Vec::new(), RejectedConnections::default(), false);
        loop {
            refill_reserve(&mut reserve);
            match listener.accept().await {
                Ok((tcp, _)) => {
                    self.serve_or_reject(tcp, server, router, &mut rejected);
                    short = false;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut short, true) {
                        tracing::warn!(%error, "no connection can be accepted at the moment");
                    }
                    let pause = Instant::now() + ACCEPT_PAUSE;
                    let has_reserve = reserve.pop().is_some(); // dropped at once, so its descriptor is free
                    let answered = has_reserve && matches!(timeout_at(pause, reject_one(listener)).await, Ok(Ok(())));
                    if !answered {
                        sleep_until(pause).await;
                    }
                }
            }
        }
    }

    /// Serves a new connection in a free slot, or in the slot of a connection that `idle_connections` chooses to close. If
    /// there is neither, rejects it.
    fn serve_or_reject(
        &self,
        tcp: TcpStream,
        server: &Arc<Server>,
        router: &Router,
        rejected: &mut RejectedConnections,
    ) {
        // Sends each frame at once. If this fails, events arrive later.
        let _ = tcp.set_nodelay(true);
        let tracked = TrackedConnection::new(Arc::clone(&self.idle));
        if let Some(permit) = self.permit(server.hub.connections()) {
            rejected.full = false;
            let serving = serve(tcp, tracked, Arc::clone(server), router.clone(), self.finish.clone());
            self.tracker.spawn(async move {
                serving.await;
                drop(permit);
            });
        } else if self.idle.close_one() {
            let permit = Arc::clone(&self.permits).acquire_owned();
            let (server, router, finish) = (Arc::clone(server), router.clone(), self.finish.clone());
            self.tracker.spawn(async move {
                match timeout(REJECT_TIMEOUT, permit).await {
                    Ok(permit) => {
                        serve(tcp, tracked, server, router, finish).await;
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

    /// A slot for one more connection next to `sockets` WebSockets, if one is free. A connection that is being upgraded
    /// counts as both.
    fn permit(&self, sockets: usize) -> Option<OwnedSemaphorePermit> {
        let taken = self.limits.http - self.permits.available_permits();
        let fits = taken + sockets < self.limits.open;
        fits.then(|| Arc::clone(&self.permits).try_acquire_owned().ok()).flatten()
    }

    /// Lets open requests end, closes idle connections, and ends when no connection is left.
    pub(crate) async fn finish(&self) {
        self.finish.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Serves one connection to its end.
async fn serve(
    tcp: TcpStream,
    tracked: TrackedConnection,
    server: Arc<Server>,
    router: Router,
    finish: CancellationToken,
) {
    let tracked = Arc::new(tracked);
    let state = Arc::clone(&tracked);
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
        // Without this hyper drops a request whose peer ends its sending side. `abandoned` decides instead.
        .half_close(true)
        .serve_connection(TokioIo::new(WriteTimeout::new(tcp, tracked.clone())), answer)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = async { tokio::select! { () = finish.cancelled() => {}, () = tracked.asked_to_close() => {} } } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    if let Some(tcp) = tracked.take_lingering() {
        linger(&tcp, DISCARD_TIMEOUT).await;
    }
}

/// Ends when the answer to a request is no longer needed: when the peer has reset the connection, or, for a read, when
/// [`HALF_CLOSED_TIMEOUT`] has passed since the peer ended its sending side. A post is always answered in that case.
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

impl RejectedConnections {
    /// Rejects a connection with `503` at once, and lets it linger.
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

/// Limits the unsent bytes of each connection that `listener` accepts: connections inherit the option.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_unsent(listener: &TcpListener) {
    if let Err(error) = SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_MAX) {
        tracing::warn!(%error, "cannot set TCP_NOTSENT_LOWAT: slow readers take more memory");
    }
}

/// Fills the reserve of descriptors, as far as there are free ones. If no other is left, the accept loop drops one of
/// them, so that the next connection gets an answer. There are several, because another task may take the dropped one.
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

/// Sends a `503` with one system call: the buffer of a new connection is large enough for it.
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
    // It fails if the peer has gone.
    let _ = socket.send(&[answer.as_bytes(), b"\r\n", &body].concat());
    let _ = socket.shutdown(Shutdown::Write);
}

/// Reads and discards what the peer sends, within limits, until the peer has closed too. If a socket is closed while it
/// has unread bytes, the peer may lose the answer.
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

/// Whether an error of `accept` concerns only the one connection.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionAborted | K::ConnectionRefused | K::ConnectionReset | K::Interrupted)
}
