//! Checks the content codings of answers (contract, "Codings"): of pages and lists, which are compressed for requests, and
//! of the site's files. The choice among codings is checked in `files`.

use crate::support::{Answer, Method, Server, StatusCode, Tenant, header};

/// Values of `Accept-Encoding`, and the coding of the answer to each.
const CODINGS: [(&str, Option<&str>); 4] =
    [("gzip, deflate, br, zstd", Some("br")), ("gzip, deflate", Some("gzip")), ("br;q=0", None), ("identity", None)];

/// A server with enough events that the list of each tenant is worth compressing.
async fn with_events() -> Server {
    let server = Server::start().await;
    for tenant in Tenant::ALL {
        for n in 0..10 {
            server.post(tenant, &format!("event {n} of {tenant}, in a message of some length")).await.created();
        }
    }
    server
}

async fn get(server: &Server, target: &str, accepted: &str) -> Answer {
    let request = if target == "/events" { server.get(target).tenant(Tenant::A) } else { server.get(target) };
    request.header("accept-encoding", accepted).send().await
}

#[tokio::test]
async fn pages_lists_and_files_are_sent_in_the_coding_that_the_client_prefers() {
    let server = with_events().await;
    for target in ["/?tenant=tenant_a", "/", "/?tenant=nobody", "/events", "/openapi.json", "/vanilla/"] {
        let plain = server.get(target).tenant(Tenant::A).send().await;
        assert_eq!(plain.coding(), None, "{target}: without Accept-Encoding");
        for (accepted, coding) in CODINGS {
            let answer = get(&server, target, accepted).await;
            assert_eq!(answer.coding(), coding, "{target}: {accepted}");
            assert_eq!(answer.decoded(), plain.body, "{target}: {accepted}");
            assert!(coding.is_none() || answer.body.len() < plain.body.len() / 2, "{target}: {accepted}");
            assert!(answer.header(header::VARY).to_lowercase().contains("accept-encoding"), "{target}");
            assert_eq!(answer.header(header::CONTENT_LENGTH), answer.body.len().to_string(), "{target}");
        }
    }
}

#[tokio::test]
async fn the_isolation_view_is_compressed() {
    let server = with_events().await;
    for (accepted, coding) in CODINGS {
        let page = get(&server, "/isolation", accepted).await;
        assert_eq!(page.coding(), coding, "{accepted}");
        assert!(String::from_utf8(page.decoded()).unwrap().ends_with("</html>"), "{accepted}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_in_each_coding() {
    let server = with_events().await;
    for target in ["/?tenant=tenant_a", "/events", "/openapi.json"] {
        for (accepted, coding) in CODINGS {
            let get = get(&server, target, accepted).await;
            let head = server.request(Method::HEAD, target).tenant(Tenant::A).header("accept-encoding", accepted);
            let head = head.send().await.is(StatusCode::OK);
            assert_eq!((head.coding(), &head.body[..]), (coding, &b""[..]), "{target}: {accepted}");
            assert_eq!(head.header(header::CONTENT_LENGTH), get.header(header::CONTENT_LENGTH), "{target}");
        }
    }
}

#[tokio::test]
async fn each_coding_of_a_list_has_its_own_etag_and_each_gets_304() {
    let server = with_events().await;
    let mut tags = Vec::new();
    for accepted in ["br", "gzip", "identity"] {
        tags.push(get(&server, "/events", accepted).await.header(header::ETAG).to_owned());
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    for tag in &tags {
        for accepted in ["br", "gzip", "identity"] {
            let request = server.get("/events").tenant(Tenant::A).header("accept-encoding", accepted);
            let answer = request.header("if-none-match", tag).send().await.is(StatusCode::NOT_MODIFIED);
            assert_eq!(answer.header(header::ETAG), tag);
            assert_eq!(answer.coding(), None);
        }
    }
}

#[tokio::test]
async fn small_answers_are_plain() {
    let server = Server::start().await;
    server.post(Tenant::A, "short").await.created();
    for request in [
        server.get("/events").tenant(Tenant::A),
        server.get("/healthz"),
        server.get("/nowhere"),
        server.new_post(Tenant::A, "short"),
    ] {
        let (asked, request) = (request.path.clone(), request.header("accept-encoding", "br, gzip"));
        assert_eq!(request.send().await.coding(), None, "{asked}");
    }
}

#[tokio::test]
async fn a_list_above_2_mb_is_sent_as_gzip_or_plain() {
    let server = Server::with(|settings| settings.retain = 1_100).await;
    let mut connection = server.open().await;
    for _ in 0..1_100 {
        // 500 characters of 4 bytes each: 1,100 times 2 kB are 2.2 MB.
        connection.send(server.new_post(Tenant::A, &"\u{1f980}".repeat(500))).await.created();
    }
    for (accepted, coding) in [("br, gzip", Some("gzip")), ("br", None), ("identity", None)] {
        let list = get(&server, "/events", accepted).await;
        assert_eq!(list.coding(), coding, "{accepted}");
        assert!(list.decoded().len() > 2 * 1024 * 1024);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_never_older_than_the_request() {
    let server = Server::start().await;
    for n in 0..50 {
        let message = format!("event {n} {}", "with a long tail ".repeat(20));
        server.post(Tenant::A, &message).await.created();
        for (target, accepted) in [("/events", "br"), ("/events", "gzip"), ("/?tenant=tenant_a", "br")] {
            let answer = String::from_utf8(get(&server, target, accepted).await.decoded()).unwrap();
            assert!(answer.contains(&format!("event {n} ")), "{target} in {accepted} lacks the newest event");
        }
    }
}
