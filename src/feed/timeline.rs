//! Keeps the newest events of one tenant in order: bounded, without duplicates.
//!
//! The server keeps one timeline per tenant, a page renders one, and the live client merges lists and events into one.
//! All three use this code, so they agree. It makes no event and no timestamp.

use std::{collections::VecDeque, sync::Arc};

use super::Event;

/// An event and its number in the tenant's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, … in the order of acceptance.
    pub seq: u64,
    /// The event. It is shared, not copied.
    pub event: Arc<Event>,
}

/// At most `retain` entries, in descending order of `seq`, each `seq` once.
#[derive(Debug, Clone)]
pub struct Timeline {
    retain: usize,
    seq: u64,
    entries: VecDeque<Entry>,
}

impl Timeline {
    /// Makes an empty timeline that will keep the newest `retain` entries, at least one.
    #[must_use]
    pub fn new(retain: usize) -> Self {
        Self::after(retain, 0)
    }

    /// Makes an empty timeline whose next event will have the number `seq` + 1.
    #[must_use]
    pub fn after(retain: usize, seq: u64) -> Self {
        Self { retain: retain.max(1), seq, entries: VecDeque::new() }
    }

    /// Makes a timeline from a list: its `i`-th event, counted from 0, has the number `seq - i` (contract, "HTTP").
    #[must_use]
    pub(crate) fn from_list(retain: usize, seq: u64, newest_first: impl IntoIterator<Item = Arc<Event>>) -> Self {
        let seqs = (1..=seq).rev();
        let entries = seqs.zip(newest_first).map(|(seq, event)| Entry { seq, event });
        let mut timeline = Self { retain: retain.max(1), seq, entries: entries.collect() };
        timeline.trim();
        timeline
    }

    /// Appends the next event in order, and returns its `seq`.
    pub fn append(&mut self, event: Arc<Event>) -> u64 {
        self.insert(self.seq + 1, event);
        self.seq
    }

    /// Inserts an event in order. Returns whether it was new: an event that is already kept, or that is older than all
    /// kept ones in a full timeline, changes nothing.
    pub fn insert(&mut self, seq: u64, event: Arc<Event>) -> bool {
        let index = self.entries.partition_point(|entry| entry.seq > seq);
        let is_kept = self.entries.get(index).is_some_and(|entry| entry.seq == seq);
        if is_kept || index >= self.retain {
            return false;
        }
        self.seq = self.seq.max(seq);
        self.entries.insert(index, Entry { seq, event });
        self.trim();
        true
    }

    /// Merges a list that was read while events kept arriving. Returns how many of its entries were new.
    ///
    /// An entry that is newer than the list stays. An entry at or below the list's `seq` that is not in the list is older
    /// than what the server keeps, and is dropped (contract, client's duty 1).
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

    /// The `seq` of the newest event so far, whether it is still kept or not; 0 before the first.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry with this `seq`, if it is kept.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        let index = self.entries.binary_search_by(|entry| seq.cmp(&entry.seq)).ok()?;
        self.entries.get(index)
    }

    /// The `seq` of the oldest entry.
    #[must_use]
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.entries.back().map(|entry| entry.seq)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Maximum number of entries.
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

    /// Event `n` of a stream: equal for equal `n`.
    fn event(n: u64) -> Arc<Event> {
        Arc::new(Event {
            id: Uuid::from_u128(n.into()),
            tenant_id: Tenant::A,
            message: Message::parse(&format!("event {n}")).unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        })
    }

    /// The server's timeline when it has accepted `seq` events.
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
    fn the_newest_entry_is_first_and_the_oldest_are_dropped() {
        let timeline = kept(3, 5);
        assert_eq!(seqs(&timeline), [5, 4, 3]);
        assert_eq!((timeline.seq(), timeline.oldest(), timeline.len()), (5, Some(3), 3));
        assert_eq!(timeline.get(4).map(|entry| &entry.event), Some(&event(4)));
        assert!(timeline.get(2).is_none());
        assert!(!timeline.is_empty() && Timeline::new(3).is_empty());
    }

    #[test]
    fn no_entry_is_kept_twice_and_no_dropped_entry_returns() {
        let mut timeline = kept(3, 5);
        for seq in 1..=5 {
            assert!(!timeline.insert(seq, event(seq)), "{seq}");
        }
        assert_eq!(seqs(&timeline), [5, 4, 3]);
    }

    #[test]
    fn merging_a_list_drops_older_entries_that_are_not_in_it() {
        let mut page = kept(3, 5);
        page.insert(9, event(9));
        let list = kept(3, 8);
        assert_eq!(page.merge(&list), 3);
        assert_eq!(seqs(&page), [9, 8, 7]);
    }

    proptest! {
        /// A page that missed events, and received others before the list, ends with the events that the server keeps.
        #[test]
        fn a_page_that_reads_the_list_and_receives_the_rest_is_equal_to_the_server(
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
