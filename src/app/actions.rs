//! Declares the server functions, which the pages call to post and to read counts (contract, "HTTP"). Their server side is
//! in `server::http::server_fns`.
//!
//! A call has the body and the answer of a request to the API, and is sent with the same [`driver::fetch`]. Leptos' own
//! client of server functions is not used: docs/leptos.md has the reasons.

use std::future::Future;

use http::Method;
use leptos::{
    prelude::*,
    server_fn::{
        Protocol,
        client::Client,
        codec::{IntoRes, Json, JsonEncoding},
        server::Server,
    },
};
use serde::Serialize;

use crate::{
    client::{
        Request, browser, driver,
        wire::{self, FromJson},
    },
    feed::{Event, Problem, Report, Tenant},
};

/// Accepts an event for the tenant that the request's header names.
///
/// # Errors
/// The server's refusal, or the problem that [`wire::result`] makes if no readable answer came. In the second case the
/// message may have been accepted.
#[server(prefix = "/api", endpoint = "post_event", protocol = ApiProtocol)]
pub async fn post_event(
    /// The message as typed.
    message: String,
    /// The idempotency key, so that a retry never posts twice. It is sent as a header.
    #[server(skip)]
    key: String,
) -> Result<Event, Problem> {
    let _ = (message, key); // the handler has already read both from the request, and has posted
    crate::server::http::server_fns::post_event().await
}

/// Reads the server's counts of both tenants, for the isolation view.
///
/// # Errors
/// As [`post_event`].
#[server(prefix = "/api", endpoint = "isolation_report", protocol = ApiProtocol)]
pub async fn isolation_report() -> Result<Report, Problem> {
    crate::server::http::server_fns::isolation_report().await
}

/// Posts for any tenant, over the API. A server function posts only for the tenant of the page's address. The answer is
/// ignored: the tenant's stream shows whether the message was accepted.
pub async fn post_as(tenant: Tenant, message: String, key: &str) {
    let body = body(&PostEvent { message, key: String::new() });
    let request = Request { path: "/events", tenant: Some(tenant), key: Some(key), body: Some(&body) };
    let _ = driver::fetch(request).await;
}

/// A call of a server function. Its arguments are the body of the request, and its key is a header.
pub trait Call: Serialize {
    /// The call without arguments. The function receives it on the server, where the handler has already used the arguments.
    fn handled() -> Self;

    /// The idempotency key, if the call has one.
    fn key(&self) -> Option<&str> {
        None
    }
}

impl Call for PostEvent {
    fn handled() -> Self {
        Self { message: String::new(), key: String::new() }
    }

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }
}

impl Call for IsolationReport {
    fn handled() -> Self {
        Self {}
    }
}

/// Sends a call like a request to the API, with the tenant of the page's address.
#[derive(Debug)]
pub struct ApiProtocol;

impl<I, O, C, S> Protocol<I, O, C, S, Problem> for ApiProtocol
where
    I: Call + Send,
    O: FromJson + IntoRes<Json, S::Response, Problem> + Send,
    C: Client<Problem>,
    S: Server<Problem>,
{
    const METHOD: Method = Method::POST;

    async fn run_server<F, Fut>(_request: S::Request, run: F) -> Result<S::Response, Problem>
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Result<O, Problem>> + Send,
    {
        run(I::handled()).await?.into_res().await
    }

    async fn run_client(path: &str, call: I) -> Result<O, Problem> {
        let body = body(&call);
        let request = Request { path, tenant: browser::page_tenant(), key: call.key(), body: Some(&body) };
        wire::result(driver::fetch(request).await)
    }
}

impl FromServerFnError for Problem {
    type Encoder = JsonEncoding;

    /// Ignores Leptos' own error text, which does not help the people who use the page.
    fn from_server_fn_error(_error: ServerFnErrorErr) -> Self {
        wire::no_answer("the answer cannot be read")
    }
}

fn body(call: &impl Serialize) -> String {
    // This cannot fail: a call holds nothing but strings.
    serde_json::to_string(call).unwrap_or_default()
}
