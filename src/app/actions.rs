//! Declares the server functions: the page's requests apart from the feed itself (contract, "HTTP"). Their server side is in
//! `server::http::server_fns`.
//!
//! Their bodies and answers are those of the API, and so is the way they take: the one [`driver::fetch`]. The framework's
//! own client, with its streams and forms and a reader for each type, would be a tenth of what people load.

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
/// The server's refusal, or what [`wire::result`] makes of anything else: then the message may have been accepted.
#[server(prefix = "/api", endpoint = "post_event", protocol = ApiProtocol)]
pub async fn post_event(
    /// The message as typed.
    message: String,
    /// The same again never posts twice. It is a header of the request.
    #[server(skip)]
    key: String,
) -> Result<Event, Problem> {
    let _ = (message, key); // the handler has read both, and has posted
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

/// Posts as a tenant that the page's address does not name, over the API itself. The tenant's stream shows whether the
/// message was accepted.
pub async fn post_as(tenant: Tenant, message: String, key: &str) {
    let body = body(&PostEvent { message, key: String::new() });
    let request = Request { path: "/events", tenant: Some(tenant), key: Some(key), body: Some(&body) };
    let _ = driver::fetch(request).await;
}

/// A server function's call. Its arguments are the body; this is the rest of the request.
pub trait Call: Serialize {
    /// The call as the function gets it on the server, without arguments: the handler has read and used them already.
    fn handled() -> Self;

    /// The key that makes a retry safe.
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

/// Sends a call as the API's requests are sent, as the tenant of the page's address.
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

    /// The framework's own words would help nobody.
    fn from_server_fn_error(_error: ServerFnErrorErr) -> Self {
        wire::no_answer("the answer cannot be read")
    }
}

fn body(call: &impl Serialize) -> String {
    // Strings alone always serialise.
    serde_json::to_string(call).unwrap_or_default()
}
