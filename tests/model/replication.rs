//! Runs a second scenario: a backplane orders the events. Its task applies them, loses the engine, and begins again, while
//! subscribers join and leave, and the server stops.

use std::{sync::Arc, time::Duration};

use event_feed::feed::{
    Event, Message, Tenant, Timestamp,
    protocol::{Incoming, close},
};
use shuttle::{
    future::{block_on, spawn},
    rand::{Rng, thread_rng},
};
use uuid::Uuid;

use crate::{
    scenario::{self, Account, accounts_of, end_of, subscribers_of},
    stream::{
        channel::{Channel, OrderedEvent, Reach},
        close_reason::CloseReason,
        hub::Hub,
    },
    task::yield_now,
};

/// A part of a tenant's stream without a gap: what one session of the backplane applies.
struct Part {
    epoch: Uuid,
    /// The number of the event before the first.
    before: u64,
    events: Vec<Arc<Event>>,
}

impl Part {
    fn last_seq(&self) -> u64 {
        self.before + self.events.len() as u64
    }

    fn event(&self, seq: u64) -> Option<&Arc<Event>> {
        self.events.get(usize::try_from(seq.checked_sub(self.before + 1)?).ok()?)
    }
}

/// Starts a backplane and subscribers for each tenant, stops the hub at a random moment, and checks the result.
pub(crate) fn run() {
    block_on(async {
        let hub = Arc::new(Hub::start(&scenario::config(Reach::Opening)));
        let (mut backplanes, mut subscribers, mut stay) = (Vec::new(), Vec::new(), Vec::new());
        for tenant in Tenant::ALL {
            backplanes.push((tenant, spawn(replicate(Arc::clone(hub.channel(tenant))))));
            subscribers_of(tenant, hub.channel(tenant), &mut subscribers, &mut stay);
        }
        let at_once = thread_rng().gen_ratio(1, 3);
        if at_once {
            hub.stop();
        }
        let mut streams = [const { Vec::new() }; 2];
        for (tenant, backplane) in backplanes {
            streams[tenant as usize] = end_of(backplane).await;
        }
        if !at_once {
            for (tenant, mut reaches) in stay {
                let last = hub.channel(tenant).version().seq;
                // An error means that the backplane has closed the subscriber.
                let _ = reaches.wait_for(|reached| *reached >= last).await;
            }
            hub.stop();
        }
        let accounts = accounts_of(subscribers, &hub).await;
        for tenant in Tenant::ALL {
            let (channel, parts) = (hub.channel(tenant), &streams[tenant as usize]);
            check_kept(channel, parts);
            for account in accounts.iter().filter(|account| account.tenant == tenant) {
                check_account(account, parts, !at_once);
            }
            assert_eq!(channel.counters().slow.get(), 0, "a peer that the backplane closed counts as slow");
            assert_eq!(channel.connections(), 0, "a permit was not released");
        }
    });
}

/// Plays the backplane of one tenant: applies events, and begins again with another epoch, or far ahead in the same one.
async fn replicate(channel: Arc<Channel>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for number in 0..thread_rng().gen_range(1..=3) {
        let (mut epoch, mut before) = (Uuid::from_u128(number), thread_rng().gen_range(0..=2));
        if let Some(last) = parts.last() {
            channel.set_reach(Reach::Lost);
            yield_now().await;
            let is_behind: bool = thread_rng().r#gen();
            if is_behind {
                (epoch, before) = (last.epoch, last.last_seq() + 1 + before);
            }
            channel.close_all(if is_behind { CloseReason::Unreachable } else { CloseReason::NewEpoch }).await;
        }
        channel.begin_epoch(epoch, before);
        channel.set_reach(Reach::Live);
        let mut part = Part { epoch, before, events: Vec::new() };
        for _ in 0..thread_rng().gen_range(0..=4) {
            let text = "\u{1F600}".repeat(thread_rng().gen_range(1..=500));
            let event = OrderedEvent {
                id: Uuid::new_v4(),
                message: Message::parse(&text).expect("a message"),
                timestamp: Timestamp::now(),
                age: Duration::ZERO,
                key: None,
            };
            part.events.push(channel.apply(event).await);
        }
        parts.push(part);
    }
    parts
}

/// Checks that the channel ends with the last part.
fn check_kept(channel: &Channel, parts: &[Part]) {
    let (version, newest_first) = channel.newest(usize::MAX);
    let last = parts.last().expect("at least one part");
    assert_eq!((version.position().epoch, version.seq), (last.epoch, last.last_seq()));
    assert!(newest_first.iter().eq(last.events.iter().rev()), "the list has other events than the stream");
}

/// Checks that a subscriber received events of one part only, each once and in order.
fn check_account(account: &Account, parts: &[Part], all_applied_before_stop: bool) {
    let mut texts = account.texts.iter().map(|text| Incoming::decode(text).expect("a frame"));
    let Some(first) = texts.next() else {
        let codes = [Some(close::GOING_AWAY), Some(close::TRY_AGAIN_LATER)];
        return assert!(codes.contains(&account.closed), "neither a hello nor a close");
    };
    let Incoming::ConnectionEstablished(hello) = first else { panic!("the first frame is not a hello: {first:?}") };
    assert_eq!(hello.tenant_id, account.tenant);
    let part = parts.iter().rev().find(|part| part.epoch == hello.epoch && part.before <= hello.seq);
    let part = part.expect("a part of the stream");
    if let Some((version, newest_first)) = &account.list
        && version.position().epoch == hello.epoch
    {
        assert!(version.seq >= hello.seq, "events between the hello and the list are missing");
        assert!(newest_first.iter().all(|event| event.tenant_id == account.tenant));
    }
    let mut last = hello.seq;
    for text in texts {
        match text {
            Incoming::EventCreated { seq, event } => {
                assert_eq!(seq, last + 1, "an event was lost, doubled or moved");
                assert_eq!(Some(&event), part.event(seq), "an event of another part of the stream");
                last = seq;
            }
            Incoming::Heartbeat { seq, .. } => assert_eq!(seq, last, "a heartbeat out of order"),
            other => panic!("{other:?}"),
        }
    }
    let is_last = parts.last().is_some_and(|last| std::ptr::eq(last, part));
    if let Some(code) = account.closed {
        assert!(is_last || [close::GOING_AWAY, close::TRY_AGAIN_LATER].contains(&code), "{code}");
        assert!(!is_last || code == close::GOING_AWAY, "closed with {code}, though the last part is live");
        assert!(!is_last || !all_applied_before_stop || last == part.last_seq(), "a stop sends all events, then 1001");
    }
}
