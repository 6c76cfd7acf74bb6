//! Answers the server functions, with the same checks and refusals as the API.
//!
//! A handler parses the arguments and does the work before it calls Leptos, because a refusal must have the API's status and
//! headers. Leptos then calls the server function, without arguments. The function's body, [`post_event`] or
//! [`isolation_report`], returns the result that the handler has put into the context.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use leptos::prelude::{expect_context, provide_context};
use leptos_axum::{ResponseOptions, handle_server_fns_with_context};
use serde::Deserialize;

use super::{super::Server, body::read_json, post::Post, problem::Refusal};
use crate::feed::{Ended, Event, Problem, Report, Tenant, TenantReport, Timestamp};

/// `POST /api/post_event`: accepts an event from the page. Answers as `POST /events` does.
pub(crate) async fn call_post_event(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let post = Post::read(&server, &head.headers, body).await?;
    let event = post.publish().await?;
    Ok(call(head, move || provide_context(Arc::clone(&event))).await)
}

/// `POST /api/isolation_report`: reports the counts for the administrator's view. The request names no tenant.
pub(crate) async fn call_isolation_report(
    State(server): State<Arc<Server>>,
    request: Request,
) -> Result<Response, Refusal> {
    /// The arguments of the server function: none.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoArguments {}

    let (head, body) = request.into_parts();
    let NoArguments {} = read_json(&head.headers, body, "send an empty JSON object").await?;
    Ok(call(head, move || provide_context(Arc::clone(&server))).await)
}

/// Lets Leptos call the server function that the address names, with `context` as its context.
async fn call(mut head: Parts, context: impl Fn() + Clone + Send + 'static) -> Response {
    // Leptos would answer a client that accepts HTML with a redirect, as forms need it.
    head.headers.remove(header::ACCEPT);
    let request = Request::from_parts(head, Body::empty());
    let mut response = handle_server_fns_with_context(context, request).await.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of the server function of this name: returns the event that [`call_post_event`] has published.
pub(crate) async fn post_event() -> Result<Event, Problem> {
    expect_context::<ResponseOptions>().set_status(StatusCode::CREATED);
    Ok(Event::clone(&expect_context::<Arc<Event>>()))
}

/// The body of the server function of this name: returns the counts of both tenants.
pub(crate) async fn isolation_report() -> Result<Report, Problem> {
    Ok(report(&expect_context::<Arc<Server>>()))
}

/// Collects the counts of both tenants and of the server.
pub(crate) fn report(server: &Server) -> Report {
    let tenants = Tenant::ALL.map(|tenant| {
        let channel = server.hub.channel(tenant);
        let counters = channel.counters();
        TenantReport {
            epoch: channel.version().position().epoch,
            connections: channel.connections() as u64,
            accepted: counters.accepted.get(),
            delivered: counters.delivered.get(),
            ended: Ended {
                slow: counters.slow.get(),
                silent: counters.silent.get(),
                stopping: counters.stopping.get(),
                unreachable: counters.unreachable.get(),
                policy: counters.policy.get(),
                closed_by_peer: counters.peer.get(),
            },
        }
    });
    let config = server.hub.channel(Tenant::A).config(); // process and build are the same for both tenants
    Report {
        epoch: config.process,
        timestamp: Timestamp::now(),
        build: config.build.to_string(),
        tenants,
        refused_origin: server.refused.origin.get(),
        refused_host: server.refused.host.get(),
    }
}
