//! How events reach a channel's subscribers: a pass takes all that waits and offers it to each in one write. What a
//! socket does not take is `link`'s.
//!
//! Between an accepted event and the wire stand no wake-up, lock of the channel, copy or encoding per connection: under
//! load, one system call carries many events. A heartbeat takes its place in the same buffer. A pass goes over the
//! connections in steps; between them others run, and under load it keeps to its [`Pace`].

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{
    channel::{Channel, Newcomer, Pass},
    link::{End, Link},
    pace::Pace,
};

/// After how many connections a pass lets others run.
const CONNECTIONS_AT_ONCE: usize = 128;

/// Serves the channel until it stops.
pub(super) async fn run(channel: Arc<Channel>) {
    let mut links: Vec<Arc<Link>> = Vec::new();
    let mut pace = Pace::of_this_machine();
    let period = beat(channel.terms().heartbeat);
    let mut beats = interval_at(Instant::now() + period, period);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heartbeat = tokio::select! {
            biased;
            _ = beats.tick() => true,
            () = channel.woken() => false,
        };
        let Pass { frames, events, mut room, newcomers, last } = channel.take(heartbeat);
        // Made bit by bit: made at once, the room would be full at once, and all would wait for as long as a pass takes.
        let bit = room / (links.len() / CONNECTIONS_AT_ONCE + 1);
        let mut delivered = 0;
        pace.begin();
        if !frames.is_empty() {
            let mut index = 0;
            while let Some(link) = links.get(index) {
                if !link.offer(&frames) {
                    links.swap_remove(index);
                    continue;
                }
                delivered += events;
                index += 1;
                if index % CONNECTIONS_AT_ONCE == 0 {
                    channel.make_room(bit);
                    room -= bit;
                    pace.pause(channel.has_waiting()).await;
                }
            }
        }
        for Newcomer { link, from, missed } in newcomers {
            if from < frames.len() {
                link.offer(&frames.slice(from..));
                delivered += events - missed;
            }
            links.push(link);
        }
        channel.make_room(room);
        channel.counters().delivered.add(delivered);
        if heartbeat {
            links.iter().for_each(|link| link.count_silence());
        }
        if last {
            links.iter().for_each(|link| link.close(End::Stopping));
            return;
        }
        if channel.many_ended() {
            links.retain(|link| link.stands());
        }
    }
}

/// A little less than the heartbeat that was promised, which is then kept under load too.
fn beat(heartbeat: Duration) -> Duration {
    heartbeat * 9 / 10
}
