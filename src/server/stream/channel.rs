//! Owns one tenant's stream: its events, its subscribers and its limits. Only a channel makes events.
//!
//! Without a backplane the channel itself decides the order of the events, in [`Channel::publish`]. With one, the backplane
//! decides it, and [`Channel::apply`] follows.
//!
//! Under one short lock an event gets its time and its `seq`, and its frame is added to the next batch of the fan-out. So
//! the order of events is the same in answers, in lists and on sockets. A subscriber joins under the same lock, at the
//! position behind the waiting frames, so it receives exactly the events that are accepted later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use uuid::Uuid;

use super::{
    admission::{Admission, Overloaded, Permit},
    batch_log::{BatchLog, Segment},
    close_reason::CloseReason,
    counters::Counters,
    frames,
    idempotency::{FirstPost, IdempotencyKey, Keys, RememberedEvent},
    subscriber::Subscriber,
};
use crate::feed::{
    Entry, Event, Message, Position, Tenant, Timeline, Timestamp,
    protocol::{DEFAULT_RECONNECT_MS, Hello, Outgoing},
};

/// The time that each connection adds to the window over which a tenant's clients spread their reconnects, in
/// milliseconds (contract, "WebSocket").
const RECONNECT_MS_EACH: u32 = 5;
/// Maximum length of the window over which clients spread their reconnects, in milliseconds (contract, "WebSocket").
const RECONNECT_MS_MAX: u32 = 10_000;
/// Maximum number of ended connections that the fan-out keeps between two batches. Each takes a few hundred bytes.
const ENDED_MAX: usize = 1_024;

/// The settings of a channel. They do not change while it runs.
#[derive(Debug, Clone)]
pub(crate) struct ChannelConfig {
    /// Identifies this process. Without a backplane it is the epoch.
    pub(crate) process: Uuid,
    /// Identifies the build of the client that this server serves.
    pub(crate) build: Arc<str>,
    /// Maximum number of events that a channel keeps.
    pub(crate) retain: usize,
    /// Maximum number of connections of a channel.
    pub(crate) max_connections: usize,
    /// Maximum time between two heartbeats on a connection.
    pub(crate) heartbeat: Duration,
    /// The state in which the channel starts: [`Reach::Live`] without a backplane, else [`Reach::Opening`].
    pub(crate) reach: Reach,
}

/// Whether the tenant's newest events arrive here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
pub(crate) enum Reach {
    /// The channel was never live: the tenant's events have not all arrived.
    Opening,
    /// They do. Without a backplane it is always so.
    Live,
    /// The backplane is out of reach. Others may accept events that do not arrive here.
    Lost,
}

/// A version of the tenant's list. A higher one is newer, over all epochs.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Version {
    /// The number of epochs before this one, in this process.
    epochs_before: u64,
    /// The `seq` of the newest event.
    pub(crate) seq: u64,
    epoch: Uuid,
    /// Whether the list has all that is kept. A channel that begins again has a part of it until it is live.
    pub(crate) is_whole: bool,
}

/// An event as the backplane has ordered it. It names no tenant: that of the channel is used.
#[derive(Debug)]
pub(crate) struct OrderedEvent {
    pub(crate) id: Uuid,
    pub(crate) message: Message,
    /// The time of acceptance. If it is earlier than that of the event before, that one counts.
    pub(crate) timestamp: Timestamp,
    /// How long ago it was accepted, at least. Its key is remembered for so much less.
    pub(crate) age: Duration,
    pub(crate) key: Option<IdempotencyKey>,
}

/// One tenant's stream of events.
#[derive(Debug)]
pub(crate) struct Channel {
    tenant: Tenant,
    config: ChannelConfig,
    stream: Mutex<Stream>,
    admission: Admission,
    log: BatchLog,
    permits: Arc<Semaphore>,
    wake: Notify,
    counters: Counters,
    /// The number of connections that have ended since [`Channel::take_many_ended`] last reset it.
    ended: AtomicUsize,
}

/// The state under the lock. The lock is never held across an await, and the work under it does not grow with the number
/// of subscribers.
#[derive(Debug)]
struct Stream {
    epoch: Uuid,
    epochs_before: u64,
    reach: Reach,
    timeline: Timeline,
    keys: Keys,
    last_timestamp: Option<Timestamp>,
    next_batch: NextBatch,
    stopping: bool,
}

/// The content of the next batch: encoded frames, and the subscribers that have joined since the last batch.
#[derive(Debug, Default)]
struct NextBatch {
    frames: Vec<u8>,
    events: u64,
    permit_bytes: usize,
    joiners: Vec<Joiner>,
    close: Option<CloseAll>,
}

/// The order to close every connection after a batch.
#[derive(Debug)]
pub(crate) struct CloseAll {
    pub(crate) reason: CloseReason,
    /// Is dropped once all connections are closing.
    pub(crate) done: oneshot::Sender<()>,
}

/// A subscriber that has joined since the last batch.
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) subscriber: Arc<Subscriber>,
    /// The number of events in its first batch that were accepted before it joined. It does not receive them.
    pub(crate) events_before: u64,
}

/// The frames that the fan-out sends in one pass over the subscribers.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) segment: Segment,
    pub(crate) events: u64,
    /// The size of these events' permits, in bytes. It is given to [`Channel::release`] once they are sent.
    pub(crate) permit_bytes: usize,
    pub(crate) joiners: Vec<Joiner>,
    /// Whether the connections, these joiners included, are closed after the batch.
    pub(crate) close: Option<CloseAll>,
    /// Whether this is the last batch, after which the connections are closed.
    pub(crate) is_last: bool,
}

/// A slot below the tenant's limit of connections. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// Why a post was not accepted. Nothing has changed, except for [`NotAccepted::Unsettled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
pub(crate) enum NotAccepted {
    /// Too many posts wait, or this post has waited too long.
    Busy,
    /// The key was used with another message.
    KeyReused,
    /// The channel accepts no more events.
    Stopping,
    /// The backplane is out of reach.
    Unreachable,
    /// It is not known whether the backplane accepted the post, or the event has not arrived here.
    Unsettled,
}

impl From<Overloaded> for NotAccepted {
    fn from(Overloaded: Overloaded) -> Self {
        Self::Busy
    }
}

impl Channel {
    pub(crate) fn new(tenant: Tenant, config: ChannelConfig) -> Self {
        let stream = Stream {
            epoch: config.process,
            epochs_before: 0,
            reach: config.reach,
            timeline: Timeline::new(config.retain),
            keys: Keys::default(),
            last_timestamp: None,
            next_batch: NextBatch::default(),
            stopping: false,
        };
        let permits = Arc::new(Semaphore::new(config.max_connections));
        Self {
            tenant,
            config,
            stream: Mutex::new(stream),
            admission: Admission::default(),
            log: BatchLog::default(),
            permits,
            wake: Notify::new(),
            counters: Counters::default(),
            ended: AtomicUsize::new(0),
        }
    }

    /// Accepts a message as the tenant's next event. If `key` was used before, returns the event that it made then.
    /// Waits while the unsent events exceed the limit of `admission`.
    ///
    /// # Errors
    /// [`NotAccepted`] is the reason, and nothing has changed.
    ///
    /// # Cancel safety
    /// If the future is dropped before it ends, nothing has changed.
    pub(crate) async fn publish(
        &self,
        message: Message,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Event>, NotAccepted> {
        let permit = self.admission.admit(message.as_str().len()).await;
        let mut stream = self.stream.lock();
        if stream.stopping {
            return Err(NotAccepted::Stopping);
        }
        let permit = permit?;
        if let Some(first) = self.first_in(&stream, key.as_ref(), &message)? {
            return Ok(first);
        }
        let timestamp = Timestamp::now();
        let post = OrderedEvent { id: Uuid::new_v4(), message, timestamp, age: Duration::ZERO, key };
        let event = self.accept(&mut stream, post, Some(permit));
        drop(stream);
        self.counters.accepted.add(1);
        self.wake.notify_one();
        Ok(event)
    }

    /// The event that a post with this key made before; `None` if the key is new.
    ///
    /// # Errors
    /// [`NotAccepted::KeyReused`] if that post had another message.
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
    pub(crate) fn first_post(
        &self,
        key: Option<&IdempotencyKey>,
        message: &Message,
    ) -> Result<Option<Arc<Event>>, NotAccepted> {
        self.first_in(&self.stream.lock(), key, message)
    }

    fn first_in(
        &self,
        stream: &Stream,
        key: Option<&IdempotencyKey>,
        message: &Message,
    ) -> Result<Option<Arc<Event>>, NotAccepted> {
        match key.and_then(|key| stream.keys.first_post(key, message)) {
            Some(FirstPost::Other) => Err(NotAccepted::KeyReused),
            Some(FirstPost::Same(RememberedEvent { id, timestamp, .. })) => {
                Ok(Some(Arc::new(Event { id, tenant_id: self.tenant, message: message.clone(), timestamp })))
            }
            None => Ok(None),
        }
    }

    /// Adds the next event of the tenant, and its frame to the next batch. Without a permit there is no frame.
    fn accept(
        &self,
        stream: &mut Stream,
        OrderedEvent { id, message, timestamp, age, key }: OrderedEvent,
        permit: Option<Permit<'_>>,
    ) -> Arc<Event> {
        // The clock may step back, but a tenant's timestamps never decrease.
        let timestamp = stream.last_timestamp.map_or(timestamp, |last| last.max(timestamp));
        let event = Arc::new(Event { id, tenant_id: self.tenant, message, timestamp });
        let seq = stream.timeline.append(Arc::clone(&event));
        stream.last_timestamp = Some(timestamp);
        if let Some(key) = key {
            stream.keys.remember(&key, &event, age);
        }
        if let Some(permit) = permit {
            frames::push_text(&mut stream.next_batch.frames, &Outgoing::EventCreated { seq, event: &event }.encode());
            stream.next_batch.events += 1;
            stream.next_batch.permit_bytes += permit.keep();
        }
        event
    }

    /// Takes a slot for a connection, if one is free.
    pub(crate) fn permit(&self) -> Option<ConnectionPermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok().map(ConnectionPermit)
    }

    /// Subscribes a connection: it receives a hello, and then every event with a higher `seq`. If the channel is
    /// stopping, closes the connection instead.
    pub(crate) fn join(&self, subscriber: &Arc<Subscriber>) {
        let mut stream = self.stream.lock();
        if stream.stopping {
            drop(stream);
            subscriber.close(CloseReason::Stopping, &self.log);
            return;
        }
        if stream.reach != Reach::Live {
            subscriber.start(Bytes::new(), self.log.end());
            subscriber.close(CloseReason::Unreachable, &self.log);
            return;
        }
        let connections = self.connections();
        let hello = Hello {
            tenant_id: self.tenant,
            connection_id: Uuid::new_v4(),
            timestamp: Timestamp::now(),
            epoch: stream.epoch,
            seq: stream.timeline.seq(),
            heartbeat_ms: u32::try_from(self.config.heartbeat.as_millis()).unwrap_or(u32::MAX),
            reconnect_ms: reconnect_ms(connections),
            connections: Some(connections as u64),
            build: self.config.build.to_string(),
        };
        let mut frame = Vec::new();
        frames::push_text(&mut frame, &Outgoing::ConnectionEstablished(&hello).encode());
        // The waiting frames become the next segment of the log, and the subscriber starts behind them.
        let position = self.log.end() + stream.next_batch.frames.len() as u64;
        subscriber.start(frame.into(), position);
        let events_before = stream.next_batch.events;
        stream.next_batch.joiners.push(Joiner { subscriber: Arc::clone(subscriber), events_before });
    }

    /// Takes the next batch, and appends its frames to the log. With `heartbeat`, a heartbeat and a ping are added at its
    /// end, unless the channel is stopping.
    pub(crate) fn take_batch(&self, heartbeat: bool) -> Batch {
        let mut stream = self.stream.lock();
        // After a stop, events are accepted that no connection receives: a heartbeat would reveal a gap.
        if heartbeat && !stream.stopping {
            let connections = self.connections(); // under the lock, so that every receiver of the heartbeat is counted
            let heartbeat = Outgoing::Heartbeat {
                seq: stream.timeline.seq(),
                reconnect_ms: reconnect_ms(connections),
                connections: Some(connections as u64),
            };
            frames::push_text(&mut stream.next_batch.frames, &heartbeat.encode());
            frames::push_ping(&mut stream.next_batch.frames);
        }
        let is_last = stream.stopping;
        let NextBatch { frames, events, permit_bytes, joiners, close } = std::mem::take(&mut stream.next_batch);
        let segment = self.log.append(frames.into()); // under the lock, so that no subscriber joins in between
        Batch { segment, events, permit_bytes, joiners, close, is_last }
    }

    /// The log of the frames that were sent last.
    pub(crate) const fn log(&self) -> &BatchLog {
        &self.log
    }

    /// Releases `size` bytes of the permits of events that were sent.
    pub(crate) fn release(&self, size: usize) {
        self.admission.release(size);
    }

    /// Whether events wait for the next batch.
    pub(crate) fn has_waiting_events(&self) -> bool {
        self.stream.lock().next_batch.events > 0
    }

    /// Waits until the fan-out has work: waiting events, a stop, an order to close, or many ended connections.
    pub(crate) async fn wait_for_work(&self) {
        self.wake.notified().await;
    }

    /// The version of the list as it is now.
    pub(crate) fn version(&self) -> Version {
        Version::of(&self.stream.lock())
    }

    /// The newest `most` events, newest first, and the version of this list.
    pub(crate) fn newest(&self, most: usize) -> (Version, Vec<Arc<Event>>) {
        let stream = self.stream.lock();
        (Version::of(&stream), newest(&stream.timeline, most))
    }

    /// Whether the newest events arrive here.
    pub(crate) fn reach(&self) -> Reach {
        self.stream.lock().reach
    }

    pub(crate) const fn config(&self) -> &ChannelConfig {
        &self.config
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts a connection that has ended. If many have ended, wakes the fan-out to drop them, so that they do not
    /// accumulate between two batches.
    pub(crate) fn count_ended(&self, reason: CloseReason) {
        self.counters.count_ended(reason);
        if self.ended.fetch_add(1, Relaxed) + 1 >= ENDED_MAX {
            self.wake.notify_one();
        }
    }

    /// Returns whether the fan-out should drop ended connections, because there are many. If so, resets their count.
    pub(crate) fn take_many_ended(&self) -> bool {
        let many = self.ended.load(Relaxed) >= ENDED_MAX;
        if many {
            self.ended.store(0, Relaxed);
        }
        many
    }

    /// The number of connections: those that hold a [`ConnectionPermit`].
    pub(crate) fn connections(&self) -> usize {
        self.config.max_connections.saturating_sub(self.permits.available_permits())
    }

    /// Stops accepting events and subscribers. The fan-out sends the waiting events and then closes the connections.
    pub(crate) fn stop(&self) {
        self.stream.lock().stopping = true;
        self.admission.close();
        self.wake.notify_one();
    }

    /// Whether [`Channel::stop`] was called.
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stream.lock().stopping
    }

    /// Waits until no connection is left.
    pub(crate) async fn wait_until_empty(&self) {
        let all = u32::try_from(self.config.max_connections).unwrap_or(u32::MAX);
        // It fails only if the semaphore is closed, and nothing closes it.
        let _ = self.permits.acquire_many(all).await;
    }
}

/// The functions for a backplane. One task calls them, so they do not overlap.
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
impl Channel {
    /// Applies the next event of the backplane's order. Waits while the unsent events exceed the limit of `admission`, for
    /// as long as it takes: the event is accepted already. After [`Channel::stop`] the event is kept, and not sent.
    ///
    /// # Cancel safety
    /// If the future is dropped before it ends, nothing has changed.
    pub(crate) async fn apply(&self, event: OrderedEvent) -> Arc<Event> {
        let permit = self.admission.admit_accepted(event.message.as_str().len()).await;
        let event = self.accept(&mut self.stream.lock(), event, permit);
        self.wake.notify_one();
        event
    }

    /// The timestamp of the newest event of this epoch.
    pub(crate) fn last_timestamp(&self) -> Option<Timestamp> {
        self.stream.lock().last_timestamp
    }

    /// Notes whether the newest events arrive here. Until they do, nobody may subscribe.
    pub(crate) fn set_reach(&self, reach: Reach) {
        self.stream.lock().reach = reach;
    }

    /// Closes all connections: each receives the waiting events, as far as its socket accepts them at once, and the close
    /// frame. Returns once all of them are closing. No connection may be added meanwhile, so the channel must not be live.
    pub(crate) async fn close_all(&self, reason: CloseReason) {
        let (done, all_closing) = oneshot::channel();
        {
            let mut stream = self.stream.lock();
            if stream.stopping {
                return; // the fan-out closes them, or has
            }
            stream.next_batch.close = Some(CloseAll { reason, done });
        }
        self.wake.notify_one();
        let _ = all_closing.await; // an error is the end of the wait: `done` is dropped, not used
    }

    /// Forgets all events, and the keys of another epoch. The next event has the number `seq` + 1 of `epoch`. The connections
    /// must be closing: a client learns of an epoch from its hello.
    pub(crate) fn begin_epoch(&self, epoch: Uuid, seq: u64) {
        let mut stream = self.stream.lock();
        stream.timeline = Timeline::after(self.config.retain, seq);
        if stream.epoch != epoch {
            stream.epoch = epoch;
            stream.epochs_before += 1;
            stream.keys = Keys::default();
            stream.last_timestamp = None;
        }
    }
}

impl Version {
    fn of(stream: &Stream) -> Self {
        let is_whole = stream.reach == Reach::Live;
        Self { epochs_before: stream.epochs_before, seq: stream.timeline.seq(), epoch: stream.epoch, is_whole }
    }

    pub(crate) const fn position(self) -> Position {
        Position { epoch: self.epoch, seq: self.seq }
    }
}

/// The window over which this many clients should spread their reconnects, in milliseconds.
fn reconnect_ms(connections: usize) -> u32 {
    let connections = u32::try_from(connections).unwrap_or(u32::MAX);
    connections.saturating_mul(RECONNECT_MS_EACH).clamp(DEFAULT_RECONNECT_MS, RECONNECT_MS_MAX)
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
            process: Uuid::nil(),
            build: "x".into(),
            retain: 10,
            max_connections: 1,
            heartbeat: std::time::Duration::from_secs(15),
            reach: Reach::Live,
        };
        Channel::new(Tenant::A, config)
    }

    #[tokio::test]
    async fn timestamps_do_not_decrease_when_the_clock_steps_back() {
        let channel = channel();
        let post = async |text| channel.publish(Message::parse(text).unwrap(), None).await.unwrap();
        let first = post("before").await;
        // The last event now seems to be from the future, as after a step of the clock.
        let later = Timestamp::parse("2999-01-01T00:00:00.000Z").unwrap();
        channel.stream.lock().last_timestamp = Some(later);
        let (second, third) = (post("after").await, post("and after that").await);
        assert!(first.timestamp < later);
        assert_eq!((second.timestamp, third.timestamp), (later, later));
        let (_, events) = channel.newest(10);
        assert_eq!(events, [third, second, first]);
    }

    #[tokio::test]
    async fn a_channel_that_begins_again_is_not_whole_until_it_is_live() {
        let channel = channel();
        assert!(channel.newest(1).0.is_whole);
        channel.set_reach(Reach::Lost);
        channel.begin_epoch(Uuid::nil(), 7);
        let (version, events) = channel.newest(1);
        assert_eq!((version.position().seq, version.is_whole, events.len()), (7, false, 0));
        channel.set_reach(Reach::Live);
        assert!(channel.newest(1).0 > version);
    }

    #[tokio::test]
    async fn a_channel_that_begins_again_in_its_epoch_knows_its_keys() {
        let channel = channel();
        let key = Some(IdempotencyKey::parse(b"key").unwrap());
        let message = || Message::parse("x").unwrap();
        let event = channel.publish(message(), key.clone()).await.unwrap();
        channel.set_reach(Reach::Lost);
        channel.begin_epoch(channel.version().epoch, 7);
        assert_eq!(channel.first_post(key.as_ref(), &message()), Ok(Some(event)));
        channel.begin_epoch(Uuid::from_u128(1), 7);
        assert_eq!(channel.first_post(key.as_ref(), &message()), Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn while_nothing_is_sent_a_thousand_posts_wait_for_two_seconds() {
        let channel = channel(); // it has no fan-out
        let mut posts: Vec<_> =
            (0..2_000).map(|_| Box::pin(channel.publish(Message::parse("x").unwrap(), None))).collect();
        let (mut accepted, mut busy, mut waiting) = (0, 0, Vec::new());
        for mut post in posts.drain(..) {
            match futures_util::poll!(&mut post) {
                Poll::Ready(Ok(_)) => accepted += 1,
                Poll::Ready(Err(error)) => {
                    assert_eq!(error, NotAccepted::Busy);
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
        assert_eq!(channel.newest(0).0.seq, accepted, "a rejected post has changed nothing");
    }
}
