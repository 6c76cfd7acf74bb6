//! Takes the place of the engine of several servers: here each server runs alone. `tests/backplane` has a real one.

use event_feed::server::Settings;

/// The number of servers that a test starts as one.
pub(crate) const SERVERS: usize = 1;

/// No engine.
#[derive(Debug)]
pub(crate) struct Engine;

#[expect(clippy::unused_async, reason = "the functions have the signatures of those of the real engine")]
impl Engine {
    /// Leaves the settings as they are.
    pub(crate) async fn start(_: &mut Settings) -> Self {
        Self
    }

    /// Leaves the settings as they are.
    pub(crate) async fn start_apart(_: &mut Settings) -> Self {
        Self
    }
}
