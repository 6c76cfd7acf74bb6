//! Decides when a hidden page tells the reader by a notification that events came: a batch at a time, never one for each.

use super::clock::{Instant, Millis};

/// The notifications of an absence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Notifier {
    /// How many events the last notification counted.
    told: u64,
    /// No other notification before this moment.
    next: Instant,
}

impl Notifier {
    /// The shortest pause between two notifications.
    const PAUSE: Millis = 30_000.0;

    /// Takes in how many events of others came since the reader left, and whether the page is hidden. Returns the
    /// number of events to name, if a notification is due.
    pub fn look(&mut self, missed: u64, hidden: bool, now: Instant) -> Option<u64> {
        if !hidden {
            self.told = missed;
        }
        if missed <= self.told || now < self.next {
            return None;
        }
        self.told = missed;
        self.next = now + Self::PAUSE;
        Some(missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_once_in_thirty_seconds() {
        let mut notifier = Notifier::default();
        let mut look = |missed, hidden, at| notifier.look(missed, hidden, Instant::new(at));
        assert_eq!(look(3, false, 0.0), None, "the reader sees the page, though not its top");
        assert_eq!(look(3, true, 1.0), None, "nothing came since");
        assert_eq!(look(4, true, 2.0), Some(4));
        for at in 3..30 {
            assert_eq!(look(4 + at, true, f64::from(at as u32) * 1_000.0), None);
        }
        assert_eq!(look(99, true, 30_002.0), Some(99));
        assert_eq!(look(99, true, 99_000.0), None);
        assert_eq!(look(0, false, 99_500.0), None);
        assert_eq!(look(1, true, 99_900.0), Some(1));
    }
}
