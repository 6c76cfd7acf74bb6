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

/// Posts until the server closes the connection, and returns the accepted events, and the messages that were refused.
async fn post_until_the_end(client: Client, poster: usize) -> (Vec<Event>, Vec<String>) {
    let (mut connection, mut accepted, mut refused) = (client.open().await, Vec::new(), Vec::new());
    for n in 0.. {
        let message = format!("{poster}-{n}");
        let Ok(answer) = connection.try_send(client.new_post(Tenant::A, &message)).await else { break };
        if answer.status == StatusCode::CREATED {
            accepted.push(answer.created());
        } else {
            answer.refused(503);
            refused.push(message);
        }
    }
    (accepted, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopping_server_accepts_and_nothing_else_is_in_the_list_of_the_other() {
    let (servers, proxy) = Servers::with_proxy(|settings| settings.retain = 10_000).await;
    let Servers { one, two, engine: _engine, .. } = servers;
    proxy.set(Mode::Delay(Duration::from_millis(20))); // so that posts are under way at any time
    let (mut remote, mut local) = (one.connect(Tenant::A).await, two.connect(Tenant::A).await);
    let posters: Vec<_> = (0..8).map(|n| tokio::spawn(post_until_the_end(*two, n))).collect();
    local.next_events(50).await;
    let stopping = two.stop().await;
    assert_eq!(local.read_to_close().await.1, Some(1001));
    let mut answers = Vec::new();
    for poster in posters {
        answers.push(poster.await.unwrap());
    }
    stopping.ended().await;
    let list = one.list(Tenant::A).await;
    let listed: HashSet<_> = list.messages().into_iter().collect();
    for (accepted, refused) in &answers {
        assert!(accepted.iter().all(|event| listed.contains(&*event.message)), "an accepted event is lost");
        assert!(!refused.iter().any(|message| listed.contains(&**message)), "a refused message was posted");
    }
    // The other server goes on as usual.
    while remote.seq() < list.seq {
        remote.next_event().await;
    }
    let event = one.post(Tenant::A, "marker").await.created();
    assert_eq!(remote.next_event().await, event);
}
