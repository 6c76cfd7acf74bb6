//! Renders the pages: chooses the page for an address, collects its data, and lets Leptos render it whole. The
//! components are in `app`.

use std::sync::{Arc, Mutex};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use leptos::{nonce::use_nonce, prelude::*};

use super::{
    super::{
        Server,
        stream::read_limiter::{Read, TooManyReads},
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

/// How many events a page is rendered with (contract, "HTTP"); the live client reads the rest.
const NEWEST: usize = 100;

/// `GET /`: the feed of the tenant that the address names, or the selector.
pub(crate) async fn index(State(server): State<Arc<Server>>, request: Request) -> Result<Response, RefusedPage> {
    let (page, status) = match credential::of_address(request.uri()) {
        TenantParam::One(tenant) => (Page::Feed(snapshot(&server, tenant).await?), StatusCode::OK),
        TenantParam::Absent => (without_tenant(&server, Page::Selector { unknown: false }).await?, StatusCode::OK),
        TenantParam::Invalid => {
            (without_tenant(&server, Page::Selector { unknown: true }).await?, StatusCode::NOT_FOUND)
        }
    };
    Ok(render(&server, page, status, request).await)
}

/// `GET /isolation`: the administrator's view.
pub(crate) async fn isolation(State(server): State<Arc<Server>>, request: Request) -> Result<Response, RefusedPage> {
    let page = without_tenant(&server, Page::Isolation(server_fns::report(&server))).await?;
    Ok(render(&server, page, StatusCode::OK, request).await)
}

/// Waits for the turn of a page without a tenant. These pages share one limiter, so that no tenant's reads wait for
/// them.
async fn without_tenant(server: &Server, page: Page) -> Result<Page, RefusedPage> {
    server.read_limiter.wait(Read::Page).await?;
    Ok(page)
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

async fn render(server: &Server, page: Page, status: StatusCode, request: Request) -> Response {
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
    let mut response = leptos_axum::render_app_async_with_context(context, shell)(request.map(Body::new)).await;
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(policy) = policy.lock().ok().and_then(|mut policy| policy.take()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
