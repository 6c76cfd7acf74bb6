//! Tests several servers with one feed (docs/deploying.md), each test with a real nats-server of its own.
//!
//! First the contract: its tests run here again, against two servers, and the connections alternate between them. Left out
//! are the tests that start the program itself, and those of files, of the clock and of a single process's limits: they do
//! not depend on the backplane.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]
#![allow(dead_code, reason = "not all of the contract's test language is used here")]

mod engine;
#[allow(unused_imports, reason = "not all of the contract's test language is used here")]
#[path = "../contract/support/mod.rs"]
mod support;

#[path = "../contract/actions.rs"]
mod actions;
#[path = "../contract/answers.rs"]
mod answers;
#[path = "../contract/bodies.rs"]
mod bodies;
#[path = "../contract/compression.rs"]
mod compression;
#[path = "../contract/hosts_and_origins.rs"]
mod hosts_and_origins;
#[path = "../contract/isolation.rs"]
mod isolation;
#[path = "../contract/limits.rs"]
mod limits;
#[path = "../contract/listing.rs"]
mod listing;
#[path = "../contract/noninterference.rs"]
mod noninterference;
#[path = "../contract/pages.rs"]
mod pages;
#[path = "../contract/posting.rs"]
mod posting;
#[path = "../contract/property.rs"]
mod property;
#[path = "../contract/refusals.rs"]
mod refusals;
#[path = "../contract/rfc6455.rs"]
mod rfc6455;
#[path = "../contract/slow_readers.rs"]
mod slow_readers;
#[path = "../contract/smuggling.rs"]
mod smuggling;
#[path = "../contract/sockets.rs"]
mod sockets;
#[path = "../contract/stopping.rs"]
mod stopping;
#[path = "../contract/surface.rs"]
mod surface;
#[path = "../contract/tenants.rs"]
mod tenants;

// The backplane's own tests.
mod accounts;
mod barrier;
mod drain;
mod faults;
mod keys;
mod load;
mod order;
mod servers;
mod start;
