//! Limits the frames without content that a client may send: pings, unsolicited pongs, and empty fragments. They cost
//! the server work for nothing (contract, "WebSocket").

use tokio::time::Instant;

/// Maximum number of such frames within [`SECONDS`].
const FRAMES_MAX: u32 = 100;
/// The time span of the limit, in seconds.
const SECONDS: usize = 10;

/// Counts the frames of one connection in each whole second. A client that keeps to the limit in every span of 10 s is
/// never closed, and a client that exceeds it within 9 s always is. The counter takes 32 bytes.
#[derive(Debug, Default)]
pub(crate) struct FrameLimit {
    /// The time of the first frame. Seconds are numbered from there.
    start: Option<Instant>,
    /// The number of frames in each of the newest seconds. A second's index is its number modulo [`SECONDS`].
    counts: [u8; SECONDS],
    /// The number of the newest second that has a count.
    newest: u32,
}

impl FrameLimit {
    /// Counts a frame. Returns whether it is within the limit.
    pub(super) fn count(&mut self) -> bool {
        let now = Instant::now();
        let second = (now - *self.start.get_or_insert(now)).as_secs() as u32;
        // The seconds since the last frame had no frame, so their counts start at zero.
        for passed in (self.newest + 1..=second).take(SECONDS) {
            self.counts[passed as usize % SECONDS] = 0;
        }
        self.newest = second;
        let count = &mut self.counts[second as usize % SECONDS];
        *count = count.saturating_add(1);
        self.counts.iter().map(|count| u32::from(*count)).sum::<u32>() <= FRAMES_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hundred_frames_at_once_are_within_the_limit_and_one_more_is_not() {
        let mut limit = FrameLimit::default();
        assert!((0..FRAMES_MAX).all(|_| limit.count()));
        assert!(!limit.count());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_keeps_to_ten_frames_a_second_is_never_closed() {
        let mut limit = FrameLimit::default();
        for n in 0..1_000 {
            assert!(limit.count(), "frame {n}");
            advance(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_count_wherever_the_span_starts() {
        let mut limit = FrameLimit::default();
        assert!(limit.count());
        advance(Duration::from_millis(9_500)).await;
        assert!((0..60).all(|_| limit.count()));
        advance(Duration::from_secs(2)).await;
        assert!((0..40).all(|_| limit.count()));
        assert!(!limit.count(), "the 101st within 2 s");
    }

    #[tokio::test(start_paused = true)]
    async fn frames_before_the_span_do_not_count() {
        let mut limit = FrameLimit::default();
        for pause in [10, 11, 19, 3_600] {
            assert!((0..FRAMES_MAX).all(|_| limit.count()), "before {pause} s");
            advance(Duration::from_secs(pause)).await;
        }
    }
}
