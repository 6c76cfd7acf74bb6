//! The test language: a real server on a port of its own, and clients that say what they expect of it.
//!
//! No test sleeps. Every wait is for something that must come, and is bounded by [`within`]; that something does not
//! come is proven by what comes after it.

mod data;
mod http;
mod line;
mod program;
mod raw;
mod server;
mod socket;
mod witness;

use std::time::Duration;

pub(crate) use data::{Event, Frame, List};
pub(crate) use event_feed::feed::Tenant;
pub(crate) use http::{Answer, Connection, Request};
pub(crate) use hyper::{Method, StatusCode, header};
pub(crate) use line::{Line, State};
pub(crate) use program::Program;
pub(crate) use raw::{Heard, Raw, frame, masked, message};
pub(crate) use server::{Client, Server};
pub(crate) use socket::Socket;
pub(crate) use witness::Witness;

/// How long anything may take. It is no measure of speed: where it passes, what was waited for is not coming.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    within_limit(PATIENCE, what, future).await
}

/// Waits for what must come where the contract itself takes its time.
pub(crate) async fn within_limit<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: it did not come within {limit:?}"),
    }
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
