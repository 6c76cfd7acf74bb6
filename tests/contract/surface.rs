//! Proves isolation over the whole surface: requests every route in every way, with one tenant's credential alone, and
//! searches the answers for the other tenant's secrets. The routes are the server's own table, so that none can be
//! forgotten.

use std::{fs, path::Path};

use event_feed::server::Route;
use leptos::server_fn::axum::server_fn_paths;
use uuid::Uuid;

use crate::support::{Answer, Client, Connection, Method, Received, Request, Server, StatusCode, Tenant, header};

const METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

/// Queries that name the asking tenant or none, and hint at the other.
const QUERIES: [&str; 12] = [
    "",
    "tenant={own}",
    "tenant={own}&tenant={other}",
    "tenant={other}&tenant={own}",
    "tenant={own},{other}",
    "tenant={own}&t%65nant={other}",
    "tenant={own}%26tenant={other}",
    "tenant={own};tenant={other}",
    "tenant[]={other}",
    "Tenant={other}",
    "tenant_id={other}&X-Tenant-ID={other}",
    "tenant=*",
];

/// Headers that hint at the other tenant, or that could change the answer.
const HEADERS: [(&str, &str); 18] = [
    ("x-tenant-id", "{other}"), // a second line
    ("x-tenant", "{other}"),
    ("tenant", "{other}"),
    ("tenant-id", "{other}"),
    ("cookie", "tenant={other}; X-Tenant-ID={other}"),
    ("authorization", "Tenant {other}"),
    ("referer", "http://localhost/?tenant={other}"),
    ("forwarded", "for={other};host=localhost"),
    ("x-original-url", "/events?tenant={other}"),
    ("x-rewrite-url", "/?tenant={other}"),
    ("x-http-method-override", "GET"),
    ("if-none-match", "{etag}"),
    ("if-match", "{etag}"),
    ("idempotency-key", "{key}"),
    ("range", "bytes=0-"),
    ("accept", "text/html,*/*"),
    ("accept", "text/event-stream"),
    ("accept-encoding", "br, gzip, zstd"),
];

const BODIES: [&str; 5] = [
    "",
    "{}",
    r#"{"message":"a probe"}"#,
    r#"{"message":"a probe","tenant_id":"{other}"}"#,
    r#"{"message":"a probe","tenant":"{other}","X-Tenant-ID":"{other}"}"#,
];

/// A tenant's secrets. They cannot be guessed, so that one of them in an answer to the other tenant proves a leak.
struct Planted {
    tenant: Tenant,
    secrets: Vec<String>,
    key: String,
    message: String,
    etag: String,
}

impl Planted {
    async fn plant(server: &Server, tenant: Tenant) -> Self {
        let [key, message] = [(); 2].map(|()| Uuid::new_v4().simple().to_string());
        let post = server.new_post(tenant, &message).header("idempotency-key", &key);
        let event = post.send().await.created();
        let connection_id = server.connect(tenant).await.hello.connection_id;
        let list = server.get("/events").tenant(tenant).send().await;
        let etag = list.header(header::ETAG).to_owned();
        Self {
            tenant,
            secrets: vec![key.clone(), message.clone(), event.id, connection_id, etag.trim_matches('"').to_owned()],
            key,
            message,
            etag,
        }
    }

    /// The request with which this tenant reads its own event from a route; `None` for a route that shows no events.
    /// The match has no `_` arm, so that a new route must be added here.
    fn request_for_its_own(&self, server: &Client, route: Route) -> Option<Request> {
        let request = match route {
            Route::Index => server.get(&format!("/?tenant={}", self.tenant)),
            Route::Events => server.get(route.path()).tenant(self.tenant),
            Route::PostEvent => {
                let post = server.new_post(self.tenant, &self.message).at(route.path());
                post.header("idempotency-key", &self.key)
            }
            Route::Socket => return None, // a stream has no end to read up to: `a_socket_…` tests it
            Route::Health | Route::Ready | Route::Isolation | Route::IsolationReport => return None,
        };
        Some(request)
    }

    fn is_seen_in(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret))
    }
}

/// Plants both tenants' secrets in one server, and returns those of the asking tenant and of the other.
async fn plant_both(server: &Server, asking: Tenant) -> (Planted, Planted) {
    let [a, b] = [Planted::plant(server, Tenant::A).await, Planted::plant(server, Tenant::B).await];
    match asking {
        Tenant::A => (a, b),
        Tenant::B => (b, a),
    }
}

/// Fills in the placeholders of a pattern.
fn filled(pattern: &str, own: &Planted, other: &Planted) -> String {
    pattern
        .replace("{own}", own.tenant.id())
        .replace("{other}", other.tenant.id())
        .replace("{etag}", &other.etag)
        .replace("{key}", &other.key)
}

/// Every combination of method, query, header and body that could matter, with the credential of one tenant.
fn requests_for(server: &Client, path: &str, own: &Planted, other: &Planted) -> Vec<Request> {
    let ask = |method: &Method, query: &str, body: &str| {
        let mut request = server.request(method.clone(), path).tenant(own.tenant).json(filled(body, own, other));
        request.query = filled(query, own, other);
        request
    };
    let [own_query, message] = [QUERIES[1], BODIES[2]];
    let mut ways = Vec::new();
    for method in &METHODS {
        let body = if *method == Method::POST { message } else { "" };
        ways.extend(QUERIES.iter().map(|query| ask(method, query, body)));
    }
    for method in [Method::GET, Method::POST] {
        let bodies = if method == Method::POST { &BODIES[..] } else { &[""] };
        for (name, value) in HEADERS {
            ways.extend(
                bodies.iter().map(|body| ask(&method, own_query, body).header(name, filled(value, own, other))),
            );
        }
    }
    ways
}

/// The head and the body of an answer, as text, without the content coding.
fn text_of(answer: &Answer) -> String {
    format!("{} {:?}\n{}", answer.status, answer.headers, String::from_utf8_lossy(&answer.decoded()))
}

/// Sends a request, over a new connection if the server has closed this one.
async fn ask(server: &Client, connection: &mut Connection, request: Request) -> Answer {
    match connection.try_send(request.clone()).await {
        Ok(answer) => answer,
        Err(_) => {
            *connection = server.open().await;
            connection.send(request).await
        }
    }
}

/// The files below a folder, by their paths from it.
fn files_below(folder: &Path, within: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let name = format!("{within}/{}", entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &name, found);
        } else {
            found.push(name);
        }
    }
}

#[tokio::test]
async fn no_route_reveals_anything_of_the_other_tenant() {
    for asking in Tenant::ALL {
        let server = Server::apart(|_| {}).await;
        let (own, other) = plant_both(&server, asking).await;
        let mut connection = server.open().await;
        let paths = Route::ALL.into_iter().flat_map(|route| {
            let path = route.path();
            [path.to_owned(), format!("{path}/"), format!("/{path}"), path.to_uppercase(), format!("/.{path}")]
        });
        for path in paths {
            for request in requests_for(&server, &path, &own, &other) {
                let asked = format!("{request:?}");
                let answer = ask(&server, &mut connection, request).await;
                assert!(!other.is_seen_in(&text_of(&answer)), "{}\nto {asked}", text_of(&answer));
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_finds_its_own_event_on_every_route_that_shows_events() {
    let server = Server::apart(|_| {}).await;
    let (a, b) = plant_both(&server, Tenant::A).await;
    for planted in [&a, &b] {
        for route in Route::ALL {
            if let Some(request) = planted.request_for_its_own(&server, route) {
                let answer = text_of(&request.send().await);
                assert!(planted.is_seen_in(&answer), "the search finds nothing at {route:?}: {answer}");
            }
        }
    }
    // The isolation view is of both tenants, and shows no event of either.
    for request in
        [server.get(Route::Isolation.path()), server.request(Method::POST, Route::IsolationReport.path()).json("{}")]
    {
        let answer = text_of(&request.send().await.is(StatusCode::OK));
        assert!(!a.is_seen_in(&answer) && !b.is_seen_in(&answer), "{answer}");
    }
}

#[tokio::test]
async fn no_file_reveals_anything_of_a_tenant() {
    let server = Server::apart(|_| {}).await;
    let (own, other) = plant_both(&server, Tenant::A).await;
    let mut paths = Vec::new();
    files_below(Path::new("style"), "/style", &mut paths);
    files_below(Path::new("public"), "", &mut paths);
    files_below(Path::new("target/site"), "", &mut paths);
    assert!(paths.iter().any(|path| path == "/vanilla/app.js"), "{paths:?}");
    let mut connection = server.open().await;
    for path in paths {
        for query in QUERIES {
            let mut request = server.get(&path).tenant(own.tenant);
            request.query = filled(query, &own, &other);
            let answer = text_of(&ask(&server, &mut connection, request).await);
            assert!(!other.is_seen_in(&answer) && !own.is_seen_in(&answer), "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn a_socket_reveals_nothing_of_the_other_tenant() {
    let server = Server::apart(|_| {}).await;
    let (own, mut other) = plant_both(&server, Tenant::A).await;
    let mut opened = 0;
    for query in QUERIES {
        for (name, value) in HEADERS {
            let mut request = server.get(Route::Socket.path()).upgrade().header(name, filled(value, &own, &other));
            request.query = filled(query, &own, &other);
            let mut raw = server.raw().await;
            raw.write(request.head()).await;
            let answer = raw.answer().await;
            assert!(!other.is_seen_in(&text_of(&answer)), "{}\nto {request:?}", text_of(&answer));
            if answer.status != StatusCode::SWITCHING_PROTOCOLS {
                continue;
            }
            opened += 1;
            let secret = server.post(other.tenant, &Uuid::new_v4().to_string()).await.created();
            other.secrets.extend([secret.id, secret.message]);
            let marker = server.post(own.tenant, "marker").await.created();
            raw.receive_until(|received| {
                let Received::Text(text) = received else { return false };
                assert!(!other.is_seen_in(text), "{text}\nto {request:?}");
                text.contains(&marker.id)
            })
            .await;
        }
    }
    assert_eq!(opened, HEADERS.len(), "the one valid query, with each header");
}

#[test]
fn every_route_is_in_the_table() {
    let mut sources = Vec::new();
    files_below(Path::new("src"), "src", &mut sources);
    let routes = ["Router::new", ".route(", ".route_service(", ".nest("];
    sources.retain(|path| routes.iter().any(|call| fs::read_to_string(path).unwrap().contains(call)));
    assert_eq!(sources, ["src/server/http/routes.rs"], "all routing must be in the file of the table");

    let functions: Vec<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(!functions.is_empty());
    for function in functions {
        assert!(Route::ALL.iter().any(|route| route.path() == function), "{function}");
    }
}
