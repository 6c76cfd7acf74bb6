//! Provides the test language: a real server on a port of its own, and clients that check what they receive.
//!
//! A test awaits events, not time. Each wait is for something that must come, and [`within`] bounds it. To prove that
//! something does not come, a test awaits a later event. Time appears only if it is the fault or the rule under
//! test: a slow connection, a stopped process, a client that sends one byte every half second, a reader at a fixed
//! rate.

mod data;
mod faulty_proxy;
mod http;
mod program;
mod raw;
mod server;
mod socket;
mod witness;

use std::time::Duration;

pub(crate) use data::{Event, Frame, List};
pub(crate) use event_feed::feed::Tenant;
pub(crate) use faulty_proxy::{FaultyProxy, Mode};
pub(crate) use http::{Answer, Connection, Request};
pub(crate) use hyper::{Method, StatusCode, header};
#[allow(unused_imports, reason = "only the tests of the backplane name an exit, or signal another process")]
pub(crate) use program::{Exit, Program, send_signal};
pub(crate) use raw::{Raw, Received, frame, masked, message};
pub(crate) use server::{Client, Server};
pub(crate) use socket::Socket;
pub(crate) use witness::Witness;

/// The deadline of every wait. It does not measure speed: what has not come after this time is assumed to never come.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Awaits something that must come within [`TIMEOUT`].
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    within_timeout(TIMEOUT, what, future).await
}

/// Awaits something that must come within `timeout`. It is for rules of the contract that take 10 s or more.
pub(crate) async fn within_timeout<T>(timeout: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(timeout, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: it did not come within {timeout:?}"),
    }
}

/// Repeats a question until its answer is yes.
pub(crate) async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !ask().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
