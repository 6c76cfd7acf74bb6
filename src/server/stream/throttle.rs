//! Pauses a fan-out under load, so that one tenant's burst does not slow down the other tenant.
//!
//! Without pauses a burst keeps a processor busy while it lasts: on two processors it made the other tenant's slowest
//! deliveries four times as slow. A pause costs little: events that are posted meanwhile go into one batch, and a batch of
//! eight times the size takes only twice as long.

use std::{thread::available_parallelism, time::Duration};

use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

/// The shortest pause that the runtime's timer can keep. Shorter pauses are added up until they reach it.
const SHORTEST: Duration = Duration::from_millis(1);

/// The pauses of one fan-out.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The length of a pause under load, as a multiple of the working time before it.
    rest: f64,
    /// The start of the current working time.
    begun: Instant,
    /// The total length of the pauses that are due and were not made yet.
    owed: Duration,
}

impl Throttle {
    /// Makes a throttle that lets a tenant use a quarter of `count` processors, and at most one. So both tenants together
    /// leave half of a small machine to posts, to the network, and to everything else.
    pub(crate) fn with_processors(count: usize) -> Self {
        let rest = (4.0 / count.max(1) as f64 - 1.0).max(0.0);
        Self { rest, begun: Instant::now(), owed: Duration::ZERO }
    }

    /// Makes the throttle for this machine.
    pub(crate) fn of_this_machine() -> Self {
        Self::with_processors(available_parallelism().map_or(1, usize::from))
    }

    /// Starts a working time.
    pub(crate) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// Ends a working time, lets other tasks run, and starts the next working time. Under `load` (events wait for the next
    /// batch) it also pauses.
    pub(crate) async fn pause(&mut self, load: bool) {
        let now = Instant::now();
        self.owed = if load { self.owed + (now - self.begun).mul_f64(self.rest) } else { Duration::ZERO };
        if self.owed < SHORTEST {
            yield_now().await;
        } else {
            sleep(self.owed).await;
            self.owed = self.owed.saturating_sub(now.elapsed());
        }
        self.begin();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// The time that `stretches` working times of length `stretch` take, with their pauses.
    async fn took(processors: usize, stretches: u32, stretch: Duration, load: bool) -> Duration {
        let start = Instant::now();
        let mut throttle = Throttle::with_processors(processors);
        for _ in 0..stretches {
            advance(stretch).await;
            throttle.pause(load).await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn under_load_it_uses_a_quarter_of_the_processors() {
        let stretch = Duration::from_millis(2);
        for (processors, wanted) in [(1, 80), (2, 40), (4, 20), (64, 20)] {
            assert_eq!(took(processors, 10, stretch, true).await, Duration::from_millis(wanted), "{processors}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_pauses_are_added_up() {
        let all = took(2, 100, Duration::from_micros(100), true).await;
        assert!((Duration::from_millis(19)..=Duration::from_millis(21)).contains(&all), "{all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_load_it_never_pauses() {
        assert_eq!(took(1, 10, Duration::from_millis(5), false).await, Duration::from_millis(50));
    }
}
