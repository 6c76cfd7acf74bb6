//! How much of the machine one tenant's fan-out may take under load: never so much that the other tenant would feel it.
//! It sends nothing.
//!
//! Without a pace a burst keeps a processor busy for as long as it lasts: on two processors it made the other tenant's
//! slowest deliveries four times as slow. Resting costs little: what is posted meanwhile goes into one pass, and a pass of
//! many events takes hardly longer than one of few.

use std::{thread::available_parallelism, time::Duration};

use tokio::{
    task::yield_now,
    time::{Instant, sleep},
};

/// The shortest rest that the runtime's timer can keep. What is shorter is saved up.
const SHORTEST: Duration = Duration::from_millis(1);

/// The pace of one fan-out.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// How long it rests under load for as long as it worked.
    rest: f64,
    /// When the stretch of work that goes on now began.
    begun: Instant,
    /// How much rest is still to be taken.
    owed: Duration,
}

impl Throttle {
    /// On a machine with so many processors a tenant takes at most a quarter of them, and at most one: both tenants
    /// together leave half of a small machine to posts, to the network, and to everything else.
    pub(crate) fn with_processors(count: usize) -> Self {
        let rest = (4.0 / count.max(1) as f64 - 1.0).max(0.0);
        Self { rest, begun: Instant::now(), owed: Duration::ZERO }
    }

    /// The pace for this machine.
    pub(crate) fn of_this_machine() -> Self {
        Self::with_processors(available_parallelism().map_or(1, usize::from))
    }

    /// A stretch of work begins.
    pub(crate) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// Ends a stretch of work, lets others run, and begins the next. Under `load`, where more waits to be sent already, it
    /// rests as well.
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

    /// Works in so many stretches of `stretch`, and gives how long all of it took.
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
    async fn under_load_it_works_for_a_quarter_of_the_machine_at_most() {
        let stretch = Duration::from_millis(2);
        for (processors, wanted) in [(1, 80), (2, 40), (4, 20), (64, 20)] {
            assert_eq!(took(processors, 10, stretch, true).await, Duration::from_millis(wanted), "{processors}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn short_stretches_save_their_rest_up() {
        let all = took(2, 100, Duration::from_micros(100), true).await;
        assert!((Duration::from_millis(19)..=Duration::from_millis(21)).contains(&all), "{all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_load_it_never_rests() {
        assert_eq!(took(1, 10, Duration::from_millis(5), false).await, Duration::from_millis(50));
    }
}
