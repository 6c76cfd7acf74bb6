//! Renders the pages: chooses the page for an address, collects its data, and lets Leptos render it. The components are in
//! `app`.

use std::sync::{Arc, Mutex};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use http_body_util::{BodyExt, Collected};
use leptos::{nonce::use_nonce, prelude::*};

use super::{
    super::{
        Server,
        stream::list_limiter::{ListLimiter, Read, TooManyReads},
    },
    credential::{self, TenantParam},
    headers::content_security_policy,
    problem::{Refusal, RefusedPage},
    server_fns,
};
use crate::{
    app::{Page, Shell, Snapshot},
    feed::Tenant,
};

/// The number of events that a page is rendered with (contract, "HTTP"). The live client reads the rest.
const NEWEST: usize = 100;

/// `GET /`: renders the feed of the tenant that the address names, or the selector.
pub(crate) async fn index(State(server): State<Arc<Server>>, request: Request) -> Result<Response, RefusedPage> {
    match credential::of_address(request.uri()) {
        TenantParam::One(tenant) => {
            let page = Page::Feed(snapshot(&server, tenant).await?);
            render(&server, page, StatusCode::OK, request, server.hub.channel(tenant).list_limiter()).await
        }
        TenantParam::Absent => {
            without_tenant(&server, Page::Selector { unknown: false }, StatusCode::OK, request).await
        }
        TenantParam::Invalid => {
            without_tenant(&server, Page::Selector { unknown: true }, StatusCode::NOT_FOUND, request).await
        }
    }
}

/// `GET /isolation`: renders the administrator's view.
pub(crate) async fn isolation(State(server): State<Arc<Server>>, request: Request) -> Result<Response, RefusedPage> {
    let page = Page::Isolation(server_fns::report(&server));
    without_tenant(&server, page, StatusCode::OK, request).await
}

/// Waits for a turn, and renders a page that belongs to no tenant. These pages have a limiter of their own, so no tenant's
/// reads wait for them.
async fn without_tenant(
    server: &Server,
    page: Page,
    status: StatusCode,
    request: Request,
) -> Result<Response, RefusedPage> {
    server.list_limiter.wait(Read::Page).await?;
    render(server, page, status, request, &server.list_limiter).await
}

async fn snapshot(server: &Server, tenant: Tenant) -> Result<Snapshot, RefusedPage> {
    let channel = server.hub.channel(tenant);
    let (position, events) = channel.page(NEWEST).await?;
    Ok(Snapshot {
        tenant,
        position,
        retain: channel.config().retain,
        build: channel.config().build.to_string(),
        events,
    })
}

impl From<TooManyReads> for RefusedPage {
    fn from(TooManyReads: TooManyReads) -> Self {
        Self(Refusal::TooManyReads)
    }
}

async fn render(
    server: &Server,
    page: Page,
    status: StatusCode,
    request: Request,
    limiter: &ListLimiter,
) -> Result<Response, RefusedPage> {
    let assets = server.site.assets().clone();
    let isolation = !server.settings.no_isolation;
    let policy = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&policy);
    let context = move || {
        if let (Some(nonce), Ok(mut policy)) = (use_nonce(), noted.lock()) {
            *policy = Some(content_security_policy(&nonce));
        }
    };
    let shell = move || view! { <Shell page=page.clone() assets=assets.clone() isolation /> };
    let response = leptos_axum::render_app_async_with_context(context, shell)(request.map(Body::new)).await;
    let (head, body) = response.into_parts();
    // The page is already rendered and in memory, so collecting it does not wait or fail.
    let html = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let mut response = Response::from_parts(head, Body::from(limiter.hold(html.into())?));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(policy) = policy.lock().ok().and_then(|mut policy| policy.take()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
