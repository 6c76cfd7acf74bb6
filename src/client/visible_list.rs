//! Decides which of a session's events have a row on the page: all of them, or, while the list is frozen, those that had
//! one when the freeze began.
//!
//! It merges nothing: that is the session's job.

use uuid::Uuid;

use super::{
    clock::{Instant, Millis},
    session::Session,
};
use crate::feed::Entry;

/// One event on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Names the process that accepted the event.
    pub epoch: Uuid,
    /// The event and its place in that process's order.
    pub entry: Entry,
    /// The event's number, as [`Session::accepted`] counts.
    pub number: u64,
    /// For how long the page had been visible when the row was put there, if that was not when the page was first list.
    pub arrived: Option<Millis>,
    /// Whether it came alone, or nearly: of a burst, nothing need move.
    pub moves: bool,
}

/// What [`VisibleList::paint`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Painted {
    /// The rows are others than before.
    pub changed: bool,
    /// There is more to add: paint again.
    pub more: bool,
}

/// When to paint again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Not before something changes.
    Done,
    /// In the same frame of the screen.
    AtOnce,
    /// In the next frame.
    InAnotherFrame,
}

impl Painted {
    /// How long rows may be added to the page in one frame of the screen: longer could be felt.
    const FRAME: Millis = 8.0;

    /// When to paint again in a frame whose painting began at `began`.
    #[must_use]
    pub fn next(self, began: Instant, now: Instant) -> Next {
        match self.more {
            false => Next::Done,
            true if now - began < Self::FRAME => Next::AtOnce,
            true => Next::InAnotherFrame,
        }
    }
}

/// The rows of a page, newest first.
#[derive(Debug, Clone)]
pub struct VisibleList {
    rows: Vec<Row>,
    /// The number of the newest event with a row, as [`Session::accepted`] counts.
    newest: u64,
    /// The number of the newest event that may have a row while the list is frozen.
    frozen_at: Option<u64>,
    paused: bool,
    scrolled: bool,
    /// The pending events are being shown: the list freezes again once all have a row.
    catches_up: bool,
    /// More rows are being added than may move.
    burst: bool,
    /// The number of the newest event that had a row when the page was first list.
    old: u64,
}

impl VisibleList {
    /// How many rows that wait to be added may move.
    const MOVING: usize = 5;

    /// The rows that the server rendered.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let mut list = Self {
            rows: vec![],
            newest: session.accepted(),
            frozen_at: None,
            paused: false,
            scrolled: false,
            catches_up: false,
            burst: false,
            old: session.accepted(),
        };
        list.fill(session, 0.0, usize::MAX);
        list
    }

    /// The rows, newest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether a person has paused the list.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Pauses the list, or lets it go on.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.freeze();
    }

    /// Tells whether the reader has scrolled away from the top: the list then stays as it is.
    pub fn scroll(&mut self, scrolled: bool) {
        self.scrolled = scrolled;
        self.freeze();
    }

    /// The number of the newest event that may have a row, if the list does not follow the stream.
    #[must_use]
    pub const fn frozen_at(&self) -> Option<u64> {
        self.frozen_at
    }

    /// Shows the pending events. Once all have a row, a paused list freezes again.
    pub const fn show_pending(&mut self) {
        self.scrolled = false;
        self.frozen_at = None;
        self.catches_up = true;
    }

    /// Brings the rows up to the session, one added at a time: for two at once, Leptos's keyed list (tachys 0.2) takes
    /// every row below them out of the document and puts it back, which for a thousand rows can be felt.
    ///
    /// `now` is for how long the page has been visible.
    pub fn paint(&mut self, session: &Session, now: Millis) -> Painted {
        self.fill(session, now, 1)
    }

    fn fill(&mut self, session: &Session, now: Millis, portion: usize) -> Painted {
        let Some(epoch) = session.epoch() else { return Painted::default() };
        let old = std::mem::take(&mut self.rows);

        let oldest = session.timeline().oldest().unwrap_or(u64::MAX);
        let before = session.accepted_before();
        let frozen_at = self.frozen_at;
        let current = session.timeline().iter().map(|entry| (epoch, before + entry.seq, entry));
        let current = current.filter(|(_, number, _)| frozen_at.is_none_or(|at| *number <= at));
        // Below the timeline: what the server no longer has. While the list is frozen: all that has a row already, so that
        // no row under the reader goes away.
        let below: Vec<_> = match frozen_at {
            Some(_) => {
                let rest = old.iter().filter(|row| row.epoch != epoch || row.entry.seq < oldest);
                rest.map(|row| (row.epoch, row.number, &row.entry)).collect()
            }
            None => session.stale().map(|stale| (stale.epoch, stale.number, &stale.entry)).collect(),
        };

        // Both have the same order: the search for an entry begins behind the last one that was found.
        let mut from = 0;
        let mut room = portion;
        let mut left = 0;
        for (row_epoch, number, entry) in current.chain(below) {
            let rest = old.get(from..).unwrap_or_default();
            let same = |row: &Row| row.epoch == row_epoch && row.entry.seq == entry.seq;
            let older = |row: &Row| row.epoch == row_epoch && row.entry.seq < entry.seq;
            if let Some(place) = rest.iter().take_while(|row| !older(row)).position(same) {
                self.rows.push(rest[place].clone());
                from += place + 1;
            } else if room > 0 {
                room -= 1;
                let arrived = (number > self.old).then_some(now);
                self.rows.push(Row {
                    epoch: row_epoch,
                    entry: entry.clone(),
                    number,
                    arrived,
                    moves: arrived.is_some(),
                });
            } else {
                left += 1;
            }
        }
        self.burst |= portion - room + left > Self::MOVING;
        if self.burst {
            self.rows.iter_mut().for_each(|row| row.moves &= row.arrived != Some(now));
        }
        self.burst &= left > 0;
        self.newest = self.rows.iter().find(|row| row.epoch == epoch).map_or(before, |row| row.number);
        if left == 0 {
            self.catches_up = false;
            self.freeze();
        }
        let changed = old.len() != self.rows.len()
            || old.iter().zip(&self.rows).any(|(old, new)| old.entry.event.id != new.entry.event.id);
        Painted { changed, more: left > 0 }
    }

    fn freeze(&mut self) {
        if self.catches_up {
            return;
        }
        self.frozen_at = (self.paused || self.scrolled).then(|| self.frozen_at.unwrap_or(self.newest));
    }
}

/// The row that takes the focus from a row which leaves the page: the nearest one that stays, the older one first.
#[must_use]
pub fn neighbour(before: &[Row], after: &[Row], leaves: Uuid) -> Option<Uuid> {
    let ids = |rows: &[Row]| rows.iter().map(|row| row.entry.event.id).collect::<Vec<_>>();
    let (before, after) = (ids(before), ids(after));
    let place = before.iter().position(|id| *id == leaves).filter(|_| !after.contains(&leaves))?;
    let stays = |id: &&Uuid| after.contains(*id);
    before[place..].iter().find(stays).or_else(|| before[..place].iter().rev().find(stays)).copied()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::feed::{Event, Message, Position, Tenant, Timestamp, protocol::Hello};

    fn event(epoch: u128, n: u64) -> Arc<Event> {
        Arc::new(Event {
            id: Uuid::from_u128(epoch << 64 | u128::from(n)),
            tenant_id: Tenant::A,
            message: Message::parse(&format!("event {n}")).unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        })
    }

    fn page(retain: usize, seq: u64) -> (Session, VisibleList) {
        let position = Position { epoch: Uuid::from_u128(1), seq };
        let events = (1..=seq).rev().map(|n| event(1, n));
        let mut session = Session::resume(Tenant::A, retain, String::new(), position, events);
        greet(&mut session, 1, seq);
        let list = VisibleList::new(&session);
        (session, list)
    }

    fn greet(session: &mut Session, epoch: u128, seq: u64) {
        let epoch = Uuid::from_u128(epoch);
        let timestamp = Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap();
        let hello = Hello {
            tenant_id: Tenant::A,
            connection_id: epoch,
            timestamp,
            epoch,
            seq,
            heartbeat_ms: 1,
            reconnect_ms: 1,
            connections: Some(1),
            build: String::new(),
        };
        session.hello(&hello).unwrap();
    }

    fn add(session: &mut Session, epoch: u128, seqs: std::ops::RangeInclusive<u64>) {
        for n in seqs {
            session.event(n, event(epoch, n)).unwrap();
        }
    }

    fn pending(list: &VisibleList, session: &Session) -> u64 {
        list.frozen_at().map_or(0, |at| session.accepted() - at)
    }

    /// Paints until nothing is left to add. Returns how often.
    fn paint(list: &mut VisibleList, session: &Session) -> usize {
        1 + std::iter::from_fn(|| list.paint(session, 1.0).more.then_some(())).count()
    }

    fn seqs(list: &VisibleList) -> Vec<u64> {
        list.rows().iter().map(|row| row.entry.seq).collect()
    }

    #[test]
    fn arrivals_are_marked_and_what_the_page_began_with_is_not() {
        let (mut session, mut list) = page(10, 2);
        add(&mut session, 1, 3..=3);
        assert_eq!(list.paint(&session, 7.0), Painted { changed: true, more: false });
        assert_eq!(list.paint(&session, 8.0), Painted::default());
        let marks: Vec<_> = list.rows().iter().map(|row| (row.entry.seq, row.arrived)).collect();
        assert_eq!(marks, [(3, Some(7.0)), (2, None), (1, None)]);
    }

    #[test]
    fn a_burst_is_painted_one_by_one_and_ends_complete() {
        let (mut session, mut list) = page(1000, 10);
        add(&mut session, 1, 11..=250);
        list.paint(&session, 1.0);
        assert_eq!(list.rows().len(), 11);
        assert_eq!(list.rows()[0].entry.seq, 250, "the newest first");
        assert_eq!(paint(&mut list, &session), 239);
        assert_eq!(seqs(&list), (1..=250).rev().collect::<Vec<_>>());
        assert!(!list.rows().iter().any(|row| row.moves), "a burst does not move");
    }

    #[test]
    fn a_frame_is_painted_for_eight_milliseconds() {
        let next = |more, now| Painted { changed: true, more }.next(Instant::new(100.0), Instant::new(now));
        assert_eq!(next(false, 100.0), Next::Done);
        assert_eq!((next(true, 107.9), next(true, 108.0)), (Next::AtOnce, Next::InAnotherFrame));
    }

    #[test]
    fn five_rows_at_a_time_move_and_six_do_not() {
        for (count, moves) in [(5, true), (6, false)] {
            let (mut session, mut list) = page(10, 0);
            add(&mut session, 1, 1..=count);
            list.paint(&session, 1.0);
            assert!(list.rows().iter().all(|row| row.moves == moves), "{count}");
        }
    }

    #[test]
    fn a_full_list_that_takes_another_event_has_changed() {
        let (mut session, mut list) = page(3, 3);
        add(&mut session, 1, 4..=4);
        assert_eq!(list.paint(&session, 1.0), Painted { changed: true, more: false });
    }

    #[test]
    fn a_frozen_list_does_not_change_and_counts_on() {
        let (mut session, mut list) = page(3, 3);
        assert!(!list.is_paused());
        list.pause(true);
        assert!(list.is_paused());
        add(&mut session, 1, 4..=8);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 5));
        list.scroll(true);
        list.pause(false);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 5), "scrolled away still");
        list.scroll(false);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![8, 7, 6], 0));
    }

    #[test]
    fn a_scroll_event_on_the_way_to_the_pending_events_does_not_hide_them_again() {
        let (mut session, mut list) = page(10, 1);
        list.pause(true);
        add(&mut session, 1, 2..=3);
        paint(&mut list, &session);
        list.show_pending();
        list.scroll(false);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 0));
        add(&mut session, 1, 4..=4);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 1), "the pause goes on");
    }

    #[test]
    fn pending_events_are_shown_and_a_pause_goes_on() {
        let (mut session, mut list) = page(3, 1);
        list.pause(true);
        add(&mut session, 1, 2..=2);
        list.show_pending();
        paint(&mut list, &session);
        add(&mut session, 1, 3..=3);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![2, 1], 1));
    }

    #[test]
    fn what_is_gone_stays_below_and_is_of_another_epoch() {
        let (mut session, mut list) = page(5, 3);
        list.pause(true);
        greet(&mut session, 2, 0);
        add(&mut session, 2, 1..=3);
        assert_eq!(pending(&list, &session), 3);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 3));
        list.pause(false);
        paint(&mut list, &session);
        let epochs: Vec<_> = list.rows().iter().map(|row| (row.epoch.as_u128(), row.entry.seq)).collect();
        assert_eq!(epochs, [(2, 3), (2, 2), (2, 1), (1, 3), (1, 2)], "bounded together");
    }

    #[test]
    fn what_waited_before_a_restart_still_waits_after_it() {
        let (mut session, mut list) = page(10, 3);
        list.pause(true);
        add(&mut session, 1, 4..=5);
        assert_eq!(pending(&list, &session), 2);
        greet(&mut session, 2, 0);
        add(&mut session, 2, 1..=1);
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![3, 2, 1], 3));
        list.show_pending();
        paint(&mut list, &session);
        assert_eq!((seqs(&list), pending(&list, &session)), (vec![1, 5, 4, 3, 2, 1], 0));
        let numbers: Vec<_> = list.rows().iter().map(|row| row.number).collect();
        assert_eq!(numbers, [6, 5, 4, 3, 2, 1], "they have their place");
    }

    #[test]
    fn the_focus_of_a_row_that_leaves_goes_to_the_nearest_row_that_stays() {
        let (mut session, mut list) = page(3, 3);
        let before = list.rows().to_vec();
        add(&mut session, 1, 4..=5);
        paint(&mut list, &session);
        assert_eq!(seqs(&list), [5, 4, 3]);
        let id = |n| event(1, n).id;
        for (leaves, next) in [(1, Some(id(3))), (2, Some(id(3))), (3, None), (9, None)] {
            assert_eq!(neighbour(&before, list.rows(), id(leaves)), next, "{leaves}");
        }
        assert_eq!(neighbour(&before, &before[2..], id(3)), Some(id(1)), "the older one first");
    }
}
