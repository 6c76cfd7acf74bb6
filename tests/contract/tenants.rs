//! Checks what names the tenant: one header for the API, one parameter for pages and sockets, and nothing else.

use crate::support::{Method, Server, StatusCode, Tenant};

/// Single values that do not name a tenant.
const INVALID: [&str; 9] =
    ["", "tenant_c", "TENANT_A", "Tenant A", "tenant_a,tenant_b", "tenant_a, tenant_a", "tenant_a;", "a", "*"];

#[tokio::test]
async fn the_api_takes_the_tenant_from_one_valid_header() {
    let server = Server::start().await;
    for value in INVALID {
        server.get("/events").header("x-tenant-id", value).send().await.refused(401);
    }
    server.get("/events").send().await.refused(401);
    server.get("/events").header("x-tenant-id", b"tenant_\xc3\xa4").send().await.refused(401);
    server.get("/events").tenant(Tenant::A).tenant(Tenant::A).send().await.refused(401);
    server.get("/events").tenant(Tenant::A).tenant(Tenant::B).send().await.refused(401);
    assert!(server.get("/events").tenant(Tenant::A).send().await.list().events.is_empty());
}

#[tokio::test]
async fn a_query_never_names_the_tenant_of_a_request() {
    let server = Server::start().await;
    server.get("/events?tenant=tenant_a").send().await.refused(401);
    let mut post = server.new_post(Tenant::A, "for A");
    post.query = String::from("tenant=tenant_b&X-Tenant-ID=tenant_b");
    assert_eq!(post.send().await.created().tenant_id, "tenant_a");
    assert!(server.list(Tenant::B).await.events.is_empty());
}

#[tokio::test]
async fn a_body_never_names_the_tenant_of_a_request() {
    let server = Server::start().await;
    let post = server.request(Method::POST, "/events").tenant(Tenant::A);
    post.json(r#"{"message":"for B","tenant_id":"tenant_b"}"#).send().await.refused(422);
    let post = server.request(Method::POST, "/events");
    post.json(r#"{"message":"for B","tenant_id":"tenant_b"}"#).send().await.refused(401);
}

#[tokio::test]
async fn a_socket_takes_the_tenant_from_one_valid_parameter() {
    let server = Server::start().await;
    for value in ["", "tenant_c", "TENANT_A", "tenant_a,tenant_b", "tenant_a%20", "%00tenant_a"] {
        server.get(&format!("/ws?tenant={value}")).upgrade().send().await.refused(401);
    }
    for target in ["/ws", "/ws?tenant", "/ws?Tenant=tenant_a", "/ws?tenant=tenant_a&tenant=tenant_a", "/ws?x=tenant_a"]
    {
        server.get(target).upgrade().send().await.refused(401);
    }
    for target in ["/ws?tenant=tenant_a", "/ws?x=1&tenant=tenant_b", "/ws?t%65nant=tenant%5Fa"] {
        server.get(target).upgrade().send().await.is(StatusCode::SWITCHING_PROTOCOLS);
    }
}

#[tokio::test]
async fn pages_and_sockets_ignore_the_tenant_header() {
    let server = Server::start().await;
    server.post(Tenant::B, "only for B").await.created();
    server.get("/ws").upgrade().tenant(Tenant::B).send().await.refused(401);
    let page = server.get("/?tenant=tenant_a").tenant(Tenant::B).send().await.is(StatusCode::OK);
    assert!(!page.text().contains("only for B"));
}

#[tokio::test]
async fn a_page_without_a_tenant_is_the_selector() {
    let server = Server::start().await;
    server.post(Tenant::A, "only for A").await.created();
    for (target, status) in [
        ("/", StatusCode::OK),
        ("/?x=tenant_a", StatusCode::OK),
        ("/?tenant", StatusCode::NOT_FOUND),
        ("/?tenant=", StatusCode::NOT_FOUND),
        ("/?tenant=tenant_c", StatusCode::NOT_FOUND),
        ("/?tenant=TENANT_A", StatusCode::NOT_FOUND),
        ("/?tenant=tenant_a,tenant_b", StatusCode::NOT_FOUND),
        ("/?tenant=tenant_a&tenant=tenant_a", StatusCode::NOT_FOUND),
    ] {
        let page = server.get(target).send().await.is(status);
        assert!(page.text().contains("Tenant A") && page.text().contains("Tenant B"), "{target}");
        assert!(!page.text().contains("only for A"), "{target}");
    }
}
