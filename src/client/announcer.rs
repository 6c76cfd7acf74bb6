//! Collects what a screen reader is told into batches: at most one in five seconds, however much happens.
//!
//! An own post is not in them: the form announces it. The words are the page's.

use super::{
    clock::{Instant, Millis},
    status::Status,
};

/// Collects what there is to announce until it may be announced.
#[derive(Debug, Clone, Default)]
pub struct Announcer {
    next: Instant,
    events: u64,
    status: Option<Status>,
    /// The name of the last state; `None` before the connection is live for the first time: a page that is just being shown
    /// need not announce that it is.
    state: Option<&'static str>,
    last: Announcement,
}

/// One announcement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Announcement {
    /// The connection's new state.
    pub status: Option<Status>,
    /// How many events have arrived.
    pub events: u64,
    /// Whether it says the same as the one before. The same text again is no change, and would not be read out.
    pub is_repeat: bool,
}

impl Announcer {
    /// The shortest pause between two announcements.
    const PAUSE: Millis = 5_000.0;

    /// So many events have arrived.
    pub fn events(&mut self, count: u64) {
        self.events += count;
    }

    /// One of the events that arrived is an own post.
    pub fn own_post(&mut self) {
        self.events = self.events.saturating_sub(1);
    }

    /// The connection is in this state. Only a new state is announced, and only the last one of a batch.
    pub fn status(&mut self, status: &Status) {
        if self.state.is_some_and(|state| state != status.slug()) {
            self.status = Some(status.clone());
        }
        if self.state.is_some() || *status == Status::Live {
            self.state = Some(status.slug());
        }
    }

    /// The announcement that is due now, if any. While the answer to an own post is awaited, nobody knows
    /// which of the events is that post: nothing is announced.
    pub fn announce(&mut self, now: Instant, awaits_answer: bool) -> Option<Announcement> {
        if awaits_answer || now < self.next || (self.events == 0 && self.status.is_none()) {
            return None;
        }
        self.next = now + Self::PAUSE;
        let (status, events) = (self.status.take(), std::mem::take(&mut self.events));
        let name = |status: &Option<Status>| status.as_ref().map(Status::slug);
        let is_same = self.last.events == events && name(&self.last.status) == name(&status);
        self.last = Announcement { status, events, is_repeat: is_same && !self.last.is_repeat };
        Some(self.last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::status::Wait, *};

    fn announce(announcer: &mut Announcer, at: Millis) -> Option<(Option<&'static str>, u64, bool)> {
        let announcement = announcer.announce(Instant::new(at), false)?;
        Some((announcement.status.map(|status| status.slug()), announcement.events, announcement.is_repeat))
    }

    #[test]
    fn a_flood_is_announced_once_in_five_seconds() {
        let mut announcer = Announcer::default();
        announcer.status(&Status::Live);
        assert_eq!(announce(&mut announcer, 0.0), None, "a page that is just being shown says nothing");
        announcer.events(1);
        assert_eq!(announce(&mut announcer, 0.0), Some((None, 1, false)));
        for at in 1..50 {
            announcer.events(10);
            announcer.status(if at == 49 { &Status::Live } else { &Status::Offline });
            assert_eq!(announce(&mut announcer, f64::from(at) * 100.0), None);
        }
        assert_eq!(announce(&mut announcer, 5_000.0), Some((Some("live"), 490, false)));
        assert_eq!(announce(&mut announcer, 99_000.0), None);
    }

    #[test]
    fn a_state_is_announced_when_it_begins_and_not_at_each_attempt() {
        let mut announcer = Announcer::default();
        announcer.status(&Status::Live);
        announcer.status(&Status::Reconnecting(None));
        assert_eq!(announce(&mut announcer, 0.0), Some((Some("reconnecting"), 0, false)));
        let wait = Wait { since: Instant::new(6_000.0), until: Instant::new(9_000.0) };
        for status in [Status::Reconnecting(Some(wait)), Status::Reconnecting(None)] {
            announcer.status(&status);
            assert_eq!(announce(&mut announcer, 10_000.0), None);
        }
        announcer.status(&Status::Live);
        assert_eq!(announce(&mut announcer, 10_000.0), Some((Some("live"), 0, false)));
    }

    #[test]
    fn an_announcement_that_says_the_same_is_marked_each_second_time() {
        let mut announcer = Announcer::default();
        for (at, is_repeat) in [(0.0, false), (10_000.0, true), (20_000.0, false)] {
            announcer.events(3);
            announcer.own_post();
            assert_eq!(announcer.announce(Instant::new(at), true), None, "another post may be among them");
            assert_eq!(announce(&mut announcer, at), Some((None, 2, is_repeat)));
        }
    }
}
