//! Runs a live event feed for two isolated tenants: the server, and the client of its pages.
//!
//! Read [`feed`] (the domain), `server` (accepts events and fans them out), [`client`] (keeps a browser connected) and
//! `app` (the pages). Dependencies point one way: `feed` depends on nothing. `server`, `client` and `app` depend on
//! `feed`, and `server` renders `app`. `app` calls the server only in server functions, and the browser only through
//! `client`.
//!
//! `docs/contract.md` defines the behaviour: a comment such as (contract, "HTTP") names a section of it.
//! `docs/architecture.md` explains how the crate is built, and why.

// The type of a page nests as deeply as the page's elements.
#![recursion_limit = "256"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("build the server (`ssr`) or the client (`hydrate`), not both: with both, effects run on the server");

#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod app;
pub mod client;
pub mod feed;
#[cfg(feature = "ssr")]
pub mod server;

/// Starts the client in a browser: hydrates the page that the server rendered. Returns whether the whole page was as the
/// server rendered it. If not, this client has not started, and another instance can start.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() -> bool {
    app::hydrate()
}
