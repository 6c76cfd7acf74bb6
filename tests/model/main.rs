//! Checks order and isolation in a model: shuttle runs the real code of `server::stream` through many interleavings, of
//! which a real scheduler would hardly ever produce some.
//!
//! Each schedule has publishers, subscribers that join and leave, heartbeats and a stop, in both tenants at once. Then
//! the test compares the frames of each subscriber with the order of acceptance. In a third of the schedules a backplane
//! orders the events, and the engine behind it is lost and begins again.
//!
//! The files of `server::stream` are compiled into this program without a change. It takes the place of two crates that
//! they import, `tokio` and `parking_lot`: shuttle may switch tasks at each lock, a TCP stream accepts a random number of
//! bytes, and heartbeats come at random moments. tokio's own semaphore and notify are used, and each of their operations
//! is one step. Time does not pass.
//!
//! `EVENT_FEED_MODEL_SECONDS=600 cargo test --test model` runs longer. A failure prints its schedule, and
//! `EVENT_FEED_MODEL_SCHEDULE` replays it.

#![expect(dead_code, reason = "the model does not use all functions of the server's files")]

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
    rand::{Rng, thread_rng},
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};

/// The part of the server that shares memory between tasks: its real files.
#[allow(unused_imports, reason = "of the files' unit tests, only the imports are compiled here")]
#[path = "../../src/server/stream/mod.rs"]
mod stream;

mod replication;
mod scenario;

/// The running time in seconds, if `EVENT_FEED_MODEL_SECONDS` does not name one.
const SECONDS: u64 = 16;
/// The number of switches in a schedule of the second kind: most faults need few.
const SWITCHES: usize = 3;
/// The number of schedules between two checks of the running time.
const SCHEDULES_AT_ONCE: usize = 100;
/// The size of a task's stack, in bytes. shuttle's default of 32 KiB is too small to encode JSON without optimisation.
const STACK: usize = 256 * 1024;

fn main() {
    // The runtime is entered, so that timers can be made, and never runs, so that no timer fires.
    let clock = real_tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let clock = clock.expect("a runtime of one thread");
    let _entered = clock.enter();
    if let Ok(schedule) = std::env::var("EVENT_FEED_MODEL_SCHEDULE") {
        return shuttle::replay(run, &schedule);
    }
    let seconds = std::env::var("EVENT_FEED_MODEL_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let half = Duration::from_secs(seconds) / 2;
    explore("at random", || RandomScheduler::new(SCHEDULES_AT_ONCE), half);
    explore("around few switches", || PctScheduler::new(SWITCHES, SCHEDULES_AT_ONCE), half);
}

/// Runs one of the two scenarios: the channel orders the events, or a backplane does.
fn run() {
    if thread_rng().gen_ratio(1, 3) { replication::run() } else { scenario::run() }
}

/// Runs schedules of one kind until `limit` has passed. Panics at the first one that breaks a promise.
fn explore<S: Scheduler + 'static>(kind: &str, schedules: impl Fn() -> S, limit: Duration) {
    let mut config = Config::new();
    config.stack_size = STACK;
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < limit {
        count += Runner::new(schedules(), config.clone()).run(run);
    }
    println!("model: {count} schedules {kind} in {:.0} s, no fault found", start.elapsed().as_secs_f64());
}
