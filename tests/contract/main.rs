//! Tests the contract from outside: the real server on a port of its own, real connections, a module for each section
//! of the contract. A test's name is a rule of the contract.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod engine;
mod support;

mod actions;
mod answers;
mod bodies;
mod clock;
mod compression;
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
