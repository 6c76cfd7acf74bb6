//! Names the results of reading the list (contract, "A client's duty", 3). `app::words` has the texts.

use crate::feed::Timestamp;

/// The result of reading the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The connection is back.
    Returned {
        /// So many events passed meanwhile.
        new: u64,
        /// Some of them are no longer kept.
        missing: bool,
    },
    /// Another process answers, and has none of the events of the one before.
    Restarted {
        /// When this was noticed, by the server's clock.
        at: Timestamp,
        /// So many events it has accepted by now.
        new: u64,
        /// Some of them are no longer kept.
        missing: bool,
    },
    /// Something was lost on the way, and the list was read again.
    Repaired {
        /// So many events were recovered.
        events: u64,
        /// Some are no longer kept.
        missing: bool,
    },
}

impl Notice {
    /// Whether all is well: nothing is missing, and the server is the same. Such a notice ends by itself.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Returned { missing: false, .. } | Self::Repaired { missing: false, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_notice_without_loss_is_good() {
        let at = Timestamp::parse("2026-11-23T12:03:00.000Z").unwrap();
        for (missing, good) in [(false, true), (true, false)] {
            assert_eq!(Notice::Returned { new: 1, missing }.is_good(), good);
            assert_eq!(Notice::Repaired { events: 1, missing }.is_good(), good);
            assert!(!Notice::Restarted { at, new: 1, missing }.is_good());
        }
    }
}
