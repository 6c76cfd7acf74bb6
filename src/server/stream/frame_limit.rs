//! Limits how many frames without content a client may send: pings, pongs that nobody asked for, and empty fragments. They cost
//! the server work and bring nothing (contract, "WebSocket").

use tokio::time::Instant;

/// How many such frames a client may send within [`SECONDS`].
const FRAMES_MAX: u32 = 100;
/// The span in which they count, in seconds.
const SECONDS: usize = 10;

/// Counts the frames of one connection by the second. Whole seconds count, so that a client that keeps to the limit in every
/// span of 10 s is never closed, and one that exceeds it within 9 s always is. It takes 32 bytes.
#[derive(Debug, Default)]
pub(crate) struct FrameLimit {
    /// When the first frame came; seconds count from there.
    start: Option<Instant>,
    /// How many frames came in each of the newest seconds; a second's place is its number modulo [`SECONDS`].
    counts: [u8; SECONDS],
    /// The newest second that is counted.
    newest: u32,
}

impl FrameLimit {
    /// Counts a frame. Says whether it is within the limit.
    pub(super) fn take(&mut self) -> bool {
        let now = Instant::now();
        let second = (now - *self.start.get_or_insert(now)).as_secs() as u32;
        // Seconds that have left the span, or passed without a frame, count nothing.
        for passed in (self.newest + 1..=second).take(SECONDS) {
            self.counts[passed as usize % SECONDS] = 0;
        }
        self.newest = second;
        let count = &mut self.counts[second as usize % SECONDS];
        *count = count.saturating_add(1);
        self.counts.iter().map(|count| u32::from(*count)).sum::<u32>() <= FRAMES_MAX
    }
}
