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

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::{
    admission::{Admission, Overloaded},
    close_reason::CloseReason,
    counters::Counters,
    frames,
    idempotency::{IdempotencyKey, Keys},
    read_limiter::ReadLimiter,
    subscriber::Subscriber,
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

/// What both channels are made with. Nothing of it changes once they run.
#[derive(Debug, Clone)]
pub(crate) struct ChannelConfig {
    /// Names this process.
    pub(crate) epoch: Uuid,
    /// Names the client's build that this server ships.
    pub(crate) build: Arc<str>,
    /// How many events a channel keeps.
    pub(crate) retain: usize,
    /// How many connections a channel takes.
    pub(crate) max_connections: usize,
    /// How often each of them gets a heartbeat at least.
    pub(crate) heartbeat: Duration,
}

/// One tenant's stream of events.
#[derive(Debug)]
pub(crate) struct Channel {
    tenant: Tenant,
    config: ChannelConfig,
    stream: Mutex<Stream>,
    admission: Admission,
    read_limiter: ReadLimiter,
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
    joiners: Vec<Joiner>,
}

/// A subscriber that has joined since the last pass: it gets the pass from `from` on.
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) subscriber: Arc<Subscriber>,
    /// Where its first frame starts, in bytes.
    pub(crate) from: usize,
    /// How many events stand before that.
    pub(crate) missed: u64,
}

/// What one pass of the fan-out delivers.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) frames: Bytes,
    pub(crate) events: u64,
    /// What the door took for them: it is to be made again.
    pub(crate) room: usize,
    pub(crate) joiners: Vec<Joiner>,
    /// Nothing comes after this one: close the connections.
    pub(crate) last: bool,
}

/// The kept events as `GET /events` shows them: encoded once for all who ask until the next event.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) position: Position,
    pub(crate) body: Bytes,
}

/// A connection's place among those that the tenant may have. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Why a post was not accepted. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAccepted {
    /// Too many wait, or this one has waited too long.
    Busy,
    /// The key was used with another message.
    KeyReused,
    /// No event is taken any more.
    Stopping,
}

impl From<Overloaded> for NotAccepted {
    fn from(Overloaded: Overloaded) -> Self {
        Self::Busy
    }
}

impl Channel {
    pub(crate) fn new(tenant: Tenant, config: ChannelConfig) -> Self {
        let stream = Stream {
            timeline: Timeline::new(config.retain),
            keys: Keys::default(),
            last: None,
            waiting: Waiting::default(),
            list: None,
            stopping: false,
        };
        let places = Arc::new(Semaphore::new(config.max_connections));
        Self {
            tenant,
            config,
            stream: Mutex::new(stream),
            admission: Admission::default(),
            read_limiter: ReadLimiter::new(),
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
    pub(crate) async fn publish(
        &self,
        message: Message,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Event>, NotAccepted> {
        let room = self.admission.admit(message.as_str().len()).await?;
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
    pub(crate) fn place(&self) -> Option<ConnectionPermit> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(ConnectionPermit)
    }

    /// Subscribes a connection: says hello on it, and from then on it gets every event with a higher `seq`.
    /// Where the channel is stopping the connection is closed instead.
    pub(crate) fn join(&self, subscriber: &Arc<Subscriber>) {
        let mut stream = self.stream.lock();
        if stream.stopping {
            drop(stream);
            subscriber.close(CloseReason::Stopping);
            return;
        }
        let hello = Hello {
            tenant_id: self.tenant,
            connection_id: Uuid::new_v4(),
            timestamp: Timestamp::now(),
            epoch: self.config.epoch,
            seq: stream.timeline.seq(),
            heartbeat_ms: u32::try_from(self.config.heartbeat.as_millis()).unwrap_or(u32::MAX),
            reconnect_ms: self.reconnect_ms(),
            build: self.config.build.to_string(),
        };
        let mut frame = Vec::new();
        frames::push_text(&mut frame, &Outgoing::ConnectionEstablished(&hello).encode());
        // Into its backlog, not onto the wire: the fan-out, which may pass at once, keeps the order.
        subscriber.queue(frame.into());
        let (from, missed) = (stream.waiting.frames.len(), stream.waiting.events);
        stream.waiting.joiners.push(Joiner { subscriber: Arc::clone(subscriber), from, missed });
    }

    /// All that waits, for one pass of the fan-out, which has the channel to itself. With `heartbeat` a sign of life
    /// comes last, and a ping.
    pub(crate) fn take(&self, heartbeat: bool) -> Batch {
        let reconnect_ms = self.reconnect_ms();
        let mut stream = self.stream.lock();
        if heartbeat {
            let seq = stream.timeline.seq();
            frames::push_text(&mut stream.waiting.frames, &Outgoing::Heartbeat { seq, reconnect_ms }.encode());
            frames::push_ping(&mut stream.waiting.frames);
        }
        let last = stream.stopping;
        let Waiting { frames, events, room, joiners } = std::mem::take(&mut stream.waiting);
        Batch { frames: frames.into(), events, room, joiners, last }
    }

    /// Makes room at the door, of what a pass has taken from there.
    pub(crate) fn make_room(&self, size: usize) {
        self.admission.release(size);
    }

    /// Whether events have come in since the last pass began.
    pub(crate) fn has_waiting(&self) -> bool {
        self.stream.lock().waiting.events > 0
    }

    /// Ends when something waits to be sent.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Where the kept events end.
    pub(crate) fn position(&self) -> Position {
        self.position_in(&self.stream.lock())
    }

    /// The kept events, newest first, and the position they end at, encoded. Where many ask at once each waits for its turn.
    pub(crate) async fn list(&self) -> List {
        self.read_limiter.pass().await;
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
    pub(crate) fn newest(&self, most: usize) -> (Position, Vec<Arc<Event>>) {
        let stream = self.stream.lock();
        (self.position_in(&stream), newest(&stream.timeline, most))
    }

    pub(crate) const fn config(&self) -> &ChannelConfig {
        &self.config
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a connection that has ended. Once there are many the fan-out is woken to forget them: between two events
    /// they must not pile up.
    pub(crate) fn ended(&self, reason: CloseReason) {
        self.counters.ended(reason);
        if self.ended.fetch_add(1, Relaxed) + 1 >= ENDED_AT_ONCE {
            self.wake.notify_one();
        }
    }

    /// Whether so many connections have ended that it is worth while to look for them.
    pub(crate) fn many_ended(&self) -> bool {
        let many = self.ended.load(Relaxed) >= ENDED_AT_ONCE;
        if many {
            self.ended.store(0, Relaxed);
        }
        many
    }

    /// How many connections stand.
    pub(crate) fn connections(&self) -> usize {
        self.config.max_connections.saturating_sub(self.places.available_permits())
    }

    /// Takes no more, and lets the fan-out close the connections once it has sent what waits.
    pub(crate) fn stop(&self) {
        self.stream.lock().stopping = true;
        self.wake.notify_one();
    }

    /// Ends when no connection is left.
    pub(crate) async fn emptied(&self) {
        let all = u32::try_from(self.config.max_connections).unwrap_or(u32::MAX);
        // It fails only where the semaphore is closed, which nobody does.
        let _ = self.places.acquire_many(all).await;
    }

    fn position_in(&self, stream: &Stream) -> Position {
        Position { epoch: self.config.epoch, seq: stream.timeline.seq() }
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
        let config = ChannelConfig {
            epoch: Uuid::nil(),
            build: "x".into(),
            retain: 10,
            max_connections: 1,
            heartbeat: std::time::Duration::from_secs(15),
        };
        Channel::new(Tenant::A, config)
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
