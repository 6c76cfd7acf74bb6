//! Checks request bodies: which are read, which are refused before they are read, and that each refusal arrives.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::support::{Method, Server, StatusCode, Tenant};

#[tokio::test]
async fn a_body_with_too_large_a_content_length_is_refused_before_it_comes() {
    let server = Server::start().await;
    for request in [
        server.new_post(Tenant::A, "x"),
        server.new_post(Tenant::A, "x").at("/api/post_event"),
        server.get("/events").tenant(Tenant::A),
        server.get("/healthz"),
        server.get("/?tenant=tenant_a"),
        server.get("/vanilla/"),
    ] {
        let mut raw = server.raw().await;
        raw.write(request.header("content-length", "20000").head()).await;
        raw.answer().await.refused(413);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_gets_413_instead_of_100_continue() {
    let server = Server::start().await;
    for (length, expected) in [("20000000", 413), ("16385", 413)] {
        let post = server.new_post(Tenant::A, "x").header("expect", "100-continue").header("content-length", length);
        let mut raw = server.raw().await;
        raw.write(post.head()).await;
        raw.answer().await.refused(expected);
        assert!(raw.at_end().await, "the client sends no body, so that the connection must end");
    }
    let post = server.new_post(Tenant::A, "x").header("expect", "100-continue").header("content-length", "15");
    let mut raw = server.raw().await;
    raw.write(post.head()).await;
    assert_eq!(raw.answer().await.status, StatusCode::CONTINUE);
    raw.write(br#"{"message":"x"}"#).await;
    raw.answer().await.created();
}

#[tokio::test]
async fn a_client_that_does_not_wait_for_100_continue_gets_its_answer_too() {
    let server = Server::start().await;
    let post = server.new_post(Tenant::A, "x").header("expect", "100-continue").header("content-length", "1000000");
    let mut raw = server.raw().await;
    raw.write(post.head()).await;
    raw.answer().await.refused(413);
    raw.write(vec![b' '; 1_000_000]).await; // the server discards it: after a reset, this write would fail
    raw.finish_sending().await;
    assert!(raw.at_end().await);
}

#[tokio::test]
async fn a_refusal_is_sent_before_the_body_ends_and_the_connection_stays_usable() {
    let server = Server::start().await;
    let post = server.new_post(Tenant::A, "x").header("content-length", "1000000").head();
    let without_tenant = server.request(Method::POST, "/events").header("content-length", "1000000").head();
    for (head, status) in [(post, 413), (without_tenant, 401)] {
        let mut raw = server.raw().await;
        raw.write(head).await;
        raw.answer().await.refused(status);
        raw.write(vec![b' '; 1_000_000]).await;
        raw.write(server.get("/healthz").head()).await;
        raw.answer().await.is(StatusCode::OK);
    }
}

#[tokio::test]
async fn at_most_2_mib_of_a_refused_body_are_read() {
    const MIB: usize = 1024 * 1024;
    const PIECE: usize = MIB / 64;
    let server = Server::start().await;
    let post = server.new_post(Tenant::A, "x").header("content-length", (8 * MIB).to_string());
    let mut raw = server.raw().await;
    raw.write(post.head()).await;
    raw.answer().await.refused(413);
    let mut sent = 0;
    while raw.try_write([b' '; PIECE]).await.is_ok() {
        sent += PIECE;
        // A pace: the server reads each piece before the next one is sent, so that hardly any bytes wait unread.
        sleep(Duration::from_millis(1)).await;
    }
    assert!(sent < 3 * MIB, "the server has read up to {sent} bytes");
}

#[tokio::test]
async fn a_body_in_a_content_coding_is_refused_with_415() {
    let server = Server::start().await;
    for path in ["/events", "/api/post_event"] {
        for coding in ["br", "gzip", "GZIP", "deflate", "zstd", "identity, br", "x"] {
            let post = server.new_post(Tenant::A, "x").at(path).header("content-encoding", coding);
            let answer = post.send().await;
            assert_eq!(answer.header("accept-encoding"), "identity", "RFC 9110, section 15.5.16");
            answer.refused(415);
        }
        for plain in ["identity", "Identity", "identity, identity"] {
            server
                .new_post(Tenant::A, "x")
                .at(path)
                .header("content-encoding", plain)
                .send()
                .await
                .is(StatusCode::CREATED);
        }
    }
    let mut report = server.request(Method::POST, "/api/isolation_report").json("{}");
    report = report.header("content-encoding", "gzip");
    report.send().await.refused(415);
}

#[tokio::test]
async fn a_client_that_half_closes_after_its_post_gets_its_answer() {
    let server = Server::start().await;
    let half_closed = (0..100).map(|n| {
        let post =
            server.new_post(Tenant::A, "x").header("content-length", "15").header("idempotency-key", n.to_string());
        let server = &server;
        async move {
            let mut raw = server.raw().await;
            raw.write([&post.head()[..], br#"{"message":"x"}"#].concat()).await;
            raw.finish_sending().await;
            raw.answer().await.created()
        }
    });
    assert_eq!(join_all(half_closed).await.len(), 100);
    assert_eq!(server.list(Tenant::A).await.seq, 100);
}

#[tokio::test]
async fn a_target_without_a_path_is_malformed() {
    let server = Server::start().await;
    for request in ["GET localhost:1 HTTP/1.1", "CONNECT localhost:1 HTTP/1.1", "POST localhost:1 HTTP/1.1"] {
        let mut raw = server.raw().await;
        raw.write(format!("{request}\r\nHost: localhost\r\n\r\n")).await;
        raw.answer().await.refused(400);
    }
    // The target `*` has a path, which no route has.
    let mut raw = server.raw().await;
    raw.write("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    raw.answer().await.refused(404);
}
