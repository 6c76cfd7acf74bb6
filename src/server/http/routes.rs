//! Lists every address that the server answers. The router is built from this list, and the tests of isolation go
//! through it, so they test each new address too.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{MethodRouter, any, get, post},
};

use super::{super::Server, api, pages, server_fns, upgrade};

/// An address that the server answers. Other addresses are looked up in the site's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The page of a tenant's feed, or the selector.
    Index,
    /// The API: lists a tenant's events, and accepts posts.
    Events,
    /// The health of the server's process.
    Health,
    /// Whether a balancer should send requests to this server.
    Ready,
    /// The WebSocket of a tenant's events.
    Socket,
    /// The server function that posts.
    PostEvent,
    /// The administrator's view.
    Isolation,
    /// The server function that reports the counts for the administrator's view.
    IsolationReport,
}

impl Route {
    /// All routes. A route that is not in this list is not served.
    pub const ALL: [Self; 8] = [
        Self::Index,
        Self::Events,
        Self::Health,
        Self::Ready,
        Self::Socket,
        Self::PostEvent,
        Self::Isolation,
        Self::IsolationReport,
    ];

    /// The exact path.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Events => "/events",
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::Socket => "/ws",
            Self::PostEvent => "/api/post_event",
            Self::Isolation => "/isolation",
            Self::IsolationReport => "/api/isolation_report",
        }
    }

    /// Whether `--no-isolation` removes the route.
    const fn is_the_administrators(self) -> bool {
        matches!(self, Self::Isolation | Self::IsolationReport)
    }

    fn handlers(self) -> MethodRouter<Arc<Server>> {
        match self {
            Self::Index => get(pages::index),
            Self::Events => get(api::list_events).post(api::post_event),
            Self::Health => get(api::health),
            Self::Ready => get(api::ready),
            Self::Socket => any(upgrade::subscribe),
            Self::PostEvent => post(server_fns::call_post_event),
            Self::Isolation => get(pages::isolation),
            Self::IsolationReport => post(server_fns::call_isolation_report),
        }
    }
}

/// Builds the router: every route, and the site's files for all other addresses.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    Route::ALL
        .into_iter()
        .filter(|route| !(route.is_the_administrators() && server.settings.no_isolation))
        .fold(Router::new(), |router, route| router.route(route.path(), route.handlers()))
        .fallback(|State(server): State<Arc<Server>>, request: Request| async move { server.site.serve(request).await })
        .with_state(Arc::clone(server))
}
