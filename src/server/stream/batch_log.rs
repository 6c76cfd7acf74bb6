//! Keeps a channel's newest frames, once for all subscribers that have not received them yet.
//!
//! A slow subscriber has a position in this log instead of a queue of its own, so a thousand slow subscribers need one
//! log and not a thousand queues. `subscriber` decides which one is too slow.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::frames;

/// Maximum backlog of a subscriber, in bytes (contract, "WebSocket").
pub(crate) const BACKLOG_MAX: usize = 1024 * 1024;
/// Maximum age of the oldest byte in a subscriber's backlog (contract, "WebSocket").
pub(crate) const BACKLOG_AGE: Duration = Duration::from_secs(10);
/// The size and the age of the bytes that the log keeps, as multiples of [`BACKLOG_MAX`] and [`BACKLOG_AGE`]. It is above 1,
/// because a subscriber that is closed as too slow still needs the rest of the frame that it is receiving.
const SLACK: u32 = 2;

/// The newest bytes of a channel's stream of frames. A position in the log is the number of bytes before it in the stream.
#[derive(Debug, Default)]
pub(crate) struct BatchLog(Mutex<LogState>);

#[derive(Debug, Default)]
struct LogState {
    segments: VecDeque<Segment>,
    end: u64,
}

/// The frames of one batch, and their position in the log. A segment holds only whole frames.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    /// The position of the first byte.
    pub(crate) start: u64,
    pub(crate) frames: Bytes,
    pub(crate) queued_at: Instant,
}

impl Segment {
    /// The position behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.frames.len() as u64
    }

    /// The bytes from `position` on; `None` if it is outside of this segment.
    pub(crate) fn from(&self, position: u64) -> Option<Bytes> {
        let offset = usize::try_from(position.checked_sub(self.start)?).ok()?;
        (offset < self.frames.len()).then(|| self.frames.slice(offset..))
    }
}

impl BatchLog {
    /// Appends the frames of a batch. Only the channel calls this, under its lock.
    pub(crate) fn append(&self, frames: Bytes) -> Segment {
        let mut state = self.0.lock();
        let segment = Segment { start: state.end, frames, queued_at: Instant::now() };
        if !segment.frames.is_empty() {
            state.end = segment.end();
            state.segments.push_back(segment.clone());
        }
        segment
    }

    /// The position behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.0.lock().end
    }

    /// At most `most` slices from `position` on. The result is empty if `position` is the end or after it, and `None` if
    /// the byte at `position` is no longer kept.
    pub(crate) fn read(&self, position: u64, most: usize) -> Option<Vec<Bytes>> {
        let state = self.0.lock();
        let Some(first) = state.index(position) else { return state.is_caught_up(position).then(Vec::new) };
        let segments = state.segments.range(first..).take(most);
        Some(segments.map(|segment| segment.from(position).unwrap_or_else(|| segment.frames.clone())).collect())
    }

    /// The rest of the frame that `position` is in. It is empty if a frame starts at `position`, and `None` if that part is
    /// no longer kept.
    pub(crate) fn rest_of_frame(&self, position: u64) -> Option<Bytes> {
        let state = self.0.lock();
        let Some(index) = state.index(position) else { return state.is_caught_up(position).then(Bytes::new) };
        let segment = state.segments.get(index)?;
        let offset = usize::try_from(position - segment.start).ok()?;
        Some(segment.frames.slice(offset..frames::end_of_frame(&segment.frames, offset)))
    }

    /// The time when the byte at `position` was appended; `None` if there is no such byte yet, or no longer.
    pub(crate) fn queued_at(&self, position: u64) -> Option<Instant> {
        let state = self.0.lock();
        state.segments.get(state.index(position)?).map(|segment| segment.queued_at)
    }

    /// Drops the segments before `needed_from`, and those beyond [`SLACK`] times the maximum backlog, in bytes or in age.
    pub(crate) fn trim(&self, needed_from: u64) {
        let mut state = self.0.lock();
        let now = Instant::now();
        let farthest = state.end.saturating_sub(u64::from(SLACK) * BACKLOG_MAX as u64);
        let is_dropped = |segment: &mut Segment| {
            segment.end() <= needed_from.max(farthest)
                || now.saturating_duration_since(segment.queued_at) > BACKLOG_AGE * SLACK
        };
        while state.segments.pop_front_if(is_dropped).is_some() {}
        if state.segments.is_empty() {
            state.segments = VecDeque::new();
        }
    }
}

impl LogState {
    /// The index of the segment that holds the byte at `position`.
    fn index(&self, position: u64) -> Option<usize> {
        let index = self.segments.partition_point(|segment| segment.end() <= position);
        self.segments.get(index).filter(|segment| segment.start <= position).map(|_| index)
    }

    /// Whether `position` is the end of the log, or after it.
    const fn is_caught_up(&self, position: u64) -> bool {
        position >= self.end
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn frames(texts: &[&str]) -> Bytes {
        let mut buffer = Vec::new();
        texts.iter().for_each(|text| frames::push_text(&mut buffer, text));
        buffer.into()
    }

    #[tokio::test(start_paused = true)]
    async fn reading_starts_at_any_position() {
        let log = BatchLog::default();
        let all = [frames(&["one", "two"]), frames(&["three"]), frames(&["four"])];
        all.iter().for_each(|frames| drop(log.append(frames.clone())));
        let bytes = all.concat();
        for position in 0..=bytes.len() {
            let read = log.read(position as u64, 16).unwrap().concat();
            assert_eq!(read, bytes[position..], "{position}");
        }
        assert_eq!(log.read(0, 2).unwrap().len(), 2);
        assert!(log.read(1_000, 16).unwrap().is_empty(), "a position that is still to come");
        assert_eq!(
            log.rest_of_frame(5).unwrap(),
            Bytes::new(),
            "the second frame starts here: the first has 2 + 3 bytes"
        );
        assert_eq!(log.rest_of_frame(7).unwrap(), bytes[7..10]);
    }

    #[tokio::test(start_paused = true)]
    async fn segments_that_no_subscriber_needs_are_dropped() {
        let log = BatchLog::default();
        let [first, second] = ["first", "second"].map(|text| log.append(frames(&[text])));
        log.trim(first.end() - 1);
        assert!(log.read(0, 1).is_some());
        log.trim(first.end());
        assert_eq!((log.read(0, 1), log.rest_of_frame(0), log.queued_at(0)), (None, None, None));
        assert_eq!(log.read(second.start, 1).unwrap(), [second.frames]);
        log.trim(u64::MAX);
        assert_eq!((log.end(), log.read(second.start, 1)), (second.start + 8, None));
    }

    #[tokio::test(start_paused = true)]
    async fn segments_beyond_the_maximum_backlog_are_dropped() {
        let log = BatchLog::default();
        let large = "x".repeat(BACKLOG_MAX / 4);
        for _ in 0..20 {
            log.append(frames(&[&large]));
            log.trim(0);
        }
        let kept = log.0.lock().segments.len();
        assert!(
            (8..=9).contains(&kept),
            "four such frames are the maximum backlog, and twice that is kept, not {kept}"
        );
        advance(BACKLOG_AGE * SLACK + Duration::from_millis(1)).await;
        log.trim(0);
        assert_eq!(log.0.lock().segments.len(), 0);
    }
}
