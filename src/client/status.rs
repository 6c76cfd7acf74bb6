//! Names the states of a connection, as the page shows them (contract, "A client's duty", 4). Which one it is, `reconnect`
//! decides; their words for people are the page's.

use super::clock::{Instant, Millis};

/// The state of a connection. (Whether the list is paused is the page's own affair.)
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Status {
    /// The first attempt.
    #[default]
    Connecting,
    /// Subscribed, and nothing is missing: the page had all, or has read the list.
    Live,
    /// Was live, or has tried to be. It waits for the next attempt, or, if there is no wait, attempts.
    Reconnecting(Option<Wait>),
    /// Not live, and the browser reports that the network is gone. Attempts go on: it may be wrong about this server.
    Offline,
    /// Refused for good.
    Stopped {
        /// In the server's words.
        reason: String,
    },
}

/// The wait before an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wait {
    /// When it began.
    pub since: Instant,
    /// When it ends.
    pub until: Instant,
}

impl Status {
    /// A wait shorter than this is not counted down: the number would only flicker.
    const COUNTED: Millis = 5_000.0;

    /// The state's name in the page's markup.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Reconnecting(_) => "reconnecting",
            Self::Offline => "offline",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The whole seconds that are left of a long wait.
    #[must_use]
    pub fn countdown(&self, now: Instant) -> Option<u64> {
        match self {
            Self::Reconnecting(Some(Wait { since, until })) if *until - *since >= Self::COUNTED => {
                Some(((*until - now) / 1000.0).ceil().max(0.0) as u64)
            }
            _ => None,
        }
    }

    /// Whether a person may ask for an attempt.
    #[must_use]
    pub const fn can_retry(&self) -> bool {
        matches!(self, Self::Reconnecting(_) | Self::Offline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: Millis) -> Instant {
        Instant::new(millis)
    }

    #[test]
    fn only_long_waits_are_counted_down() {
        let wait = |until| Status::Reconnecting(Some(Wait { since: at(1_000.0), until: at(until) }));
        let short = wait(5_999.0);
        let long = wait(6_000.0);
        assert_eq!(short.countdown(at(2_000.0)), None);
        assert_eq!(long.countdown(at(2_000.0)), Some(4));
        assert_eq!(long.countdown(at(9_000.0)), Some(0));
        assert_eq!(Status::Live.countdown(at(2_000.0)), None);
    }

    #[test]
    fn each_state_has_a_name_and_some_a_retry() {
        let stopped = Status::Stopped { reason: String::new() };
        for (status, slug, can_retry) in [
            (Status::Connecting, "connecting", false),
            (Status::Live, "live", false),
            (Status::Reconnecting(None), "reconnecting", true),
            (Status::Offline, "offline", true),
            (stopped, "stopped", false),
        ] {
            assert_eq!((status.slug(), status.can_retry()), (slug, can_retry));
        }
    }
}
