//! The newest events of one tenant, newest first: bounded and free of duplicates. It numbers and stamps nothing.
//!
//! The server keeps one per tenant, the page renders one, and the live client merges into one: the same code, so that
//! they agree.

use std::{collections::VecDeque, sync::Arc};

use super::Event;

/// How many events are kept where nothing else is said (contract, "Data").
pub const DEFAULT_RETAIN: usize = 1_000;

/// An event and its place in the tenant's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, … in the order of acceptance.
    pub seq: u64,
    /// The event itself, shared, never copied.
    pub event: Arc<Event>,
}

/// At most `retain` entries in strictly falling order of `seq`.
#[derive(Debug, Clone)]
pub struct Timeline {
    retain: usize,
    seq: u64,
    entries: VecDeque<Entry>,
}

impl Timeline {
    /// An empty one, before the first event, that will keep the newest `retain` entries (at least one).
    #[must_use]
    pub fn new(retain: usize) -> Self {
        Self { retain: retain.max(1), seq: 0, entries: VecDeque::new() }
    }

    /// The timeline that a list shows: the `i`-th event has `seq - i` (contract, "HTTP").
    #[must_use]
    pub fn from_list(retain: usize, seq: u64, newest_first: impl IntoIterator<Item = Arc<Event>>) -> Self {
        let seqs = (1..=seq).rev();
        let entries = seqs.zip(newest_first).map(|(seq, event)| Entry { seq, event });
        let mut timeline = Self { retain: retain.max(1), seq, entries: entries.collect() };
        timeline.trim();
        timeline
    }

    /// Puts an event on top, as the next in order, and says which `seq` it got.
    pub fn append(&mut self, event: Arc<Event>) -> u64 {
        self.insert(self.seq + 1, event);
        self.seq
    }

    /// Puts an event in its place. Says whether it is new here: one that stands already, or that is older than what is
    /// kept, changes nothing.
    pub fn insert(&mut self, seq: u64, event: Arc<Event>) -> bool {
        let place = self.entries.partition_point(|entry| entry.seq > seq);
        let stands = self.entries.get(place).is_some_and(|entry| entry.seq == seq);
        if stands || place >= self.retain {
            return false;
        }
        self.seq = self.seq.max(seq);
        self.entries.insert(place, Entry { seq, event });
        self.trim();
        true
    }

    /// Takes in a list that was read while events kept arriving, and says how many of its entries were new here.
    ///
    /// What stands at or below the list's `seq` and is not in it is older than what is kept, and goes; what is newer
    /// than the list stays (contract, client's duty 1).
    pub fn merge(&mut self, list: &Self) -> usize {
        let old = std::mem::take(&mut self.entries);
        let known = |seq: u64| old.binary_search_by(|entry: &Entry| seq.cmp(&entry.seq)).is_ok();
        let new = list.entries.iter().filter(|entry| !known(entry.seq)).count();
        self.entries = old.iter().take_while(|entry| entry.seq > list.seq).cloned().collect();
        self.entries.extend(list.entries.iter().cloned());
        self.retain = list.retain;
        self.seq = self.seq.max(list.seq);
        self.trim();
        new
    }

    /// The entries, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> + DoubleEndedIterator {
        self.entries.iter()
    }

    /// The `seq` of the newest event ever seen, kept or not; 0 before the first.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry with this `seq`, if it is kept.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        let place = self.entries.binary_search_by(|entry| seq.cmp(&entry.seq)).ok()?;
        self.entries.get(place)
    }

    /// The `seq` of the oldest entry that is kept.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.seq)
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many are kept at most.
    #[must_use]
    pub const fn retain(&self) -> usize {
        self.retain
    }

    fn trim(&mut self) {
        self.entries.truncate(self.retain);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::feed::{Message, Tenant, Timestamp};

    /// Event `n` of a stream: the same each time it is asked for.
    fn event(n: u64) -> Arc<Event> {
        Arc::new(Event {
            id: Uuid::from_u128(n.into()),
            tenant_id: Tenant::A,
            message: Message::parse(&format!("event {n}")).unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        })
    }

    /// What the server keeps once it has accepted `seq` events.
    fn kept(retain: usize, seq: u64) -> Timeline {
        let mut timeline = Timeline::new(retain);
        for n in 1..=seq {
            assert_eq!(timeline.append(event(n)), n);
        }
        timeline
    }

    fn seqs(timeline: &Timeline) -> Vec<u64> {
        timeline.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn the_newest_stand_first_and_the_oldest_go() {
        let timeline = kept(3, 5);
        assert_eq!(seqs(&timeline), [5, 4, 3]);
        assert_eq!((timeline.seq(), timeline.oldest(), timeline.len()), (5, Some(3), 3));
        assert_eq!(timeline.get(4).map(|entry| &entry.event), Some(&event(4)));
        assert!(timeline.get(2).is_none());
        assert!(!timeline.is_empty() && Timeline::new(3).is_empty());
    }

    #[test]
    fn nothing_stands_twice_and_nothing_older_than_the_kept_comes_back() {
        let mut timeline = kept(3, 5);
        for seq in 1..=5 {
            assert!(!timeline.insert(seq, event(seq)), "{seq}");
        }
        assert_eq!(seqs(&timeline), [5, 4, 3]);
    }

    #[test]
    fn a_list_takes_with_it_what_it_no_longer_has() {
        let mut page = kept(3, 5);
        page.insert(9, event(9));
        let list = kept(3, 8);
        assert_eq!(page.merge(&list), 3);
        assert_eq!(seqs(&page), [9, 8, 7]);
    }

    proptest! {
        /// A page that has missed any events, and got others before the list came, ends up with what the server keeps.
        #[test]
        fn a_page_that_reads_the_list_and_then_listens_is_equal_to_the_server(
            retain in 1_usize..8, at_list in 0_u64..20, more in 0_u64..20, seen in proptest::collection::vec(1_u64..20, 0..20),
        ) {
            let mut page = Timeline::new(retain);
            for n in seen.into_iter().filter(|n| *n <= at_list) {
                page.insert(n, event(n));
            }
            let list = kept(retain, at_list);
            let early = more / 2;
            for n in at_list + 1..=at_list + early {
                page.insert(n, event(n));
            }
            page.merge(&Timeline::from_list(retain, list.seq(), list.iter().map(|entry| Arc::clone(&entry.event))));
            for n in at_list + early + 1..=at_list + more {
                page.insert(n, event(n));
            }
            let server = kept(retain, at_list + more);
            prop_assert_eq!(page.iter().collect::<Vec<_>>(), server.iter().collect::<Vec<_>>());
        }
    }
}
