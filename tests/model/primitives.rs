//! Replaces the parts of `tokio` and `parking_lot` that `server::stream` uses.

use std::fmt;

use shuttle::rand::{Rng, thread_rng};

pub(crate) use real_tokio::{select, test};

/// Replaces `parking_lot::Mutex`. shuttle may switch tasks at each of its operations.
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn try_lock(&self) -> Option<shuttle::sync::MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }

    pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0.lock().expect("a panic has ended the schedule")
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex")
    }
}

pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    drop(shuttle::future::spawn(future)); // the task continues without its handle
}

pub(crate) mod sync {
    pub(crate) use real_tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
}

pub(crate) mod io {
    pub(crate) use real_tokio::io::AsyncWrite;
}

pub(crate) mod net {
    pub(crate) use crate::wire::TcpStream;
}

pub(crate) mod task {
    pub(crate) use shuttle::future::yield_now;
}

pub(crate) mod time {
    use std::{
        future::poll_fn,
        task::{Context, Poll},
        time::Duration,
    };

    pub(crate) use real_tokio::time::{Instant, MissedTickBehavior, Sleep, advance, sleep, sleep_until, timeout};

    use super::{Rng, thread_rng};

    /// Maximum number of ticks of an interval.
    const TICKS: u32 = 2;

    /// Replaces tokio's interval. It ticks at random moments, up to the number of times that it holds.
    #[derive(Debug)]
    pub(crate) struct Interval(u32);

    pub(crate) fn interval_at(_start: Instant, _period: Duration) -> Interval {
        Interval(thread_rng().gen_range(0..=TICKS))
    }

    impl Interval {
        pub(crate) fn set_missed_tick_behavior(&mut self, _: MissedTickBehavior) {}

        pub(crate) async fn tick(&mut self) {
            poll_fn(|cx| self.poll(cx)).await;
        }

        fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
            if self.0 == 0 {
                return Poll::Pending;
            }
            if thread_rng().gen_ratio(1, 4) {
                self.0 -= 1;
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref(); // the next poll may tick
            Poll::Pending
        }
    }
}
