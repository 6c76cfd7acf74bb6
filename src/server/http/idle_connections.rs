//! Knows which HTTP connections are idle between two requests, in the order in which they became idle: the one that has
//! been idle longest is closed to make room for a new one.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The idle connections of a server.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    /// How often a connection has become idle so far: the next one's number.
    next: u64,
    idle: BTreeMap<u64, CancellationToken>,
}

/// One connection, as long as it lives. It counts as idle after its first answer, and as busy while a request is
/// handled: a connection that has sent nothing yet has a time limit of its own.
#[derive(Debug)]
pub(crate) struct KeptConnection {
    all: Arc<IdleConnections>,
    /// Its number while it is idle.
    number: Mutex<Option<u64>>,
    close: CancellationToken,
}

impl IdleConnections {
    /// Asks the connection that has been idle longest to close. Says whether there was one.
    pub(crate) fn close_longest(&self) -> bool {
        let longest = self.0.lock().idle.pop_first();
        longest.is_some_and(|(_, close)| {
            close.cancel();
            true
        })
    }
}

impl KeptConnection {
    pub(crate) fn new(all: Arc<IdleConnections>) -> Self {
        Self { all, number: Mutex::new(None), close: CancellationToken::new() }
    }

    /// Ends when the connection is asked to close.
    pub(crate) async fn asked_to_close(&self) {
        self.close.cancelled().await;
    }

    /// A request has come.
    pub(crate) fn mark_busy(&self) {
        if let Some(number) = self.number.lock().take() {
            self.all.0.lock().idle.remove(&number);
        }
    }

    /// A request has been answered, or a part of the answer was sent.
    pub(crate) fn mark_idle(&self) {
        self.mark_busy();
        let mut order = self.all.0.lock();
        let number = order.next;
        order.next += 1;
        order.idle.insert(number, self.close.clone());
        *self.number.lock() = Some(number);
    }
}

impl Drop for KeptConnection {
    fn drop(&mut self) {
        self.mark_busy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_that_has_been_idle_longest_is_closed_first() {
        let all = Arc::new(IdleConnections::default());
        let [first, second, third, busy] = [(); 4].map(|()| KeptConnection::new(Arc::clone(&all)));
        assert!(!all.close_longest(), "none has been answered yet");
        [&first, &second, &third, &busy].into_iter().for_each(KeptConnection::mark_idle);
        busy.mark_busy();
        first.mark_busy();
        first.mark_idle();
        drop(third);
        assert!(all.close_longest());
        assert!(second.close.is_cancelled() && !first.close.is_cancelled());
        assert!(all.close_longest() && !all.close_longest());
        assert!(first.close.is_cancelled() && !busy.close.is_cancelled());
    }
}
