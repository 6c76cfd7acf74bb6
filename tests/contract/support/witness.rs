//! A client that minds its own business while others misbehave.

use std::time::Duration;

use event_feed::feed::Tenant;
use tokio::time::interval;

use super::{http::Connection, server::Client, socket::Socket};

/// How often it looks whether all is well.
const PACE: Duration = Duration::from_millis(100);

/// A subscriber and a poster of one tenant: whatever goes on elsewhere, each post is the next event.
#[derive(Debug)]
pub(crate) struct Witness {
    client: Client,
    tenant: Tenant,
    poster: Connection,
    socket: Socket,
}

impl Witness {
    pub(crate) async fn of(client: &Client, tenant: Tenant) -> Self {
        let (poster, socket) = (client.open().await, client.connect(tenant).await);
        Self { client: *client, tenant, poster, socket }
    }

    /// Posts, and reads it as the very next event.
    pub(crate) async fn notices_nothing(&mut self) {
        let post = || self.client.new_post(self.tenant, "marker");
        let answer = match self.poster.try_send(post()).await {
            Ok(answer) => answer,
            // A server may close a connection that is idle, and a client then takes a new one (RFC 9112, section 9.3.1).
            Err(_) => {
                self.poster = self.client.open().await;
                self.poster.send(post()).await
            }
        };
        let event = answer.created();
        assert_eq!(self.socket.next_event().await, event);
    }

    /// Notices nothing, from the start of `attack` to its end.
    pub(crate) async fn while_others<T>(&mut self, attack: impl Future<Output = T>) -> T {
        tokio::pin!(attack);
        let mut looks = interval(PACE);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attack => break outcome,
                _ = looks.tick() => self.notices_nothing().await,
            }
        };
        self.notices_nothing().await;
        outcome
    }
}
