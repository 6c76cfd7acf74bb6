//! Limits the rate of one tenant's expensive reads: lists and pages. A read above the rate waits in a fair queue.
//!
//! A thousand clients that reconnect at once may read a quarter of a gigabyte. If the server answered as fast as it can, a
//! small machine would have no time left for live connections of either tenant.
//!
//! Clients that follow `reconnect_ms` wait for 5 s at most. Up to 2,000 of them come 5 ms apart on average, and the rate is
//! one in 1.5 ms. Above 2,000 they come within 10 s: the reads of 9,750 clients take 14.6 s. Posts wait in `admission`.

use std::{sync::Arc, time::Duration};

use axum::body::Bytes;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

/// Maximum time that a read may wait (contract, "HTTP").
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(8);
/// Maximum memory of the answers that are being sent, in bytes. A slow reader holds the list that it reads, and each
/// post makes a new list.
const ANSWERS_MAX: usize = 256 * 1024 * 1024;
/// The time between the starts of two reads. An answer is made once for all reads that wait for it, so a read costs only
/// its transfer. At this rate, live connections hardly notice it.
const INTERVAL: Duration = Duration::from_micros(1_500);
/// Maximum unused time that later reads may use: after a pause, ten reads need not wait.
const BURST: Duration = Duration::from_millis(15);

/// This read has waited for [`WAIT_MAX`], or the answers that are being sent take too much memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyReads;

/// Lets expensive reads pass at a steady rate, in the order in which they came, and limits the memory of their answers.
#[derive(Debug)]
pub(crate) struct ListLimiter {
    /// When the next read may be answered. The first read in the queue holds the lock while it waits for that moment. A
    /// read that is dropped leaves the queue and has changed nothing.
    next: Mutex<Instant>,
    /// The memory that is left for answers, in bytes.
    answers: Arc<Semaphore>,
}

/// An answer, and its share of [`ListLimiter::answers`].
#[derive(Debug)]
struct Answer {
    body: Vec<u8>,
    #[expect(dead_code, reason = "held for its drop")]
    permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl ListLimiter {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { next: Mutex::new(now.checked_sub(BURST).unwrap_or(now)), answers: Arc::new(Semaphore::new(ANSWERS_MAX)) }
    }

    /// Waits for this read's turn. A read does not wait unless many others came just before.
    ///
    /// # Cancel safety
    /// If the future is dropped, the read leaves the queue, and takes no time from other reads.
    pub(crate) async fn wait(&self) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let start = now.checked_sub(BURST).map_or(*next, |saved| saved.max(*next));
        if start > now {
            sleep_until(start).await;
        }
        *next = start + INTERVAL; // no await follows
    }

    /// Counts the memory of an answer until it is sent.
    ///
    /// # Errors
    /// [`TooManyReads`] if the answers that are being sent leave too little memory.
    pub(crate) fn hold(&self, body: Vec<u8>) -> Result<Bytes, TooManyReads> {
        let size = u32::try_from(body.capacity()).map_err(|_| TooManyReads)?;
        let permit = Arc::clone(&self.answers).try_acquire_many_owned(size).map_err(|_| TooManyReads)?;
        Ok(Bytes::from_owner(Answer { body, permit }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{future::join_all, poll};
    use tokio::time::advance;

    use super::*;

    async fn unused() -> ListLimiter {
        let limiter = ListLimiter::new();
        advance(Duration::from_secs(60)).await;
        limiter
    }

    #[tokio::test(start_paused = true)]
    async fn ten_reads_do_not_wait_and_more_are_answered_one_by_one() {
        let limiter = unused().await;
        let start = Instant::now();
        let crowd = (0..111).map(|_| async {
            limiter.wait().await;
            start.elapsed().as_millis()
        });
        let waited = join_all(crowd).await;
        assert_eq!((waited[0], waited[10]), (0, 0), "a burst of 15 ms is 10 times 1.5 ms");
        assert_eq!((waited[12], waited[110]), (3, 150), "1.5 ms each, in order");
        advance(BURST).await;
        limiter.wait().await;
        assert_eq!(start.elapsed(), Duration::from_millis(165), "the burst is available again");
    }

    #[tokio::test]
    async fn answers_take_limited_memory() {
        let limiter = ListLimiter::new();
        let half = || limiter.hold(Vec::with_capacity(ANSWERS_MAX / 2));
        let (first, second) = (half().unwrap(), half().unwrap());
        let shared = first.clone();
        assert_eq!(limiter.hold(vec![0]), Err(TooManyReads));
        drop(first);
        assert_eq!(limiter.hold(vec![0]), Err(TooManyReads), "a copy is still being sent");
        drop(shared);
        assert!(half().is_ok());
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_reads_take_no_time_from_others() {
        let limiter = unused().await;
        let start = Instant::now();
        for _ in 0..20_000 {
            let mut abandoned = Box::pin(limiter.wait());
            let _ = poll!(&mut abandoned); // it is answered, sleeps until its turn, or waits in the queue
        }
        limiter.wait().await;
        assert!(start.elapsed() <= Duration::from_millis(2), "{:?}", start.elapsed());
    }
}
