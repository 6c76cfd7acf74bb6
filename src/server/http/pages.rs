//! Renders the pages: chooses the page for an address, collects its data, and lets Leptos render it. The components are in
//! `app`. A page depends only on its data, so one rendering serves all clients that wait for it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use leptos::prelude::*;
use tokio::time::Instant;

use super::{
    super::{Server, tenant_feed::Unreachable},
    credential::{self, TenantParam},
    headers,
    list_limiter::{ListLimiter, TooManyReads},
    problem::{Refusal, RefusedPage},
    server_fns,
    shared_answer::{Coded, SharedAnswer},
    static_files::Site,
};
use crate::{
    app::{Page, Shell, Snapshot},
    feed::Tenant,
};

/// The policy of all pages, and the shared answers of the pages that belong to no tenant.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The content security policy of all pages.
    policy: HeaderValue,
    /// Limits the rate of the pages without a tenant, so that no tenant's reads wait for them.
    limiter: ListLimiter,
    /// The selector never changes.
    selector: SharedAnswer<()>,
    /// The selector for an address that names an unknown tenant.
    unknown: SharedAnswer<()>,
    /// The administrator's view. Its version is the moment at which its counts were read.
    isolation: SharedAnswer<Instant>,
}

impl Pages {
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            policy: headers::policy_of_a_page(&site.assets().style, site.reload()),
            limiter: ListLimiter::new(),
            selector: SharedAnswer::new(),
            unknown: SharedAnswer::new(),
            isolation: SharedAnswer::new(),
        }
    }
}

/// `GET /`: renders the feed of the tenant that the address names, or the selector.
pub(crate) async fn index(
    State(server): State<Arc<Server>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, RefusedPage> {
    match credential::of_address(&uri) {
        TenantParam::One(tenant) => feed(&server, tenant, &headers).await,
        TenantParam::Absent => selector(&server, false, &headers).await,
        TenantParam::Invalid => selector(&server, true, &headers).await,
    }
}

/// `GET /isolation`: renders the administrator's view.
pub(crate) async fn isolation(State(server): State<Arc<Server>>, headers: HeaderMap) -> Result<Response, RefusedPage> {
    let Pages { limiter, isolation, .. } = &server.pages;
    let make = async || {
        let now = Instant::now();
        (now, render(&server, Page::Isolation(server_fns::report(&server))).into_bytes())
    };
    let (_, page) = isolation.read(Instant::now(), &headers, limiter, make).await?;
    Ok(answer(&server, StatusCode::OK, page))
}

async fn feed(server: &Server, tenant: Tenant, headers: &HeaderMap) -> Result<Response, RefusedPage> {
    let answers = server.answers.of(tenant);
    answers.feed().check_opened()?;
    let config = answers.feed().channel().config();
    let page = answers.page(headers, |position, events| {
        let (retain, build) = (config.retain, config.build.to_string());
        render(server, Page::Feed(Snapshot { tenant, position, retain, build, events }))
    });
    Ok(answer(server, StatusCode::OK, page.await?))
}

async fn selector(server: &Server, unknown: bool, headers: &HeaderMap) -> Result<Response, RefusedPage> {
    let pages = &server.pages;
    let (shared, status) =
        if unknown { (&pages.unknown, StatusCode::NOT_FOUND) } else { (&pages.selector, StatusCode::OK) };
    let make = async || ((), render(server, Page::Selector { unknown }).into_bytes());
    let ((), page) = shared.read((), headers, &pages.limiter, make).await?;
    Ok(answer(server, status, page))
}

impl From<Unreachable> for RefusedPage {
    fn from(unreachable: Unreachable) -> Self {
        Self(unreachable.into())
    }
}

impl From<TooManyReads> for RefusedPage {
    fn from(TooManyReads: TooManyReads) -> Self {
        Self(Refusal::TooManyReads)
    }
}

fn render(server: &Server, page: Page) -> String {
    let (assets, isolation) = (server.site.assets().clone(), !server.settings.no_isolation);
    let reload = server.site.reload().map(|script| script.text.clone());
    Owner::new().with(|| view! { <Shell page assets isolation reload /> }.to_html())
}

fn answer(server: &Server, status: StatusCode, page: Coded) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, server.pages.policy.clone());
    headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    page.fill(&mut response);
    response
}
