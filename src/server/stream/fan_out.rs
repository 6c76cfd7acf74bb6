//! How events reach a channel's subscribers: a pass takes all that waits and offers it to each in one write. What a
//! socket does not take is `subscriber`'s.
//!
//! Between an accepted event and the wire stand no wake-up, lock of the channel, copy or encoding per connection: under
//! load, one system call carries many events. A heartbeat takes its place in the same buffer. A pass goes over the
//! connections in steps; between them others run, and under load it keeps to its [`Throttle`].

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    channel::{Batch, Channel, Joiner},
    close_reason::CloseReason,
    subscriber::Subscriber,
    throttle::Throttle,
};

/// After how many connections a pass lets others run.
const CONNECTIONS_AT_ONCE: usize = 128;

/// Serves the channel until it stops.
pub(crate) async fn run(channel: Arc<Channel>) {
    let mut subscribers: Vec<Arc<Subscriber>> = Vec::new();
    let mut throttle = Throttle::of_this_machine();
    let period = beat(channel.config().heartbeat);
    let mut beats = interval_at(Instant::now() + period, period);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heartbeat = tokio::select! {
            biased;
            _ = beats.tick() => true,
            () = channel.woken() => false,
        };
        let Batch { frames, events, mut room, joiners, last } = channel.take(heartbeat);
        // Made bit by bit: made at once, the room would be full at once, and all would wait for as long as a pass takes.
        let bit = room / (subscribers.len() / CONNECTIONS_AT_ONCE + 1);
        let mut delivered = 0;
        throttle.begin();
        if !frames.is_empty() {
            let mut index = 0;
            while let Some(subscriber) = subscribers.get(index) {
                if !subscriber.offer(&frames) {
                    subscribers.swap_remove(index);
                    continue;
                }
                delivered += events;
                index += 1;
                if index % CONNECTIONS_AT_ONCE == 0 {
                    channel.make_room(bit);
                    room -= bit;
                    throttle.pause(channel.has_waiting()).await;
                }
            }
        }
        for Joiner { subscriber, from, missed } in joiners {
            if from < frames.len() {
                subscriber.offer(&frames.slice(from..));
                delivered += events - missed;
            }
            subscribers.push(subscriber);
        }
        channel.make_room(room);
        channel.counters().delivered.add(delivered);
        if heartbeat {
            subscribers.iter().for_each(|subscriber| subscriber.count_silence());
        }
        if last {
            subscribers.iter().for_each(|subscriber| subscriber.close(CloseReason::Stopping));
            return;
        }
        if channel.many_ended() {
            subscribers.retain(|subscriber| subscriber.stands());
        }
    }
}

/// A little less than the heartbeat that was promised, which is then kept under load too.
fn beat(heartbeat: Duration) -> Duration {
    heartbeat * 9 / 10
}
