//! The page's two clocks: its own, which measures durations, and the server's, which dates events; and how long the page has
//! been visible.
//!
//! Their moments are two types, since a difference between the two means nothing. Neither reads the browser's: what it shows
//! is handed in.

use std::ops::{Add, Sub};

use crate::feed::Timestamp;

/// A duration in milliseconds.
pub type Millis = f64;

/// A moment on the page's own clock. Only the difference of two of them means something.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Instant(Millis);

impl Instant {
    /// The moment so many milliseconds after the clock's start.
    #[must_use]
    pub const fn new(millis: Millis) -> Self {
        Self(millis)
    }

    /// The earlier of two moments.
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// The later of two moments.
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl Add<Millis> for Instant {
    type Output = Self;

    fn add(self, duration: Millis) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub for Instant {
    type Output = Millis;

    fn sub(self, earlier: Self) -> Millis {
        self.0 - earlier.0
    }
}

/// The page's own clock: it never runs backwards, and it goes on while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageClock {
    /// How far `Date.now()` was ahead of `performance.now()` at the last reading.
    ahead: Option<Millis>,
    /// How long the machine has slept since the clock's start.
    slept: Millis,
}

impl PageClock {
    /// `Date.now()` that gains more than this between two readings shows that the machine slept: on most systems `performance.now()`
    /// does not count sleep. A smaller gain is a correction of the time of day.
    const SLEEP: Millis = 5_000.0;

    /// The moment now, from `performance.now()` and `Date.now()`. A `Date.now()` that is set back changes nothing.
    pub fn read(&mut self, performance: Millis, date: Millis) -> Instant {
        let ahead = date - performance;
        let gained = ahead - self.ahead.replace(ahead).unwrap_or(ahead);
        if gained > Self::SLEEP {
            self.slept += gained;
        }
        Instant(performance + self.slept)
    }
}

/// The server's clock, as the page knows it from a timestamp that has just arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerClock {
    timestamp: Timestamp,
    arrived: Instant,
}

impl ServerClock {
    /// The clock that showed `timestamp` when the page's own showed `arrived`.
    #[must_use]
    pub const fn new(timestamp: Timestamp, arrived: Instant) -> Self {
        Self { timestamp, arrived }
    }

    /// The server's time `now`, in milliseconds since 1970.
    #[must_use]
    pub fn at(&self, now: Instant) -> i64 {
        self.timestamp.millis().saturating_add((now - self.arrived) as i64)
    }
}

/// For how long the page has been visible. Marks age by it, so that none expires unseen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VisibleTime {
    /// Up to the last change.
    total: Millis,
    /// When the page became visible, if it still is.
    since: Option<Instant>,
}

impl VisibleTime {
    /// From `now` on the page is visible, or not.
    pub fn see(&mut self, visible: bool, now: Instant) {
        self.total = self.at(now);
        self.since = visible.then_some(now);
    }

    /// For how long the page has been visible until `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> Millis {
        self.total + self.since.map_or(0.0, |since| now - since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000.0;

    #[test]
    fn a_clock_that_is_set_back_changes_no_duration() {
        let mut clock = PageClock::default();
        let before = clock.read(1_000.0, 2.0 * HOUR);
        assert_eq!(clock.read(1_500.0, HOUR) - before, 500.0);
        assert_eq!(clock.read(2_000.0, HOUR + 500.0) - before, 1_000.0);
    }

    #[test]
    fn sleep_counts() {
        let mut clock = PageClock::default();
        let before = clock.read(1_000.0, HOUR);
        assert_eq!(clock.read(1_500.0, 2.0 * HOUR + 500.0) - before, HOUR + 500.0);
        assert_eq!(clock.read(2_500.0, 2.0 * HOUR + 1_500.0) - before, HOUR + 1_500.0, "once");
    }

    #[test]
    fn only_a_gain_of_more_than_five_seconds_is_sleep() {
        for (gain, slept) in [(5_000.0, 0.0), (5_001.0, 5_001.0)] {
            let mut clock = PageClock::default();
            let before = clock.read(0.0, HOUR);
            assert_eq!(clock.read(0.0, HOUR + gain) - before, slept);
        }
        let mut clock = PageClock::default();
        let before = clock.read(0.0, HOUR);
        for second in 1..=100 {
            let passed = f64::from(second) * 1_000.0;
            // A clock that is 10 % fast gains 10 s in 100 s, but never 5 s at once.
            assert_eq!(clock.read(passed, HOUR + 1.1 * passed) - before, passed);
        }
    }

    #[test]
    fn hidden_time_does_not_count() {
        let mut visible = VisibleTime::default();
        let mut after = |change, now: Millis| {
            visible.see(change, Instant::new(now));
            visible.at(Instant::new(now + 100.0))
        };
        assert_eq!(after(true, 1_000.0), 100.0);
        assert_eq!(after(true, 3_000.0), 2_100.0, "said twice");
        assert_eq!(after(false, 5_000.0), 4_000.0);
        assert_eq!(after(false, 8_000.0), 4_000.0);
        assert_eq!(after(true, 9_000.0), 4_100.0);
    }

    #[test]
    fn the_servers_clock_goes_on_from_the_timestamp() {
        let timestamp = Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap();
        let clock = ServerClock::new(timestamp, Instant::new(500.0));
        assert_eq!(clock.at(Instant::new(500.0)), timestamp.millis());
        assert_eq!(clock.at(Instant::new(1_700.0)), timestamp.millis() + 1_200);
    }
}
