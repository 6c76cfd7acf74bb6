//! Checks the security headers of every answer: no page may be framed, sniffed, or scripted by another site.

use std::collections::BTreeMap;

use crate::support::{Answer, Method, Program, Request, Server, Tenant, header};

/// A request for every route and every kind of answer.
fn of_every_route(server: &Server) -> Vec<Request> {
    let post = server.new_post(Tenant::A, "x");
    let mut foreign = server.get("/");
    foreign.set("host", "rebound.example");
    vec![
        server.get("/"),
        server.get("/?tenant=tenant_a"),
        server.get("/?tenant=nobody"),
        server.get("/isolation"),
        server.get("/vanilla/"),
        server.get("/vanilla/index.html"),
        server.get("/vanilla/app.js"),
        server.get("/vanilla/style.css"),
        server.get("/favicon.svg"),
        server.get("/openapi.json"),
        server.get("/vanilla/").header("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT"),
        server.get("/vanilla"), // a redirect
        server.get("/healthz"),
        server.get("/events").tenant(Tenant::A),
        server.get("/events").tenant(Tenant::A).header("if-none-match", "*"),
        server.get("/events"),
        server.get("/nowhere"),
        server.get("/ws?tenant=tenant_a"),
        server.new_socket(Tenant::A).header("origin", "null"),
        server.new_socket(Tenant::A),
        server.request(Method::HEAD, "/?tenant=tenant_a"),
        server.request(Method::OPTIONS, "/events"),
        server.request(Method::POST, "/api/isolation_report").json("{}"),
        post.clone().at("/api/post_event"),
        post.clone().json("{"),
        post,
        foreign,
    ]
}

fn policy(answer: &Answer) -> BTreeMap<&str, Vec<&str>> {
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    let directives = policy.split(';').filter_map(|directive| {
        let mut words = directive.split_whitespace();
        Some((words.next()?, words.collect()))
    });
    let map: BTreeMap<_, _> = directives.clone().collect();
    assert_eq!(map.len(), directives.count(), "a browser ignores the second of two equal directives: {policy}");
    map
}

#[track_caller]
fn check_headers(what: &str, answer: &Answer) {
    assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{what}");
    assert_eq!(answer.header(header::REFERRER_POLICY), "no-referrer", "{what}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{what}");
    let features = answer.header("permissions-policy");
    for feature in ["camera", "geolocation", "microphone", "payment", "usb"] {
        assert!(features.contains(&format!("{feature}=()")), "{what}: {features}");
    }
    for reveals in ["server", "x-powered-by"] {
        assert!(!answer.headers.contains_key(reveals), "{what} reveals its {reveals}");
    }
    if answer.body.is_empty() && !answer.headers.contains_key(header::CONTENT_TYPE) {
        // In a 304 it would replace the policy of the page that the browser has cached.
        assert!(!answer.headers.contains_key(header::CONTENT_SECURITY_POLICY), "{what}");
        return;
    }
    assert!(!answer.header(header::CONTENT_TYPE).is_empty(), "{what}");
    let policy = policy(answer);
    assert_eq!(policy["default-src"], ["'none'"], "{what}");
    assert_eq!(policy["frame-ancestors"], ["'none'"], "{what}");
    assert_eq!(policy["base-uri"], ["'none'"], "{what}");
}

#[tokio::test]
async fn every_answer_of_every_route_carries_the_security_headers() {
    let server = Server::start().await;
    for request in of_every_route(&server) {
        let what = format!("{} {}", request.method, request.path);
        check_headers(&what, &request.send().await);
    }
}

#[tokio::test]
async fn a_page_may_load_and_connect_only_to_its_own_server() {
    let server = Server::start().await;
    for target in ["/", "/?tenant=tenant_a", "/?tenant=nobody", "/isolation", "/vanilla/"] {
        let page = server.get(target).send().await;
        let policy = policy(&page);
        for directive in ["img-src", "connect-src", "form-action"] {
            assert_eq!(policy[directive], ["'self'"], "{target}: {directive}");
        }
        assert_eq!(policy["object-src"], ["'none'"], "{target}");
        let ["'self'", style @ ..] = &policy["style-src"][..] else { panic!("{target}: {policy:?}") };
        assert!(style.len() <= usize::from(target != "/vanilla/"), "{target}: linked from the sources: {style:?}");
        assert!(style.iter().all(|hash| hash.starts_with("'sha256-")), "{target}: {style:?}");
        let ["'self'", hashes @ .., "'wasm-unsafe-eval'"] = &policy["script-src"][..] else {
            panic!("{target}: {policy:?}")
        };
        assert_eq!(hashes.len(), if target == "/vanilla/" { 0 } else { 4 }, "{target}");
        assert!(hashes.iter().all(|hash| hash.starts_with("'sha256-")), "{target}: {hashes:?}");
        let known = ["default-src", "script-src", "base-uri", "frame-ancestors", "object-src", "style-src", "img-src"];
        let known =
            [&known[..], &["connect-src", "form-action", "require-trusted-types-for", "trusted-types"]].concat();
        assert!(policy.keys().all(|directive| known.contains(directive)), "{target}: {policy:?}");
    }
}

#[tokio::test]
async fn the_no_build_page_may_not_turn_text_into_markup() {
    let server = Server::start().await;
    let page = server.get("/vanilla/").send().await;
    let policy = policy(&page);
    assert_eq!(policy["require-trusted-types-for"], ["'script'"]);
    assert_eq!(policy["trusted-types"], ["'none'"]);
}

#[tokio::test]
async fn an_answer_that_is_not_a_page_may_load_and_run_nothing() {
    let server = Server::start().await;
    for request in [server.get("/events").tenant(Tenant::A), server.get("/nowhere"), server.get("/favicon.svg")] {
        let answer = request.send().await;
        assert_eq!(policy(&answer).keys().collect::<Vec<_>>(), [&"base-uri", &"default-src", &"frame-ancestors"]);
    }
}

#[tokio::test]
async fn a_rejected_connection_gets_the_security_headers_too() {
    let program = Program::with_few_files().await;
    let (_busy, refused) = program.fill_with_busy_connections().await;
    check_headers("a rejected connection", &refused);
    refused.refused(503);
}
