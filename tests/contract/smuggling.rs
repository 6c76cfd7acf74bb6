//! Sends requests that two parsers could read differently (RFC 9112, sections 6 and 11.2). A request that is hidden in
//! another one must never be executed.

use crate::support::{Raw, Server, StatusCode, Tenant};

/// The request that a test hides in a body: a valid post, if the server parses it as one.
const HIDDEN: &str = "POST /events HTTP/1.1\r\nHost: localhost\r\nX-Tenant-ID: tenant_a\r\n\
                      Content-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"message\":\"smuggled\"}";

/// The head of a post, without the headers that determine the length of its body.
const POST: &str =
    "POST /events HTTP/1.1\r\nHost: localhost\r\nX-Tenant-ID: tenant_a\r\nContent-Type: application/json\r\n";

/// A valid body.
const BODY: &str = "{\"message\":\"whole\"}";

/// Sends these bytes with the hidden post behind them on a new connection, and returns the connection.
async fn send(server: &Server, bytes: &str) -> Raw {
    let mut raw = server.raw().await;
    raw.write([bytes, HIDDEN].concat()).await;
    raw
}

/// Checks that the server refuses these bytes with 4xx, closes, and posts nothing.
async fn check_refused(server: &Server, bytes: &str) {
    let mut raw = send(server, bytes).await;
    let answer = raw.answer().await;
    assert!(answer.status.is_client_error(), "{bytes:?} was answered with {answer:?}");
    assert!(raw.at_end().await, "something follows the refusal of {bytes:?}");
    assert_eq!(server.list(Tenant::A).await.seq, 0, "{bytes:?} posted something");
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

#[tokio::test]
async fn chunks_override_a_content_length_and_the_connection_ends() {
    let server = Server::start().await;
    let body = [&chunk(BODY), "0\r\n\r\n"].concat();
    let length = body.len() + HIDDEN.len();
    for (nth, lines) in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut raw = send(&server, &[POST, &lines, "\r\n", &body].concat()).await;
        let answer = raw.answer().await.is(StatusCode::CREATED);
        assert_eq!(answer.header("connection"), "close", "RFC 9112, section 6.1");
        assert!(raw.at_end().await);
        assert_eq!(server.list(Tenant::A).await.messages(), vec!["whole"; nth + 1]);
    }
}

#[tokio::test]
async fn a_body_with_an_ambiguous_length_is_refused() {
    let server = Server::start().await;
    for lines in [
        "Content-Length: 19\r\nContent-Length: 20\r\n",
        "Content-Length: 19, 19\r\n",
        "Content-Length: +19\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x13\r\n",
        "Content-Length: 1 9\r\n",
        "Content-Length: 19;\r\n",
        "Content-Length: \r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        check_refused(&server, &[POST, lines, "\r\n", BODY].concat()).await;
    }
    let old = POST.replace("HTTP/1.1", "HTTP/1.0");
    check_refused(&server, &[&old, "Transfer-Encoding: chunked\r\n\r\n", &chunk(BODY), "0\r\n\r\n"].concat()).await;
}

#[tokio::test]
async fn an_ambiguous_head_is_refused() {
    let server = Server::start().await;
    for lines in [
        "X-Folded: a\r\n b\r\nContent-Length: 19\r\n",
        "X-Folded: a\r\n\tContent-Length: 19\r\n",
        " Content-Length: 19\r\n",
        "Content-Length : 19\r\n",
        "Content-Length\t: 19\r\n",
        "Content Length: 19\r\n",
        "Content-Length\r\n",
        ": 19\r\n",
        "X: a\rContent-Length: 19\r\n",
        "X: a\0b\r\nContent-Length: 19\r\n",
        "X\0: a\r\nContent-Length: 19\r\n",
    ] {
        check_refused(&server, &[POST, lines, "\r\n", BODY].concat()).await;
    }
    for line in [
        "POST  /events HTTP/1.1",
        "POST /events  HTTP/1.1",
        "POST /events HTTP/1.1 ",
        "POST /eve nts HTTP/1.1",
        "POST /events HTTP/1.2",
        "POST /events HTTP/2.0",
        "POST /events",
        "PRI * HTTP/2.0",
        "POST \0/events HTTP/1.1",
    ] {
        check_refused(&server, &POST.replace("POST /events HTTP/1.1", line)).await;
    }
}

#[tokio::test]
async fn a_bare_line_feed_ends_a_header_for_every_rule() {
    // RFC 9112, section 2.2 allows a server to accept it as a line ending. Then a header behind it must count for all
    // checks, that of the tenant too.
    let server = Server::start().await;
    let length = format!("X: a\nContent-Length: {}\r\n\r\n", BODY.len());
    let mut raw = send(&server, &[POST, &length, BODY].concat()).await;
    raw.answer().await.is(StatusCode::CREATED);
    raw.answer().await.is(StatusCode::CREATED); // what follows the body is the next request, and not hidden
    let tenants = "X: a\nX-Tenant-ID: tenant_b\r\nContent-Length: 19\r\n\r\n";
    let mut raw = server.raw().await;
    raw.write([POST, tenants, BODY].concat()).await;
    raw.answer().await.refused(401);
}

#[tokio::test]
async fn an_invalid_chunk_is_refused_and_ends_the_connection() {
    let server = Server::start().await;
    let valid = chunk(BODY);
    for body in [
        "x\r\n".to_owned(),
        "\r\n".to_owned(),
        "-1\r\n".to_owned(),
        "+13\r\n".to_owned(),
        "0x13\r\n".to_owned(),
        "13 13\r\n".to_owned(),
        "fffffffffffffffff\r\n".to_owned(),
        valid.replace("13\r\n", "13\n"),
        valid.replace("13\r\n", "13;a\nb\r\n"),
        valid.replace("13\r\n", "13;a\rb\r\n"),
        valid.replace("13\r\n", "12\r\n"),
        valid.trim_end().to_owned() + "0\r\n\r\n",
        valid.clone() + "0\r\n: no name\r\n\r\n",
        valid.clone() + "0\n\n",
        valid.replace("13\r\n", &format!("13;{}\r\n", "x".repeat(64 * 1024))),
        valid.clone() + "0\r\n" + &"X: y\r\n".repeat(20_000) + "\r\n",
    ] {
        check_refused(&server, &[POST, "Transfer-Encoding: chunked\r\n\r\n", &body].concat()).await;
    }
}

#[tokio::test]
async fn an_ignored_body_is_never_parsed_as_a_request() {
    let server = Server::start().await;
    for (line, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: localhost", 200),
        ("GET /events HTTP/1.1\r\nHost: localhost\r\nX-Tenant-ID: tenant_a", 200),
        ("GET /vanilla/ HTTP/1.1\r\nHost: localhost", 200),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost", 404),
        ("TRACE /events HTTP/1.1\r\nHost: localhost", 405),
        ("DELETE /events HTTP/1.1\r\nHost: localhost", 405),
        ("POST /events HTTP/1.1\r\nHost: localhost", 401),
        ("POST /nowhere HTTP/1.1\r\nHost: localhost", 404),
        ("POST /events HTTP/1.1\r\nHost: rebound.example", 421),
        ("GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c", 401),
    ] {
        let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut raw = server.raw().await;
        raw.write(format!("{line}\r\nContent-Length: {}\r\n\r\n{HIDDEN}{next}", HIDDEN.len())).await;
        assert_eq!(raw.answer().await.status, status, "{line}");
        assert_eq!(raw.answer().await.status, StatusCode::OK, "the request behind {line}");
    }
    assert_eq!(server.list(Tenant::A).await.seq, 0);
}

#[tokio::test]
async fn bytes_behind_an_upgrade_are_never_parsed_as_a_request() {
    let server = Server::start().await;
    let handshake = String::from_utf8(server.new_socket(Tenant::A).head()).unwrap();
    let with_body = handshake.replace("\r\n\r\n", &format!("\r\nContent-Length: {}\r\n\r\n", HIDDEN.len()));
    let in_chunks = handshake.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");
    for request in [with_body, in_chunks] {
        send(&server, &request).await.answer().await.refused(400);
    }
    let mut raw = send(&server, &handshake).await;
    raw.answer().await.is(StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(raw.close_code().await, Some(1002), "it is not a frame");
    assert_eq!(server.list(Tenant::A).await.seq, 0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    raw.write([health, HIDDEN, health, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat()).await;
    for status in [200, 201, 200, 404] {
        assert_eq!(raw.answer().await.status, status);
    }
}
