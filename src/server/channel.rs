//! One tenant's stream: it owns the tenant's events and its subscribers, and stamps every event itself. It knows no
//! request, no HTTP, and no other tenant.
//!
//! Under its one short lock an event gets its time, its place in the timeline, and its bytes in the buffer that waits for
//! the next pass of the fan-out. So the order is the same in answers, in lists and on sockets. A subscriber joins under
//! the same lock, and notes how much waits already: it gets exactly what comes after.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{
    counters::Counters,
    door::{Door, DoorShut},
    frames,
    hub::Terms,
    idempotency::{IdempotencyKey, Keys},
    link::{End, Link},
    turnstile::Turnstile,
};
use crate::feed::{
    Entry, Event, Message, Position, Tenant, Timeline, Timestamp,
    protocol::{DEFAULT_RECONNECT_MS, Hello, Outgoing},
};

/// The window over which clients spread their return grows by this with each of them, in milliseconds, up to …
const RECONNECT_MS_EACH: u32 = 5;
/// … this.
const RECONNECT_MS_MAX: u32 = 10_000;
/// How many ended connections the fan-out may hold on to until the next event, each a few hundred bytes.
const ENDED_AT_ONCE: usize = 1_024;

/// One tenant's stream of events.
#[derive(Debug)]
pub(super) struct Channel {
    tenant: Tenant,
    terms: Terms,
    stream: Mutex<Stream>,
    door: Door,
    turnstile: Turnstile,
    places: Arc<Semaphore>,
    wake: Notify,
    counters: Counters,
    /// How many connections have ended since the fan-out last forgot such.
    ended: AtomicUsize,
}

/// What the lock guards. It is never held across an await, and what is done under it does not grow with subscribers.
#[derive(Debug)]
struct Stream {
    timeline: Timeline,
    keys: Keys,
    last: Option<Timestamp>,
    waiting: Waiting,
    list: Option<List>,
    stopping: bool,
}

/// What the next pass of the fan-out takes: frames, ready for the wire, and who has joined since the last.
#[derive(Debug, Default)]
struct Waiting {
    frames: Vec<u8>,
    events: u64,
    room: usize,
    newcomers: Vec<Newcomer>,
}

/// A subscriber that has joined since the last pass: it gets the pass from `from` on.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) link: Arc<Link>,
    /// Where its first frame starts, in bytes.
    pub(super) from: usize,
    /// How many events stand before that.
    pub(super) missed: u64,
}

/// What one pass of the fan-out delivers.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) frames: Bytes,
    pub(super) events: u64,
    /// What the door took for them: it is to be made again.
    pub(super) room: usize,
    pub(super) newcomers: Vec<Newcomer>,
    /// Nothing comes after this one: close the connections.
    pub(super) last: bool,
}

/// The kept events as `GET /events` shows them: encoded once for all who ask until the next event.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) position: Position,
    pub(super) body: Bytes,
}

/// A connection's place among those that the tenant may have. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Why a post was not accepted. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAccepted {
    /// Too many wait, or this one has waited too long.
    Busy,
    /// The key was used with another message.
    KeyReused,
    /// No event is taken any more.
    Stopping,
}

impl From<DoorShut> for NotAccepted {
    fn from(DoorShut: DoorShut) -> Self {
        Self::Busy
    }
}

impl Channel {
    pub(super) fn new(tenant: Tenant, terms: Terms) -> Self {
        let stream = Stream {
            timeline: Timeline::new(terms.retain),
            keys: Keys::default(),
            last: None,
            waiting: Waiting::default(),
            list: None,
            stopping: false,
        };
        let places = Arc::new(Semaphore::new(terms.max_connections));
        Self {
            tenant,
            terms,
            stream: Mutex::new(stream),
            door: Door::default(),
            turnstile: Turnstile::new(),
            places,
            wake: Notify::new(),
            counters: Counters::default(),
            ended: AtomicUsize::new(0),
        }
    }

    /// Accepts a message: it becomes the tenant's next event, or, where `key` was seen before, the event that it became
    /// then. Waits at the door while more waits to be sent than the fan-out takes at once.
    ///
    /// # Errors
    /// [`NotAccepted`] says why, and nothing has changed. Dropping the future before it ends changes nothing either.
    pub(super) async fn publish(
        &self,
        message: Message,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Event>, NotAccepted> {
        let room = self.door.enter(message.as_str().len()).await?;
        let mut stream = self.stream.lock();
        if stream.stopping {
            return Err(NotAccepted::Stopping);
        }
        if let Some(first) =
            key.as_ref().and_then(|key| stream.keys.seq_of(key)).and_then(|seq| stream.timeline.get(seq))
        {
            return if first.event.message == message {
                Ok(Arc::clone(&first.event))
            } else {
                Err(NotAccepted::KeyReused)
            };
        }
        let now = Timestamp::now();
        let timestamp = stream.last.map_or(now, |last| last.max(now)); // the clock may step back, the stream may not
        let event = Arc::new(Event { id: Uuid::new_v4(), tenant_id: self.tenant, message, timestamp });
        let seq = stream.timeline.append(Arc::clone(&event));
        stream.last = Some(timestamp);
        stream.list = None;
        let oldest = stream.timeline.oldest().unwrap_or(seq);
        stream.keys.forget_before(oldest);
        if let Some(key) = key {
            stream.keys.remember(key, seq);
        }
        frames::push_text(&mut stream.waiting.frames, &Outgoing::EventCreated { seq, event: &event }.encode());
        stream.waiting.events += 1;
        stream.waiting.room += room.keep();
        drop(stream);
        self.counters.accepted.add(1);
        self.wake.notify_one();
        Ok(event)
    }

    /// A place for one more connection, if one is free.
    pub(super) fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Place)
    }

    /// Subscribes a connection: says hello on it, and from then on it gets every event with a higher `seq`.
    /// Where the channel is stopping the connection is closed instead.
    pub(super) fn join(&self, link: &Arc<Link>) {
        let mut stream = self.stream.lock();
        if stream.stopping {
            drop(stream);
            link.close(End::Stopping);
            return;
        }
        let hello = Hello {
            tenant_id: self.tenant,
            connection_id: Uuid::new_v4(),
            timestamp: Timestamp::now(),
            epoch: self.terms.epoch,
            seq: stream.timeline.seq(),
            heartbeat_ms: u32::try_from(self.terms.heartbeat.as_millis()).unwrap_or(u32::MAX),
            reconnect_ms: self.reconnect_ms(),
            build: self.terms.build.to_string(),
        };
        let mut frame = Vec::new();
        frames::push_text(&mut frame, &Outgoing::ConnectionEstablished(&hello).encode());
        // Into its backlog, not onto the wire: the fan-out, which may pass at once, keeps the order.
        link.queue(frame.into());
        let (from, missed) = (stream.waiting.frames.len(), stream.waiting.events);
        stream.waiting.newcomers.push(Newcomer { link: Arc::clone(link), from, missed });
    }

    /// All that waits, for one pass of the fan-out, which has the channel to itself. With `heartbeat` a sign of life
    /// comes last, and a ping.
    pub(super) fn take(&self, heartbeat: bool) -> Pass {
        let reconnect_ms = self.reconnect_ms();
        let mut stream = self.stream.lock();
        if heartbeat {
            let seq = stream.timeline.seq();
            frames::push_text(&mut stream.waiting.frames, &Outgoing::Heartbeat { seq, reconnect_ms }.encode());
            frames::push_ping(&mut stream.waiting.frames);
        }
        let last = stream.stopping;
        let Waiting { frames, events, room, newcomers } = std::mem::take(&mut stream.waiting);
        Pass { frames: frames.into(), events, room, newcomers, last }
    }

    /// Makes room at the door, of what a pass has taken from there.
    pub(super) fn make_room(&self, size: usize) {
        self.door.release(size);
    }

    /// Whether events have come in since the last pass began.
    pub(super) fn has_waiting(&self) -> bool {
        self.stream.lock().waiting.events > 0
    }

    /// Ends when something waits to be sent.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Where the kept events end.
    pub(super) fn position(&self) -> Position {
        self.position_in(&self.stream.lock())
    }

    /// The kept events, newest first, and the position they end at, encoded. Where many ask at once each waits for its turn.
    pub(super) async fn list(&self) -> List {
        self.turnstile.pass().await;
        let (position, events) = {
            let stream = self.stream.lock();
            if let Some(list) = &stream.list {
                return list.clone();
            }
            (self.position_in(&stream), newest(&stream.timeline, usize::MAX))
        };
        // Outside the lock: posts go on meanwhile, and whoever else asks for the same encodes the same.
        let body = serde_json::to_vec(&events).expect("events have string keys and no failing serializer");
        let list = List { position, body: body.into() };
        let mut stream = self.stream.lock();
        if stream.timeline.seq() == position.seq {
            stream.list = Some(list.clone());
        }
        list
    }

    /// The newest `most` events, newest first, and the position they end at.
    pub(super) fn newest(&self, most: usize) -> (Position, Vec<Arc<Event>>) {
        let stream = self.stream.lock();
        (self.position_in(&stream), newest(&stream.timeline, most))
    }

    pub(super) const fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(super) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a connection that has ended. Once there are many the fan-out is woken to forget them: between two events
    /// they must not pile up.
    pub(super) fn ended(&self, why: End) {
        self.counters.ended(why);
        if self.ended.fetch_add(1, Relaxed) + 1 >= ENDED_AT_ONCE {
            self.wake.notify_one();
        }
    }

    /// Whether so many connections have ended that it is worth while to look for them.
    pub(super) fn many_ended(&self) -> bool {
        let many = self.ended.load(Relaxed) >= ENDED_AT_ONCE;
        if many {
            self.ended.store(0, Relaxed);
        }
        many
    }

    /// How many connections stand.
    pub(super) fn connections(&self) -> usize {
        self.terms.max_connections.saturating_sub(self.places.available_permits())
    }

    /// Takes no more, and lets the fan-out close the connections once it has sent what waits.
    pub(super) fn stop(&self) {
        self.stream.lock().stopping = true;
        self.wake.notify_one();
    }

    /// Ends when no connection is left.
    pub(super) async fn emptied(&self) {
        let all = u32::try_from(self.terms.max_connections).unwrap_or(u32::MAX);
        // It fails only where the semaphore is closed, which nobody does.
        let _ = self.places.acquire_many(all).await;
    }

    fn position_in(&self, stream: &Stream) -> Position {
        Position { epoch: self.terms.epoch, seq: stream.timeline.seq() }
    }

    fn reconnect_ms(&self) -> u32 {
        let connections = u32::try_from(self.connections()).unwrap_or(u32::MAX);
        connections.saturating_mul(RECONNECT_MS_EACH).clamp(DEFAULT_RECONNECT_MS, RECONNECT_MS_MAX)
    }
}

fn newest(timeline: &Timeline, most: usize) -> Vec<Arc<Event>> {
    timeline.iter().take(most).map(|Entry { event, .. }| Arc::clone(event)).collect()
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    fn channel() -> Channel {
        let terms = Terms {
            epoch: Uuid::nil(),
            build: "x".into(),
            retain: 10,
            max_connections: 1,
            heartbeat: std::time::Duration::from_secs(15),
        };
        Channel::new(Tenant::A, terms)
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_takes_the_stream_with_it_no_further_than_its_last_event() {
        let channel = channel();
        let post = async |text| channel.publish(Message::parse(text).unwrap(), None).await.unwrap();
        let first = post("before").await;
        // As if that had been long after what the clock says now.
        let later = Timestamp::parse("2999-01-01T00:00:00.000Z").unwrap();
        channel.stream.lock().last = Some(later);
        let (second, third) = (post("after").await, post("and after that").await);
        assert!(first.timestamp < later);
        assert_eq!((second.timestamp, third.timestamp), (later, later));
        let (_, events) = channel.newest(10);
        assert_eq!(events, [third, second, first]);
    }

    #[tokio::test(start_paused = true)]
    async fn while_nothing_is_sent_a_thousand_posts_wait_and_no_more_and_for_two_seconds() {
        let channel = channel(); // which no fan-out serves
        let mut posts: Vec<_> =
            (0..2_000).map(|_| Box::pin(channel.publish(Message::parse("x").unwrap(), None))).collect();
        let (mut accepted, mut busy, mut waiting) = (0, 0, Vec::new());
        for mut post in posts.drain(..) {
            match futures_util::poll!(&mut post) {
                Poll::Ready(Ok(_)) => accepted += 1,
                Poll::Ready(Err(not)) => {
                    assert_eq!(not, NotAccepted::Busy);
                    busy += 1;
                }
                Poll::Pending => waiting.push(post),
            }
        }
        assert!(accepted > 0);
        assert_eq!((waiting.len(), accepted + busy), (1_000, 1_000));
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        for post in waiting {
            assert_eq!(post.await.err(), Some(NotAccepted::Busy));
        }
        assert_eq!(channel.newest(0).0.seq, accepted, "a refused post has changed nothing");
    }
}
