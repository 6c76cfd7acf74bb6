//! Remembers which events this page posted: an own post is never counted as unread.

use uuid::Uuid;

use crate::feed::Entry;

/// The newest own posts.
#[derive(Debug, Clone, Default)]
pub struct OwnPosts(Vec<Uuid>);

impl OwnPosts {
    /// How many are remembered: far more than a person posts before looking.
    const MAX: usize = 100;

    /// The server accepted this event.
    pub fn add(&mut self, id: Uuid) {
        if self.0.len() == Self::MAX {
            self.0.remove(0);
        }
        self.0.push(id);
    }

    /// How many of the events with a number above this one are own posts. The events are in order, the newest first.
    #[must_use]
    pub fn above<'a>(&self, number: u64, newest_first: impl Iterator<Item = (u64, &'a Entry)>) -> u64 {
        if self.0.is_empty() {
            return 0;
        }
        let above = newest_first.take_while(|(of_event, _)| *of_event > number);
        above.filter(|(_, entry)| self.0.contains(&entry.event.id)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::feed::{Event, Message, Tenant, Timestamp};

    fn entry(seq: u64) -> Entry {
        let event = Event {
            id: Uuid::from_u128(seq.into()),
            tenant_id: Tenant::A,
            message: Message::parse("x").unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        };
        Entry { seq, event: Arc::new(event) }
    }

    #[test]
    fn own_posts_above_a_number_are_counted() {
        let entries: Vec<_> = (1..=9).rev().map(entry).collect();
        let mut own = OwnPosts::default();
        let numbered = || entries.iter().map(|entry| (20 + entry.seq, entry));
        assert_eq!(own.above(0, numbered()), 0);
        for seq in [3, 8, 9] {
            own.add(Uuid::from_u128(seq));
        }
        assert_eq!([0, 22, 23, 28, 29].map(|number| own.above(number, numbered())), [3, 3, 2, 1, 0]);
    }

    #[test]
    fn the_newest_hundred_are_remembered() {
        let entries: Vec<_> = (1..=102).rev().map(entry).collect();
        let mut own = OwnPosts::default();
        (1..=102).for_each(|seq| own.add(Uuid::from_u128(seq)));
        assert_eq!(own.above(0, entries.iter().map(|entry| (entry.seq, entry))), 100);
    }
}
