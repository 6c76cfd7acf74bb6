//! Accepts events and sends them to every subscriber of their tenant.
//!
//! A request passes through these files of `http`: `listener`, `middleware`, `routes`, and `credential`, which alone reads
//! the tenant of a request. An event passes from `http::post` into `stream`: to the tenant's `channel` in the `hub`, its
//! `fan_out`, and every `subscriber`.
//!
//! No type that owns a stream is public, so the only way in is a request:
//!
//! ```
//! use event_feed::server::{Route, Settings, serve};
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::stream::channel::Channel;
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::stream::hub::Hub;
//! ```
//! ```compile_fail,E0603
//! use event_feed::server::stream::subscriber::Subscriber;
//! ```

mod backplane;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod healthcheck;
pub(crate) mod http;
pub mod log;
mod settings;
pub mod signal;
mod stream;
mod tenant_feed;

use std::{io, pin::pin, sync::Arc};

use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use backplane::url::BackplaneUrl;
pub use healthcheck::healthcheck;
pub use http::{
    authority::{AuthorityError, HostName, Origin},
    listener::listen,
    routes::Route,
};
pub use settings::{CommaList, CommaListError, Settings};

use backplane::Backplane;
use http::{
    limits::Limits, listener::HttpConnections, pages::Pages, routes, static_files::Site, tenant_answers::TenantAnswers,
};
use stream::{
    channel::{ChannelConfig, Reach},
    counters::RefusedCounters,
    hub::Hub,
};
use tenant_feed::TenantFeed;

use crate::feed::PerTenant;

/// The state that all handlers share.
#[derive(Debug)]
pub(crate) struct Server {
    settings: Settings,
    hub: Hub,
    feeds: PerTenant<TenantFeed>,
    answers: PerTenant<TenantAnswers>,
    pages: Pages,
    site: Site,
    refused: RefusedCounters,
    requests: TaskTracker,
    stopping: CancellationToken,
}

/// Serves until `stop` ends, then drains: the listener closes, open requests are answered, new requests get `503`, and
/// each WebSocket is closed with `1001`. Returns when every answer is sent and every connection has ended, or when
/// `settings.drain` has passed.
///
/// # Errors
/// If the listener has no address, if no site can be served, or if a setting of the backplane is wrong.
pub async fn serve(listener: TcpListener, settings: Settings, stop: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    // It fails if another server in this process has set the executor. That one works too.
    let _ = any_spawner::Executor::init_tokio();
    let site = Site::find()?;
    let limits = Limits::of_this_process(settings.max_connections);
    let engines = settings.engines().map_err(io::Error::other)?;
    let config = ChannelConfig {
        process: Uuid::new_v4(),
        build: site.build().into(),
        retain: settings.retain as usize,
        max_connections: limits.per_tenant,
        heartbeat: settings.heartbeat(),
        reach: if engines.is_some() { Reach::Opening } else { Reach::Live },
    };
    let hub = Hub::start(&config);
    let mut stop = pin!(stop);
    let backplane = match engines {
        Some(engines) => tokio::select! {
            started = Backplane::start(engines, &hub) => Some(started?),
            () = &mut stop => return Ok(()),
        },
        None => None,
    };
    let feeds = PerTenant::new(|tenant| TenantFeed::new(tenant, &hub, backplane.as_ref()));
    let server = Arc::new(Server {
        answers: PerTenant::new(|tenant| TenantAnswers::new(feeds.of(tenant).clone())),
        pages: Pages::of(&site),
        hub,
        feeds,
        site,
        refused: RefusedCounters::default(),
        requests: TaskTracker::new(),
        stopping: CancellationToken::new(),
        settings,
    });
    let router = routes::router(&server);
    let connections = HttpConnections::new(limits);

    tracing::info!("open http://{address}/");
    tokio::select! {
        () = connections.accept(&listener, &server, &router) => {}
        () = &mut stop => {}
    }
    let deadline = Instant::now() + server.settings.drain();
    drop(listener);
    tracing::info!("stopping");
    server.stopping.cancel();
    server.hub.stop();
    server.requests.close();
    let drained = timeout_at(deadline, async {
        server.requests.wait().await;
        server.hub.wait_until_stopped().await;
        connections.finish().await;
    });
    let in_time = drained.await.is_ok();
    tracing::info!(in_time, "stopped");
    Ok(())
}
