//! Keeps a tenant's channel equal to the tenant's stream in the engine, session after session: connects, compares, follows,
//! and begins again whenever anything is in doubt.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    io,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{
    super::{
        stream::{
            admission::Admission,
            channel::{Channel, OrderedEvent, Reach},
            close_reason::CloseReason,
            hub::Hub,
        },
        tenant_feed::Unreachable,
    },
    barrier::{self, Waiting},
    engine::{Engine, EngineError, OPEN_TIMEOUT, Stream},
    events::Events,
    url::{EngineAddress, flag},
};
use crate::feed::{Event, PerTenant, Position, Tenant};

/// Maximum size of a tenant's posts that are on their way to the engine, in bytes.
const UNDER_WAY_MAX: usize = 64 * 1024;
/// The time for which connections stay open while the engine is out of reach (contract, "WebSocket").
const SILENT_MAX: Duration = Duration::from_secs(10);
/// The wait after a session, and before the second attempt to connect. Each further one is twice as long.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// Maximum wait before an attempt to connect. An attempt that began before the connection healed may first have to time out.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// Maximum time that a start waits for the replicas. A wrong setting shows within [`OPEN_TIMEOUT`]; many events take longer.
const START_TIMEOUT: Duration = Duration::from_secs(6);
/// Maximum time for a replica to catch up.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// The replicas of both tenants. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Backplane(PerTenant<Running>);

/// A replica whose sessions run. Dropping it ends them.
#[derive(Debug)]
struct Running {
    replica: Arc<Replica>,
    _sessions: AbortOnDropHandle<()>,
}

/// One tenant's replica: the only user of the tenant's account.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(super) tenant: Tenant,
    address: EngineAddress,
    pub(super) channel: Arc<Channel>,
    /// Backpressure in front of the engine. That of the channel cannot be used: a post would wait for the events that only
    /// the replica can apply.
    pub(super) gate: Admission,
    /// The posts of this server that are not applied yet, by their id.
    pub(super) awaited: Mutex<HashMap<Uuid, oneshot::Sender<Arc<Event>>>>,
    session: watch::Sender<Option<Arc<Session>>>,
}

/// A connection to the engine whose events have been applied up to the moment when it was opened.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) engine: Arc<Engine>,
    barrier: mpsc::UnboundedSender<Waiting>,
}

impl Session {
    pub(super) fn epoch(&self) -> Uuid {
        self.engine.stream.epoch
    }
}

impl Backplane {
    /// Starts the replicas of both tenants, and waits for the first attempt of each, for 6 s at most. An engine that is out of
    /// reach is tried again.
    ///
    /// # Errors
    /// If an engine is there and cannot be used: one sentence that names the setting.
    pub(crate) async fn start(engines: [EngineAddress; 2], hub: &Hub) -> io::Result<Self> {
        let mut attempts = Vec::new();
        let replicas = PerTenant::new(|tenant| {
            let (address, channel) = (engines[tenant as usize].clone(), Arc::clone(hub.channel(tenant)));
            let replica = Arc::new(Replica::new(tenant, address, channel));
            let (first, opened) = oneshot::channel();
            attempts.push((tenant, opened));
            let sessions = tokio::spawn(Arc::clone(&replica).run(first));
            Running { replica, _sessions: AbortOnDropHandle::new(sessions) }
        });
        let deadline = Instant::now() + START_TIMEOUT;
        let mut refused = None;
        // Awaits every attempt, so that no replica logs a second reason.
        for (tenant, opened) in attempts {
            if let Ok(Ok(Err(EngineError::Refused(text)))) = timeout_at(deadline, opened).await {
                refused.get_or_insert(format!("{}: {text}", flag(tenant)));
            }
        }
        if let Some(reason) = refused {
            return Err(io::Error::other(reason));
        }
        Ok(Self(replicas))
    }

    /// The replica of a tenant.
    pub(crate) const fn replica(&self, tenant: Tenant) -> &Arc<Replica> {
        &self.0.of(tenant).replica
    }
}

impl Replica {
    fn new(tenant: Tenant, address: EngineAddress, channel: Arc<Channel>) -> Self {
        Self {
            tenant,
            address,
            channel,
            gate: Admission::new(UNDER_WAY_MAX),
            awaited: Mutex::default(),
            session: watch::Sender::new(None),
        }
    }

    /// Runs session after session. Sends the result of the first attempt to `first`.
    async fn run(self: Arc<Self>, first: oneshot::Sender<Result<(), EngineError>>) {
        let mut first = Some(first);
        let mut close_at = None;
        let (mut wait, mut told) = (Duration::ZERO, HashSet::new());
        loop {
            let attempt = async {
                sleep(wait).await;
                let open = Engine::open(&self.address, self.tenant, self.channel.config().retain);
                let too_slow = |_| Err(EngineError::Unreachable(String::from("the engine takes too long to answer")));
                match timeout(OPEN_TIMEOUT, open).await.unwrap_or_else(too_slow) {
                    Err(error) => error,
                    Ok(engine) => {
                        self.hold(Arc::new(engine), || {
                            told.clear();
                            // An error means that nobody waits any more.
                            first.take().map(|first| first.send(Ok(())));
                        })
                        .await
                    }
                }
            };
            let error = self.close_meanwhile(&mut close_at, attempt).await;
            let was_awaited = first.take().is_some_and(|first| first.send(Err(error.clone())).is_ok());
            // A server that does not start reports the reason itself.
            let ends_the_start = was_awaited && matches!(error, EngineError::Refused(_));
            if told.insert(error.to_string()) && !ends_the_start {
                self.log(&error);
            }
            if self.session.send_replace(None).is_some() {
                self.channel.set_reach(Reach::Lost);
                (close_at, wait) = (Some(Instant::now() + SILENT_MAX), WAIT_MIN);
            } else {
                wait = (wait * 2).clamp(WAIT_MIN, WAIT_MAX);
            }
        }
    }

    /// Runs an attempt, and closes all connections at `close_at`, unless the channel is live again by then. An attempt may
    /// take long: until it is live, it has to apply all that was missed.
    async fn close_meanwhile(
        &self,
        close_at: &mut Option<Instant>,
        attempt: impl Future<Output = EngineError>,
    ) -> EngineError {
        tokio::pin!(attempt);
        loop {
            tokio::select! {
                biased;
                error = &mut attempt => return error,
                () = sleep_until(close_at.unwrap_or_else(Instant::now)), if close_at.is_some() => {
                    *close_at = None;
                    if self.channel.reach() == Reach::Lost {
                        self.channel.close_all(CloseReason::Unreachable).await;
                    }
                }
            }
        }
    }

    fn log(&self, error: &EngineError) {
        let tenant = self.tenant;
        match error {
            EngineError::Unreachable(_) => tracing::warn!(%tenant, %error, "the backplane is out of reach"),
            EngineError::Refused(_) => tracing::error!(%tenant, %error, "the backplane cannot be used"),
        }
    }

    /// Holds a session: applies what the stream has, then becomes live, calls `on_live`, and applies what comes. Returns
    /// why it has ended.
    async fn hold(&self, engine: Arc<Engine>, on_live: impl FnOnce()) -> EngineError {
        let held = async {
            let before = self.adopt(engine.stream).await?;
            let mut events = Events::after(&engine, before).await?;
            let (barrier, arrivals) = mpsc::unbounded_channel();
            let (applied, progress) = watch::channel(before);
            let session = Arc::new(Session { engine: Arc::clone(&engine), barrier });
            let mut on_live = Some(on_live);
            let follow = async {
                for seq in before.. {
                    applied.send_replace(seq);
                    if seq >= engine.stream.last_seq
                        && let Some(on_live) = on_live.take()
                    {
                        // The consumer names no epoch. The stream may have been made again before the consumer was made.
                        engine.state().await?;
                        self.session.send_replace(Some(Arc::clone(&session)));
                        self.channel.set_reach(Reach::Live);
                        tracing::info!(tenant = %self.tenant, epoch = %engine.stream.epoch, seq, "the backplane is live");
                        on_live();
                    }
                    self.apply(events.next().await?).await;
                }
                Err(EngineError::Unreachable(String::from("no number is left")))
            };
            tokio::select! {
                ended = follow => ended,
                ended = barrier::serve(&engine, arrivals, progress) => ended,
                () = engine.lost.notified() => Err(EngineError::Unreachable(String::from("the connection is lost"))),
            }
        };
        match held.await {
            Ok::<Infallible, _>(never) => match never {},
            Err(error) => error,
        }
    }

    /// Compares the channel with the stream. If the stream does not continue the channel's events, closes the connections
    /// and begins again. Returns the number of the last event that the channel has or leaves out.
    async fn adopt(&self, stream: Stream) -> Result<u64, EngineError> {
        let Position { epoch, seq } = self.channel.version().position();
        if epoch != stream.epoch {
            self.channel.close_all(CloseReason::NewEpoch).await;
        } else if stream.last_seq < seq {
            let text = format!("the stream ends at event {}, and had event {seq} before", stream.last_seq);
            return Err(EngineError::Refused(text));
        } else if stream.has_all_after(seq) {
            return Ok(seq);
        } else {
            self.channel.close_all(CloseReason::Unreachable).await;
        }
        let before = stream.before_beginning(self.channel.config().retain);
        self.channel.begin_epoch(stream.epoch, before);
        Ok(before)
    }

    /// Applies an event, and hands it to the post of this server that made it.
    pub(super) async fn apply(&self, event: OrderedEvent) {
        let event = self.channel.apply(event).await;
        if let Some(post) = self.awaited.lock().remove(&event.id) {
            self.channel.counters().accepted.add(1);
            let _ = post.send(event); // an error means that the client has gone
        }
    }

    /// The session, if the channel is live.
    pub(super) fn session(&self) -> Option<Arc<Session>> {
        self.session.borrow().clone()
    }

    /// Waits for a session after `old`.
    pub(super) async fn session_after(&self, old: &Arc<Session>) -> Arc<Session> {
        let mut sessions = self.session.subscribe();
        let is_next = |session: &Option<Arc<Session>>| session.as_ref().is_some_and(|it| !Arc::ptr_eq(it, old));
        match sessions.wait_for(is_next).await.map(|session| session.clone()) {
            Ok(Some(session)) => session,
            Ok(None) | Err(_) => std::future::pending().await, // neither happens while the replica exists
        }
    }

    /// Waits until the channel has every event that the stream had when this was called.
    ///
    /// # Errors
    /// [`Unreachable`] if there is no session, or if it takes over 2 s.
    pub(crate) async fn catch_up(&self) -> Result<(), Unreachable> {
        let session = self.session().ok_or(Unreachable)?;
        let (waiting, done) = oneshot::channel();
        session.barrier.send(waiting).map_err(|_| Unreachable)?;
        timeout(CATCH_UP_TIMEOUT, done).await.map_err(|_| Unreachable)?.map_err(|_| Unreachable)
    }
}
