//! The contract, proven from outside: the real server on a port of its own, real connections, and a module for each of
//! the contract's sections. The name of a test is a sentence of the contract.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

mod actions;
mod answers;
mod bodies;
mod clock;
mod faults;
mod files;
mod healthcheck;
mod hostile;
mod hostile_floods;
mod hosts_and_origins;
mod isolation;
mod limits;
mod listing;
mod noninterference;
mod openapi;
mod pages;
mod posting;
mod program;
mod property;
mod refusals;
mod rfc6455;
mod slow_readers;
mod smuggling;
mod sockets;
mod stopping;
mod surface;
mod tenants;
