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
    super::Server, credential, etag, list_limiter::TooManyReads, negotiation::Coding, post::Post, problem::Refusal,
};
use crate::feed::{Position, Tenant, protocol::POSITION_HEADER};

/// The headers of a request that decide what a list's answer is.
const VARY: HeaderValue = HeaderValue::from_static("x-tenant-id, accept-encoding");

/// `POST /events`: accepts an event for the tenant that the header names.
pub(crate) async fn post_event(State(server): State<Arc<Server>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let post = Post::read(&server, &head.headers, body).await?;
    let event = post.publish().await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(event)).into_response())
}

/// `GET /events`: lists the kept events of the tenant that the header names, newest first. Answers `304` if the client
/// has this list, in any coding.
pub(crate) async fn list_events(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let tenant = credential::of_header(&headers)?;
    let answers = server.answers.of(tenant);
    answers.feed().catch_up().await?;
    let version = answers.feed().channel().version();
    let position = version.position();
    let known = etag::known(&headers, Coding::EACH.map(|coding| etag(tenant, position, coding)));
    let (mut response, position, etag) = match known.filter(|_| version.is_whole) {
        Some(etag) => (StatusCode::NOT_MODIFIED.into_response(), position, etag),
        None => {
            let (version, list) = answers.list(&headers).await.map_err(|TooManyReads| Refusal::TooManyReads)?;
            if !version.is_whole {
                return Err(Refusal::Unreachable); // the backplane was lost while the read waited
            }
            let position = version.position();
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let etag = etag(tenant, position, list.coding);
            list.fill(&mut response);
            (response, position, etag)
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, VARY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ETAG, header_value(etag));
    headers.insert(HeaderName::from_static(POSITION_HEADER), header_value(position.to_string()));
    Ok(response)
}

/// `GET /healthz`: answers `200`. While the server is stopping, `middleware` answers `503` instead.
pub(crate) async fn health() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

/// `GET /readyz`: answers `200` if this server has the newest events of a tenant. While the server is stopping, `middleware`
/// answers `503` instead.
pub(crate) async fn ready(State(server): State<Arc<Server>>) -> Result<impl IntoResponse, Refusal> {
    // One is enough: a tenant's engine must not take the other tenant off a balancer.
    let is_live = Tenant::ALL.into_iter().any(|tenant| server.feeds.of(tenant).check_live().is_ok());
    if is_live { Ok(health().await) } else { Err(Refusal::Unreachable) }
}

/// The strong tag of a list in a coding (RFC 9110, section 8.8.3.3).
fn etag(tenant: Tenant, Position { epoch, seq }: Position, coding: Option<Coding>) -> String {
    format!("\"{epoch}-{tenant}-{seq}{}\"", coding.map_or("", Coding::ending))
}

fn header_value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("uuids, tenants' ids and numbers are visible ASCII")
}
