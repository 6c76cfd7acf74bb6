//! The description of the HTTP side, for machines: it tells of every operation, and of every status that one can have.

use std::collections::BTreeSet;

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

/// The statuses that the document tells of for this request.
fn told(document: &Value, request: &Request) -> BTreeSet<u16> {
    let operation = &document["paths"][&request.path][request.method.as_str().to_lowercase()];
    let responses = operation["responses"].as_object();
    let responses = responses.unwrap_or_else(|| panic!("nothing is told of {} {}", request.method, request.path));
    responses.keys().map(|status| status.parse().unwrap()).collect()
}

/// A right request for each operation that there is.
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
        server.get("/openapi.json"),
    ]
}

#[tokio::test]
async fn it_tells_of_every_operation_and_of_no_other() {
    let server = Server::start().await;
    let document = document(&server).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut known = BTreeSet::new();
    for request in operations(&server) {
        let told = told(&document, &request);
        let what = format!("{} {}", request.method.as_str().to_lowercase(), request.path);
        let status = request.send().await.status.as_u16();
        assert!(status < 300 && told.contains(&status), "{what} gave {status}");
        known.insert(what);
    }
    let paths = document["paths"].as_object().unwrap().iter();
    let all =
        paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")));
    assert_eq!(all.collect::<BTreeSet<_>>(), known);
}

#[tokio::test]
async fn it_tells_of_every_refusal() {
    let server = Server::start().await;
    let document = document(&server).await;
    let known = |fault: &&Fault| !matches!(fault.status, 404 | 405); // of another path, or another method
    for (right, faults) in [
        (server.new_post(Tenant::A, "x"), of_a_post()),
        (server.new_post(Tenant::A, "x").at("/api/post_event"), of_a_post()),
        (server.get("/events").tenant(Tenant::A), of_a_list()),
        (server.new_socket(Tenant::A), of_a_handshake()),
    ] {
        let told = told(&document, &right);
        for fault in faults.iter().filter(known) {
            assert!(told.contains(&fault.status), "{} of {} {}", fault.status, right.method, right.path);
        }
    }
    for request in operations(&server) {
        let told = told(&document, &request);
        for status in [400, 405, 408, 413, 421, 503] {
            assert!(told.contains(&status), "{status} of {} {}", request.method, request.path);
        }
        let mut wrong = request.clone();
        wrong.method = Method::PATCH;
        wrong.send().await.refused(405);
    }
}

#[tokio::test]
async fn every_reference_in_it_leads_somewhere() {
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
