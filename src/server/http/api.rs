//! Answers the HTTP API: accepts posts, lists events, and reports the server's health (contract, "HTTP"). The checks of a
//! post are in `post`, and `/ws` is in `upgrade`.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    super::{
        Server,
        stream::{channel::List, list_limiter::TooManyReads},
    },
    credential, etag,
    post::Post,
    problem::Refusal,
};
use crate::feed::{
    Position, Tenant,
    protocol::{POSITION_HEADER, TENANT_HEADER},
};

/// `POST /events`: accepts an event for the tenant that the header names.
pub(crate) async fn post_event(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let post = Post::read(&server, &head.headers, body).await?;
    let event = post.publish().await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(event)).into_response())
}

/// `GET /events`: lists the kept events of the tenant that the header names, newest first. Answers `304` if the client
/// has this list.
pub(crate) async fn list_events(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let tenant = credential::of_header(&headers)?;
    let channel = server.hub.channel(tenant);
    let position = channel.position();
    let (mut response, position) = if etag::is_known(&headers, &etag(tenant, position)) {
        (StatusCode::NOT_MODIFIED.into_response(), position)
    } else {
        let List { position, body } = channel.list().await.map_err(|TooManyReads| Refusal::TooManyReads)?;
        (([(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response(), position)
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static(TENANT_HEADER));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ETAG, header_value(etag(tenant, position)));
    headers.insert(HeaderName::from_static(POSITION_HEADER), header_value(position.to_string()));
    Ok(response)
}

/// `GET /healthz`: answers `200`. While the server is stopping, `middleware` answers `503` instead.
pub(crate) async fn health() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

fn etag(tenant: Tenant, Position { epoch, seq }: Position) -> String {
    format!("\"{epoch}-{tenant}-{seq}\"")
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("uuids, tenants' ids and numbers are visible ASCII")
}
