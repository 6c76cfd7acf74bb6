//! Checks that a server that stops tells the truth about the posts that are under way.

use std::{collections::HashSet, time::Duration};

use crate::{
    servers::Servers,
    support::{Client, Event, Mode, StatusCode, Tenant, until},
};

/// The number of posts under way.
const POSTS: usize = 20;
/// The delay of everything between the stopping server and the engine. It is well below `--drain`, 4 s.
const DELAY: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_the_engine_has_is_accepted_while_the_server_stops() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let Servers { one, two, engine: _engine, .. } = servers;
    let socket = two.connect(Tenant::A).await;
    proxy.set(Mode::Delay(DELAY));
    let client: Client = *two;
    let post = |n: usize| tokio::spawn(async move { client.post(Tenant::A, &n.to_string()).await });
    let posts: Vec<_> = (0..POSTS).map(post).collect();
    // The first server has an event before the answer of the engine has reached the second one.
    until("an event", async || one.list(Tenant::A).await.seq > 0).await;
    let stopping = two.stop().await;
    assert_eq!(socket.read_to_close().await.1, Some(1001));
    let mut accepted = HashSet::new();
    for post in posts {
        let answer = post.await.unwrap();
        if answer.status == StatusCode::CREATED {
            accepted.insert(answer.created().id);
        } else {
            answer.refused(503);
        }
    }
    stopping.ended().await;
    assert!(!accepted.is_empty());
    let list = one.list(Tenant::A).await;
    assert_eq!(list.events.into_iter().map(|event| event.id).collect::<HashSet<_>>(), accepted);
}

/// Posts until the server closes the connection, and returns the accepted events.
async fn post_until_the_end(client: Client) -> Vec<Event> {
    let (mut connection, mut accepted) = (client.open().await, Vec::new());
    while let Ok(answer) = connection.try_send(client.new_post(Tenant::A, "x")).await {
        if answer.status == StatusCode::CREATED {
            accepted.push(answer.created());
        } else {
            answer.refused(503);
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopping_server_accepts_is_in_the_list_of_the_other() {
    let Servers { one, two, engine: _engine, .. } = Servers::with(|settings| settings.retain = 10_000).await;
    let (mut remote, mut local) = (one.connect(Tenant::A).await, two.connect(Tenant::A).await);
    let posters: Vec<_> = (0..8).map(|_| tokio::spawn(post_until_the_end(*two))).collect();
    local.next_events(100).await;
    let stopping = two.stop().await;
    assert_eq!(local.read_to_close().await.1, Some(1001));
    let mut accepted = HashSet::new();
    for poster in posters {
        accepted.extend(poster.await.unwrap().into_iter().map(|event| event.id));
    }
    stopping.ended().await;
    let list = one.list(Tenant::A).await;
    let listed: HashSet<_> = list.events.iter().map(|event| event.id.clone()).collect();
    assert!(accepted.is_subset(&listed), "an accepted event is lost");
    // The other server goes on as usual.
    while remote.seq() < list.seq {
        remote.next_event().await;
    }
    let event = one.post(Tenant::A, "marker").await.created();
    assert_eq!(remote.next_event().await, event);
}

/// A post that gets no answer of the engine before the deadline gets none of the server either, or one that leaves its fate
/// open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_engine_does_not_delay_the_end_beyond_the_deadline() {
    let Servers { one, two: _two, engine, .. } = Servers::with(|settings| settings.drain = 500).await;
    engine.signal("STOP").await;
    let client: Client = *one;
    let mut connection = client.open().await;
    let post = tokio::spawn(async move { connection.try_send(client.new_post(Tenant::A, "x")).await });
    one.stop().await.ended().await;
    if let Ok(answer) = post.await.unwrap() {
        let status = if answer.status == 504 { 504 } else { 503 };
        answer.refused(status);
    }
}
