//! Decides which figures of the isolation view are known, which are current, and which are old.
//!
//! A tenant's figures have two sources: its stream and the server's report. Each can fail alone, and each belongs to one
//! epoch. Figures of two epochs never appear next to each other. The clock is not in here.

use uuid::Uuid;

use crate::feed::Tenant;

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
    /// Names the epoch of the tenant's feed that the figures belong to.
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
    /// epochs, those of the older epoch are not known. A live stream is the newer one.
    #[must_use]
    pub fn new(stream: Option<Source>, report: Source) -> Self {
        match stream {
            Some(stream) if stream.epoch == report.epoch => Self { stream: stream.age(), report: report.age() },
            Some(stream) if stream.current => Self { stream: Age::Current, report: Age::Unknown },
            _ => Self { stream: Age::Unknown, report: report.age() },
        }
    }
}

/// The epochs of both tenants' feeds, and when one of them last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    of: [Uuid; 2],
    restarted: Option<i64>,
}

impl Epochs {
    /// The epochs when the page was rendered.
    #[must_use]
    pub const fn new(of: [Uuid; 2]) -> Self {
        Self { of, restarted: None }
    }

    /// A source has named a tenant's epoch at this moment. `true` if it is new. Without a backplane both tenants have one
    /// epoch, so the one that the other tenant has already is not new.
    pub fn name(&mut self, tenant: Tenant, epoch: Uuid, at: i64) -> bool {
        let is_new = !self.of.contains(&epoch);
        self.of[tenant as usize] = epoch;
        if is_new {
            self.restarted = Some(at);
        }
        is_new
    }

    /// When an epoch last changed; `None` if that never happened.
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
        let mut epochs = Epochs::new([Uuid::from_u128(1); 2]);
        assert!(!epochs.name(Tenant::A, Uuid::from_u128(1), 5));
        assert_eq!(epochs.restarted(), None);
        assert!(epochs.name(Tenant::B, Uuid::from_u128(2), 7));
        assert!(!epochs.name(Tenant::A, Uuid::from_u128(2), 9), "the other stream names it too");
        assert_eq!(epochs.restarted(), Some(7));
        assert!(epochs.name(Tenant::A, Uuid::from_u128(3), 11));
        assert_eq!(epochs.restarted(), Some(11));
    }

    #[test]
    fn with_a_backplane_each_tenant_has_an_epoch_of_its_own() {
        let mut epochs = Epochs::new([1, 2].map(Uuid::from_u128));
        for _ in 0..2 {
            assert!(!epochs.name(Tenant::A, Uuid::from_u128(1), 5));
            assert!(!epochs.name(Tenant::B, Uuid::from_u128(2), 5));
        }
        assert!(epochs.name(Tenant::B, Uuid::from_u128(3), 7));
        assert!(!epochs.name(Tenant::A, Uuid::from_u128(1), 9), "the other tenant's feed goes on");
        assert_eq!(epochs.restarted(), Some(7));
    }

    #[test]
    fn a_server_that_reaches_its_backplane_is_named_once_for_each_tenant() {
        let mut epochs = Epochs::new([Uuid::from_u128(1); 2]); // before it has reached the backplane
        let named = [2, 3, 2, 3].map(Uuid::from_u128).into_iter().zip(Tenant::ALL.into_iter().cycle());
        let named: Vec<_> = named.map(|(epoch, tenant)| epochs.name(tenant, epoch, 5)).collect();
        assert_eq!(named, [true, true, false, false]);
    }

    #[test]
    fn an_age_has_a_name() {
        assert_eq!([Age::Unknown, Age::Current, Age::Stale(0)].map(Age::slug), ["unknown", "current", "stale"]);
    }
}
