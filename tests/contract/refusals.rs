//! Checks every refusal, and which one wins if several apply.

use serde_json::json;

use crate::support::{Client, Method, Request, Server, StatusCode, Tenant, within};

/// A way to make a valid request invalid.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// Its rank in the contract's order. Of two faults with the same rank, either may win.
    rank: u8,
    what: &'static str,
    pub(crate) status: u16,
    pub(crate) spoil: fn(&mut Request),
}

const fn fault(rank: u8, what: &'static str, status: u16, spoil: fn(&mut Request)) -> Fault {
    Fault { rank, what, status, spoil }
}

/// The faults of the `Host`, which any request can have.
pub(crate) const OF_THE_HOST: [Fault; 4] = [
    fault(1, "no Host", 400, |request| {
        request.headers.remove("host");
    }),
    fault(1, "two Hosts", 400, |request| {
        let first = request.headers["host"].clone();
        request.add("host", first);
    }),
    fault(1, "a malformed Host", 400, |request| request.set("host", "a/b")),
    fault(2, "a foreign Host", 421, |request| request.set("host", "feed.example")),
];

const OF_THE_PATH: Fault = fault(4, "an unknown path", 404, |request| request.path = String::from("/nowhere"));
const OF_THE_METHOD: Fault = fault(5, "a wrong method", 405, |request| request.method = Method::PUT);

const OF_THE_TENANT: [Fault; 3] = [
    fault(7, "no tenant", 401, |request| {
        request.headers.remove("x-tenant-id");
    }),
    fault(7, "an unknown tenant", 401, |request| request.set("x-tenant-id", "tenant_c")),
    fault(7, "two tenants", 401, |request| request.add("x-tenant-id", "tenant_b")),
];

/// A key that was used before, with another message than `another`.
const USED: &str = "used";

const OF_A_BODY: [Fault; 5] = [
    fault(11, "no media type", 415, |request| {
        request.headers.remove("content-type");
    }),
    fault(11, "another media type", 415, |request| request.set("content-type", "text/plain")),
    fault(12, "too large a body", 413, |request| request.body.resize(17 * 1024, b' ')),
    fault(13, "a body that is not UTF-8", 400, |request| request.body.push(0xff)),
    fault(13, "a body that is not JSON", 400, |request| request.body.push(b'}')),
];

const OF_A_MESSAGE: [Fault; 7] = [
    fault(14, "a wrong shape", 422, |request| request.body = b"{\"text\":\"x\"}".to_vec()),
    fault(14, "an array", 422, |request| request.body = b"[\"x\"]".to_vec()),
    fault(14, "no string", 422, |request| request.body = b"{\"message\":1}".to_vec()),
    fault(14, "an empty message", 422, |request| request.body = b"{\"message\":\" \"}".to_vec()),
    fault(14, "a long message", 422, |request| request.body = json!({ "message": "x".repeat(501) }).to_string().into()),
    fault(14, "a control character", 422, |request| request.body = b"{\"message\":\"a\\u0000b\"}".to_vec()),
    fault(14, "a used key", 422, |request| {
        request.set("idempotency-key", USED);
        request.body = b"{\"message\":\"another\"}".to_vec();
    }),
];

const OF_A_KEY: [Fault; 2] = [
    fault(10, "a malformed key", 400, |request| request.set("idempotency-key", "a b")),
    fault(10, "two keys", 400, |request| {
        request.add("idempotency-key", "one");
        request.add("idempotency-key", "two");
    }),
];

const OF_A_HANDSHAKE: [Fault; 7] = [
    fault(6, "a foreign Origin", 403, |request| request.set("origin", "http://feed.example")),
    fault(6, "the Origin null", 403, |request| request.set("origin", "null")),
    fault(7, "no tenant", 401, |request| request.query.clear()),
    fault(7, "two tenants", 401, |request| request.query.push_str("&tenant=tenant_b")),
    fault(8, "no upgrade", 426, |request| {
        request.headers.remove("upgrade");
    }),
    fault(9, "another version", 400, |request| request.set("sec-websocket-version", "8")),
    fault(9, "no key", 400, |request| {
        request.headers.remove("sec-websocket-key");
    }),
];

/// Every reason to refuse a post of a server that is not stopping, in the contract's order.
pub(crate) fn of_a_post() -> Vec<Fault> {
    let path = [OF_THE_PATH, OF_THE_METHOD];
    [&OF_THE_HOST[..], &path, &OF_THE_TENANT, &OF_A_KEY, &OF_A_BODY, &OF_A_MESSAGE].concat()
}

/// Every reason to refuse a list of a server that is not stopping, in the contract's order.
pub(crate) fn of_a_list() -> Vec<Fault> {
    [&OF_THE_HOST[..], &[OF_THE_PATH, OF_THE_METHOD], &OF_THE_TENANT].concat()
}

/// Every reason to refuse a handshake of a server that is not stopping, in the contract's order.
pub(crate) fn of_a_handshake() -> Vec<Fault> {
    [&OF_THE_HOST[..], &[OF_THE_PATH, OF_THE_METHOD], &OF_A_HANDSHAKE].concat()
}

/// Checks each fault alone and each pair of faults: the one that the contract names first wins.
async fn check_order(faults: &[Fault], right: impl Fn() -> Request) {
    let refused = async |faults: &[Fault], status| {
        let mut request = right();
        // The later fault is applied first, since it may replace a body or header that the earlier one then changes
        // again.
        faults.iter().rev().for_each(|fault| (fault.spoil)(&mut request));
        let answer = request.send().await;
        let what: Vec<_> = faults.iter().map(|fault| fault.what).collect();
        assert_eq!(answer.status, status, "{what:?} gave {answer:?}");
        answer.refused(status).kind
    };
    for (index, first) in faults.iter().enumerate() {
        let alone = refused(&[*first], first.status).await;
        for second in faults[index + 1..].iter().filter(|second| second.rank > first.rank) {
            let kind = refused(&[*first, *second], first.status).await;
            assert_eq!(kind, alone, "{} before {}", first.what, second.what);
        }
    }
}

/// Checks that `path` refuses posts in the contract's order, and that the refused posts changed nothing.
async fn check_posts(path: &str) {
    let server = Server::start().await;
    let first = server.new_post(Tenant::A, "first").header("idempotency-key", USED).send().await.created();
    let mut socket = server.connect(Tenant::A).await;
    let before = server.list(Tenant::A).await;
    check_order(&of_a_post(), || server.new_post(Tenant::A, "valid").at(path)).await;
    assert_eq!((&before.events[..], server.list(Tenant::A).await), (&[first][..], before.clone()));
    let marker = server.post(Tenant::A, "marker").await.created();
    assert_eq!((socket.next_event().await, socket.seq()), (marker, 2));
    assert_eq!(server.list(Tenant::B).await.seq, 0);
}

#[tokio::test]
async fn a_post_is_refused_for_the_first_reason_that_applies_and_changes_nothing() {
    check_posts("/events").await;
}

#[tokio::test]
async fn the_server_function_refuses_as_the_api_does() {
    check_posts("/api/post_event").await;
}

#[tokio::test]
async fn a_list_is_refused_for_the_first_reason_that_applies() {
    let server = Server::start().await;
    check_order(&of_a_list(), || server.get("/events").tenant(Tenant::A)).await;
}

#[tokio::test]
async fn a_handshake_is_refused_for_the_first_reason_that_applies() {
    let server = Server::start().await;
    check_order(&of_a_handshake(), || server.new_socket(Tenant::A)).await;
    assert_eq!(server.counts(Tenant::A).await["connections"], 0);
}

#[tokio::test]
async fn a_full_server_is_the_last_reason_to_refuse_a_handshake() {
    let server = Server::alone(|settings| settings.max_connections = 1).await;
    let _taken = server.connect(Tenant::A).await;
    server.new_socket(Tenant::A).send().await.refused(503);
    check_order(&of_a_handshake(), || server.new_socket(Tenant::A)).await;
}

#[tokio::test]
async fn a_refusal_carries_the_headers_that_its_status_requires() {
    let server = Server::start().await;
    let allowed = server.request(Method::DELETE, "/events").send().await;
    let mut methods: Vec<_> = allowed.header("allow").split(',').map(str::trim).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "POST"]);
    let upgrade = server.get("/ws?tenant=tenant_a").send().await;
    assert_eq!(upgrade.header("upgrade"), "websocket");
    upgrade.refused(426);
    let version = server.new_socket(Tenant::A).header("sec-websocket-version", "8").send().await;
    assert_eq!(version.header("sec-websocket-version"), "13");
    assert!(server.get("/events").send().await.refused(401).detail.contains("X-Tenant-ID"));
}

#[tokio::test]
async fn malformed_http_gets_a_4xx_without_a_body() {
    let server = Server::start().await;
    for bytes in ["nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
        let mut raw = server.raw().await;
        raw.write(bytes).await;
        let answer = raw.answer().await;
        assert!(answer.status.is_client_error() && answer.body.is_empty(), "{answer:?}");
    }
}

/// A post without a tenant, which is refused before its body of this length is read.
fn large_post(server: &Client, length: usize) -> Request {
    server.request(Method::POST, "/events").json(vec![b'x'; length])
}

#[tokio::test]
async fn an_early_refusal_of_a_large_body_arrives_and_the_connection_stays_usable() {
    let server = Server::start().await;
    let mut connection = server.open().await;
    connection.send(large_post(&server, 2 << 20)).await.refused(401);
    connection.send(large_post(&server, 2 << 20).chunked()).await.refused(401);
    connection.send(large_post(&server, 1 << 20).tenant(Tenant::A)).await.refused(413);
    connection.send(server.new_post(Tenant::A, "after")).await.created();
}

#[tokio::test]
async fn the_body_limit_applies_to_routes_that_read_no_body() {
    let server = Server::start().await;
    let list = || server.get("/events").tenant(Tenant::A);
    for request in [list(), server.get("/healthz"), server.get("/?tenant=tenant_a"), server.get("/vanilla/")] {
        request.clone().body(vec![b'x'; 16 * 1024]).send().await.is(StatusCode::OK);
        request.clone().body(vec![b'x'; 16 * 1024 + 1]).send().await.refused(413);
        // hyper's client sends a body of unknown length with a GET only if this header is present.
        let chunked = request.header("transfer-encoding", "chunked").chunked();
        chunked.body(vec![b'x'; 16 * 1024 + 1]).send().await.refused(413);
    }
    list().body(vec![b'x'; 20_000]).at("/nowhere").send().await.refused(404); // an unknown path is refused first
}

#[tokio::test]
async fn an_early_refusal_arrives_whether_or_not_the_body_was_read_to_its_end() {
    let server = Server::start().await;
    let post = large_post(&server, 0).header("content-length", (1 << 20).to_string());
    let mut raw = server.raw().await;
    raw.write(post.head()).await;
    raw.write(vec![b'x'; 1 << 20]).await; // all of it, before the answer is read
    raw.answer().await.refused(401);
    let mut raw = server.raw().await;
    raw.write(post.head()).await; // and here nothing of the body
    raw.answer().await.refused(401);
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_refused_at_once() {
    let server = Server::start().await;
    let post = large_post(&server, 0).header("content-length", "1000").header("expect", "100-continue");
    let mut raw = server.raw().await;
    raw.write(post.head()).await;
    raw.answer().await.refused(401);
    assert!(raw.at_end().await, "the body will never come, so that the connection must end");
}

#[tokio::test]
async fn no_answer_has_a_cors_header() {
    let server = Server::start().await;
    let preflight = server.request(Method::OPTIONS, "/events").header("origin", "http://feed.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let answers = [
        preflight.header("access-control-request-headers", "x-tenant-id").send().await,
        server.new_post(Tenant::A, "x").header("origin", "http://feed.example").send().await,
        server.get("/events").tenant(Tenant::A).header("origin", "http://feed.example").send().await,
    ];
    assert_eq!(answers[0].status, StatusCode::METHOD_NOT_ALLOWED);
    for answer in answers {
        let granted = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(granted, None);
    }
}

#[tokio::test]
async fn the_server_still_serves_after_hundreds_of_refusals() {
    let server = Server::start().await;
    let requests = (0..300).map(|_| server.get("/nowhere").send());
    let answers = within("all answers", futures_util::future::join_all(requests)).await;
    answers.into_iter().for_each(|answer| assert_eq!(answer.refused(404).status, 404));
    server.get("/healthz").send().await.is(StatusCode::OK);
}
