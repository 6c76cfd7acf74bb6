//! Checks that a key makes one event, whichever servers the posts with it reach.

use futures_util::future::join_all;

use crate::{
    engine::add_events,
    servers::Servers,
    support::{Client, Event, Request, Tenant},
};

/// The number of times that a key is used on both servers at once.
const RACES: u64 = 500;

fn post(client: &Client, key: &str, message: &str) -> Request {
    client.new_post(Tenant::A, message).header("idempotency-key", key)
}

async fn created(client: &Client, key: &str, message: &str) -> Event {
    post(client, key, message).send().await.created()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_used_on_two_servers_at_once_makes_one_event() {
    let servers = Servers::start().await;
    let [one, two] = servers.each();
    let (mut to_one, mut to_two) = (one.open().await, two.open().await);
    let mut made = Vec::new();
    for n in 0..RACES {
        let key = format!("~.*>{n}");
        let (first, second) = tokio::join!(to_one.send(post(&one, &key, &key)), to_two.send(post(&two, &key, &key)));
        let event = first.created();
        assert_eq!(second.created(), event);
        assert_eq!(event.message, key);
        made.push(event);
    }
    servers.check_same_list(Tenant::A).await;
    let list = two.list(Tenant::A).await;
    made.reverse();
    assert_eq!((list.seq, list.events), (RACES, made));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_used_on_two_servers_at_once_with_two_messages_makes_one_event() {
    let servers = Servers::start().await;
    let [one, two] = servers.each();
    for n in 0..50 {
        let key = n.to_string();
        let (first, second) = tokio::join!(post(&one, &key, "one").send(), post(&two, &key, "two").send());
        let (winner, loser) = if first.status == 201 { (first, second) } else { (second, first) };
        winner.created();
        loser.refused(422);
        assert_eq!(servers.two.list(Tenant::A).await.seq, n + 1);
    }
}

#[tokio::test]
async fn a_key_is_known_to_every_server() {
    let servers = Servers::start().await;
    let [one, two] = servers.each();
    let event = created(&one, "k", "first").await;
    assert_eq!(created(&two, "k", "first").await, event);
    assert_eq!(created(&two, "k", " first\r\n").await, event, "messages are compared after normalising");
    let started = servers.another().await;
    assert_eq!(created(&started, "k", "first").await, event);
    for server in [&one, &two, &started] {
        post(server, "k", "second").send().await.refused(422);
    }
    // The key belongs to the tenant: the other one may use it for another event.
    let other = two.new_post(Tenant::B, "second").header("idempotency-key", "k").send().await.created();
    assert_ne!(other.id, event.id);
    for server in [&one, &two, &started] {
        assert_eq!(server.list(Tenant::A).await.events, std::slice::from_ref(&event));
    }
}

#[tokio::test]
async fn a_key_outlives_its_event_in_the_list_on_every_server() {
    let servers = Servers::with(|settings| settings.retain = 3).await;
    let [one, two] = servers.each();
    let event = created(&one, "k", "first").await;
    for n in 0..10 {
        two.post(Tenant::A, &n.to_string()).await.created();
    }
    let started = servers.another().await;
    for server in [&one, &two, &started] {
        assert_eq!(created(server, "k", "first").await, event);
        post(server, "k", "second").send().await.refused(422);
        let list = server.list(Tenant::A).await;
        assert_eq!((list.seq, list.messages()), (11, vec!["9", "8", "7"]));
    }
}

/// Servers that start know the keys of the newest 10,000 events, and the stream keeps 12,000. So this key is one that they
/// do not know, and its event is still there, as after the two minutes for which a key is remembered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_key_that_is_used_on_two_servers_at_once_makes_one_event() {
    let servers = Servers::start().await;
    let keys: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    for key in &keys {
        created(&servers.one, key, key).await;
    }
    let last = add_events(&servers.engine, Tenant::A, 11_000).await;
    let (one, two) = (servers.another().await, servers.another().await);
    for (key, seq) in keys.iter().zip(last + 1..) {
        let posts = [&one, &two, &one, &two].map(|server| created(server, key, key));
        let made = join_all(posts).await;
        assert!(made.iter().all(|event| *event == made[0]), "{made:?}");
        assert_eq!(two.list(Tenant::A).await.seq, seq, "the key made two events");
    }
}
