//! How an event is accepted and fanned out: listener and stop signal in, drained server out.
//!
//! A request goes through `listener` (accept), `edge` (what every request passes), one of the `routes`, and `credential`,
//! which alone gives it a tenant. An event goes from `post` through the tenant's `channel` in the `hub` to the
//! `fan_out`, which offers it to every subscriber's `link`.
//!
//! Nothing in here that holds a stream can be reached from outside: who wants to be heard sends a request.
//!
//! ```
//! use event_feed::server::{Route, Settings, serve};
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::channel::Channel;
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::hub::Hub;
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::link::Link;
//! ```

pub(crate) mod actions;
mod api;
mod authority;
mod body;
mod channel;
mod counters;
mod credential;
mod door;
mod edge;
mod fan_out;
mod frames;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod healthcheck;
mod hub;
mod idempotency;
mod inbound;
mod limits;
mod link;
mod listener;
mod pace;
mod pages;
mod patient;
mod post;
mod problem;
mod routes;
mod settings;
pub mod signal;
mod site;
mod socket;
mod turnstile;

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use authority::{AuthorityError, HostName, Origin};
pub use healthcheck::healthcheck;
pub use listener::listen;
pub use routes::Route;
pub use settings::Settings;

use counters::RefusedCounters;
use hub::{Hub, Terms};
use limits::Limits;
use listener::Connections;
use site::Site;

/// How long a refused client is asked to wait, where waiting helps.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long connections may take to end once their requests have.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the handlers share.
#[derive(Debug)]
struct Server {
    settings: Settings,
    hub: Hub,
    site: Site,
    refused: RefusedCounters,
    requests: TaskTracker,
    stopping: CancellationToken,
}

/// Serves until `stop`, then drains: the listener closes, requests under way end, new ones get `503`, and each socket
/// `1001`. Returns when all have ended, or shortly after `settings.drain`. Sockets are tracked by the hub: axum's own
/// shutdown forgets upgraded connections (axum issue 3003).
///
/// # Errors
/// Where the listener has no address.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    // An error says that it was set before, by another server of this process.
    let _ = any_spawner::Executor::init_tokio();
    let limits = Limits::of_this_process(settings.max_connections);
    let site = Site::find();
    let terms = Terms {
        epoch: Uuid::new_v4(),
        build: site.build().into(),
        retain: settings.retain as usize,
        max_connections: limits.per_tenant,
        heartbeat: settings.heartbeat(),
    };
    let server = Arc::new(Server {
        hub: Hub::start(&terms),
        site,
        refused: RefusedCounters::default(),
        requests: TaskTracker::new(),
        stopping: CancellationToken::new(),
        settings,
    });
    let router = routes::router(&server);
    let connections = Connections::new(limits);

    tracing::info!("open http://{address}/");
    tokio::select! {
        () = connections.accept(&listener, &server, &router) => {}
        () = stop => {}
    }
    drop(listener);
    tracing::info!("stopping");
    server.stopping.cancel();
    server.hub.stop();
    server.requests.close();
    let drained = timeout(server.settings.drain(), async {
        server.requests.wait().await;
        server.hub.stopped().await;
    });
    let in_time = drained.await.is_ok() && timeout(LAST_WORDS, connections.finish()).await.is_ok();
    tracing::info!(in_time, "stopped");
    Ok(())
}
