//! How a browser stays connected and tells the truth about it (contract, "A client's duty").
//!
//! All of it is pure, with time, chance and the network handed in, but for [`browser`], which touches the real one, and
//! [`live`], which turns what that says into inputs and back. Outside a browser a twin of the same signatures does
//! nothing, so that what is built on them needs no gate.

pub mod announcer;
#[cfg_attr(not(feature = "hydrate"), path = "browser_stub.rs")]
pub mod browser;
pub mod check;
pub mod confirmation;
pub mod draft;
pub mod live;
pub mod reconnect;
pub mod session;
pub mod shown;
pub mod times;

use std::sync::Arc;

use crate::feed::{Event, Position};

/// Milliseconds, by a clock that never goes back.
pub type Millis = f64;

/// The list as the server answered it; `None` where it did not, or not readably.
pub type ListAnswer = Option<(Position, Vec<Arc<Event>>)>;

/// What a socket says.
#[derive(Debug)]
pub enum SocketEvent {
    /// A text frame.
    Text(String),
    /// It has closed.
    Closed {
        /// 1006 where the line was cut.
        code: u16,
        /// In the server's words.
        reason: String,
    },
    /// It has failed; a close may or may not follow.
    Failed,
}

/// What wakes a page or puts it to sleep.
#[derive(Debug, Clone, Copy)]
pub enum Wake {
    /// The browser says that the network is back.
    Online,
    /// The browser says that the network is gone.
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
