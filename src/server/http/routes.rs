//! Lists every address that the server answers. The router is built from this table, and the tests of isolation go
//! through it, so no address can be added that they do not know.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    routing::{MethodRouter, any, get, post},
};

use super::{super::Server, api, pages, server_fns, upgrade};

/// An address that the server answers. Any other is looked up in the shipped files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// A tenant's feed, or the selector.
    Index,
    /// The API: a tenant's list, and posting to it.
    Events,
    /// Whether the server serves.
    Health,
    /// A tenant's stream.
    Socket,
    /// The server function that posts.
    PostEvent,
    /// The administrator's view.
    Isolation,
    /// The server function that counts for it.
    IsolationReport,
}

impl Route {
    /// All routes. One that is not in this list is not served.
    pub const ALL: [Self; 7] = [
        Self::Index,
        Self::Events,
        Self::Health,
        Self::Socket,
        Self::PostEvent,
        Self::Isolation,
        Self::IsolationReport,
    ];

    /// The path, to the letter.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Events => "/events",
            Self::Health => "/healthz",
            Self::Socket => "/ws",
            Self::PostEvent => "/api/post_event",
            Self::Isolation => "/isolation",
            Self::IsolationReport => "/api/isolation_report",
        }
    }

    /// Whether `--no-isolation` takes it away.
    const fn is_the_administrators(self) -> bool {
        matches!(self, Self::Isolation | Self::IsolationReport)
    }

    fn handlers(self) -> MethodRouter<Arc<Server>> {
        match self {
            Self::Index => get(pages::index),
            Self::Events => get(api::list_events).post(api::post_event),
            Self::Health => get(api::health),
            Self::Socket => any(upgrade::subscribe),
            Self::PostEvent => post(server_fns::call_post_event),
            Self::Isolation => get(pages::isolation),
            Self::IsolationReport => post(server_fns::call_isolation_report),
        }
    }
}

/// The router: every route, and the shipped files for all other addresses.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    Route::ALL
        .into_iter()
        .filter(|route| !(route.is_the_administrators() && server.settings.no_isolation))
        .fold(Router::new(), |router, route| router.route(route.path(), route.handlers()))
        .fallback(|State(server): State<Arc<Server>>, request: Request| async move { server.site.serve(request).await })
        .with_state(Arc::clone(server))
}
