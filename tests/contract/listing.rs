//! Checks `GET /events`: the kept events, newest first, and the position of the newest.

use crate::{
    engine::SERVERS,
    support::{Client, Request, Server, StatusCode, Tenant, header},
};

fn list_if_none_match(server: &Client, tag: &str) -> Request {
    server.get("/events").tenant(Tenant::A).header("if-none-match", tag)
}

#[tokio::test]
async fn a_list_is_newest_first_and_ends_at_its_position() {
    let server = Server::start().await;
    assert_eq!((server.list(Tenant::A).await.seq, server.list(Tenant::A).await.events), (0, vec![]));
    let mut posted = Vec::new();
    for n in 1..=5 {
        posted.push(server.post(Tenant::A, &format!("event {n}")).await.created());
    }
    let list = server.list(Tenant::A).await;
    assert_eq!(list.events, posted.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!((list.seq, list.event(2)), (5, &posted[1]));
}

#[tokio::test]
async fn the_position_belongs_to_the_epoch_and_the_tenant() {
    let server = Server::start().await;
    let socket = server.connect(Tenant::A).await;
    server.post(Tenant::A, "one").await.created();
    let (a, b) = (server.list(Tenant::A).await, server.list(Tenant::B).await);
    assert_eq!((a.seq, b.seq), (1, 0));
    assert_eq!(a.epoch, socket.hello.epoch);
    assert_eq!(a.epoch == b.epoch, SERVERS == 1, "a server alone has one epoch for all");
    assert_ne!(Server::start().await.list(Tenant::A).await.epoch, a.epoch, "another server has another epoch");
}

#[tokio::test]
async fn only_the_newest_are_kept() {
    let server = Server::with(|settings| settings.retain = 3).await;
    for n in 1..=5 {
        server.post(Tenant::A, &format!("event {n}")).await.created();
    }
    let list = server.list(Tenant::A).await;
    assert_eq!((list.seq, list.messages()), (5, vec!["event 5", "event 4", "event 3"]));
}

#[tokio::test]
async fn a_thousand_events_are_kept_by_default() {
    let server = Server::start().await;
    let mut connection = server.open().await;
    for n in 1..=1_001 {
        connection.send(server.new_post(Tenant::A, &n.to_string())).await.created();
    }
    let list = server.list(Tenant::A).await;
    assert_eq!((list.seq, list.events.len()), (1_001, 1_000));
    assert_eq!(list.event(2).message, "2");
}

#[tokio::test]
async fn a_list_varies_by_tenant_and_is_not_stored() {
    let server = Server::start().await;
    let answer = server.get("/events").tenant(Tenant::A).send().await;
    assert_eq!(answer.header(header::VARY).to_lowercase(), "x-tenant-id, accept-encoding");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let tag = answer.header(header::ETAG);
    assert!(tag.starts_with('"') && tag.ends_with('"'), "strong: {tag}");
}

#[tokio::test]
async fn a_client_that_has_the_list_gets_304_until_it_changes() {
    let server = Server::start().await;
    server.post(Tenant::A, "one").await.created();
    let list = server.get("/events").tenant(Tenant::A).send().await;
    let tag = list.header(header::ETAG).to_owned();
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), String::from("*")] {
        let answer = list_if_none_match(&server, &tags).send().await.is(StatusCode::NOT_MODIFIED);
        assert!(answer.body.is_empty());
        for name in ["etag", "feed-position", "vary", "cache-control"] {
            assert_eq!(answer.header(name), list.header(name));
        }
    }
    let lines = list_if_none_match(&server, "\"x\"").header("if-none-match", &tag);
    lines.send().await.is(StatusCode::NOT_MODIFIED);
    list_if_none_match(&server, "\"x\"").send().await.list();
    server.post(Tenant::A, "two").await.created();
    assert_eq!(list_if_none_match(&server, &tag).send().await.list().messages(), ["two", "one"]);
}

#[tokio::test]
async fn the_etags_of_two_tenants_differ() {
    let server = Server::start().await;
    let of_b = server.get("/events").tenant(Tenant::B).send().await;
    list_if_none_match(&server, of_b.header(header::ETAG)).send().await.is(StatusCode::OK);
    let elsewhere = Server::start().await;
    let of_another_epoch = elsewhere.get("/events").tenant(Tenant::A).send().await;
    list_if_none_match(&server, of_another_epoch.header(header::ETAG)).send().await.is(StatusCode::OK);
}
