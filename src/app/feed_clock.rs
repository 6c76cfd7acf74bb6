//! Reads the clocks of a feed for the rows, their dividers, and all that counts seconds.

use leptos::prelude::*;

use crate::client::{browser, clock::Millis, driver::FeedState};

/// How many parts the rows are in, each of which looks at the clock in a frame of its own: a thousand rows at once would
/// take a slow phone longer than can be felt.
const PARTS: usize = 16;

/// One reading of the clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    /// For how long the page has been visible: for marks.
    pub(super) visible: Millis,
    /// The server's, in milliseconds since 1970: for ages.
    pub(super) server: i64,
}

/// The clocks that the rows follow, part by part. They show nothing before the first hello: the browser's own clock may be
/// wrong.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    state: RwSignal<FeedState>,
    parts: [RwSignal<Option<Tick>>; PARTS],
    second: RwSignal<Option<Tick>>,
}

impl Clock {
    /// The clocks of a feed.
    #[must_use]
    pub fn new(state: RwSignal<FeedState>) -> Self {
        Self { state, parts: std::array::from_fn(|_| RwSignal::new(None)), second: RwSignal::new(None) }
    }

    /// The server's clock, as of the last second; `None` before the first hello.
    pub(super) fn server(self) -> Option<i64> {
        self.second.get().map(|tick| tick.server)
    }

    /// Lets what counts seconds look at the clocks.
    pub(super) fn tick_second(self) {
        if browser::is_visible() {
            self.second.set(self.read());
        }
    }

    /// Lets the rows look at the clocks. A page that cannot be seen leaves that for later.
    pub fn tick(self) {
        if browser::is_visible() {
            self.tick_from(0);
        }
    }

    fn tick_from(self, part: usize) {
        let Some(signal) = self.parts.get(part).copied() else { return };
        signal.set(self.read());
        browser::next_frame(move || self.tick_from(part + 1));
    }

    fn read(self) -> Option<Tick> {
        let (state, now) = (self.state.read_untracked(), browser::now());
        state.server.map(|server| Tick { visible: state.visible.at(now), server: server.at(now) })
    }

    /// The reading that the row of the event `seq` follows.
    pub(super) fn of(self, seq: u64) -> RwSignal<Option<Tick>> {
        self.parts[seq as usize % PARTS]
    }
}
