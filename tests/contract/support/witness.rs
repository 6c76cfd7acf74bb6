//! Checks that one client is served as usual while others attack the server.

use std::time::Duration;

use event_feed::feed::Tenant;
use tokio::time::interval;

use super::{http::Connection, server::Client, socket::Socket};

/// The time between two checks during an attack.
const PERIOD: Duration = Duration::from_millis(100);

/// A subscriber and a poster of one tenant: each of its posts must be the next event that it receives.
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

    /// Posts, and checks that the event of this post is the next one on the socket.
    pub(crate) async fn check_undisturbed(&mut self) {
        let post = || self.client.new_post(self.tenant, "marker");
        let answer = match self.poster.try_send(post()).await {
            Ok(answer) => answer,
            // A server may close an idle connection; a client then opens a new one (RFC 9112, section 9.3.1).
            Err(_) => {
                self.poster = self.client.open().await;
                self.poster.send(post()).await
            }
        };
        let event = answer.created();
        assert_eq!(self.socket.next_event().await, event);
    }

    /// Runs `attack` and checks every [`PERIOD`] that nothing disturbs this client, and once more after the attack.
    pub(crate) async fn check_during<T>(&mut self, attack: impl Future<Output = T>) -> T {
        tokio::pin!(attack);
        let mut ticks = interval(PERIOD);
        let outcome = loop {
            tokio::select! {
                outcome = &mut attack => break outcome,
                _ = ticks.tick() => self.check_undisturbed().await,
            }
        };
        self.check_undisturbed().await;
        outcome
    }
}
