//! Answers the reads of one tenant: the list of its events, and its page. Each is made once for all clients that wait for
//! it, and again only after the next event.

use std::sync::Arc;

use axum::http::HeaderMap;
use tokio::task::yield_now;

use super::{
    super::{stream::channel::Version, tenant_feed::TenantFeed},
    list_limiter::{ListLimiter, TooManyReads},
    shared_answer::{Coded, SharedAnswer},
};
use crate::feed::{Event, Position};

/// The number of events on a page (contract, "HTTP"). The live client reads the rest.
const EVENTS_ON_A_PAGE: usize = 100;
/// The approximate size of an event in a list without its message, in bytes.
const ENVELOPE: usize = 160;
/// The number of events that are encoded before other tasks run. They have about 280 kB at most: each has a
/// message of up to 2 kB, and [`ENVELOPE`].
const ENCODED_AT_ONCE: usize = 128;

/// The shared answers of one tenant. They have one feed, so they cannot hold another tenant's events.
#[derive(Debug)]
pub(crate) struct TenantAnswers {
    feed: TenantFeed,
    limiter: ListLimiter,
    list: SharedAnswer<Version>,
    page: SharedAnswer<Version>,
}

impl TenantAnswers {
    pub(crate) fn new(feed: TenantFeed) -> Self {
        Self { feed, limiter: ListLimiter::new(), list: SharedAnswer::new(), page: SharedAnswer::new() }
    }

    /// The tenant's feed.
    pub(crate) const fn feed(&self) -> &TenantFeed {
        &self.feed
    }

    /// Returns the list of the kept events as JSON, newest first, and its version. Waits for a turn.
    ///
    /// # Errors
    /// [`TooManyReads`] if the read waited too long, or if the answers that are being sent take too much memory.
    pub(crate) async fn list(&self, request: &HeaderMap) -> Result<(Version, Coded), TooManyReads> {
        let make = async || {
            let (version, events) = self.feed.channel().newest(usize::MAX);
            (version, encode(&events).await) // without the channel's lock, so posts do not wait
        };
        let needed = self.feed.channel().version();
        self.list.read(needed, request, &self.limiter, make).await
    }

    /// Returns the tenant's page, as `render` makes it of the newest events, newest first. Waits for a turn.
    ///
    /// # Errors
    /// As [`TenantAnswers::list`].
    pub(crate) async fn page(
        &self,
        request: &HeaderMap,
        render: impl FnOnce(Position, Vec<Arc<Event>>) -> String,
    ) -> Result<Coded, TooManyReads> {
        let make = async || {
            let (version, events) = self.feed.channel().newest(EVENTS_ON_A_PAGE);
            (version, render(version.position(), events).into_bytes())
        };
        let needed = self.feed.channel().version();
        self.page.read(needed, request, &self.limiter, make).await.map(|(_, page)| page)
    }
}

/// Encodes events as a JSON array. Other tasks run after every [`ENCODED_AT_ONCE`] events, since a list may have 20 MB.
async fn encode(events: &[Arc<Event>]) -> Vec<u8> {
    let size = events.iter().map(|event| event.message.as_str().len() + ENVELOPE).sum();
    let mut json = Vec::with_capacity(size);
    json.push(b'[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        serde_json::to_writer(&mut json, event).expect("an event has string keys and no failing serializer");
        if index % ENCODED_AT_ONCE == ENCODED_AT_ONCE - 1 {
            yield_now().await;
        }
    }
    json.push(b']');
    json
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use uuid::Uuid;

    use super::*;
    use crate::feed::{Message, Tenant, Timestamp};

    #[tokio::test]
    async fn a_long_list_is_encoded_in_pieces() {
        let event = Event {
            id: Uuid::nil(),
            tenant_id: Tenant::A,
            message: Message::parse("x").unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        };
        let events: Vec<_> = std::iter::repeat_n(Arc::new(event), 10_000).collect();
        let mut encoding = Box::pin(encode(&events));
        let mut pieces = 0;
        let json = loop {
            match futures_util::poll!(&mut encoding) {
                Poll::Ready(json) => break json,
                Poll::Pending => pieces += 1,
            }
        };
        assert_eq!(pieces, 10_000 / ENCODED_AT_ONCE);
        assert_eq!(json, serde_json::to_vec(&events).unwrap());
    }
}
