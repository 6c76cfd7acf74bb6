//! A live event feed for two tenants that never meet. What it must do stands in `docs/contract.md`: comments name its
//! sections; how it is built, and why, in `docs/architecture.md`.
//!
//! Read [`feed`] (what an event is), `server` (how one is accepted and fanned out), [`client`] (how a browser stays
//! connected), `app` (what people see). Arrows point one way: `feed` knows nobody; `server`, `client` and `app` know
//! `feed`; `server` renders `app`; `app` reaches the server only inside server functions, and the browser only through
//! `client`.

// A page is one type, as deep as its elements are nested.
#![recursion_limit = "256"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("build the server (`ssr`) or the client (`hydrate`), not both: with both, effects run on the server");

#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod app;
pub mod client;
pub mod feed;
#[cfg(feature = "ssr")]
pub mod server;

/// Starts the browser's client: takes over the page that the server rendered. Returns whether all of it was as the server
/// had rendered it. If not, the client has not begun, and another instance can.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() -> bool {
    app::hydrate()
}
