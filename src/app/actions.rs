//! The server functions: what the page asks of the server beside the feed itself (contract, "HTTP").

use std::{cell::RefCell, future::Future};

use futures_util::{Sink, Stream};
use leptos::{
    prelude::*,
    server_fn::{
        Bytes,
        client::{Client, browser::BrowserClient},
        codec::{Json, JsonEncoding},
        request::browser::BrowserRequest,
        response::browser::BrowserResponse,
    },
};

use crate::{
    client::browser,
    feed::{
        Event, Problem, Report,
        protocol::{IDEMPOTENCY_HEADER, TENANT_HEADER},
    },
};

/// How long a post may take before the page says that no answer came, in milliseconds.
const POST_LIMIT: u32 = 10_000;

thread_local! {
    /// The key of the message under way: a server function's arguments are its body, and this goes into a header.
    static KEY: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Posts `message` to the tenant of the page's address. The same `key` again never posts twice.
///
/// # Errors
/// The server's refusal, or a [`Problem`] of status 0 where no answer came in time: the message may have been accepted.
pub async fn post(message: String, key: String) -> Result<Event, Problem> {
    KEY.set(Some(key));
    let answer = browser::within(POST_LIMIT, post_event(message)).await;
    answer.unwrap_or_else(|| Err(no_answer("no answer came within 10 seconds")))
}

/// Accepts an event for the tenant that the request's header names.
#[server(prefix = "/api", endpoint = "post_event", input = Json, client = TenantClient)]
pub async fn post_event(
    /// What was written.
    message: String,
) -> Result<Event, Problem> {
    crate::server::actions::post_event(&message).await
}

/// What the server counts of both tenants, for the isolation view.
#[server(prefix = "/api", endpoint = "isolation_report", input = Json)]
pub async fn isolation_report() -> Result<Report, Problem> {
    crate::server::actions::isolation_report().await
}

/// Sends a server function's call as the tenant of the page's address, with the key of the message under way.
#[derive(Debug)]
pub struct TenantClient;

impl<E, I, O> Client<E, I, O> for TenantClient
where
    E: FromServerFnError,
    I: FromServerFnError,
    O: FromServerFnError,
{
    type Request = BrowserRequest;
    type Response = BrowserResponse;

    fn send(request: BrowserRequest) -> impl Future<Output = Result<BrowserResponse, E>> + Send {
        let headers = request.headers();
        if let Some(tenant) = browser::page_tenant() {
            headers.set(TENANT_HEADER, tenant.id());
        }
        if let Some(key) = KEY.take() {
            headers.set(IDEMPOTENCY_HEADER, &key);
        }
        <BrowserClient as Client<E, I, O>>::send(request)
    }

    fn open_websocket(
        path: &str,
    ) -> impl Future<
        Output = Result<
            (impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static, impl Sink<Bytes> + Send + 'static),
            E,
        >,
    > + Send {
        <BrowserClient as Client<E, I, O>>::open_websocket(path)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        <BrowserClient as Client<E, I, O>>::spawn(future);
    }
}

impl FromServerFnError for Problem {
    type Encoder = JsonEncoding;

    /// The answer did not come, or is none of this server's: the framework's own words would help nobody.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        no_answer(match error {
            ServerFnErrorErr::Request(_) => "the server cannot be reached",
            _ => "the answer cannot be read",
        })
    }
}

fn no_answer(detail: &str) -> Problem {
    Problem {
        kind: String::from("about:blank"),
        title: String::from("No answer"),
        status: 0,
        detail: String::from(detail),
    }
}
