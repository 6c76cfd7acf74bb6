//! Receives the events of a tenant's stream, and applies them to the channel: each number once, in order, or the session
//! ends.

use std::{convert::Infallible, time::Duration};

use async_nats::{Message, StatusCode, Subscriber, jetstream};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    super::stream::channel::OrderedEvent,
    engine::{Engine, EngineError, IDLE_HEARTBEAT, Stream, millis},
    replica::Replica,
    wire,
};

/// Maximum time without an event or a heartbeat of the engine.
const SILENCE_MAX: Duration = IDLE_HEARTBEAT.saturating_mul(5).checked_div(2).expect("2 is not 0");

/// The names of headers in a heartbeat of the engine (NATS, ADR-9).
const LAST_SENT: &str = "Nats-Last-Stream";
const STALLED: &str = "Nats-Consumer-Stalled";

/// Applies events, the first with the number `applied` + 1, and reports the number of each in turn. Ends if an event is
/// missing, if the engine is silent, or if something is stored that is not an event.
///
/// # Errors
/// Always: the reason of the end.
pub(super) async fn follow(
    engine: &Engine,
    replica: &Replica,
    mut events: Subscriber,
    mut applied: u64,
    mut on_applied: impl FnMut(u64),
) -> Result<Infallible, EngineError> {
    on_applied(applied);
    loop {
        let message = timeout(SILENCE_MAX, events.next()).await;
        let message =
            message.map_err(|_| lost("the engine is silent"))?.ok_or_else(|| lost("the connection has ended"))?;
        match message.status {
            None => {
                replica.apply(read(engine, message, applied + 1)?).await;
                applied += 1;
                on_applied(applied);
            }
            Some(StatusCode::IDLE_HEARTBEAT) => answer(engine, &message, applied).await?,
            Some(status) => return Err(lost(&format!("the engine answers {status}"))),
        }
    }
}

fn lost(why: &str) -> EngineError {
    EngineError::Unreachable(why.to_owned())
}

/// Reads the event with the number `seq`.
fn read(
    engine: &Engine,
    message: Message,
    seq: u64,
) -> Result<super::super::stream::channel::OrderedEvent, EngineError> {
    let message = jetstream::Message { message, context: engine.context.clone() };
    let info = message.info().map_err(|error| EngineError::unreachable("a message is not of a stream", &error))?;
    if info.stream_sequence != seq {
        return Err(lost(&format!("event {} came instead of event {seq}", info.stream_sequence)));
    }
    let Stream { epoch, last_accepted, .. } = engine.stream;
    let accepted = millis(info.published.unix_timestamp_nanos());
    // By the engine's clock alone: a wrong clock of this machine must not make it forget a key too early.
    let age = Duration::from_millis(u64::try_from(last_accepted - accepted).unwrap_or_default());
    wire::read(epoch, &message.subject, &message.payload, accepted, age)
        .map_err(|wire::NotAnEvent| lost(&format!("event {seq} was not stored by event-feed")))
}

/// Handles a heartbeat: answers the engine's question whether all was received, and checks that nothing was lost.
async fn answer(engine: &Engine, heartbeat: &Message, applied: u64) -> Result<(), EngineError> {
    let header = |name| heartbeat.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.as_str());
    if header(LAST_SENT).and_then(|seq| seq.parse().ok()).is_some_and(|sent: u64| sent > applied) {
        return Err(lost("events were lost on the way"));
    }
    let question = heartbeat.reply.as_deref().or_else(|| header(STALLED));
    if let Some(subject) = question {
        let answer = engine.client.publish(subject.to_owned(), "".into()).await;
        answer.map_err(|error| EngineError::unreachable("the engine cannot be answered", &error))?;
    }
    Ok(())
}
