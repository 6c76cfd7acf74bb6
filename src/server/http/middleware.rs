//! Handles what all requests have in common. Before the route it checks the target, the `Host`, and whether the server is
//! stopping. After the route it reads the rest of the body, logs a refusal, and adds headers. It reads no tenant.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::{
    super::Server,
    authority::{self, HostRefused},
    body::SharedBody,
    headers,
    problem::{Refusal, RefusalRecord, RefusedPage},
    routes::Route,
};

/// Answers one request.
pub(crate) async fn answer(server: Arc<Server>, router: Router, request: Request<Incoming>) -> Response {
    let _under_way = server.requests.token();
    let (head, body) = request.into_parts();
    let (body, rest) = SharedBody::of(body);
    let (method, awaits_continue) = (head.method.clone(), awaits_continue(&head.headers));
    let mut request = Request::from_parts(head, body);
    let mut response = match check(&server, &mut request) {
        Ok(()) => explain_method_not_allowed(router.oneshot(request).await.unwrap_or_else(|never| match never {})),
        Err(Refusal::Stopping) if is_page(&request) => RefusedPage(Refusal::Stopping).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if !upgraded && !is_refusal(&response) {
        response = rest.read_rest().await.map_or_else(IntoResponse::into_response, |()| response);
    }
    if is_refusal(&response) && !rest.discard(awaits_continue) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(RefusalRecord { problem, advice }) = response.extensions().get() {
        tracing::info!(%method, status = response.status().as_u16(), problem, advice, "refused");
    }
    headers::complete(response.headers_mut());
    response
}

/// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1).
fn awaits_continue(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whether the request is for a page that the server renders.
fn is_page(request: &Request<Body>) -> bool {
    request.method().is_safe()
        && [Route::Index, Route::Isolation].iter().any(|page| page.path() == request.uri().path())
}

fn is_refusal(response: &Response) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

/// Gives a `405` of the router the body of a refusal. Its `Allow` header stays.
fn explain_method_not_allowed(response: Response) -> Response {
    let allow = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).map(str::to_owned);
    match (response.status(), allow) {
        (StatusCode::METHOD_NOT_ALLOWED, Some(allow)) => Refusal::MethodNotAllowed { allow }.into_response(),
        _ => response,
    }
}

/// Admits a request that is for this server while the server serves, and attaches its authority.
///
/// # Errors
/// The first refusal that applies, in the contract's order.
fn check(server: &Server, request: &mut Request<Body>) -> Result<(), Refusal> {
    // Only the target of a CONNECT has no path (RFC 9112, section 3.2.3).
    if request.uri().path().is_empty() {
        return Err(Refusal::MalformedTarget);
    }
    let host = authority::host_of(request.uri(), request.headers(), &server.settings.allow_host);
    let authority = host.map_err(|refused| {
        server.refused.host.add(1);
        match refused {
            HostRefused::Malformed => Refusal::MalformedHost,
            HostRefused::NotAllowed(host) => Refusal::HostNotAllowed(host),
        }
    })?;
    if server.stopping.is_cancelled() {
        return Err(Refusal::Stopping);
    }
    request.extensions_mut().insert(authority);
    Ok(())
}
