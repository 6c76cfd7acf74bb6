//! Isolation by model: the hub's own code, driven by shuttle through interleavings that a real scheduler would hardly find.
//! Publishers, subscribers that come and go, heartbeats and a stop, in both tenants at once; then what each subscriber has
//! received is compared with the order of acceptance.
//!
//! The server's files are compiled into this program as they are. Two crates that they name, `tokio` and `parking_lot`,
//! are this program itself (below): it hands them a lock at which shuttle may switch, a wire that takes what it likes and
//! a heartbeat that comes by chance. tokio's own semaphore and notify stay, each of their operations one step; time stands
//! still.
//!
//! `EVENT_FEED_MODEL_SECONDS=600 cargo test --test model` looks longer. A failure prints its schedule, which
//! `EVENT_FEED_MODEL_SCHEDULE` replays.

#![expect(dead_code, reason = "of the server's files, what the hub does not need")]

extern crate self as parking_lot;
extern crate self as tokio;
extern crate tokio as real_tokio;

mod primitives;
mod wire;

use std::time::{Duration, Instant};

use event_feed::feed;
use primitives::{Mutex, io, net, select, spawn, sync, task, test, time};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};

/// The part of the server that shares memory between tasks: its own files, as they are.
#[allow(unused_imports, reason = "its unit tests, of which nothing is left here but their imports")]
#[path = "../../src/server/stream/mod.rs"]
mod stream;

mod scenario;

/// How long to look, where `EVENT_FEED_MODEL_SECONDS` does not say.
const SECONDS: u64 = 16;
/// Switches that the second kind of schedule is built around: most faults need few.
const SWITCHES: usize = 3;
/// How many schedules between two looks at the clock.
const AT_ONCE: usize = 100;
/// Encoding JSON in a build that is not optimised takes more than shuttle's own 32 KiB.
const STACK: usize = 256 * 1024;

fn main() {
    // Entered, so that timers can be made, and never run, so that none of them fires.
    let clock = real_tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let clock = clock.expect("a runtime of one thread");
    let _entered = clock.enter();
    if let Ok(schedule) = std::env::var("EVENT_FEED_MODEL_SCHEDULE") {
        return shuttle::replay(scenario::run, &schedule);
    }
    let seconds = std::env::var("EVENT_FEED_MODEL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let half = Duration::from_secs(seconds) / 2;
    look("at random", || RandomScheduler::new(AT_ONCE), half);
    look("around few switches", || PctScheduler::new(SWITCHES, AT_ONCE), half);
}

/// Runs through schedules of one kind for so long. Panics at the first in which something is wrong.
fn look<S: Scheduler + 'static>(kind: &str, schedules: impl Fn() -> S, limit: Duration) {
    let mut config = Config::new();
    config.stack_size = STACK;
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < limit {
        count += Runner::new(schedules(), config.clone()).run(scenario::run);
    }
    println!("model: {count} schedules {kind} in {:.0} s, and nothing wrong", begun.elapsed().as_secs_f64());
}
