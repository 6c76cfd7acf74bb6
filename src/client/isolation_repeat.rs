//! Decides when the isolation check is repeated: every 10 minutes, for at most an hour, after a person has switched it on.
//!
//! It posts nothing and reads no clock. A run waits until both tenants are connected, and a leak ends the repetition, so
//! that no later run hides it.

use super::{
    clock::{Instant, Millis},
    isolation_check::Verdict,
};

/// The time between two runs.
const EVERY: Millis = 600_000.0;
/// Maximum number of runs: those of one hour.
pub const RUNS: u32 = 6;
/// How long after the hour the last run may still begin. Browsers run the timers of a hidden page once a minute.
const GRACE: Millis = 60_000.0;

/// The repetition of the check.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Repeat {
    /// When it was switched on; `None` while it is off.
    since: Option<Instant>,
    /// How many of its moments have passed.
    passed: u32,
    ended: u32,
    isolated: u32,
    leaked: bool,
}

/// The moment of the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is off.
    Never,
    /// In this many minutes, rounded up; 0 if its moment has come.
    In(u64),
    /// The last run is under way.
    Last,
}

impl Repeat {
    /// Switches it on or off. Switched on, it begins from the start.
    pub fn switch(&mut self, now: Instant) {
        *self = match self.since {
            None => Self { since: Some(now), ..Self::default() },
            Some(_) => Self { since: None, ..*self },
        };
    }

    /// Whether it is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// Whether a run is due. If so, it counts as begun. Moments that have passed meanwhile, while the machine slept for
    /// example, are left out. The caller asks only while a check can run.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let Some(since) = self.since else { return false };
        let elapsed = now - since;
        if elapsed > f64::from(RUNS) * EVERY + GRACE {
            self.since = None;
            return false;
        }
        let passed = (elapsed / EVERY) as u32;
        let is_due = passed > self.passed;
        self.passed = passed.max(self.passed);
        is_due
    }

    /// A check has ended: a run, or a check that a person has started. A leak of either ends the repetition.
    pub fn ended(&mut self, verdict: Option<Verdict>, is_run: bool) {
        if is_run {
            self.ended += 1;
            self.isolated += u32::from(verdict == Some(Verdict::Isolated));
        }
        self.leaked |= self.is_on() && verdict == Some(Verdict::Leaked);
        if self.leaked || self.passed >= RUNS {
            self.since = None;
        }
    }

    /// How many runs have ended, and how many of them found the tenants isolated.
    #[must_use]
    pub const fn results(&self) -> (u32, u32) {
        (self.ended, self.isolated)
    }

    /// Whether a leak has ended it.
    #[must_use]
    pub const fn has_leaked(&self) -> bool {
        self.leaked
    }

    /// The moment of the next run.
    #[must_use]
    pub fn next(&self, now: Instant) -> Next {
        match self.since {
            None => Next::Never,
            Some(_) if self.passed >= RUNS => Next::Last,
            Some(since) => {
                let wait = since + f64::from(self.passed + 1) * EVERY - now;
                Next::In((wait.max(0.0) / 60_000.0).ceil() as u64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000.0;

    fn at(minutes: f64) -> Instant {
        Instant::new(5_000.0 + minutes * MINUTE)
    }

    fn on() -> Repeat {
        let mut repeat = Repeat::default();
        repeat.switch(at(0.0));
        repeat
    }

    /// Looks every 3 s for two hours, as the page does, and returns the minutes at which a run began. Each ends at once.
    fn runs(repeat: &mut Repeat, verdict: Verdict) -> Vec<f64> {
        let mut begun = Vec::new();
        for look in 0..=2_400 {
            let minutes = f64::from(look) / 20.0;
            if repeat.is_due(at(minutes)) {
                begun.push(minutes);
                repeat.ended(Some(verdict), true);
            }
        }
        begun
    }

    #[test]
    fn it_is_off_at_first_and_begins_nothing() {
        let mut repeat = Repeat::default();
        assert_eq!((repeat.is_on(), repeat.next(at(0.0))), (false, Next::Never));
        assert_eq!(runs(&mut repeat, Verdict::Isolated), [] as [f64; 0]);
    }

    #[test]
    fn it_runs_every_ten_minutes_for_an_hour() {
        let mut repeat = on();
        assert!(repeat.is_on());
        assert_eq!(runs(&mut repeat, Verdict::Isolated), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!((repeat.is_on(), repeat.results()), (false, (RUNS, RUNS)));
    }

    #[test]
    fn an_inconclusive_run_is_counted_and_does_not_end_it() {
        let mut repeat = on();
        assert_eq!(runs(&mut repeat, Verdict::Incomplete).len(), 6);
        assert_eq!(repeat.results(), (6, 0));
        assert!(!repeat.has_leaked());
    }

    #[test]
    fn a_leak_ends_it() {
        let mut repeat = on();
        assert_eq!(runs(&mut repeat, Verdict::Leaked), [10.0]);
        assert_eq!((repeat.is_on(), repeat.has_leaked(), repeat.results()), (false, true, (1, 0)));
        repeat.switch(at(30.0));
        assert_eq!((repeat.is_on(), repeat.has_leaked(), repeat.results()), (true, false, (0, 0)));
    }

    #[test]
    fn a_leak_of_another_check_ends_it_too_and_counts_as_no_run() {
        let mut repeat = on();
        repeat.ended(Some(Verdict::Isolated), false);
        assert_eq!((repeat.is_on(), repeat.results()), (true, (0, 0)));
        repeat.ended(Some(Verdict::Leaked), false);
        assert_eq!((repeat.is_on(), repeat.has_leaked(), repeat.results()), (false, true, (0, 0)));
        let mut off = Repeat::default();
        off.ended(Some(Verdict::Leaked), false);
        assert!(!off.has_leaked(), "there was nothing to stop");
    }

    #[test]
    fn switched_off_it_begins_nothing_and_keeps_its_results() {
        let mut repeat = on();
        assert!(repeat.is_due(at(10.0)));
        repeat.ended(Some(Verdict::Isolated), true);
        repeat.switch(at(11.0));
        assert_eq!(runs(&mut repeat, Verdict::Isolated), [] as [f64; 0]);
        assert_eq!((repeat.is_on(), repeat.results()), (false, (1, 1)));
    }

    #[test]
    fn switched_off_during_its_run_it_stays_off() {
        let mut repeat = on();
        assert!(repeat.is_due(at(10.0)));
        repeat.switch(at(10.1));
        repeat.ended(Some(Verdict::Isolated), true);
        assert_eq!((repeat.is_on(), repeat.results()), (false, (1, 1)));
    }

    #[test]
    fn a_run_that_has_to_wait_runs_late_and_once() {
        let mut repeat = on();
        // Nobody asks for 25 minutes, as while a tenant is disconnected.
        assert!(repeat.is_due(at(35.0)));
        assert!(!repeat.is_due(at(39.9)));
        assert!(repeat.is_due(at(40.0)));
    }

    #[test]
    fn nothing_begins_after_the_hour() {
        for (minutes, due) in [(61.0, true), (61.1, false)] {
            let mut repeat = on();
            assert_eq!(repeat.is_due(at(minutes)), due);
            assert_eq!(repeat.is_on(), due, "the run that is under way keeps it on");
        }
    }

    #[test]
    fn the_next_run_is_counted_down_in_minutes() {
        let mut repeat = on();
        for (minutes, next) in [(0.0, 10), (0.1, 10), (1.0, 9), (9.5, 1), (10.0, 0), (12.0, 0)] {
            assert_eq!(repeat.next(at(minutes)), Next::In(next), "{minutes}");
        }
        assert!(repeat.is_due(at(12.0)));
        assert_eq!(repeat.next(at(12.0)), Next::In(8));
        assert!(repeat.is_due(at(60.0)));
        assert_eq!(repeat.next(at(60.0)), Next::Last);
    }
}
