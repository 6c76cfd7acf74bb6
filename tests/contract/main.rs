//! The contract, proven from outside: the real server on a port of its own, real connections, and a module for each of
//! the contract's sections. The name of a test is a sentence of the contract.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod actions;
mod files;
mod healthcheck;
mod hosts_and_origins;
mod isolation;
mod limits;
mod listing;
mod pages;
mod posting;
mod program;
mod refusals;
mod slow_readers;
mod sockets;
mod stopping;
mod tenants;
