//! Who reads a tenant's list when many want it at once: one after the other, in the order in which they came. Who posts
//! waits at the `door`.
//!
//! A thousand clients that return at once take a quarter of a gigabyte. Handed out as fast as it can be, it leaves nothing
//! of a small machine to those who are live, in either tenant; a list every 1.5 ms is hardly felt. (Clients that keep to
//! `reconnect_ms` come one every 5 ms, or, where they are thousands, within 10 s, and wait 5 s at most.)

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// How much time one list is given.
const EACH: Duration = Duration::from_micros(1_500);
/// How much unused time is kept: ten lists need not wait.
const SAVED: Duration = Duration::from_millis(15);

/// The way to one tenant's list.
#[derive(Debug)]
pub(crate) struct ReadLimiter {
    /// The next one's turn.
    next: Mutex<Instant>,
}

impl ReadLimiter {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { next: Mutex::new(now.checked_sub(SAVED).unwrap_or(now)) }
    }

    /// Ends when it is the caller's turn: at once, unless many have come just before.
    pub(crate) async fn pass(&self) {
        let now = Instant::now();
        let turn = {
            let mut next = self.next.lock();
            let turn = now.checked_sub(SAVED).map_or(*next, |saved| saved.max(*next));
            *next = turn + EACH;
            turn
        };
        if turn > now {
            sleep_until(turn).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn few_do_not_wait_and_many_come_one_by_one() {
        let turnstile = ReadLimiter::new();
        advance(Duration::from_secs(60)).await;
        let start = Instant::now();
        let crowd = (0..111).map(|_| async {
            read_limiter.pass().await;
            start.elapsed().as_millis()
        });
        let waited = join_all(crowd).await;
        assert_eq!((waited[0], waited[10]), (0, 0));
        assert_eq!((waited[12], waited[110]), (3, 150), "1.5 ms each, in order");
        advance(SAVED).await;
        read_limiter.pass().await;
        assert_eq!(start.elapsed(), Duration::from_millis(165), "what was saved up is there again");
    }
}
