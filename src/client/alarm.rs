//! Decides when the one timer of a connection is set. Setting it is the driver's job.
//!
//! Each frame moves the deadline. A timer that comes too early does no harm: it only sets the next. So it is set again only if
//! it would come too late.

use super::clock::Instant;

/// The moment that the timer is set for, if it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Alarm(Option<Instant>);

/// The change of the timer that is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// It comes early enough.
    Keep,
    /// Set it for this moment, in place of any other.
    Set(Instant),
    /// Nothing is awaited.
    Clear,
}

impl Alarm {
    /// The change that is needed for the next deadline, `None` if nothing is awaited.
    pub fn set(&mut self, deadline: Option<Instant>) -> Setting {
        match (self.0, deadline) {
            (None, None) => Setting::Keep,
            (Some(_), None) => {
                self.0 = None;
                Setting::Clear
            }
            (Some(armed), Some(deadline)) if armed <= deadline => Setting::Keep,
            (_, Some(deadline)) => {
                self.0 = Some(deadline);
                Setting::Set(deadline)
            }
        }
    }

    /// The timer has come.
    pub const fn rang(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_is_set_only_if_it_would_come_too_late() {
        let at = Instant::new;
        let mut alarm = Alarm::default();
        assert_eq!(alarm.set(None), Setting::Keep);
        assert_eq!(alarm.set(Some(at(30.0))), Setting::Set(at(30.0)));
        assert_eq!(alarm.set(Some(at(40.0))), Setting::Keep, "each frame moves the deadline");
        assert_eq!(alarm.set(Some(at(20.0))), Setting::Set(at(20.0)));
        alarm.rang();
        assert_eq!(alarm.set(Some(at(40.0))), Setting::Set(at(40.0)));
        assert_eq!(alarm.set(None), Setting::Clear);
        assert_eq!(alarm.set(None), Setting::Keep);
    }
}
