//! Adds a post to a tenant's stream, exactly once for each key, and tells the truth about it: accepted, refused, or unknown.
//!
//! Every event has a subject of its own: that of its key, or else of its id. The engine stores it only if the subject is
//! free, so a post can be sent again after a lost answer.

use std::{sync::Arc, time::Duration};

use async_nats::{HeaderMap, RequestErrorKind};
use serde::Deserialize;
use tokio::{sync::oneshot, time::timeout};
use uuid::Uuid;

use super::{
    super::stream::{channel::NotAccepted, idempotency::IdempotencyKey},
    replica::{Replica, Session},
    wire,
};
use crate::feed::{Event, Message};

/// Maximum time of a post after the backpressure (contract, "With a backplane").
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// The header that makes the engine store an event only if this is the number of the newest one with its subject.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// The engine's error codes for a subject that has another newest event than expected.
const WRONG_LAST_SEQUENCE: [u64; 2] = [10_071, 10_164];

/// The engine's answer to a post.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    /// The event is in the stream.
    Stored,
    /// The subject has another newest event than expected.
    SubjectTaken,
    /// The event is not in the stream, for this reason.
    Refused(String),
    /// No answer: the event may be in the stream, now or later.
    Unknown,
}

/// A post on its way.
struct Post {
    id: Uuid,
    message: Message,
    key: Option<IdempotencyKey>,
}

/// Waits for the own post to be applied. Dropping it ends the wait.
struct Awaited<'a> {
    replica: &'a Replica,
    id: Uuid,
    applied: oneshot::Receiver<Arc<Event>>,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.replica.awaited.lock().remove(&self.id);
    }
}

impl Replica {
    /// Adds a message to the tenant's stream, and waits until it is applied here. If `key` was used before, returns the
    /// event that it made then.
    ///
    /// # Errors
    /// [`NotAccepted`] is the reason. Only after [`NotAccepted::Unsettled`] may the post have been accepted.
    ///
    /// # Cancel safety
    /// If the future is dropped, the post may be accepted, now or later.
    pub(crate) async fn publish(
        &self,
        message: Message,
        key: Option<IdempotencyKey>,
    ) -> Result<Arc<Event>, NotAccepted> {
        let _permit = self.gate.admit(message.as_str().len()).await?;
        if self.channel.is_stopping() {
            return Err(NotAccepted::Stopping);
        }
        let session = self.session().ok_or(NotAccepted::Unreachable)?;
        if let Some(first) = self.channel.first_post(key.as_ref(), &message)? {
            return Ok(first);
        }
        let post = Post { id: Uuid::new_v4(), message, key };
        let (sender, applied) = oneshot::channel();
        self.awaited.lock().insert(post.id, sender);
        let mut awaited = Awaited { replica: self, id: post.id, applied };
        timeout(POST_TIMEOUT, self.settle(session, &post, &mut awaited)).await.unwrap_or(Err(NotAccepted::Unsettled))
    }

    /// Sends a post until it is known whether it is in the stream.
    async fn settle(
        &self,
        mut session: Arc<Session>,
        post: &Post,
        awaited: &mut Awaited<'_>,
    ) -> Result<Arc<Event>, NotAccepted> {
        let epoch = session.epoch();
        let before = self.channel.version().position().seq;
        let subject = wire::subject(epoch, post.key.as_ref(), post.id);
        let payload = wire::payload(post.id, &post.message, self.channel.last_timestamp());
        let (mut newest_of_subject, mut may_be_stored) = (0, false);
        loop {
            match send(&session, &subject, newest_of_subject, payload.clone()).await {
                Answer::Refused(reason) => {
                    tracing::warn!(tenant = %self.tenant, reason, "the backplane refuses a post");
                    return Err(if may_be_stored { NotAccepted::Unsettled } else { NotAccepted::Unreachable });
                }
                Answer::SubjectTaken if post.key.is_some() => {
                    // The key's event may be this post's, or another's. Its number is read before the channel catches up: so
                    // the channel has this event, and knows the key if it has not expired. A newer event has another number.
                    let newest = session.engine.last_of(&subject).await;
                    let caught_up = self.catch_up().await;
                    if let (Ok(newest), Ok(())) = (newest, caught_up) {
                        if let Some(first) = self.channel.first_post(post.key.as_ref(), &post.message)? {
                            return Ok(first);
                        }
                        if !may_be_stored {
                            newest_of_subject = newest; // the key has expired: its event is replaced
                            continue;
                        }
                    } else if !may_be_stored {
                        return Err(NotAccepted::Unreachable);
                    }
                }
                Answer::Stored | Answer::SubjectTaken | Answer::Unknown => {}
            }
            may_be_stored = true;
            tokio::select! {
                event = &mut awaited.applied => return event.map_err(|_| NotAccepted::Unsettled),
                next = self.session_after(&session) => session = next,
            }
            // The new session began when all that the stream had was applied.
            if let Ok(event) = awaited.applied.try_recv() {
                return Ok(event);
            }
            // It may have been in the stream that is gone, or among events that this server has skipped: sent again, it would
            // be stored twice.
            if session.epoch() != epoch || !session.engine.stream.has_all_after(before) {
                return Err(NotAccepted::Unsettled);
            }
        }
    }
}

/// Sends an event to the engine. It is stored only if `newest_of_subject` is the number of the newest event with this
/// subject; 0 stands for none.
async fn send(session: &Session, subject: &str, newest_of_subject: u64, payload: Vec<u8>) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(EXPECTED, newest_of_subject.to_string());
    let client = &session.engine.client;
    match client.request_with_headers(subject.to_owned(), headers, payload.into()).await {
        Ok(answer) => read_answer(&answer.payload),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => {
            Answer::Refused(String::from("there is no stream for it"))
        }
        Err(_) => Answer::Unknown,
    }
}

fn read_answer(payload: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Ack {
        error: Option<AckError>,
        seq: Option<u64>,
    }
    #[derive(Deserialize)]
    struct AckError {
        err_code: u64,
        #[serde(default)]
        description: String,
    }
    match serde_json::from_slice(payload) {
        Ok(Ack { error: Some(AckError { err_code, .. }), .. }) if WRONG_LAST_SEQUENCE.contains(&err_code) => {
            Answer::SubjectTaken
        }
        Ok(Ack { error: Some(AckError { description, .. }), .. }) => Answer::Refused(description),
        Ok(Ack { error: None, seq: Some(_) }) => Answer::Stored,
        Ok(Ack { error: None, seq: None }) | Err(_) => Answer::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_engine_is_read() {
        for (payload, answer) in [
            (&br#"{"stream":"event-feed","seq":7}"#[..], Answer::Stored),
            (
                br#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"x","seq":0}"#,
                Answer::SubjectTaken,
            ),
            (br#"{"error":{"code":503,"err_code":10023,"description":"no memory"}}"#, Answer::Refused("no memory".into())),
            (b"{}", Answer::Unknown),
            (b"hello", Answer::Unknown),
        ] {
            assert_eq!(read_answer(payload), answer);
        }
    }
}
