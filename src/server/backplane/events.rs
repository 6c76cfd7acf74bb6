//! Receives the events of a tenant's stream: each number once and in order, or else an error, which ends the session.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber, jetstream};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    super::stream::channel::OrderedEvent,
    engine::{Engine, EngineError, IDLE_HEARTBEAT, Stream, millis},
    wire,
};

/// Maximum time without an event or a heartbeat of the engine.
const SILENCE_MAX: Duration = IDLE_HEARTBEAT.saturating_mul(5).checked_div(2).expect("2 is not 0");

/// The names of headers in a heartbeat of the engine (NATS, ADR-9).
const LAST_SENT: &str = "Nats-Last-Stream";
const STALLED: &str = "Nats-Consumer-Stalled";

/// The events of a stream, from one number on.
#[derive(Debug)]
pub(super) struct Events<'a> {
    engine: &'a Engine,
    messages: Subscriber,
    /// The number of the event before the next.
    last: u64,
}

impl<'a> Events<'a> {
    /// Subscribes to every event after the number `last`.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if the engine refuses or does not answer.
    pub(super) async fn after(engine: &'a Engine, last: u64) -> Result<Self, EngineError> {
        Ok(Self { engine, messages: engine.subscribe(last + 1).await?, last })
    }

    /// Receives the next event, and answers the engine's heartbeats meanwhile.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if an event is missing, or if the engine is silent, and [`EngineError::Refused`] if
    /// something is stored that is not an event. No event follows then.
    pub(super) async fn next(&mut self) -> Result<OrderedEvent, EngineError> {
        loop {
            let message = timeout(SILENCE_MAX, self.messages.next()).await.map_err(|_| lost("the engine is silent"))?;
            let message = message.ok_or_else(|| lost("the connection has ended"))?;
            match message.status {
                None => return self.read(message),
                Some(StatusCode::IDLE_HEARTBEAT) => self.answer(&message).await?,
                Some(status) => return Err(lost(&format!("the engine answers {status}"))),
            }
        }
    }

    fn read(&mut self, message: Message) -> Result<OrderedEvent, EngineError> {
        let message = jetstream::Message { message, context: self.engine.context.clone() };
        let info = message.info().map_err(|error| EngineError::unreachable("a message is not of a stream", &error))?;
        let seq = self.last + 1;
        if info.stream_sequence != seq {
            return Err(lost(&format!("event {} came instead of event {seq}", info.stream_sequence)));
        }
        let Stream { epoch, last_accepted, .. } = self.engine.stream;
        let accepted = millis(info.published.unix_timestamp_nanos());
        // By the engine's clock alone: a wrong clock of this machine must not make it forget a key too early.
        let age = Duration::from_millis(u64::try_from(last_accepted - accepted).unwrap_or_default());
        let event = wire::read(epoch, &message.subject, &message.payload, accepted, age);
        let event = event.map_err(|wire::NotAnEvent| {
            let text = format!("event {seq} of the stream was not stored by event-feed: delete the stream event-feed");
            EngineError::Refused(format!("{text} in this account, and it is made again"))
        })?;
        self.last = seq;
        Ok(event)
    }

    /// Handles a heartbeat: checks that nothing was lost, and answers the engine's question whether all was received.
    async fn answer(&self, heartbeat: &Message) -> Result<(), EngineError> {
        let header =
            |name| heartbeat.headers.as_ref().and_then(|headers| headers.get(name)).map(|value| value.as_str());
        if header(LAST_SENT).and_then(|seq| seq.parse().ok()).is_some_and(|sent: u64| sent > self.last) {
            return Err(lost("events were lost on the way"));
        }
        let question = heartbeat.reply.as_deref().or_else(|| header(STALLED));
        if let Some(subject) = question {
            let answer = self.engine.client.publish(subject.to_owned(), "".into()).await;
            answer.map_err(|error| EngineError::unreachable("the engine cannot be answered", &error))?;
        }
        Ok(())
    }
}

fn lost(why: &str) -> EngineError {
    EngineError::Unreachable(why.to_owned())
}
