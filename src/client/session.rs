//! Merges what has arrived, and checks that it is complete (contract, "A client's duty", 1, 3, 5 and 6): events of one tenant,
//! merged by `seq` within the epoch, over any number of connections. `visible_list` decides which of them the page shows.

use std::sync::Arc;

use uuid::Uuid;

use super::notice::Notice;
use crate::feed::{Entry, Event, Position, Tenant, Timeline, Timestamp, protocol::Hello};

/// Everything a page has of its tenant.
#[derive(Debug, Clone)]
pub struct Session {
    tenant: Tenant,
    build: Option<String>,
    epoch: Option<Uuid>,
    timeline: Timeline,
    stale: Vec<Stale>,
    /// How many events the processes before this one accepted, as far as the page knows.
    before: u64,
    /// The last `seq` on this connection.
    stream: u64,
    /// A list is usable from this `seq` on: the hello's, or that of the last frame that showed a gap.
    least: u64,
    /// Up to here, nothing that is still kept is missing.
    synced_through: u64,
    /// Whether any connection was ever established.
    greeted: bool,
    /// Why a list is awaited.
    awaiting: Option<Awaiting>,
    outdated: bool,
    breaches: u64,
    received: u64,
}

/// An event that the server no longer has: it was accepted by a process that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Names that process.
    pub epoch: Uuid,
    /// The event's number, as [`Session::accepted`] counts.
    pub number: u64,
    /// The event and its place in that process's order.
    pub entry: Entry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    First,
    Return,
    Restart(Timestamp),
    Repair,
}

/// An event or a hello of another tenant came, and was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach;

/// Whether the page needs the list after a hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// The page may lack events: read the list.
    ReadList,
    /// The page has all that the server keeps, so that it needs no list. Perhaps there is something to tell.
    Complete(Option<Notice>),
}

/// Why a list cannot be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// The list is of another process than the socket.
    OtherEpoch,
    /// The list ends before what the socket has named: it comes from a server that lags.
    Behind,
}

impl Session {
    /// A page without events, that knows nothing of the server yet.
    #[must_use]
    pub fn new(tenant: Tenant, retain: usize) -> Self {
        Self {
            tenant,
            build: None,
            epoch: None,
            timeline: Timeline::new(retain),
            stale: vec![],
            before: 0,
            stream: 0,
            least: 0,
            synced_through: 0,
            greeted: false,
            awaiting: None,
            outdated: false,
            breaches: 0,
            received: 0,
        }
    }

    /// A page that the server rendered: with the newest events, the position they end at, and the build it is of. If older
    /// events are kept too, the page needs a list.
    #[must_use]
    pub fn resume(
        tenant: Tenant,
        retain: usize,
        build: String,
        position: Position,
        newest_first: impl IntoIterator<Item = Arc<Event>>,
    ) -> Self {
        let timeline = Timeline::from_list(retain, position.seq, newest_first);
        let is_all = timeline.len() as u64 == position.seq.min(timeline.retain() as u64);
        Self {
            build: Some(build),
            epoch: Some(position.epoch),
            timeline,
            synced_through: if is_all { position.seq } else { 0 },
            ..Self::new(tenant, retain)
        }
    }

    /// A connection is established. If the page has all that the server keeps, nothing more is read.
    ///
    /// # Errors
    /// [`Breach`] if it is another tenant's.
    pub fn hello(&mut self, hello: &Hello) -> Result<Welcome, Breach> {
        self.ensure_own(hello.tenant_id)?;
        self.outdated = *self.build.get_or_insert_with(|| hello.build.clone()) != hello.build;
        let same = self.epoch.is_none_or(|epoch| epoch == hello.epoch);
        self.awaiting = Some(match self.awaiting {
            _ if !same => Awaiting::Restart(hello.timestamp),
            // A reason that no list has followed yet still holds: nobody has been told.
            Some(reason @ (Awaiting::First | Awaiting::Return | Awaiting::Restart(_))) => reason,
            Some(Awaiting::Repair) | None if self.greeted => Awaiting::Return,
            Some(Awaiting::Repair) | None => Awaiting::First,
        });
        self.greeted = true;
        if let Some(epoch) = self.epoch.filter(|_| !same) {
            let empty = Timeline::new(self.timeline.retain());
            let old = std::mem::replace(&mut self.timeline, empty);
            let before = self.before;
            let newer = old.iter().map(|entry| Stale { epoch, number: before + entry.seq, entry: entry.clone() });
            self.stale = newer.chain(std::mem::take(&mut self.stale)).collect();
            self.before += old.seq();
            self.synced_through = 0;
            self.received = 0;
        }
        self.epoch = Some(hello.epoch);
        self.stream = hello.seq;
        self.least = hello.seq;
        let is_complete = self.synced_through == hello.seq && self.timeline.seq() == hello.seq;
        let welcome = if is_complete { Welcome::Complete(self.settle(0, 0, false)) } else { Welcome::ReadList };
        self.mark_synced();
        Ok(welcome)
    }

    /// Merges an event from the socket. `Ok(true)` means that an event before it is missing: the list must be read again.
    ///
    /// # Errors
    /// [`Breach`] if it is another tenant's.
    pub fn event(&mut self, seq: u64, event: Arc<Event>) -> Result<bool, Breach> {
        self.ensure_own(event.tenant_id)?;
        self.received += 1;
        let gap = self.check_seq(seq, self.stream + 1);
        self.timeline.insert(seq, event);
        self.mark_synced();
        Ok(gap)
    }

    /// Checks a heartbeat. `true` means that an event before it is missing: the list must be read again.
    pub fn heartbeat(&mut self, seq: u64) -> bool {
        self.check_seq(seq, self.stream)
    }

    /// Merges the list that was read. Returns a notice, if there is something to tell.
    ///
    /// # Errors
    /// [`Unusable`] if it is not the socket's list, or an older one. Then nothing has changed.
    pub fn list(&mut self, position: Position, newest_first: Vec<Arc<Event>>) -> Result<Option<Notice>, Unusable> {
        if self.epoch != Some(position.epoch) {
            return Err(Unusable::OtherEpoch);
        }
        if position.seq < self.least {
            return Err(Unusable::Behind);
        }
        let mut list = Timeline::from_list(self.timeline.retain(), position.seq, []);
        for (seq, event) in (1..=position.seq).rev().zip(newest_first) {
            if self.ensure_own(event.tenant_id).is_ok() {
                list.insert(seq, event);
            }
        }
        let missing = list.oldest().is_some_and(|oldest| oldest > self.synced_through + 1);
        let recovered = self.timeline.merge(&list) as u64;
        let new = self.timeline.seq().saturating_sub(self.synced_through);
        let notice = self.settle(new, recovered, missing);
        self.mark_synced();
        Ok(notice)
    }

    /// The tenant whose events these are.
    #[must_use]
    pub const fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The process that accepted the events of [`Session::timeline`], once it is known.
    #[must_use]
    pub const fn epoch(&self) -> Option<Uuid> {
        self.epoch
    }

    /// The server's events, as far as the page knows.
    #[must_use]
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// How many events were accepted over all processes, as far as the page knows. Unlike `seq`, it never starts again, so
    /// that two of its values can always be compared.
    #[must_use]
    pub const fn accepted(&self) -> u64 {
        self.before + self.timeline.seq()
    }

    /// How many events the processes before this one accepted: the event `seq` is number `accepted_before() + seq`.
    #[must_use]
    pub const fn accepted_before(&self) -> u64 {
        self.before
    }

    /// The events that the server no longer has, newest first: as many as fit below the timeline.
    pub fn stale(&self) -> impl Iterator<Item = &Stale> {
        self.stale.iter()
    }

    /// The events that the page has, newest first, each with its number, as [`Session::accepted`] counts: also those that the
    /// server no longer has.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Entry)> {
        let current = self.timeline.iter().map(|entry| (self.before + entry.seq, entry));
        current.chain(self.stale.iter().map(|stale| (stale.number, &stale.entry)))
    }

    /// The newest event that the page has, whether the server still has it or not.
    #[must_use]
    pub fn newest(&self) -> Option<&Entry> {
        self.timeline.iter().next().or_else(|| self.stale.first().map(|stale| &stale.entry))
    }

    /// Whether the list that makes this connection live is still awaited.
    #[must_use]
    pub const fn awaits_list(&self) -> bool {
        !matches!(self.awaiting, None | Some(Awaiting::Repair))
    }

    /// Whether the server ships another build than this page's.
    #[must_use]
    pub const fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// How many times something of another tenant came.
    #[must_use]
    pub const fn breaches(&self) -> u64 {
        self.breaches
    }

    /// How many events of the server's current process have arrived live.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// No list is awaited any more. Returns what to tell: the page has caught up by so many new events, or recovered ones.
    fn settle(&mut self, new: u64, recovered: u64, missing: bool) -> Option<Notice> {
        match self.awaiting.take() {
            Some(Awaiting::First) => None,
            Some(Awaiting::Return) => Some(Notice::Returned { new, missing }),
            Some(Awaiting::Restart(at)) => Some(Notice::Restarted { at, new, missing }),
            Some(Awaiting::Repair) | None => Some(Notice::Repaired { events: recovered, missing }),
        }
    }

    fn ensure_own(&mut self, tenant: Tenant) -> Result<(), Breach> {
        if tenant == self.tenant {
            return Ok(());
        }
        self.breaches += 1;
        Err(Breach)
    }

    /// Moves the stream to `seq`; `true` if it should be at `expected` and is not.
    fn check_seq(&mut self, seq: u64, expected: u64) -> bool {
        let gap = seq != expected;
        self.stream = seq;
        if gap {
            self.awaiting.get_or_insert(Awaiting::Repair);
            self.least = self.least.max(seq);
        }
        gap
    }

    /// If no list is awaited, nothing is missing.
    fn mark_synced(&mut self) {
        if self.awaiting.is_none() {
            self.synced_through = self.timeline.seq();
        }
        self.stale.truncate(self.timeline.retain() - self.timeline.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::feed::Message;

    const RETAIN: usize = 10;
    const NOTHING_MISSED: Welcome = Welcome::Complete(Some(Notice::Returned { new: 0, missing: false }));
    const TIME: &str = "2026-11-23T12:03:00.000Z";

    fn event(epoch: u128, n: u64) -> Arc<Event> {
        Arc::new(Event {
            id: Uuid::from_u128(epoch << 64 | u128::from(n)),
            tenant_id: Tenant::A,
            message: Message::parse(&format!("event {n}")).unwrap(),
            timestamp: Timestamp::parse(TIME).unwrap(),
        })
    }

    fn foreign() -> Arc<Event> {
        Arc::new(Event { tenant_id: Tenant::B, ..Event::clone(&event(9, 9)) })
    }

    fn hello(epoch: u128, seq: u64) -> Hello {
        Hello {
            tenant_id: Tenant::A,
            connection_id: Uuid::nil(),
            timestamp: Timestamp::parse(TIME).unwrap(),
            epoch: Uuid::from_u128(epoch),
            seq,
            heartbeat_ms: 15_000,
            reconnect_ms: 500,
            connections: Some(1),
            build: String::from("one"),
        }
    }

    /// The server's list after `seq` events.
    fn list(epoch: u128, seq: u64) -> (Position, Vec<Arc<Event>>) {
        let events = (1..=seq).rev().take(RETAIN).map(|n| event(epoch, n)).collect();
        (Position { epoch: Uuid::from_u128(epoch), seq }, events)
    }

    fn read(session: &mut Session, epoch: u128, seq: u64) -> Option<Notice> {
        let (position, events) = list(epoch, seq);
        session.list(position, events).unwrap()
    }

    /// A page that was rendered when there were `seq` events, with the newest `count` of those that are kept.
    fn rendered(seq: u64, count: usize) -> Session {
        let (position, events) = list(1, seq);
        Session::resume(Tenant::A, RETAIN, String::from("one"), position, events.into_iter().take(count))
    }

    /// A page that was rendered with `seq` events and is live since.
    fn live(seq: u64) -> Session {
        let mut session = rendered(seq, RETAIN);
        assert_eq!(
            session.hello(&hello(1, seq)),
            Ok(Welcome::Complete(None)),
            "nothing to say when a page is first shown"
        );
        session
    }

    fn seqs(session: &Session) -> Vec<u64> {
        session.timeline().iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn a_rendered_page_reads_no_list_if_it_has_all_that_is_kept() {
        for (seq, count) in [(0, 0), (3, 3), (10, 10), (14, 10)] {
            let mut session = rendered(seq, count);
            assert_eq!(session.hello(&hello(1, seq)), Ok(Welcome::Complete(None)), "{count} of {seq}");
            assert!(!session.awaits_list());
        }
        for (seq, count) in [(3, 2), (10, 9), (14, 9), (3, 0)] {
            let mut session = rendered(seq, count);
            assert_eq!(session.hello(&hello(1, seq)), Ok(Welcome::ReadList), "{count} of {seq}");
            assert!(session.awaits_list());
            assert_eq!(read(&mut session, 1, seq), None, "nothing to say when a page is first shown");
            assert_eq!(session.hello(&hello(1, seq)), Ok(NOTHING_MISSED), "with its list, it has all");
        }
        let mut session = rendered(3, 3);
        assert_eq!(session.hello(&hello(1, 4)), Ok(Welcome::ReadList), "one has come since");
        assert_eq!(read(&mut session, 1, 4), None);
    }

    #[test]
    fn a_page_that_has_read_nothing_has_all_of_an_empty_feed() {
        let mut session = Session::new(Tenant::A, RETAIN);
        assert_eq!(session.hello(&hello(1, 0)), Ok(Welcome::Complete(None)));
        assert_eq!(session.event(1, event(1, 1)), Ok(false));
        assert_eq!(session.hello(&hello(1, 1)), Ok(NOTHING_MISSED));
        assert_eq!(Session::new(Tenant::A, RETAIN).hello(&hello(1, 1)), Ok(Welcome::ReadList));
    }

    #[test]
    fn a_return_counts_what_passed() {
        for (now, new, missing) in [(4, 1, false), (5, 2, false), (13, 10, false), (14, 11, true)] {
            let mut session = live(3);
            assert_eq!(session.hello(&hello(1, now)), Ok(Welcome::ReadList));
            assert_eq!(read(&mut session, 1, now), Some(Notice::Returned { new, missing }), "{now}");
            assert_eq!(session.hello(&hello(1, now)), Ok(NOTHING_MISSED));
        }
    }

    #[test]
    fn a_page_without_its_list_lacks_it_until_one_is_read() {
        let mut session = live(3);
        assert_eq!(session.hello(&hello(1, 5)), Ok(Welcome::ReadList));
        assert_eq!(session.event(6, event(1, 6)), Ok(false));
        assert_eq!(session.hello(&hello(1, 6)), Ok(Welcome::ReadList), "the list was abandoned with the socket");
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Returned { new: 3, missing: false }));
    }

    #[test]
    fn a_gap_that_is_not_closed_makes_a_return_read_the_list() {
        let mut session = live(3);
        assert_eq!(session.event(6, event(1, 6)), Ok(true));
        for seq in [6, 3] {
            // A hello with 3 would come from a server that lags: it will send 4 and 5, but the socket may end before.
            assert_eq!(session.clone().hello(&hello(1, seq)), Ok(Welcome::ReadList), "{seq}");
        }
        let mut session = live(3);
        assert!(session.heartbeat(4));
        assert_eq!(session.hello(&hello(1, 4)), Ok(Welcome::ReadList));
    }

    #[test]
    fn a_new_process_without_events_needs_no_list() {
        let mut session = live(3);
        let at = Timestamp::parse(TIME).unwrap();
        let restarted = Welcome::Complete(Some(Notice::Restarted { at, new: 0, missing: false }));
        assert_eq!(session.hello(&hello(2, 0)), Ok(restarted));
        assert_eq!((seqs(&session), session.stale().count()), (vec![], 3));
        assert_eq!(session.event(1, event(2, 1)), Ok(false));
        assert_eq!(session.hello(&hello(2, 1)), Ok(NOTHING_MISSED));
        assert_eq!(session.hello(&hello(3, 1)), Ok(Welcome::ReadList), "the same number of another process");
    }

    #[test]
    fn what_arrived_live_did_not_pass_meanwhile() {
        let mut session = live(3);
        for n in 4..=5 {
            assert_eq!(session.event(n, event(1, n)), Ok(false));
        }
        session.hello(&hello(1, 6)).unwrap();
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Returned { new: 1, missing: false }));
    }

    #[test]
    fn events_before_the_list_are_neither_lost_nor_doubled() {
        let mut session = live(3);
        session.hello(&hello(1, 5)).unwrap();
        assert_eq!(session.event(6, event(1, 6)), Ok(false));
        assert_eq!(session.event(7, event(1, 7)), Ok(false));
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Returned { new: 4, missing: false }));
        assert_eq!(seqs(&session), [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(session.received(), 2);
    }

    #[test]
    fn a_restart_keeps_what_is_gone_apart() {
        let mut session = live(3);
        session.hello(&hello(2, 1)).unwrap();
        let at = Timestamp::parse(TIME).unwrap();
        assert_eq!(read(&mut session, 2, 1), Some(Notice::Restarted { at, new: 1, missing: false }));
        assert_eq!(seqs(&session), [1]);
        assert_eq!(session.stale().map(|stale| stale.entry.seq).collect::<Vec<_>>(), [3, 2, 1]);
        for n in 2..=9 {
            assert_eq!(session.event(n, event(2, n)), Ok(false));
        }
        assert_eq!(session.received(), 8, "those of the new process");
        assert_eq!(session.stale().map(|stale| stale.entry.seq).collect::<Vec<_>>(), [3], "bounded together");
    }

    #[test]
    fn the_count_of_accepted_events_goes_on_over_a_restart() {
        let mut session = live(10);
        assert_eq!(session.accepted(), 10);
        assert_eq!(session.event(11, event(1, 11)), Ok(false));
        session.hello(&hello(2, 0)).unwrap();
        assert_eq!(session.accepted(), 11);
        for n in 1..=3 {
            assert_eq!(session.event(n, event(2, n)), Ok(false));
        }
        assert_eq!(session.accepted(), 14);
    }

    #[test]
    fn a_restart_between_the_servers_page_and_the_first_socket_is_noticed() {
        let mut session = rendered(3, 3);
        session.hello(&hello(2, 1)).unwrap();
        let at = Timestamp::parse(TIME).unwrap();
        assert_eq!(read(&mut session, 2, 1), Some(Notice::Restarted { at, new: 1, missing: false }));
        assert_eq!(session.stale().count(), 3);
    }

    #[test]
    fn a_list_of_another_process_is_refused() {
        let mut session = live(3);
        let (position, events) = list(2, 3);
        assert_eq!(session.list(position, events), Err(Unusable::OtherEpoch));
    }

    #[test]
    fn a_list_below_the_hello_comes_from_a_server_that_lags_and_changes_nothing() {
        let mut session = live(3);
        session.hello(&hello(1, 6)).unwrap();
        let (position, events) = list(1, 5);
        assert_eq!(session.list(position, events), Err(Unusable::Behind));
        assert_eq!(seqs(&session), [3, 2, 1]);
        assert!(session.awaits_list());
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Returned { new: 3, missing: false }));
    }

    #[test]
    fn a_list_below_the_frame_that_showed_a_gap_does_not_repair_it() {
        let mut session = live(3);
        assert_eq!(session.event(6, event(1, 6)), Ok(true));
        let (position, events) = list(1, 5);
        assert_eq!(session.list(position, events), Err(Unusable::Behind));
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Repaired { events: 2, missing: false }));
        assert!(session.heartbeat(8));
        let (position, events) = list(1, 7);
        assert_eq!(session.list(position, events), Err(Unusable::Behind));
        assert_eq!(read(&mut session, 1, 8), Some(Notice::Repaired { events: 2, missing: false }));
    }

    #[test]
    fn a_new_process_starts_below_the_old_one() {
        let mut session = live(9);
        session.hello(&hello(2, 1)).unwrap();
        let at = Timestamp::parse(TIME).unwrap();
        assert_eq!(read(&mut session, 2, 1), Some(Notice::Restarted { at, new: 1, missing: false }));
    }

    #[test]
    fn a_jump_is_noticed_and_repaired() {
        let mut session = live(3);
        assert_eq!(session.event(4, event(1, 4)), Ok(false));
        assert_eq!(session.event(6, event(1, 6)), Ok(true));
        assert!(!session.awaits_list(), "a repair does not end being live");
        assert_eq!(read(&mut session, 1, 6), Some(Notice::Repaired { events: 1, missing: false }));
        assert_eq!(session.event(7, event(1, 7)), Ok(false));
        assert_eq!(seqs(&session), [7, 6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_heartbeat_notices_what_no_event_followed() {
        let mut session = live(3);
        assert!(!session.heartbeat(3));
        assert!(session.heartbeat(4));
        assert!(!session.heartbeat(4), "noticed once");
    }

    #[test]
    fn what_is_foreign_is_dropped_and_counted() {
        let mut session = live(3);
        assert_eq!(session.event(4, foreign()), Err(Breach));
        assert_eq!(session.event(4, event(1, 4)), Ok(false), "it does not move the stream");
        assert_eq!(session.hello(&Hello { tenant_id: Tenant::B, ..hello(1, 4) }), Err(Breach));
        let (position, mut events) = list(1, 4);
        events[0] = foreign();
        session.list(position, events).unwrap();
        assert_eq!(session.breaches(), 3);
        assert!(session.timeline().iter().all(|entry| entry.event.tenant_id == Tenant::A));
    }

    #[test]
    fn another_build_is_noticed() {
        let mut session = live(3);
        assert!(!session.is_outdated());
        session.hello(&Hello { build: String::from("two"), ..hello(1, 3) }).unwrap();
        assert!(session.is_outdated());

        let mut session = rendered(3, 3);
        session.hello(&Hello { build: String::from("two"), ..hello(1, 3) }).unwrap();
        assert!(session.is_outdated(), "at once, if the page brought its build along");

        let mut page = Session::new(Tenant::A, RETAIN);
        page.hello(&hello(1, 0)).unwrap();
        assert!(!page.is_outdated(), "without one of its own, the first it was told");
    }

    proptest! {
        /// Frames and lists are lost, connections cut and the server restarted; once the connection has been checked by a
        /// heartbeat, the page has what the server keeps.
        #[test]
        fn whatever_is_lost_the_page_ends_up_equal_to_the_server(
            (before, count) in (0_u64..15, 0_usize..=RETAIN),
            steps in proptest::collection::vec((0_u8..8, any::<bool>()), 0..80),
        ) {
            let mut session = rendered(before, count);
            let (mut epoch, mut seq) = (1, before);
            let mut needs_list = session.hello(&hello(epoch, seq)).unwrap() == Welcome::ReadList;
            for (step, lost) in steps {
                match step {
                    0..=4 => {
                        seq += 1;
                        needs_list |= !lost && session.event(seq, event(epoch, seq)).unwrap();
                    }
                    5 => needs_list |= session.heartbeat(seq),
                    step => {
                        if step == 7 {
                            (epoch, seq) = (epoch + 1, 0);
                        }
                        needs_list = session.hello(&hello(epoch, seq)).unwrap() == Welcome::ReadList;
                    }
                }
                if needs_list && !lost {
                    read(&mut session, epoch, seq);
                    needs_list = false;
                }
            }
            if session.heartbeat(seq) || needs_list {
                read(&mut session, epoch, seq);
            }
            let server = list(epoch, seq).1;
            prop_assert_eq!(session.timeline().iter().map(|entry| &entry.event).collect::<Vec<_>>(), server.iter().collect::<Vec<_>>());
            prop_assert!(matches!(session.hello(&hello(epoch, seq)), Ok(Welcome::Complete(_))));
        }
    }
}
