//! Keeps a browser connected, and shows people only what is known (contract, "A client's duty").
//!
//! All of it is pure, with time, chance and the network handed in, except [`browser`], which reaches the real ones, and
//! [`driver`], which connects the two. Outside a browser, a stub with the same signatures only reads JSON,
//! so that the components need no feature gate.

pub mod alarm;
pub mod announcer;
#[cfg_attr(not(feature = "hydrate"), path = "browser_stub.rs")]
pub mod browser;
pub mod calendar;
pub mod clock;
pub mod delivery_times;
pub mod dividers;
pub mod draft;
pub mod driver;
pub mod isolation_check;
pub mod isolation_counts;
pub mod isolation_repeat;
pub mod isolation_report;
pub mod last_request;
pub mod links;
pub mod notice;
pub mod notifier;
pub mod own_posts;
pub mod post_form;
pub mod post_latency;
pub mod reconnect;
pub mod relative_time;
pub mod session;
pub mod status;
pub mod unread;
pub mod visible_list;
pub mod wire;

use std::sync::Arc;

use crate::feed::{Event, Position, Tenant};
use browser::Json;

/// The server's list; `None` if no readable answer came.
pub type ListAnswer = Option<(Position, Vec<Arc<Event>>)>;

/// A request of the page to the server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// Where.
    pub path: &'a str,
    /// As whom.
    pub tenant: Option<Tenant>,
    /// Makes a retry of a post safe.
    pub key: Option<&'a str>,
    /// JSON to post. Without it, the request is a `GET`.
    pub body: Option<&'a str>,
}

/// The server's answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// What [`POSITION_HEADER`](crate::feed::protocol::POSITION_HEADER) says, if the answer has it.
    pub position: Option<String>,
    /// The body, if it is JSON.
    pub body: Option<Json>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// None came within [`ANSWER_LIMIT`].
    Late,
    /// The server cannot be reached.
    Unreachable,
}

/// How long the server is given to answer, in milliseconds.
pub const ANSWER_LIMIT: u32 = 10_000;

/// An event of a socket.
#[derive(Debug)]
pub enum SocketEvent {
    /// A text frame.
    Text(String),
    /// It has closed.
    Closed {
        /// 1006 if the line was cut.
        code: u16,
        /// In the server's words.
        reason: String,
    },
    /// It has failed; a close may or may not follow.
    Failed,
}

/// An event that wakes a page or puts it to sleep.
#[derive(Debug, Clone, Copy)]
pub enum Wake {
    /// The browser reports that the network is back.
    Online,
    /// The browser reports that the network is gone.
    Offline,
    /// The page can be seen.
    Visible,
    /// The page cannot be seen.
    Hidden,
    /// The page came back, whole, out of the browser's cache.
    PageShow,
    /// The page goes away, perhaps into that cache.
    PageHide,
}
