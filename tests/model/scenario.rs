//! Runs one scenario in every schedule, and checks its result.

use std::{collections::HashMap, sync::Arc, time::Duration};

use event_feed::feed::{
    Event, Message, Tenant,
    protocol::{Incoming, close},
};
use real_tokio::sync::watch;
use shuttle::{
    future::{JoinHandle, block_on, spawn},
    rand::{Rng, thread_rng},
};
use uuid::Uuid;

use crate::stream::{
    channel::{Channel, ChannelConfig, NotAccepted, Reach, Version},
    connection::Connection,
    hub::Hub,
    idempotency::IdempotencyKey,
};
use crate::wire::{self, Received};

/// An empty pong of a client, masked with zeroes.
const PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
/// An empty ping of a client, masked with zeroes.
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
/// A close frame of a client with the code 1001, masked with zeroes.
const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

/// The frames that one subscriber has received, and the list that it has read.
pub(crate) struct Account {
    pub(crate) tenant: Tenant,
    pub(crate) texts: Vec<String>,
    /// The list that was read after the hello: its version and its events, newest first.
    pub(crate) list: Option<(Version, Vec<Arc<Event>>)>,
    /// The code of the close frame; `None` if the subscriber left before.
    pub(crate) closed: Option<u16>,
}

/// The settings of the channels.
pub(crate) fn config(reach: Reach) -> ChannelConfig {
    ChannelConfig {
        process: Uuid::nil(),
        build: "model".into(),
        retain: 1_000,
        max_connections: 8,
        heartbeat: Duration::from_secs(15),
        reach,
    }
}

/// Starts publishers and subscribers of both tenants on a hub, stops it at a random moment, and checks the result.
pub(crate) fn run() {
    block_on(async {
        let hub = Arc::new(Hub::start(&config(Reach::Live)));
        let random = |most| thread_rng().gen_range(1..=most);
        let (mut publishers, mut subscribers, mut stay) = (Vec::new(), Vec::new(), Vec::new());
        for tenant in Tenant::ALL {
            for _ in 0..random(2) {
                publishers.push((tenant, spawn(publish(Arc::clone(hub.channel(tenant)), random(4)))));
            }
            subscribers_of(tenant, hub.channel(tenant), &mut subscribers, &mut stay);
        }
        let at_once = thread_rng().gen_ratio(1, 3);
        if at_once {
            hub.stop();
        }
        let mut accepted = [const { Vec::new() }; 2];
        for (tenant, publisher) in publishers {
            accepted[tenant as usize].push(end_of(publisher).await);
        }
        if !at_once {
            // Waits for all events before the stop: the stop also wakes the fan-out, and would hide a lost wake-up.
            for (tenant, mut reaches) in stay {
                let last = hub.channel(tenant).version().seq;
                reaches.wait_for(|reached| *reached >= last).await.expect("a subscriber that stays");
            }
            hub.stop();
        }
        let accounts = accounts_of(subscribers, &hub).await;
        for tenant in Tenant::ALL {
            let accounts = accounts.iter().filter(|account| account.tenant == tenant).collect::<Vec<_>>();
            check(hub.channel(tenant), tenant, &accepted[tenant as usize], &accounts);
        }
    });
}

/// Starts one to three subscribers of a tenant. Those that stay until they are closed report their progress in `stay`.
pub(crate) fn subscribers_of(
    tenant: Tenant,
    channel: &Arc<Channel>,
    subscribers: &mut Vec<JoinHandle<Account>>,
    stay: &mut Vec<(Tenant, watch::Receiver<u64>)>,
) {
    for _ in 0..thread_rng().gen_range(1..=3) {
        let leaves_after = thread_rng().gen_ratio(1, 4).then(|| thread_rng().gen_range(1..=3));
        let (reached, reaches) = watch::channel(0);
        if leaves_after.is_none() {
            stay.push((tenant, reaches));
        }
        subscribers.push(spawn(subscribe(tenant, Arc::clone(channel), leaves_after, reached)));
    }
}

/// Waits until all subscribers and the hub have ended.
pub(crate) async fn accounts_of(subscribers: Vec<JoinHandle<Account>>, hub: &Hub) -> Vec<Account> {
    let mut accounts = Vec::new();
    for subscriber in subscribers {
        accounts.push(end_of(subscriber).await);
    }
    hub.wait_until_stopped().await;
    accounts
}

pub(crate) async fn end_of<T>(task: JoinHandle<T>) -> T {
    task.await.expect("a task that is not cancelled")
}

/// Publishes `count` messages, the first with a key that the tenant's publishers share. Returns the accepted events.
async fn publish(channel: Arc<Channel>, count: usize) -> Vec<Arc<Event>> {
    let mut key = IdempotencyKey::parse(b"shared");
    let mut accepted = Vec::new();
    for n in 0..count {
        // Up to 2,000 bytes, so that a peer accepts most frames in several parts. The 8 posts of a tenant fit into the
        // buffer of `admission` (36 KiB) together, so no post waits.
        let text = if n == 0 { String::from("shared") } else { "\u{1F600}".repeat(thread_rng().gen_range(1..=500)) };
        match channel.publish(Message::parse(&text).expect("a message"), key.take()).await {
            Ok(event) => accepted.push(event),
            Err(NotAccepted::Stopping) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    accepted
}

/// Subscribes, reads the list after the hello, and receives frames until the end, or until it has `leaves_after` text
/// frames. Reports in `reached` the `seq` of the newest event.
async fn subscribe(
    tenant: Tenant,
    channel: Arc<Channel>,
    leaves_after: Option<usize>,
    reached: watch::Sender<u64>,
) -> Account {
    let permit = channel.permit().expect("permits for all");
    let (wire, mut peer) = wire::connect();
    crate::spawn(Connection::new(wire, &[], Arc::clone(&channel), permit));
    let mut account = Account { tenant, texts: Vec::new(), list: None, closed: None };
    loop {
        match peer.receive().await {
            Received::Text(text) => {
                match Incoming::decode(&text).expect("a frame") {
                    Incoming::ConnectionEstablished(hello) => drop(reached.send(hello.seq)),
                    Incoming::EventCreated { seq, .. } => drop(reached.send(seq)),
                    _ => {}
                }
                account.texts.push(text);
                if thread_rng().gen_ratio(1, 3) {
                    peer.send(&PING); // its pong must come between two frames of the channel, whatever was sent so far
                }
            }
            Received::Ping => peer.send(&PONG),
            Received::Pong => {}
            Received::Close(code) => {
                account.closed = code;
                peer.send(&CLOSE);
            }
            Received::End => break,
        }
        if account.list.is_none() && !account.texts.is_empty() {
            account.list = Some(channel.newest(usize::MAX));
        }
        if leaves_after.is_some_and(|count| account.texts.len() >= count) {
            return account; // which closes its end of the connection
        }
    }
    assert!(account.closed.is_some(), "the connection was cut: {:?}", account.texts);
    account
}

/// Compares the accepted and the received events with the order of the channel.
fn check(channel: &Channel, tenant: Tenant, accepted: &[Vec<Arc<Event>>], accounts: &[&Account]) {
    let (position, mut order) = channel.newest(usize::MAX);
    order.reverse();
    assert_eq!(position.seq, order.len() as u64);
    assert!(order.iter().all(|event| event.tenant_id == tenant));
    assert!(order.is_sorted_by(|one, next| one.timestamp <= next.timestamp));
    let seqs: HashMap<_, _> = order.iter().map(|event| event.id).zip(1_u64..).collect();
    assert_eq!(seqs.len(), order.len(), "an event is kept twice");
    for events in accepted {
        assert!(events.iter().all(|event| order.contains(event)), "an accepted event is not kept");
        assert!(events.is_sorted_by(|one, next| seqs[&one.id] < seqs[&next.id]), "not in the order of acceptance");
    }
    let keyed = order.iter().filter(|event| event.message.as_str() == "shared").count();
    assert!(keyed <= 1, "a key has made two events");
    assert!(order.iter().all(|event| accepted.iter().flatten().any(|accepted| accepted == event)));
    let (mut received, mut all_stayed) = (0, true);
    for account in accounts {
        received += check_account(account, &order, accounts.len() as u64);
        all_stayed &= account.closed.is_some();
    }
    let delivered = channel.counters().delivered.get();
    assert!(!all_stayed || delivered == received, "{delivered} counted, {received} received");
    assert_eq!(channel.counters().slow.get(), 0, "a peer that has gone counts as slow");
    assert_eq!(channel.connections(), 0, "a permit was not released");
}

/// Compares the frames of one subscriber with the order of the channel, and their counts with the number of the tenant's
/// `subscribers`. Returns the number of its events.
fn check_account(account: &Account, order: &[Arc<Event>], subscribers: u64) -> u64 {
    let check_count = |connections: Option<u64>| {
        let connections = connections.expect("a count of connections");
        assert!((1..=subscribers).contains(&connections), "{connections} connections of {subscribers} subscribers");
    };
    let mut texts = account.texts.iter().map(|text| Incoming::decode(text).expect("a frame"));
    let mut last = match texts.next() {
        Some(Incoming::ConnectionEstablished(hello)) => {
            assert_eq!(hello.tenant_id, account.tenant);
            check_count(hello.connections);
            hello.seq
        }
        None => {
            assert_eq!(account.closed, Some(close::GOING_AWAY), "neither a hello nor a close");
            return 0;
        }
        other => panic!("the first frame is not a hello: {other:?}"),
    };
    if let Some((position, newest_first)) = &account.list {
        assert!(position.seq >= last, "events between the hello and the list are missing");
        let kept = order[..usize::try_from(position.seq).expect("a length")].iter().rev();
        assert!(newest_first.iter().eq(kept), "the list has other events than the channel");
    }
    let mut received = 0;
    for text in texts {
        match text {
            Incoming::EventCreated { seq, event } => {
                received += 1;
                assert_eq!(seq, last + 1, "an event was lost, doubled or moved");
                assert_eq!(Some(&event), usize::try_from(last).ok().and_then(|index| order.get(index)));
                last = seq;
            }
            Incoming::Heartbeat { seq, connections, .. } => {
                assert_eq!(seq, last, "a heartbeat out of order");
                check_count(connections);
            }
            other => panic!("{other:?}"),
        }
    }
    if let Some(code) = account.closed {
        assert_eq!(
            (code, last),
            (close::GOING_AWAY, order.len() as u64),
            "a stop sends all accepted events, then 1001"
        );
    }
    received
}
