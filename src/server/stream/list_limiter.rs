//! Paces the expensive reads of one tenant: lists and pages. A read above the rate waits in a fair queue, and is
//! refused if it would wait too long.
//!
//! A thousand clients that reconnect at once read a quarter of a gigabyte, and a page takes milliseconds to render. If
//! the server answered as fast as it can, a small machine would have no time left for live connections of either tenant.
//! Clients that keep to `reconnect_ms` wait for 5 s at most: one of them comes every 5 ms, or, if they are thousands,
//! all of them within 10 s. Posts wait in `admission`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout},
};

/// Maximum time that a read may wait (contract, "HTTP").
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(8);
/// Maximum memory of the answers that are being sent, in bytes. A slow reader holds the list that it reads, and each
/// post makes a new list.
const ANSWERS_MAX: usize = 256 * 1024 * 1024;
/// The time between the starts of two lists. A list is encoded once for all reads before the next post, so it costs its
/// transfer: at this rate, live connections hardly notice.
const LIST_INTERVAL: Duration = Duration::from_micros(1_500);
/// The time between the starts of two pages. A page takes 2.6 ms of a processor, so at this rate pages take a third of
/// one.
const PAGE_INTERVAL: Duration = Duration::from_millis(8);
/// Maximum unused time that later reads may use: after a pause, ten lists need not wait.
const BURST: Duration = Duration::from_millis(15);

/// The kind of a read. It decides how long the next read has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    List,
    Page,
}

/// Too many reads wait already, this one has waited for [`WAIT_MAX`], or the answers that are being sent take too much
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyReads;

/// Answers expensive reads at a steady rate, in the order in which they came.
#[derive(Debug)]
pub(crate) struct ListLimiter {
    /// When the next read may be answered. The first read in the queue holds the lock while it waits for that moment. A
    /// read that is dropped leaves the queue and has changed nothing.
    next: Mutex<Instant>,
    /// The time that the reads in the queue will take, in microseconds.
    queued: AtomicU64,
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

/// A read's share of [`ListLimiter::queued`] while it waits.
#[derive(Debug)]
struct Queued<'a>(&'a AtomicU64, u64);

impl Read {
    /// The time from the start of this read to the start of the next one.
    const fn interval(self) -> Duration {
        match self {
            Self::List => LIST_INTERVAL,
            Self::Page => PAGE_INTERVAL,
        }
    }
}

impl ListLimiter {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            next: Mutex::new(now.checked_sub(BURST).unwrap_or(now)),
            queued: AtomicU64::new(0),
            answers: Arc::new(Semaphore::new(ANSWERS_MAX)),
        }
    }

    /// Waits for this read's turn. A read does not wait unless many others came just before. Dropping the future leaves
    /// the queue and takes no time from other reads.
    ///
    /// # Errors
    /// [`TooManyReads`] at once if the queue is longer than [`WAIT_MAX`], or after that time.
    pub(crate) async fn wait(&self, read: Read) -> Result<(), TooManyReads> {
        let (queued, before) = Queued::join(&self.queued, read.interval());
        if before > WAIT_MAX {
            return Err(TooManyReads);
        }
        timeout(WAIT_MAX, self.turn(read)).await.map_err(|_| TooManyReads)?;
        drop(queued);
        Ok(())
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

    async fn turn(&self, read: Read) {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let start = now.checked_sub(BURST).map_or(*next, |saved| saved.max(*next));
        if start > now {
            sleep_until(start).await;
        }
        *next = start + read.interval(); // no await follows
    }
}

impl<'a> Queued<'a> {
    /// Joins the queue. Returns the time that the reads before this one will take.
    fn join(queued: &'a AtomicU64, interval: Duration) -> (Self, Duration) {
        let micros = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        let before = queued.fetch_add(micros, Relaxed);
        (Self(queued, micros), Duration::from_micros(before))
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{future::join_all, poll};
    use tokio::time::advance;

    use super::*;

    async fn unused() -> ListLimiter {
        let limiter = ListLimiter::new();
        advance(Duration::from_secs(60)).await;
        limiter
    }

    #[tokio::test(start_paused = true)]
    async fn ten_lists_do_not_wait_and_more_are_answered_one_by_one() {
        let limiter = unused().await;
        let start = Instant::now();
        let crowd = (0..111).map(|_| async {
            limiter.wait(Read::List).await.unwrap();
            start.elapsed().as_millis()
        });
        let waited = join_all(crowd).await;
        assert_eq!((waited[0], waited[10]), (0, 0), "a burst of 15 ms is 10 times 1.5 ms");
        assert_eq!((waited[12], waited[110]), (3, 150), "1.5 ms each, in order");
        advance(BURST).await;
        limiter.wait(Read::List).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(165), "the burst is there again");
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
            let mut abandoned = Box::pin(limiter.wait(Read::List));
            let _ = poll!(&mut abandoned); // it is answered, sleeps until its turn, or waits in the queue
        }
        limiter.wait(Read::List).await.unwrap();
        assert!(start.elapsed() <= Duration::from_millis(2), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_would_wait_for_more_than_eight_seconds_is_refused_at_once() {
        let limiter = unused().await;
        let mut crowd: Vec<_> = (0..2_000).map(|_| Box::pin(limiter.wait(Read::Page))).collect();
        let (mut waiting, mut refused) = (0_u32, 0);
        for read in &mut crowd {
            match poll!(read) {
                Poll::Pending => waiting += 1,
                Poll::Ready(answer) => refused += usize::from(answer.is_err()),
            }
        }
        assert_eq!(waiting, 1_001, "1,000 times 8 ms are 8 s, and one read waits for exactly 8 s");
        assert_eq!(refused, 2_000 - 1_001 - 2, "15 ms of burst let two pages of 8 ms start at once");
        drop(crowd);
        assert_eq!(limiter.wait(Read::Page).await, Ok(()), "the queue is empty again");
    }
}
