//! Accepts HTTP connections, checks and answers requests, and renders pages. Events are accepted and sent in `stream`.

pub(crate) mod api;
pub(crate) mod authority;
mod auto_reload;
pub(crate) mod body;
mod compression;
pub(crate) mod credential;
pub(crate) mod etag;
pub(crate) mod headers;
pub(crate) mod idle_connections;
pub(crate) mod limits;
mod list_limiter;
pub(crate) mod listener;
pub(crate) mod middleware;
mod negotiation;
pub(crate) mod pages;
pub(crate) mod post;
pub(crate) mod problem;
pub(crate) mod routes;
pub(crate) mod server_fns;
mod shared_answer;
pub(crate) mod static_files;
pub(crate) mod tenant_answers;
pub(crate) mod upgrade;
pub(crate) mod write_timeout;
