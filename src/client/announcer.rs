//! Collects what a screen reader is told into batches: at most one in five seconds, however much happens.
//!
//! An own post is not in them: the form announces it.

use super::{
    clock::{Instant, Millis},
    session::new_events,
};

/// Collects what there is to say until it may be said.
#[derive(Debug, Clone, Default)]
pub struct Announcer {
    next: Instant,
    events: u64,
    state: Option<String>,
    last: String,
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

    /// The connection is in another state: only the last one counts.
    pub fn state(&mut self, label: String) {
        self.state = Some(label);
    }

    /// What to say now, if it is time and there is something.
    pub fn say(&mut self, now: Instant) -> Option<String> {
        if now < self.next {
            return None;
        }
        let events = (self.events > 0).then(|| new_events(self.events));
        let words: Vec<String> = self.state.take().into_iter().chain(events).collect();
        self.events = 0;
        if words.is_empty() {
            return None;
        }
        self.next = now + Self::PAUSE;
        let mut words = words.join(". ");
        if words == self.last {
            // The same text again is no change, and would not be read.
            words.push('\u{a0}');
        }
        self.last.clone_from(&words);
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_once_in_five_seconds() {
        let mut announcer = Announcer::default();
        assert_eq!(announcer.say(Instant::new(0.0)), None);
        announcer.events(1);
        assert_eq!(announcer.say(Instant::new(0.0)).as_deref(), Some("1 new event"));
        for at in 1..50 {
            announcer.events(10);
            announcer.state(String::from(if at == 49 { "Live" } else { "Reconnecting…" }));
            assert_eq!(announcer.say(Instant::new(f64::from(at) * 100.0)), None);
        }
        assert_eq!(announcer.say(Instant::new(5_000.0)).as_deref(), Some("Live. 490 new events"));
        assert_eq!(announcer.say(Instant::new(99_000.0)), None);
        announcer.events(491);
        announcer.own_post();
        announcer.state(String::from("Live"));
        assert_eq!(announcer.say(Instant::new(99_000.0)).as_deref(), Some("Live. 490 new events\u{a0}"));
    }
}
