//! Applies backpressure: posts wait in a queue while the unsent events exceed a limit.
//!
//! The queue is short and fair, and a post in it is not accepted yet. Without it, accepted events would wait in a long
//! queue that nobody sees.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Maximum size of the unsent events before posts wait, in bytes of frames.
///
/// It was chosen by measurement (docs/benchmark.md, "Figures behind the hot path"). Most of the cost of a pass is its
/// system calls, so a pass with 32 KiB takes only twice as long as one with 4 KiB, and delivers eight times as much. A
/// larger limit delivers little more, and makes events wait longer.
const BUFFER_MAX: usize = 36 * 1024;
/// Maximum number of posts of a tenant that wait (contract, "HTTP").
const QUEUE_MAX: usize = 1_000;
/// Maximum time that a post waits (contract, "HTTP").
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);
/// The approximate size of a frame without its message, in bytes.
const ENVELOPE: usize = 256;

/// The limit on the unsent events of one channel.
#[derive(Debug)]
pub(crate) struct Admission {
    buffer_max: usize,
    buffer: Semaphore,
    queue: Semaphore,
}

/// Too many posts wait, or this post has waited too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overloaded;

/// A share of the buffer. Dropping it releases the share, unless [`Permit::keep`] was called.
#[derive(Debug)]
pub(crate) struct Permit<'a>(SemaphorePermit<'a>);

impl Default for Admission {
    fn default() -> Self {
        Self::new(BUFFER_MAX)
    }
}

impl Admission {
    /// Makes posts wait while more than `buffer_max` bytes are under way.
    pub(crate) fn new(buffer_max: usize) -> Self {
        Self { buffer_max, buffer: Semaphore::new(buffer_max), queue: Semaphore::new(QUEUE_MAX) }
    }

    /// Waits for the share of a message of `length` bytes. Posts get their shares in the order in which they came.
    ///
    /// # Cancel safety
    /// If the future is dropped, the post leaves the queue, and nothing has changed.
    ///
    /// # Errors
    /// [`Overloaded`] at once if 1,000 posts wait already, or if this post has waited for 2 s.
    pub(crate) async fn admit(&self, length: usize) -> Result<Permit<'_>, Overloaded> {
        let size = self.size(length);
        if let Ok(permit) = self.buffer.try_acquire_many(size) {
            return Ok(Permit(permit));
        }
        let _queue_permit = self.queue.try_acquire().map_err(|_| Overloaded)?;
        match tokio::time::timeout(QUEUE_TIMEOUT, self.buffer.acquire_many(size)).await {
            Ok(Ok(permit)) => Ok(Permit(permit)),
            Ok(Err(_)) | Err(_) => Err(Overloaded),
        }
    }

    /// Waits without a limit for the share of a message that is accepted already. `None` after [`Admission::close`]: nothing
    /// is sent any more, so no share is needed.
    ///
    /// # Cancel safety
    /// As [`Admission::admit`].
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
    pub(crate) async fn admit_accepted(&self, length: usize) -> Option<Permit<'_>> {
        self.buffer.acquire_many(self.size(length)).await.ok().map(Permit)
    }

    /// Ends every wait, and lets nobody wait again.
    pub(crate) fn close(&self) {
        self.buffer.close();
    }

    /// Releases `size` bytes that [`Permit::keep`] has kept.
    pub(crate) fn release(&self, size: usize) {
        self.buffer.add_permits(size);
        debug_assert!(self.buffer.available_permits() <= self.buffer_max, "more is released than was kept");
    }

    /// The share of a message of `length` bytes.
    fn size(&self, length: usize) -> u32 {
        u32::try_from((length + ENVELOPE).min(self.buffer_max)).unwrap_or(u32::MAX)
    }
}

impl Permit<'_> {
    /// Keeps the share until [`Admission::release`], and returns its size.
    pub(crate) fn keep(self) -> usize {
        let size = self.0.num_permits();
        self.0.forget();
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_post_waits_for_two_seconds_at_most() {
        let admission = Admission::default();
        let first = admission.admit(BUFFER_MAX).await.unwrap();
        assert_eq!(admission.admit(1).await.err(), Some(Overloaded));
        let size = first.keep();
        let (second, ()) = tokio::join!(admission.admit(1), async { admission.release(size) });
        assert!(second.is_ok());
    }

    #[tokio::test]
    async fn a_post_above_the_queue_limit_is_rejected_at_once() {
        let admission = Admission::default();
        let _all = admission.admit(BUFFER_MAX).await.unwrap();
        let mut waiting: Vec<_> = (0..QUEUE_MAX).map(|_| Box::pin(admission.admit(1))).collect();
        for wait in &mut waiting {
            assert!(futures_util::poll!(wait).is_pending());
        }
        assert!(futures_util::poll!(Box::pin(admission.admit(1))).is_ready());
        drop(waiting);
        assert!(futures_util::poll!(Box::pin(admission.admit(1))).is_pending());
    }
}
