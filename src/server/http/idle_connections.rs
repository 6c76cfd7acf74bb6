//! Knows which HTTP connections can be closed to make room for a new one: those on which a read waits whose peer has
//! ended its sending side, and those that are idle between two requests, the one that became so first before the
//! others.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// The connections of a server that can be closed.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    /// How many entries were made so far: the next one's number.
    next: u64,
    half_closed: BTreeMap<u64, CancellationToken>,
    idle: BTreeMap<u64, CancellationToken>,
}

/// One connection, as long as it lives. It counts as idle after its first answer, and as busy from the first byte of a
/// request until its answer is sent: a connection that has sent nothing yet has a time limit of its own.
#[derive(Debug)]
pub(crate) struct TrackedConnection {
    all: Arc<IdleConnections>,
    state: Mutex<State>,
    close: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// Its number in [`Order`], if it can be closed.
    number: Option<u64>,
    /// The stream, if the peer may still send a part of a request that is answered.
    lingers: Option<Arc<TcpStream>>,
}

impl IdleConnections {
    /// Asks one connection to close. Says whether there was one that can be.
    pub(crate) fn close_longest(&self) -> bool {
        let mut order = self.0.lock();
        let longest = order.half_closed.pop_first().or_else(|| order.idle.pop_first());
        longest.is_some_and(|(_, close)| {
            close.cancel();
            true
        })
    }
}

impl TrackedConnection {
    pub(crate) fn new(all: Arc<IdleConnections>) -> Self {
        Self { all, state: Mutex::default(), close: CancellationToken::new() }
    }

    /// Ends when the connection is asked to close.
    pub(crate) async fn asked_to_close(&self) {
        self.close.cancelled().await;
    }

    /// A part of a request has come, or an answer waits to be sent.
    pub(crate) fn mark_busy(&self) {
        let number = self.state.lock().number.take();
        if let Some(number) = number {
            let mut order = self.all.0.lock();
            order.idle.remove(&number);
            order.half_closed.remove(&number);
        }
    }

    /// A request has been answered, or a part of the answer was sent.
    pub(crate) fn mark_idle(&self) {
        self.enter(|order| &mut order.idle);
    }

    /// A read waits, and its peer has ended its sending side.
    pub(crate) fn mark_half_closed(&self) {
        self.enter(|order| &mut order.half_closed);
    }

    fn enter(&self, list: impl FnOnce(&mut Order) -> &mut BTreeMap<u64, CancellationToken>) {
        self.mark_busy();
        let number = {
            let mut order = self.all.0.lock();
            order.next += 1;
            let number = order.next;
            list(&mut order).insert(number, self.close.clone());
            number
        };
        self.state.lock().number = Some(number);
    }

    /// Has the connection linger when it ends, so that its last answer arrives.
    pub(crate) fn will_linger(&self, tcp: Arc<TcpStream>) {
        self.state.lock().lingers = Some(tcp);
    }

    /// The stream that is to linger, if it is.
    pub(crate) fn lingers(&self) -> Option<Arc<TcpStream>> {
        self.state.lock().lingers.take()
    }
}

impl Drop for TrackedConnection {
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
        let [first, second, third, busy] = [(); 4].map(|()| TrackedConnection::new(Arc::clone(&all)));
        assert!(!all.close_longest(), "none has been answered yet");
        [&first, &second, &third, &busy].into_iter().for_each(TrackedConnection::mark_idle);
        busy.mark_busy();
        first.mark_busy();
        first.mark_idle();
        drop(third);
        assert!(all.close_longest());
        assert!(second.close.is_cancelled() && !first.close.is_cancelled());
        assert!(all.close_longest() && !all.close_longest());
        assert!(first.close.is_cancelled() && !busy.close.is_cancelled());
    }

    #[test]
    fn a_half_closed_connection_is_closed_before_an_idle_one() {
        let all = Arc::new(IdleConnections::default());
        let [idle, half_closed, answered] = [(); 3].map(|()| TrackedConnection::new(Arc::clone(&all)));
        idle.mark_idle();
        [&half_closed, &answered].into_iter().for_each(TrackedConnection::mark_half_closed);
        answered.mark_idle();
        assert!(all.close_longest());
        assert!(half_closed.close.is_cancelled() && !idle.close.is_cancelled());
        assert!(all.close_longest());
        assert!(idle.close.is_cancelled() && !answered.close.is_cancelled());
    }
}
