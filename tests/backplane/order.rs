//! Checks that a tenant's events have one order, whichever server accepts them or sends them.

use crate::{
    servers::Servers,
    support::{Client, Event, Tenant},
};

/// The number of posters of each tenant on each server.
const POSTERS: usize = 2;
/// The number of posts of each poster.
const POSTS: usize = 100;
/// The number of events of each tenant.
const EVENTS: usize = 2 * POSTERS * POSTS;

/// Posts one message after the other, and returns the accepted events.
async fn post_all(client: Client, tenant: Tenant) -> Vec<Event> {
    let (mut connection, mut accepted) = (client.open().await, Vec::new());
    for n in 0..POSTS {
        accepted.push(connection.send(client.new_post(tenant, &n.to_string())).await.created());
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_posters_on_two_servers_make_one_order_for_each_tenant() {
    let servers = Servers::start().await;
    let parts: Vec<_> =
        Tenant::ALL.into_iter().flat_map(|tenant| servers.each().map(|server| (tenant, server))).collect();
    let (mut sockets, mut posters) = (Vec::new(), Vec::new());
    for (tenant, server) in &parts {
        sockets.push((*tenant, server.connect(*tenant).await));
    }
    for (tenant, server) in parts {
        posters.extend((0..POSTERS).map(|_| (tenant, tokio::spawn(post_all(server, tenant)))));
    }
    let mut received = Vec::new();
    for (tenant, mut socket) in sockets {
        // The socket also checks that each number is one more than the one before.
        received.push((tenant, socket.hello.clone(), socket.next_events(EVENTS).await));
    }
    let mut accepted = Vec::new();
    for (tenant, poster) in posters {
        accepted.push((tenant, poster.await.unwrap()));
    }
    for tenant in Tenant::ALL {
        servers.check_same_list(tenant).await;
        let list = servers.one.list(tenant).await;
        let oldest_first: Vec<_> = list.events.iter().rev().cloned().collect();
        assert_eq!((list.seq, oldest_first.len()), (EVENTS as u64, EVENTS));
        assert!(oldest_first.is_sorted_by_key(|event| &event.timestamp), "{oldest_first:?}");
        for (_, hello, events) in received.iter().filter(|(of, ..)| *of == tenant) {
            assert_eq!((&hello.epoch, hello.seq), (&list.epoch, 0));
            assert_eq!(*events, oldest_first);
        }
        // Each 201 is in the list as it was answered, and those of one poster are in the order of its posts.
        for (_, events) in accepted.iter().filter(|(of, _)| *of == tenant) {
            let mut rest = oldest_first.iter();
            assert!(events.iter().all(|event| rest.any(|listed| listed == event)), "{events:?}");
        }
    }
    let [a, b] = Tenant::ALL.map(|tenant| servers.one.list(tenant));
    assert_ne!(a.await.epoch, b.await.epoch);
}
