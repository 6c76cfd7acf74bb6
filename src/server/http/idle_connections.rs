//! Chooses an HTTP connection to close if a new one needs its slot.
//!
//! The first choice is a connection whose peer has ended its sending side while a read waits. The second is one that is
//! idle between two requests. In each group the connection that entered it first is closed first.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// The HTTP connections of a server that can be closed.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The number of the newest entry. Entries are numbered in the order in which they are made.
    newest: u64,
    /// The token that closes each connection. The first choice comes first.
    close: BTreeMap<Key, CancellationToken>,
}

/// The group of an entry and its number.
type Key = (Group, u64);

/// The groups of connections, in the order in which they are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    HalfClosed,
    Idle,
}

/// The entry of one HTTP connection, while it is open. The connection is busy from the first byte of a request until its
/// handler has answered, and while the answer waits to be sent. Before its first request it is not idle either: `listener`
/// has a time limit for that.
#[derive(Debug)]
pub(crate) struct TrackedConnection {
    all: Arc<IdleConnections>,
    state: Mutex<State>,
    close: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    /// The key of its entry in [`Entries`], if the connection can be closed.
    key: Option<Key>,
    /// The stream, if it must linger: the peer may still send the rest of a request that was answered.
    lingers: Option<Arc<TcpStream>>,
}

impl IdleConnections {
    /// Asks one connection to close. Returns whether there was one.
    pub(crate) fn close_one(&self) -> bool {
        let first = self.0.lock().close.pop_first();
        if let Some((_, close)) = &first {
            close.cancel();
        }
        first.is_some()
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

    /// Notes that a part of a request has arrived, or that an answer waits to be sent.
    pub(crate) fn mark_busy(&self) {
        let key = self.state.lock().key.take();
        if let Some(key) = key {
            self.all.0.lock().close.remove(&key);
        }
    }

    /// Notes that a request was answered, or that a part of the answer was sent.
    pub(crate) fn mark_idle(&self) {
        self.enter(Group::Idle);
    }

    /// Notes that a read waits, and that its peer has ended its sending side.
    pub(crate) fn mark_half_closed(&self) {
        self.enter(Group::HalfClosed);
    }

    fn enter(&self, group: Group) {
        self.mark_busy();
        let key = {
            let mut entries = self.all.0.lock();
            entries.newest += 1;
            let key = (group, entries.newest);
            entries.close.insert(key, self.close.clone());
            key
        };
        self.state.lock().key = Some(key);
    }

    /// Makes the connection linger when it ends, so that its last answer arrives.
    pub(crate) fn will_linger(&self, tcp: Arc<TcpStream>) {
        self.state.lock().lingers = Some(tcp);
    }

    /// Takes the stream, if the connection must linger.
    pub(crate) fn take_lingering(&self) -> Option<Arc<TcpStream>> {
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
        assert!(!all.close_one(), "none has been answered yet");
        [&first, &second, &third, &busy].into_iter().for_each(TrackedConnection::mark_idle);
        busy.mark_busy();
        first.mark_busy();
        first.mark_idle();
        drop(third);
        assert!(all.close_one());
        assert!(second.close.is_cancelled() && !first.close.is_cancelled());
        assert!(all.close_one() && !all.close_one());
        assert!(first.close.is_cancelled() && !busy.close.is_cancelled());
    }

    #[test]
    fn a_half_closed_connection_is_closed_before_an_idle_one() {
        let all = Arc::new(IdleConnections::default());
        let [idle, half_closed, answered] = [(); 3].map(|()| TrackedConnection::new(Arc::clone(&all)));
        idle.mark_idle();
        [&half_closed, &answered].into_iter().for_each(TrackedConnection::mark_half_closed);
        answered.mark_idle();
        assert!(all.close_one());
        assert!(half_closed.close.is_cancelled() && !idle.close.is_cancelled());
        assert!(all.close_one());
        assert!(idle.close.is_cancelled() && !answered.close.is_cancelled());
    }
}
