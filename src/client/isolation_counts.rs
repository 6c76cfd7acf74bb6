//! Decides which figures of the isolation view are known, which are current, and which are old.
//!
//! A tenant's figures have two sources: its stream and the server's report. Each can fail alone, and each belongs to one
//! process of the server. Figures of two processes never appear next to each other. The clock is not in here.

use uuid::Uuid;

/// How current a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The figure is not known.
    Unknown,
    /// The figure is right now.
    Current,
    /// The figure was right at this moment, in milliseconds since 1970 by the server's clock.
    Stale(i64),
}

impl Age {
    /// The age's name in the page's markup.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Current => "current",
            Self::Stale(_) => "stale",
        }
    }
}

/// One source of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Names the server's process that the figures belong to.
    pub epoch: Uuid,
    /// Whether the source still brings figures.
    pub current: bool,
    /// When it last brought some, in milliseconds since 1970 by the server's clock.
    pub at: i64,
}

impl Source {
    const fn age(self) -> Age {
        if self.current { Age::Current } else { Age::Stale(self.at) }
    }
}

/// The ages of a tenant's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// Of what its stream has brought.
    pub stream: Age,
    /// Of what the server's report says.
    pub report: Age,
}

impl Ages {
    /// The ages of the figures of a stream, `None` before its first hello, and of a report. If they belong to two
    /// processes, those of the older process are not known. A live stream is the newer one.
    #[must_use]
    pub fn new(stream: Option<Source>, report: Source) -> Self {
        match stream {
            Some(stream) if stream.epoch == report.epoch => Self { stream: stream.age(), report: report.age() },
            Some(stream) if stream.current => Self { stream: Age::Current, report: Age::Unknown },
            _ => Self { stream: Age::Unknown, report: report.age() },
        }
    }
}

/// The server's process, and when another one took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    epoch: Uuid,
    restarted: Option<i64>,
}

impl Process {
    /// The process that rendered the page.
    #[must_use]
    pub const fn new(epoch: Uuid) -> Self {
        Self { epoch, restarted: None }
    }

    /// A source has named its process at this moment. `true` if it is another one than before.
    pub fn name(&mut self, epoch: Uuid, at: i64) -> bool {
        let restarted = epoch != self.epoch;
        if restarted {
            *self = Self { epoch, restarted: Some(at) };
        }
        restarted
    }

    /// When another process took the place of the one before; `None` if that never happened.
    #[must_use]
    pub const fn restarted(self) -> Option<i64> {
        self.restarted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(epoch: u128, current: bool, at: i64) -> Source {
        Source { epoch: Uuid::from_u128(epoch), current, at }
    }

    #[test]
    fn a_stream_that_was_never_live_has_no_figures() {
        let ages = Ages::new(None, source(1, true, 5));
        assert_eq!(ages, Ages { stream: Age::Unknown, report: Age::Current });
    }

    #[test]
    fn each_source_grows_old_alone() {
        for (stream, report, expected) in [
            (source(1, true, 7), source(1, true, 5), (Age::Current, Age::Current)),
            (source(1, false, 7), source(1, true, 5), (Age::Stale(7), Age::Current)),
            (source(1, true, 7), source(1, false, 5), (Age::Current, Age::Stale(5))),
        ] {
            let ages = Ages::new(Some(stream), report);
            assert_eq!((ages.stream, ages.report), expected);
        }
        let ages = Ages::new(Some(source(1, false, 7)), source(1, false, 5));
        assert_eq!((ages.stream, ages.report), (Age::Stale(7), Age::Stale(5)));
    }

    #[test]
    fn counts_of_two_processes_never_appear_together() {
        let restarted = Ages::new(Some(source(2, true, 7)), source(1, true, 5));
        assert_eq!(restarted, Ages { stream: Age::Current, report: Age::Unknown });
        let not_back = Ages::new(Some(source(1, false, 7)), source(2, true, 9));
        assert_eq!(not_back, Ages { stream: Age::Unknown, report: Age::Current });
    }

    #[test]
    fn a_restart_is_named_once_for_all_sources() {
        let mut process = Process::new(Uuid::from_u128(1));
        assert!(!process.name(Uuid::from_u128(1), 5));
        assert_eq!(process.restarted(), None);
        assert!(process.name(Uuid::from_u128(2), 7));
        assert!(!process.name(Uuid::from_u128(2), 9), "the other stream names it too");
        assert_eq!(process.restarted(), Some(7));
        assert!(process.name(Uuid::from_u128(3), 11));
        assert_eq!(process.restarted(), Some(11));
    }

    #[test]
    fn an_age_has_a_name() {
        assert_eq!([Age::Unknown, Age::Current, Age::Stale(0)].map(Age::slug), ["unknown", "current", "stale"]);
    }
}
