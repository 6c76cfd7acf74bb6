//! Checks `/openapi.json`: it lists every operation, and every status that each can return.

use std::collections::BTreeSet;

use event_feed::server::Route;
use serde_json::Value;

use crate::{
    refusals::{Fault, of_a_handshake, of_a_list, of_a_post},
    support::{Method, Request, Server, StatusCode, Tenant, header},
};

async fn document(server: &Server) -> Value {
    let answer = server.get("/openapi.json").send().await.is(StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    serde_json::from_slice(&answer.body).unwrap()
}

/// The statuses that the document lists for this request.
fn documented(document: &Value, request: &Request) -> BTreeSet<u16> {
    let operation = &document["paths"][&request.path][request.method.as_str().to_lowercase()];
    let responses = operation["responses"].as_object();
    let responses = responses.unwrap_or_else(|| panic!("{} {} is not documented", request.method, request.path));
    responses.keys().map(|status| status.parse().unwrap()).collect()
}

/// A valid request for each operation.
fn operations(server: &Server) -> Vec<Request> {
    let post = server.new_post(Tenant::A, "x");
    vec![
        server.get("/events").tenant(Tenant::A),
        post.clone(),
        server.new_socket(Tenant::A),
        server.get("/?tenant=tenant_a"),
        server.get("/isolation"),
        server.get("/vanilla/"),
        post.at("/api/post_event"),
        server.request(Method::POST, "/api/isolation_report").json("{}"),
        server.get("/healthz"),
        server.get("/readyz"),
        server.get("/openapi.json"),
        server.get("/asyncapi.json"),
    ]
}

#[tokio::test]
async fn the_document_lists_every_operation_and_no_other() {
    let server = Server::start().await;
    let document = document(&server).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut known = BTreeSet::new();
    for request in operations(&server) {
        let documented = documented(&document, &request);
        let what = format!("{} {}", request.method.as_str().to_lowercase(), request.path);
        let status = request.send().await.status.as_u16();
        assert!(status < 300 && documented.contains(&status), "{what} gave {status}");
        known.insert(what);
    }
    let paths = document["paths"].as_object().unwrap().iter();
    for route in Route::ALL {
        assert!(document["paths"].get(route.path()).is_some(), "{} is not documented", route.path());
    }
    let all =
        paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")));
    assert_eq!(all.collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn the_document_lists_every_refusal() {
    let server = Server::start().await;
    let document = document(&server).await;
    let is_documented = |fault: &&Fault| !matches!(fault.status, 404 | 405); // these belong to another path or method
    for (right, faults) in [
        (server.new_post(Tenant::A, "x"), of_a_post()),
        (server.new_post(Tenant::A, "x").at("/api/post_event"), of_a_post()),
        (server.get("/events").tenant(Tenant::A), of_a_list()),
        (server.new_socket(Tenant::A), of_a_handshake()),
    ] {
        let documented = documented(&document, &right);
        for fault in faults.iter().filter(is_documented) {
            assert!(documented.contains(&fault.status), "{} of {} {}", fault.status, right.method, right.path);
        }
    }
    for request in operations(&server) {
        let documented = documented(&document, &request);
        for status in [400, 405, 408, 413, 421, 503] {
            assert!(documented.contains(&status), "{status} of {} {}", request.method, request.path);
        }
        let mut wrong = request.clone();
        wrong.method = Method::PATCH;
        wrong.send().await.refused(405);
    }
}

#[tokio::test]
async fn every_reference_in_the_document_resolves() {
    fn check(whole: &Value, part: &Value) {
        match part {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let there = whole.pointer(reference.strip_prefix('#').expect("within the document"));
                    assert!(there.is_some(), "{reference}");
                }
                fields.values().for_each(|field| check(whole, field));
            }
            Value::Array(items) => items.iter().for_each(|item| check(whole, item)),
            _ => {}
        }
    }
    let document = document(&Server::start().await).await;
    check(&document, &document);
}
