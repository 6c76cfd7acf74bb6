//! Checks that a list is never older than what the client was told before, by whichever server.

use std::time::Duration;

use crate::{
    servers::Servers,
    support::{Mode, StatusCode, Tenant},
};

/// The delay of everything between the second server and the engine.
const DELAY: Duration = Duration::from_millis(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_not_below_the_hello_or_the_201_of_the_other_server() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let [one, two] = servers.each();
    proxy.set(Mode::Delay(DELAY));
    for n in 1..=20 {
        let before = two.list(Tenant::A).await;
        let event = one.post(Tenant::A, &n.to_string()).await.created();
        let listed = two.list(Tenant::A).await;
        assert_eq!((listed.seq, listed.event(n)), (n, &event), "after the 201; before it: {}", before.seq);
    }
    for n in 21..=40 {
        one.post(Tenant::A, &n.to_string()).await.created();
        let hello = one.connect(Tenant::A).await.hello;
        let listed = two.list(Tenant::A).await;
        assert_eq!((&hello.epoch, hello.seq), (&listed.epoch, n));
        assert_eq!(listed.seq, n, "after the hello");
    }
}

#[tokio::test]
async fn a_list_is_not_unchanged_if_another_server_has_accepted_an_event() {
    let (servers, proxy) = Servers::with_proxy(|_| {}).await;
    let [one, two] = servers.each();
    proxy.set(Mode::Delay(DELAY));
    let etag = |answer: &crate::support::Answer| answer.header("etag").to_owned();
    let mut known = etag(&two.get("/events").tenant(Tenant::A).send().await);
    for _ in 0..10 {
        one.post(Tenant::A, "x").await.created();
        let conditional = || two.get("/events").tenant(Tenant::A).header("if-none-match", &known).send();
        let changed = conditional().await.is(StatusCode::OK);
        known = etag(&changed);
        let conditional = || two.get("/events").tenant(Tenant::A).header("if-none-match", &known).send();
        conditional().await.is(StatusCode::NOT_MODIFIED);
    }
}
