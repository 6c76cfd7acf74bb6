//! Connects to a tenant's engine, and finds or makes the tenant's stream there. It checks the stream: a server never serves
//! one of another tenant, or one that may have lost events.
//!
//! A connection is used once. If anything about it is in doubt, all of it is thrown away: a client that reconnects by itself
//! would send what it has kept meanwhile, after its posts were refused.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use async_nats::{
    Auth, AuthError, Client, ConnectErrorKind, ConnectOptions, Event, Subscriber,
    jetstream::{
        self, Context, ErrorCode,
        consumer::{AckPolicy, DeliverPolicy, push},
        context::{CreateStreamErrorKind, GetStreamErrorKind},
        stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType},
    },
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{url::EngineAddress, wire};
use crate::feed::Tenant;

/// The oldest nats-server that keeps a stream's metadata.
const OLDEST: [Option<u64>; 2] = [Some(2), Some(10)];
/// The name of the stream in each tenant's account.
const STREAM: &str = "event-feed";
/// Minimum number of events that a server reads when it begins. It knows the keys of these events.
const READ_MIN: usize = 10_000;
/// The number of further events that the stream keeps. While a server begins, others may post as many, and the oldest event
/// that it reads is still there.
const SPARE: usize = 2_000;
/// Minimum of the engine's own limit on a message, in bytes: an event with its headers.
const MESSAGE_MAX: usize = 16 * 1024;
/// Maximum time for [`Engine::open`].
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time for a connection to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum time for an answer of the engine.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between two heartbeats of the engine while no event comes.
pub(super) const IDLE_HEARTBEAT: Duration = Duration::from_secs(1);
/// The time after which the engine forgets the consumer of a server that has gone.
const INACTIVE_MAX: Duration = Duration::from_secs(10);
/// Maximum number of events that wait to be applied. Above it the library drops some, which ends the session. The engine's
/// own flow control begins at 2 MiB, and doubles up to 32 MiB while all is confirmed.
const WAITING_MAX: usize = 65_536;
/// The time between two pings.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// An open connection to a tenant's engine, and the state of the stream when it was opened.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: Client,
    pub(super) stream: Stream,
    /// Is notified when the connection is lost.
    pub(super) lost: Arc<Notify>,
    pub(super) context: Context,
}

/// The state of a tenant's stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) epoch: Uuid,
    /// The number of the oldest event that is kept; 0 or 1 if there was no event yet.
    pub(super) first_seq: u64,
    /// The number of the newest event; 0 before the first.
    pub(super) last_seq: u64,
    /// When the newest event was accepted, in milliseconds since 1970 by the engine's clock.
    pub(super) last_accepted: i64,
}

/// Why the engine cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EngineError {
    /// It may work later.
    #[error("{0}")]
    Unreachable(String),
    /// Somebody must change a setting first.
    #[error("{0}")]
    Refused(String),
}

impl Stream {
    /// Whether the stream has every event after the number `seq`.
    pub(super) const fn has_all_after(&self, seq: u64) -> bool {
        self.first_seq <= seq + 1
    }

    /// The number of the event before those that a server reads when it begins.
    pub(super) fn before_beginning(&self, retain: usize) -> u64 {
        self.first_seq.saturating_sub(1).max(self.last_seq.saturating_sub(retain.max(READ_MIN) as u64))
    }
}

impl EngineError {
    pub(super) fn unreachable(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Unreachable(format!("{what}: {error}"))
    }
}

impl Engine {
    /// Connects, and finds the tenant's stream, or makes it.
    ///
    /// # Errors
    /// [`EngineError`] is the reason. Its text does not have the login.
    ///
    /// # Cancel safety
    /// If the future is dropped, the connection is closed. The stream may exist then.
    pub(super) async fn open(address: &EngineAddress, tenant: Tenant, retain: usize) -> Result<Self, EngineError> {
        let lost = Arc::new(Notify::new());
        let client = connect(address, tenant, Arc::clone(&lost)).await?;
        let server = client.server_info();
        if version(&server.version) < OLDEST {
            let version = &server.version;
            return refuse(format!("the engine is nats-server {version}: use 2.10 or later"));
        }
        if let Some(cluster) = server.cluster {
            return refuse(format!(
                "the engine belongs to the cluster {cluster}, which can lose a stream's events and keep its name: use one \
                 nats-server without a cluster"
            ));
        }
        if server.max_payload < MESSAGE_MAX {
            let bytes = server.max_payload;
            return refuse(format!("the engine accepts {bytes} bytes at most: set its max_payload to {MESSAGE_MAX}"));
        }
        let mut context = jetstream::new(client.clone());
        context.set_timeout(REQUEST_TIMEOUT);
        let info = find_or_make(&context, tenant, retain, &server.server_id).await?;
        let stream = check(&info, tenant, retain, &server.server_id)?;
        Ok(Self { client, stream, lost, context })
    }

    /// Reads the state of the stream.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if there is no answer, or if the stream was made again.
    pub(super) async fn state(&self) -> Result<Stream, EngineError> {
        let error = |error: &dyn std::fmt::Display| EngineError::unreachable("the stream cannot be read", error);
        let stream = self.context.get_stream(STREAM).await.map_err(|other| error(&other))?;
        let stream = stream_of(stream.cached_info()).filter(|stream| stream.epoch == self.stream.epoch);
        stream.ok_or_else(|| error(&"it was made again"))
    }

    /// Receives every event from the number `first` on, in order.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if the engine refuses or does not answer.
    pub(super) async fn subscribe(&self, first: u64) -> Result<Subscriber, EngineError> {
        let error = |error: &dyn std::fmt::Display| EngineError::unreachable("the events cannot be received", error);
        let inbox = self.client.new_inbox();
        let subscriber = self.client.subscribe(inbox.clone()).await.map_err(|other| error(&other))?;
        let consumer = push::Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
            ack_policy: AckPolicy::None,
            flow_control: true,
            idle_heartbeat: IDLE_HEARTBEAT,
            inactive_threshold: INACTIVE_MAX,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let made = self.context.create_consumer_on_stream(consumer, STREAM).await;
        made.map_err(|other| error(&other))?;
        Ok(subscriber)
    }

    /// The number of the newest event with this subject.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if there is none, or no answer.
    pub(super) async fn last_of(&self, subject: &str) -> Result<u64, EngineError> {
        let error = |error: &dyn std::fmt::Display| EngineError::unreachable("an event cannot be read", error);
        let stream = self.context.get_stream_no_info(STREAM).await.map_err(|other| error(&other))?;
        let message = stream.get_last_raw_message_by_subject(subject).await.map_err(|other| error(&other))?;
        Ok(message.sequence)
    }
}

/// The first two numbers of a version, as far as it has any. (The library's own comparison panics at a version like "3".)
fn version(text: &str) -> [Option<u64>; 2] {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    [(); 2].map(|()| numbers.next().flatten())
}

fn refuse<T>(text: String) -> Result<T, EngineError> {
    Err(EngineError::Refused(text))
}

/// Opens a connection that never reconnects: the login is given to it once.
async fn connect(address: &EngineAddress, tenant: Tenant, lost: Arc<Notify>) -> Result<Client, EngineError> {
    let EngineAddress { address, user, password } = address.clone();
    let used = AtomicBool::new(false);
    let login = move |_| {
        let mut login = Auth::new();
        (login.username, login.password) = (Some(user.clone()), Some(password.clone()));
        let login = if used.swap(true, Relaxed) { Err(AuthError::new("used before")) } else { Ok(login) };
        async { login }
    };
    let on_event = move |event| {
        if matches!(event, Event::Disconnected | Event::Closed | Event::SlowConsumer(_) | Event::LameDuckMode) {
            lost.notify_one();
        }
        async {}
    };
    let options = ConnectOptions::with_auth_callback(login)
        .name(format!("event-feed {tenant}"))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(WAITING_MAX)
        .max_reconnects(1)
        .ignore_discovered_servers()
        .event_callback(on_event);
    options.connect(&address).await.map_err(|error| match error.kind() {
        // The other kind, `Authentication`, means that the login was used: the first of several addresses failed with it.
        ConnectErrorKind::AuthorizationViolation => {
            EngineError::Refused(String::from("the engine does not know this user and password"))
        }
        _ => EngineError::unreachable("the engine cannot be reached", &error),
    })
}

/// Finds the tenant's stream. If there is none, makes it with a new epoch. If several servers do so at once, one of them
/// makes it, and the others find it: so all have one epoch.
async fn find_or_make(context: &Context, tenant: Tenant, retain: usize, server: &str) -> Result<Info, EngineError> {
    loop {
        match context.get_stream(STREAM).await {
            Ok(stream) => return Ok(stream.cached_info().clone()),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {}
                GetStreamErrorKind::JetStream(error) if is_disabled(&error) => return without_jetstream(),
                _ => {} // the next request fails too, and its error tells more
            },
        }
        match context.create_stream(config(tenant, retain, server)).await {
            Ok(stream) => return Ok(stream.cached_info().clone()),
            Err(error) => match error.kind() {
                CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {}
                CreateStreamErrorKind::JetStream(error) => {
                    return refuse(format!("the engine does not make the stream: {error}"));
                }
                CreateStreamErrorKind::JetStreamUnavailable => return without_jetstream(),
                kind => return Err(EngineError::unreachable("the stream cannot be made", &kind)),
            },
        }
    }
}

fn is_disabled(error: &jetstream::Error) -> bool {
    [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT].contains(&error.error_code())
}

fn without_jetstream<T>() -> Result<T, EngineError> {
    refuse(String::from("JetStream is not enabled for this account: see docs/deploying.md"))
}

/// The configuration of a new stream. Nobody may delete a single event of it: the numbers would have a gap.
fn config(tenant: Tenant, retain: usize, server: &str) -> Config {
    let epoch = Uuid::new_v4();
    Config {
        name: STREAM.to_owned(),
        subjects: vec![wire::subjects(epoch)],
        storage: StorageType::Memory,
        num_replicas: 1,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: kept(retain),
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_consumers: -1,
        max_message_size: wire::PAYLOAD_MAX,
        deny_delete: true,
        deny_purge: true,
        metadata: HashMap::from([
            ("epoch".to_owned(), epoch.to_string()),
            ("tenant".to_owned(), tenant.to_string()),
            ("retain".to_owned(), retain.to_string()),
            ("server".to_owned(), server.to_owned()),
        ]),
        ..Config::default()
    }
}

/// The number of events that the stream keeps.
fn kept(retain: usize) -> i64 {
    i64::try_from(retain.max(READ_MIN) + SPARE).unwrap_or(i64::MAX)
}

fn stream_of(info: &Info) -> Option<Stream> {
    let epoch = info.config.metadata.get("epoch")?.parse().ok()?;
    let state = &info.state;
    Some(Stream {
        epoch,
        first_seq: state.first_sequence,
        last_seq: state.last_sequence,
        last_accepted: millis(state.last_timestamp.unix_timestamp_nanos()),
    })
}

pub(super) fn millis(nanos: i128) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or_default()
}

/// Checks that the stream is the tenant's own, and that all servers use it in the same way.
fn check(info: &Info, tenant: Tenant, retain: usize, server: &str) -> Result<Stream, EngineError> {
    let about = |key: &str| info.config.metadata.get(key).map(String::as_str).unwrap_or_default();
    let Some(stream) = stream_of(info) else {
        return refuse(String::from(
            "the stream event-feed in this account was not made by event-feed: delete it, or use another account",
        ));
    };
    if about("tenant") != tenant.to_string() {
        let other = about("tenant");
        return refuse(format!(
            "this account has the stream of {other}: give each tenant an account of its own, and do not swap the two URLs; \
             if they were swapped before, restart the nats-server"
        ));
    }
    if about("retain") != retain.to_string() {
        let other = about("retain");
        return refuse(format!(
            "the stream was made with --retain {other}: use it for all servers, or restart the nats-server without them"
        ));
    }
    if info.config.max_messages != kept(retain) {
        return refuse(String::from(
            "somebody changed max_msgs of the stream event-feed: delete the stream, and it is made again",
        ));
    }
    if info.config.storage != StorageType::Memory || about("server") != server {
        return refuse(String::from(
            "the stream event-feed has outlived its engine, and may have lost events: delete it, and it is made again",
        ));
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_by_its_first_two_numbers() {
        for old in ["2.9.25", "1.4.0", "2.9", "2", "", "x", "v2.11.0", "-1.10"] {
            assert!(version(old) < OLDEST, "{old}");
        }
        for new in ["2.10.0", "2.10", "2.15.1", "2.11.0-beta.1", "3", "10.0", "2.10.99999999999999999999"] {
            assert!(version(new) >= OLDEST, "{new}");
        }
    }
}
