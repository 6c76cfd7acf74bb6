//! Checks the server functions: one posts for the Leptos client, one reports the counts of the isolation view.

use serde_json::{Value, json};

use crate::{
    engine::SERVERS,
    support::{Answer, Client, Method, Program, Request, Server, StatusCode, Tenant, header},
};

fn new_call(server: &Client, tenant: Tenant, message: &str) -> Request {
    server.new_post(tenant, message).at("/api/post_event")
}

fn new_report(server: &Client) -> Request {
    server.request(Method::POST, "/api/isolation_report").json("{}")
}

#[tokio::test]
async fn the_server_function_posts_as_the_api_does() {
    let server = Server::start().await;
    let mut socket = server.connect(Tenant::B).await;
    let event = new_call(&server, Tenant::B, " from the page\r\n").send().await.created();
    assert_eq!((event.tenant_id.as_str(), event.message.as_str()), ("tenant_b", "from the page"));
    assert_eq!(socket.next_event().await, event);
    assert_eq!(server.list(Tenant::B).await.events, [event]);
}

#[tokio::test]
async fn the_server_function_and_the_api_share_idempotency_keys() {
    let server = Server::start().await;
    let first = new_call(&server, Tenant::A, "once").header("idempotency-key", "k").send().await.created();
    let again = server.new_post(Tenant::A, "once").header("idempotency-key", "k").send().await.created();
    assert_eq!((again, server.list(Tenant::A).await.seq), (first, 1));
    new_call(&server, Tenant::A, "another").header("idempotency-key", "k").send().await.refused(422);
}

#[tokio::test]
async fn what_the_channel_refuses_is_answered_and_logged_as_by_the_api() {
    let mut program = Program::start(&[]).await;
    program.new_post(Tenant::A, "once").header("idempotency-key", "k").send().await.created();
    let of_api = program.new_post(Tenant::A, "another").header("idempotency-key", "k").send().await;
    program.wait_for_log("problem=\"idempotency-key-reused\"").await;
    let of_function = new_call(&program, Tenant::A, "another").header("idempotency-key", "k").send().await;
    program.wait_for_log("problem=\"idempotency-key-reused\"").await;
    let headers_but_the_date = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove(header::DATE);
        headers
    };
    assert_eq!(headers_but_the_date(&of_api), headers_but_the_date(&of_function));
    assert_eq!(of_api.refused(422).detail, of_function.refused(422).detail);
}

#[tokio::test]
async fn a_server_function_answers_with_json_and_never_redirects() {
    let server = Server::start().await;
    for accept in ["application/json", "text/html,*/*;q=0.8"] {
        let call = new_call(&server, Tenant::A, "x").header("accept", accept).header("referer", "http://localhost/");
        call.send().await.created();
        let refused = server.request(Method::POST, "/api/post_event").header("accept", accept).send().await;
        assert!(!refused.headers.contains_key(header::LOCATION));
        refused.refused(401);
    }
}

#[tokio::test]
async fn the_isolation_report_counts_both_tenants_and_names_neither() {
    let server = Server::alone(|_| {}).await;
    let socket = server.connect(Tenant::B).await;
    server.post(Tenant::A, "x").await.created();
    server.new_socket(Tenant::A).header("origin", "null").send().await.refused(403);
    let mut foreign = server.get("/");
    foreign.set("host", "rebound.example");
    foreign.send().await.refused(421);

    let answer = new_report(&server).tenant(Tenant::A).send().await.is(StatusCode::OK);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let ended = json!({ "slow": 0, "silent": 0, "stopping": 0, "unreachable": 0, "policy": 0, "closed_by_peer": 0 });
    let counts: Value = serde_json::from_slice(&answer.body).unwrap();
    let timestamp = counts["timestamp"].as_str().unwrap();
    assert!(timestamp >= socket.hello.timestamp.as_str(), "{timestamp}");
    let of_a = server.list(Tenant::A).await.epoch;
    let process: uuid::Uuid = counts["epoch"].as_str().unwrap().parse().unwrap();
    assert_eq!(process.to_string() == socket.hello.epoch, SERVERS == 1, "a server alone has one epoch for all");
    let expected = json!({
        "epoch": process.to_string(),
        "timestamp": timestamp,
        "build": socket.hello.build,
        "tenants": [
            { "epoch": of_a, "connections": 0, "accepted": 1, "delivered": 0, "ended": ended },
            { "epoch": socket.hello.epoch, "connections": 1, "accepted": 0, "delivered": 0, "ended": ended },
        ],
        "refused_origin": 1,
        "refused_host": 1,
    });
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn the_isolation_report_accepts_only_an_empty_object() {
    let server = Server::start().await;
    let with_body = |body: &str| new_report(&server).body(body);
    for body in ["[]", "null", "{\"tenant\":\"tenant_a\"}"] {
        assert_eq!(with_body(body).send().await.status, 422, "{body}");
    }
    with_body("{").send().await.refused(400);
    with_body(&" ".repeat(17 * 1024)).send().await.refused(413);
    server.request(Method::POST, "/api/isolation_report").body("{}").send().await.refused(415);
    server.get("/api/isolation_report").send().await.refused(405);
}

#[tokio::test]
async fn no_other_server_function_exists() {
    let server = Server::start().await;
    for path in ["/api", "/api/", "/api/post_event/", "/api/post_event2", "/api/isolation_report/x"] {
        let call = server.new_post(Tenant::A, "x").at(path);
        call.send().await.refused(404);
    }
}
