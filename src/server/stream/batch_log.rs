//! The frames that a channel has sent last, kept once for all subscribers that have not received them yet.
//!
//! A subscriber that falls behind keeps a position in this log instead of a queue of its own, so a thousand slow
//! readers cost one log and not a thousand queues. Which subscriber is too far behind is decided in `subscriber`.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::frames;

/// How far a subscriber may be behind, in bytes (contract, "WebSocket").
pub(crate) const BACKLOG_MAX: usize = 1024 * 1024;
/// How old the oldest byte that it has not received may be (contract, "WebSocket").
pub(crate) const BACKLOG_AGE: Duration = Duration::from_secs(10);
/// How much longer frames are kept than a subscriber may be behind: one that is closed for its lag still needs the rest
/// of the frame that it is receiving.
const SLACK: u32 = 2;

/// Everything that a channel has sent, as one sequence of bytes, of which the newest part is kept. A position counts
/// the bytes from the channel's start.
#[derive(Debug, Default)]
pub(crate) struct BatchLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    segments: VecDeque<Segment>,
    end: u64,
}

/// The frames of one batch, and their place in the log. It starts and ends at the boundary of a frame.
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

    /// The bytes from `position` on; `None` if that is outside of this segment.
    pub(crate) fn from(&self, position: u64) -> Option<Bytes> {
        let offset = usize::try_from(position.checked_sub(self.start)?).ok()?;
        (offset < self.frames.len()).then(|| self.frames.slice(offset..))
    }
}

impl BatchLog {
    /// Appends the frames of a batch. Only the fan-out of the channel does so.
    pub(crate) fn append(&self, frames: Bytes) -> Segment {
        let mut kept = self.0.lock();
        let segment = Segment { start: kept.end, frames, queued_at: Instant::now() };
        if !segment.frames.is_empty() {
            kept.end = segment.end();
            kept.segments.push_back(segment.clone());
        }
        segment
    }

    /// The position behind the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.0.lock().end
    }

    /// At most `most` slices from `position` on. None at all if `position` is the end; `None` if that part is no longer
    /// kept.
    pub(crate) fn read(&self, position: u64, most: usize) -> Option<Vec<Bytes>> {
        let kept = self.0.lock();
        let Some(first) = kept.index(position) else { return kept.is_caught_up(position).then(Vec::new) };
        let segments = kept.segments.range(first..).take(most);
        Some(segments.map(|segment| segment.from(position).unwrap_or_else(|| segment.frames.clone())).collect())
    }

    /// The rest of the frame that `position` is in, which is empty if a frame starts there. `None` if it is no longer
    /// kept.
    pub(crate) fn rest_of_frame(&self, position: u64) -> Option<Bytes> {
        let kept = self.0.lock();
        let Some(index) = kept.index(position) else { return kept.is_caught_up(position).then(Bytes::new) };
        let segment = kept.segments.get(index)?;
        let offset = usize::try_from(position - segment.start).ok()?;
        Some(segment.frames.slice(offset..frames::end_of_frame(&segment.frames, offset)))
    }

    /// When the byte at `position` was queued; `None` if it was not yet, or is no longer kept.
    pub(crate) fn queued_at(&self, position: u64) -> Option<Instant> {
        let kept = self.0.lock();
        kept.segments.get(kept.index(position)?).map(|segment| segment.queued_at)
    }

    /// Drops what no subscriber needs: what is before `needed_from`, and what is older or further back than a
    /// subscriber may be.
    pub(crate) fn trim(&self, needed_from: u64) {
        let mut kept = self.0.lock();
        let now = Instant::now();
        let farthest = kept.end.saturating_sub(u64::from(SLACK) * BACKLOG_MAX as u64);
        let is_dropped = |segment: &mut Segment| {
            segment.end() <= needed_from.max(farthest)
                || now.saturating_duration_since(segment.queued_at) > BACKLOG_AGE * SLACK
        };
        while kept.segments.pop_front_if(is_dropped).is_some() {}
        if kept.segments.is_empty() {
            kept.segments = VecDeque::new();
        }
    }
}

impl Kept {
    /// The index of the segment that holds the byte at `position`.
    fn index(&self, position: u64) -> Option<usize> {
        let index = self.segments.partition_point(|segment| segment.end() <= position);
        self.segments.get(index).filter(|segment| segment.start <= position).map(|_| index)
    }

    /// Whether nothing is behind `position` yet.
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
    async fn a_position_anywhere_reads_on_from_there() {
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
        assert_eq!(log.rest_of_frame(5).unwrap(), Bytes::new(), "a frame starts behind the first, of 5 bytes");
        assert_eq!(log.rest_of_frame(7).unwrap(), bytes[7..10]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_needs_is_dropped() {
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
    async fn what_is_too_old_or_too_far_back_is_dropped() {
        let log = BatchLog::default();
        let large = "x".repeat(BACKLOG_MAX / 4);
        for _ in 0..20 {
            log.append(frames(&[&large]));
            log.trim(0);
        }
        let kept = log.0.lock().segments.len();
        assert!((8..=9).contains(&kept), "twice the backlog of four such frames, not {kept}");
        advance(BACKLOG_AGE * SLACK + Duration::from_millis(1)).await;
        log.trim(0);
        assert_eq!(log.0.lock().segments.len(), 0);
    }
}
