//! Reads and checks a post, in the contract's order, and publishes it. The API and the server function share this file,
//! so both have the same checks. Events are accepted in `stream::channel`.

use std::sync::Arc;

use axum::{body::Body, http::HeaderMap};
use serde::Deserialize;

use super::{
    super::{
        Server,
        stream::{channel::NotAccepted, idempotency::IdempotencyKey},
        tenant_feed::TenantFeed,
    },
    body::read_json,
    credential,
    problem::Refusal,
};
use crate::feed::{Event, Message, protocol::IDEMPOTENCY_HEADER};

/// A checked post: its tenant is known, and its key and message are valid.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    feed: TenantFeed,
    key: Option<IdempotencyKey>,
    message: Message,
}

/// The body of a post: an object with exactly one field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostBody {
    message: String,
}

impl Post {
    /// Reads and checks a request.
    ///
    /// # Errors
    /// The first refusal that applies, in the contract's order.
    pub(crate) async fn read(server: &Server, headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        let tenant = credential::of_header(headers)?;
        let key = idempotency_key(headers)?;
        let shape = "send a JSON object with exactly one field, message, a string";
        let PostBody { message } = read_json(headers, body, shape).await?;
        let message = Message::parse(&message)?;
        Ok(Self { feed: server.feeds.of(tenant).clone(), key, message })
    }

    /// Publishes the post as the tenant's next event, or returns the event that its key made before.
    ///
    /// # Errors
    /// The refusal of the feed. Nothing has changed, except perhaps for [`Refusal::Unsettled`].
    pub(crate) async fn publish(self) -> Result<Arc<Event>, Refusal> {
        self.feed.publish(self.message, self.key).await.map_err(|error| match error {
            NotAccepted::Busy => Refusal::Busy,
            NotAccepted::KeyReused => Refusal::KeyReused,
            NotAccepted::Stopping => Refusal::Stopping,
            NotAccepted::Unreachable => Refusal::Unreachable,
            NotAccepted::Unsettled => Refusal::Unsettled,
        })
    }
}

/// Reads the `Idempotency-Key` of a request, if it has one.
///
/// # Errors
/// [`Refusal::WrongIdempotencyKey`] if there are several, or if the key breaks a rule.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Refusal> {
    let mut values = headers.get_all(IDEMPOTENCY_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = IdempotencyKey::parse(value.as_bytes()).filter(|_| values.next().is_none());
    key.map(Some).ok_or(Refusal::WrongIdempotencyKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_at_most_one_idempotency_key() {
        let of = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_HEADER, axum::http::HeaderValue::from_bytes(value).unwrap());
            }
            idempotency_key(&headers)
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"~!x"]), Ok(IdempotencyKey::parse(b"~!x")));
        for wrong in [&[&b""[..]][..], &[b"a b"], &[b"a", b"a"]] {
            assert_eq!(of(wrong), Err(Refusal::WrongIdempotencyKey), "{wrong:?}");
        }
    }
}
