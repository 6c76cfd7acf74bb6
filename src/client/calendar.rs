//! The days of the reader's calendar. `browser` knows which day a moment is on; nothing here reads a clock.

use super::clock::Millis;

/// A day, by the reader's clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its first moment, in milliseconds since 1970.
    pub start: i64,
    /// The first moment of the next day.
    pub end: i64,
    /// The year, the month from 1 to 12, and the day of the month.
    pub date: (u32, u32, u32),
}

impl Day {
    const LENGTH: Millis = 86_400_000.0;

    /// Whether a moment is on this day.
    #[must_use]
    pub const fn contains(&self, millis: i64) -> bool {
        self.start <= millis && millis < self.end
    }

    /// How many days before `today` this day is. A day has 23 to 25 hours.
    #[must_use]
    pub fn days_before(&self, today: &Self) -> i64 {
        ((today.start - self.start) as Millis / Self::LENGTH).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn day(start: i64, hours: i64) -> Day {
        Day { start, end: start + hours * HOUR, date: (2026, 1, 1) }
    }

    #[test]
    fn days_of_any_length_count_as_days() {
        let (first, short) = (day(0, 24), day(24 * HOUR, 23));
        let today = day(47 * HOUR, 25);
        assert_eq!([first, short, today].map(|day| day.days_before(&today)), [2, 1, 0]);
        assert!(short.contains(24 * HOUR) && short.contains(47 * HOUR - 1));
        assert!(!short.contains(24 * HOUR - 1) && !short.contains(47 * HOUR));
    }
}
