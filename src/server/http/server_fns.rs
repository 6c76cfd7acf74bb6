//! Answers the server functions, with the same checks, refusals and channels as the API.
//!
//! A handler here checks and does what the API would do, then lets Leptos call the server function; its body comes back
//! to [`post_event`] or [`isolation_report`], and finds the result in its context.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use leptos::prelude::{expect_context, provide_context};
use leptos_axum::{ResponseOptions, handle_server_fns_with_context};
use serde::Deserialize;

use super::{super::Server, body::read_json, post::Post, problem::Refusal};
use crate::feed::{Ended, Event, Problem, Report, Tenant, TenantReport, Timestamp};

/// `POST /api/post_event`: the page's way to post. Answers as `POST /events` does.
pub(crate) async fn call_post_event(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let (post, body) = Post::read(&server, &head.headers, body).await?;
    // Published here and not inside of the server function: so it is refused as the API refuses.
    let event = post.publish().await?;
    Ok(call(head, body, move || provide_context(Arc::clone(&event))).await)
}

/// `POST /api/isolation_report`: the administrator's counts. It names no tenant.
pub(crate) async fn call_isolation_report(
    State(server): State<Arc<Server>>,
    request: Request,
) -> Result<Response, Refusal> {
    /// The server function has no argument.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    let (head, body) = request.into_parts();
    let (Nothing {}, body) = read_json(&head.headers, body, "send an empty JSON object").await?;
    Ok(call(head, body, move || provide_context(Arc::clone(&server))).await)
}

/// Lets Leptos call the server function that the address names.
async fn call(mut head: Parts, body: Bytes, context: impl Fn() + Clone + Send + 'static) -> Response {
    // With it, Leptos answers a client that accepts HTML by a redirect, for forms.
    head.headers.remove(header::ACCEPT);
    let request = Request::from_parts(head, Body::from(body));
    let mut response = handle_server_fns_with_context(context, request).await.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of the server function of this name: the event that its message became before Leptos was called.
pub(crate) async fn post_event(_message: &str) -> Result<Event, Problem> {
    expect_context::<ResponseOptions>().set_status(StatusCode::CREATED);
    Ok(Event::clone(&expect_context::<Arc<Event>>()))
}

/// The body of the server function of this name: numbers of both tenants, and no event.
pub(crate) async fn isolation_report() -> Result<Report, Problem> {
    Ok(report(&expect_context::<Arc<Server>>()))
}

/// Collects the counts of both tenants and of the server.
pub(crate) fn report(server: &Server) -> Report {
    let tenants = Tenant::ALL.map(|tenant| {
        let channel = server.hub.channel(tenant);
        let counters = channel.counters();
        TenantReport {
            connections: channel.connections() as u64,
            accepted: counters.accepted.get(),
            delivered: counters.delivered.get(),
            ended: Ended {
                slow: counters.slow.get(),
                silent: counters.silent.get(),
                stopping: counters.stopping.get(),
                policy: counters.policy.get(),
                closed_by_peer: counters.peer.get(),
            },
        }
    });
    let config = server.hub.channel(Tenant::A).config(); // both tenants' name the same process and build
    Report {
        epoch: config.epoch,
        timestamp: Timestamp::now(),
        build: config.build.to_string(),
        tenants,
        refused_origin: server.refused.origin.get(),
        refused_host: server.refused.host.get(),
    }
}
