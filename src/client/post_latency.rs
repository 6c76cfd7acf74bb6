//! Measures how long an own post takes to come back live, whichever of the answer and the event comes first.
//!
//! It shows nothing, and sends nothing.

use uuid::Uuid;

use super::clock::{Instant, Millis};

/// How an own post came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoundTrip {
    /// After so many milliseconds.
    Took(u64),
    /// Nobody knows when: its event was there before the answer, from an earlier attempt or by the list.
    Unknown,
}

/// A post from when it was sent to when it was seen.
#[derive(Debug, Clone, Default)]
pub struct PostLatency {
    sent: Option<Instant>,
    id: Option<Uuid>,
    /// The events that arrived before the answer named the own one.
    early: Vec<(Uuid, Instant)>,
}

impl PostLatency {
    /// A message is sent.
    pub fn sent(&mut self, now: Instant) {
        *self = Self { sent: Some(now), ..Self::default() };
    }

    /// Whether the answer is still to come: until then nobody knows which event is the own one.
    #[must_use]
    pub const fn awaits_answer(&self) -> bool {
        self.sent.is_some() && self.id.is_none()
    }

    /// The post failed: there is nothing to wait for.
    pub fn failed(&mut self) {
        *self = Self::default();
    }

    /// The answer came: the event is `id`. Says how long it took to arrive, if it has already.
    pub fn answered(&mut self, id: Uuid) -> Option<Millis> {
        self.id = Some(id);
        let (_, at) = self.early.iter().find(|(early, _)| *early == id).copied()?;
        self.done(at)
    }

    /// An event arrived. Says how long it took, if it is ours.
    pub fn arrived(&mut self, id: Uuid, now: Instant) -> Option<Millis> {
        match (self.sent, self.id) {
            (Some(_), None) => {
                self.early.push((id, now));
                None
            }
            (Some(_), Some(own)) if own == id => self.done(now),
            _ => None,
        }
    }

    fn done(&mut self, arrived: Instant) -> Option<Millis> {
        let sent = self.sent?;
        *self = Self::default();
        Some(arrived - sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    #[test]
    fn the_answer_may_come_first() {
        let mut latency = PostLatency::default();
        assert!(!latency.awaits_answer());
        latency.sent(Instant::new(10.0));
        assert!(latency.awaits_answer());
        assert_eq!(latency.answered(OWN), None);
        assert!(!latency.awaits_answer());
        assert_eq!(latency.arrived(OTHER, Instant::new(20.0)), None);
        assert_eq!(latency.arrived(OWN, Instant::new(24.0)), Some(14.0));
        assert_eq!(latency.arrived(OWN, Instant::new(30.0)), None, "once");
    }

    #[test]
    fn the_event_may_come_first() {
        let mut latency = PostLatency::default();
        latency.sent(Instant::new(10.0));
        assert_eq!(latency.arrived(OTHER, Instant::new(20.0)), None);
        assert_eq!(latency.arrived(OWN, Instant::new(24.0)), None);
        assert_eq!(latency.answered(OWN), Some(14.0));
    }

    #[test]
    fn a_failed_post_waits_for_nothing() {
        let mut latency = PostLatency::default();
        latency.sent(Instant::new(10.0));
        latency.failed();
        assert_eq!(latency.arrived(OWN, Instant::new(24.0)), None);
        assert_eq!(latency.answered(OWN), None, "not even kept until it is known to be ours");
    }
}
