//! Sends a channel's events to its subscribers: one pass takes a batch of all waiting events, and offers it to each
//! subscriber in one write. If a socket does not accept the whole batch, the subscriber's own task sends the rest.
//!
//! An event needs no wake-up, no lock of the channel, no copy and no encoding for each connection, and under load one
//! system call sends many events. A heartbeat is part of the same sequence. Every loop over connections lets other tasks
//! run after each step. Under load the fan-out also pauses, as its [`Throttle`] decides.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::yield_now,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::{
    batch_log::BatchLog,
    channel::{Batch, Channel, CloseAll, Joiner},
    close_reason::CloseReason,
    subscriber::Subscriber,
    throttle::Throttle,
};

/// The number of connections after which a loop lets other tasks run.
const STEP: usize = 128;
/// The number of checks for silent peers in a heartbeat interval.
const CHECKS_PER_INTERVAL: u8 = 8;
/// Maximum number of checks in a row without a byte from the peer. The next such check resets the connection. By then two
/// whole heartbeat intervals have passed (contract, "WebSocket"), since at least one period is between two checks.
const SILENT_CHECKS_MAX: u8 = 2 * CHECKS_PER_INTERVAL;

/// Serves the channel: sends batches and heartbeats until the channel stops.
pub(crate) async fn run(channel: Arc<Channel>) {
    let mut subscribers: Vec<Arc<Subscriber>> = Vec::new();
    let mut throttle = Throttle::of_this_machine();
    let heartbeat = channel.config().heartbeat;
    // The period is shorter than the announced interval, so that heartbeats are in time under load too.
    let mut heartbeats = every(heartbeat * 9 / 10);
    let mut silence_checks = every(heartbeat / u32::from(CHECKS_PER_INTERVAL));
    loop {
        let is_heartbeat = tokio::select! {
            biased;
            _ = heartbeats.tick() => true,
            _ = silence_checks.tick() => {
                drop_silent(&subscribers).await;
                false // subscribers that joined meanwhile are checked next time
            }
            () = channel.wait_for_work() => false,
        };
        let mut batch = channel.take_batch(is_heartbeat);
        let (is_last, close) = (batch.is_last, batch.close.take());
        send(&channel, &mut subscribers, &mut throttle, batch, is_heartbeat).await;
        if is_last {
            return close_all(&subscribers, CloseReason::Stopping, channel.log()).await;
        }
        if let Some(CloseAll { reason, done }) = close {
            close_all(&subscribers, reason, channel.log()).await;
            subscribers.clear(); // each closes by itself, and receives nothing more
            drop(done);
        }
        if channel.take_many_ended() {
            drop_ended(&mut subscribers).await;
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Sends a batch to all subscribers, and to those that have joined since the last batch.
async fn send(
    channel: &Channel,
    subscribers: &mut Vec<Arc<Subscriber>>,
    throttle: &mut Throttle,
    Batch { segment, events, mut permit_bytes, joiners, .. }: Batch,
    has_ping: bool,
) {
    // The size of the permits that are released after each step. If all were released at once, the next posts would take
    // all of them, and the posts after those would wait for a whole pass.
    let part = permit_bytes / (subscribers.len() / STEP + 1);
    // Without frames the pass skips the subscribers and learns no position. The log then drops only what exceeds its limits.
    let (mut delivered, mut needed_from) = (0, if segment.frames.is_empty() { 0 } else { u64::MAX });
    throttle.begin();
    let mut index = 0;
    while let Some(subscriber) = subscribers.get(index).filter(|_| !segment.frames.is_empty()) {
        let Some(position) = subscriber.offer(&segment, has_ping, channel.log()) else {
            subscribers.swap_remove(index);
            continue;
        };
        needed_from = needed_from.min(position);
        delivered += events;
        index += 1;
        if index % STEP == 0 {
            channel.release(part);
            permit_bytes -= part;
            throttle.pause(channel.has_waiting_events()).await;
        }
    }
    for (index, Joiner { subscriber, events_before }) in joiners.into_iter().enumerate() {
        if index % STEP == STEP - 1 {
            yield_now().await;
        }
        let Some(position) = subscriber.offer(&segment, has_ping, channel.log()) else { continue };
        needed_from = needed_from.min(position);
        delivered += events - events_before;
        subscribers.push(subscriber);
    }
    channel.log().trim(needed_from);
    channel.release(permit_bytes);
    channel.counters().delivered.add(delivered);
}

async fn drop_silent(subscribers: &[Arc<Subscriber>]) {
    for step in subscribers.chunks(STEP) {
        step.iter().for_each(|subscriber| subscriber.check_silence(SILENT_CHECKS_MAX));
        yield_now().await;
    }
}

async fn close_all(subscribers: &[Arc<Subscriber>], reason: CloseReason, log: &BatchLog) {
    for step in subscribers.chunks(STEP) {
        step.iter().for_each(|subscriber| subscriber.close(reason, log));
        yield_now().await;
    }
}

async fn drop_ended(subscribers: &mut Vec<Arc<Subscriber>>) {
    let mut index = 0;
    while index < subscribers.len() {
        for _ in 0..STEP {
            match subscribers.get(index) {
                Some(subscriber) if subscriber.is_open() => index += 1,
                Some(_) => drop(subscribers.swap_remove(index)),
                None => break,
            }
        }
        yield_now().await;
    }
}
