//! What of a session stands on the page: everything, or, while it is held, what stood there when the hold began. It
//! merges nothing: that is the session's.

use uuid::Uuid;

use super::{clock::Millis, session::Session};
use crate::feed::Entry;

/// One event on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Names the process that accepted the event.
    pub epoch: Uuid,
    /// The event and its place in that process's order.
    pub entry: Entry,
    /// For how long the page had been visible when the row was put there, if that was not when the page was first shown.
    pub arrived: Option<Millis>,
    /// Whether it came alone, or nearly: of a burst, nothing need move.
    pub moves: bool,
}

/// What [`Shown::paint`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Painted {
    /// The rows are others than before.
    pub changed: bool,
    /// There is more to add: paint again.
    pub more: bool,
}

/// The rows of a page, newest first.
#[derive(Debug, Clone)]
pub struct Shown {
    rows: Vec<Row>,
    epoch: Option<Uuid>,
    /// The newest `seq` that may stand here while the list is held.
    held: Option<u64>,
    paused: bool,
    scrolled: bool,
    /// What is being added is too much to move.
    burst: bool,
    /// Events up to here were there when the page was first shown.
    old: u64,
}

impl Shown {
    /// How many rows that wait to be added may move.
    const MOVING: usize = 5;

    /// The rows that the server rendered.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let mut shown = Self {
            rows: vec![],
            epoch: session.epoch(),
            held: None,
            paused: false,
            scrolled: false,
            burst: false,
            old: session.timeline().seq(),
        };
        shown.fill(session, 0.0, usize::MAX);
        shown
    }

    /// The rows, newest first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether a person has stopped the list.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Stops the list, or lets it go on.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.hold();
    }

    /// Tells whether the reader has scrolled away from the top: the list then stays where it is.
    pub fn scroll(&mut self, scrolled: bool) {
        self.scrolled = scrolled;
        self.hold();
    }

    /// How many events wait for the reader.
    #[must_use]
    pub fn pending(&self, session: &Session) -> u64 {
        match self.held {
            Some(held) if self.epoch == session.epoch() => session.timeline().seq().saturating_sub(held),
            Some(_) => session.timeline().seq(),
            None => 0,
        }
    }

    /// Takes up what waits, and holds again where the list is paused.
    pub fn take_up(&mut self, session: &Session) {
        self.scrolled = false;
        self.held = self.paused.then(|| session.timeline().seq());
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
        if self.epoch != Some(epoch) {
            // All that is new is of a process that began after the hold did.
            self.epoch = Some(epoch);
            self.held = self.held.map(|_| 0);
            self.old = 0;
        }
        let old = std::mem::take(&mut self.rows);

        let oldest = session.timeline().oldest().unwrap_or(u64::MAX);
        let held = self.held;
        let current = session.timeline().iter().filter(|entry| held.is_none_or(|held| entry.seq <= held));
        // Below the timeline: what the server no longer has; while it is held, all that stands there already, so that
        // nothing is taken away from under the reader.
        let below: Vec<_> = match held {
            Some(_) => {
                let rest = old.iter().filter(|row| row.epoch != epoch || row.entry.seq < oldest);
                rest.map(|row| (row.epoch, &row.entry)).collect()
            }
            None => session.gone().map(|gone| (gone.epoch, &gone.entry)).collect(),
        };

        // Both stand in the same order: what an entry is sought in begins after the last one that was found.
        let mut from = 0;
        let mut room = portion;
        let mut left = 0;
        for (row_epoch, entry) in current.map(|entry| (epoch, entry)).chain(below) {
            let rest = old.get(from..).unwrap_or_default();
            let same = |row: &Row| row.epoch == row_epoch && row.entry.seq == entry.seq;
            let older = |row: &Row| row.epoch == row_epoch && row.entry.seq < entry.seq;
            if let Some(place) = rest.iter().take_while(|row| !older(row)).position(same) {
                self.rows.push(rest[place].clone());
                from += place + 1;
            } else if room > 0 {
                room -= 1;
                let arrived = (row_epoch != epoch || entry.seq > self.old).then_some(now);
                self.rows.push(Row { epoch: row_epoch, entry: entry.clone(), arrived, moves: arrived.is_some() });
            } else {
                left += 1;
            }
        }
        self.burst |= portion - room + left > Self::MOVING;
        if self.burst {
            self.rows.iter_mut().for_each(|row| row.moves &= row.arrived != Some(now));
        }
        self.burst &= left > 0;
        let changed = old.len() != self.rows.len()
            || old.iter().zip(&self.rows).any(|(old, new)| old.entry.event.id != new.entry.event.id);
        Painted { changed, more: left > 0 }
    }

    fn hold(&mut self) {
        let newest = || self.rows.iter().find(|row| Some(row.epoch) == self.epoch).map_or(0, |row| row.entry.seq);
        self.held = (self.paused || self.scrolled).then(|| self.held.unwrap_or_else(newest));
    }
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

    fn page(retain: usize, seq: u64) -> (Session, Shown) {
        let position = Position { epoch: Uuid::from_u128(1), seq };
        let events = (1..=seq).rev().map(|n| event(1, n));
        let mut session = Session::resume(Tenant::A, retain, String::new(), position, events);
        greet(&mut session, 1, seq);
        let shown = Shown::new(&session);
        (session, shown)
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
            build: String::new(),
        };
        session.hello(&hello).unwrap();
    }

    fn add(session: &mut Session, epoch: u128, seqs: std::ops::RangeInclusive<u64>) {
        for n in seqs {
            session.event(n, event(epoch, n)).unwrap();
        }
    }

    /// Paints until there is nothing more to add, and says how often that was.
    fn paint(shown: &mut Shown, session: &Session) -> usize {
        1 + std::iter::from_fn(|| shown.paint(session, 1.0).more.then_some(())).count()
    }

    fn seqs(shown: &Shown) -> Vec<u64> {
        shown.rows().iter().map(|row| row.entry.seq).collect()
    }

    #[test]
    fn arrivals_are_marked_and_what_the_page_began_with_is_not() {
        let (mut session, mut shown) = page(10, 2);
        add(&mut session, 1, 3..=3);
        assert_eq!(shown.paint(&session, 7.0), Painted { changed: true, more: false });
        assert_eq!(shown.paint(&session, 8.0), Painted::default());
        let marks: Vec<_> = shown.rows().iter().map(|row| (row.entry.seq, row.arrived)).collect();
        assert_eq!(marks, [(3, Some(7.0)), (2, None), (1, None)]);
    }

    #[test]
    fn a_burst_is_painted_one_by_one_and_ends_complete() {
        let (mut session, mut shown) = page(1000, 10);
        add(&mut session, 1, 11..=250);
        shown.paint(&session, 1.0);
        assert_eq!(shown.rows().len(), 11);
        assert_eq!(shown.rows()[0].entry.seq, 250, "the newest first");
        assert_eq!(paint(&mut shown, &session), 239);
        assert_eq!(seqs(&shown), (1..=250).rev().collect::<Vec<_>>());
        assert!(!shown.rows().iter().any(|row| row.moves), "a burst stands still");
    }

    #[test]
    fn five_at_a_time_move_and_six_stand_still() {
        for (count, moves) in [(5, true), (6, false)] {
            let (mut session, mut shown) = page(10, 0);
            add(&mut session, 1, 1..=count);
            shown.paint(&session, 1.0);
            assert!(shown.rows().iter().all(|row| row.moves == moves), "{count}");
        }
    }

    #[test]
    fn a_full_list_that_takes_another_event_has_changed() {
        let (mut session, mut shown) = page(3, 3);
        add(&mut session, 1, 4..=4);
        assert_eq!(shown.paint(&session, 1.0), Painted { changed: true, more: false });
    }

    #[test]
    fn a_held_list_does_not_change_and_counts_on() {
        let (mut session, mut shown) = page(3, 3);
        assert!(!shown.is_paused());
        shown.pause(true);
        assert!(shown.is_paused());
        add(&mut session, 1, 4..=8);
        paint(&mut shown, &session);
        assert_eq!((seqs(&shown), shown.pending(&session)), (vec![3, 2, 1], 5));
        shown.scroll(true);
        shown.pause(false);
        paint(&mut shown, &session);
        assert_eq!((seqs(&shown), shown.pending(&session)), (vec![3, 2, 1], 5), "scrolled away still");
        shown.scroll(false);
        paint(&mut shown, &session);
        assert_eq!((seqs(&shown), shown.pending(&session)), (vec![8, 7, 6], 0));
    }

    #[test]
    fn what_waits_is_taken_up_and_a_pause_goes_on() {
        let (mut session, mut shown) = page(3, 1);
        shown.pause(true);
        add(&mut session, 1, 2..=2);
        shown.take_up(&session);
        add(&mut session, 1, 3..=3);
        paint(&mut shown, &session);
        assert_eq!((seqs(&shown), shown.pending(&session)), (vec![2, 1], 1));
    }

    #[test]
    fn what_is_gone_stays_below_and_is_of_another_epoch() {
        let (mut session, mut shown) = page(5, 3);
        shown.pause(true);
        greet(&mut session, 2, 0);
        add(&mut session, 2, 1..=3);
        assert_eq!(shown.pending(&session), 3);
        paint(&mut shown, &session);
        assert_eq!((seqs(&shown), shown.pending(&session)), (vec![3, 2, 1], 3));
        shown.pause(false);
        paint(&mut shown, &session);
        let epochs: Vec<_> = shown.rows().iter().map(|row| (row.epoch.as_u128(), row.entry.seq)).collect();
        assert_eq!(epochs, [(2, 3), (2, 2), (2, 1), (1, 3), (1, 2)], "bounded together");
    }
}
