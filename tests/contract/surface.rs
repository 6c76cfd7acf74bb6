//! Isolation by surface: every address of the server is asked in every way, always with one tenant's credential alone, and
//! says nothing of the other. The addresses are the server's own table, so that none can be forgotten.

use std::{fs, path::Path};

use event_feed::server::Route;
use leptos::server_fn::axum::server_fn_paths;
use uuid::Uuid;

use crate::support::{Answer, Client, Connection, Heard, Method, Request, Server, StatusCode, Tenant, header};

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

/// Addresses that name the asking tenant, or nobody, and hint at the other.
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

/// Headers that hint at the other tenant, or could make an answer something else.
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

/// What a tenant has that the other may not see: unguessable, so that one of these in an answer can only be a leak.
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

    /// How this tenant itself is shown its event at an address; `None` where nobody is shown any. No `_` arm: whoever adds
    /// a route says here what it shows.
    fn asks_for_its_own(&self, server: &Client, route: Route) -> Option<Request> {
        let request = match route {
            Route::Index => server.get(&format!("/?tenant={}", self.tenant)),
            Route::Events => server.get(route.path()).tenant(self.tenant),
            Route::PostEvent => {
                let post = server.new_post(self.tenant, &self.message).at(route.path());
                post.header("idempotency-key", &self.key)
            }
            Route::Socket => return None, // see `a_socket_…`: a stream has no end to read it to
            Route::Health | Route::Isolation | Route::IsolationReport => return None,
        };
        Some(request)
    }

    fn is_seen_in(&self, said: &str) -> bool {
        self.secrets.iter().any(|secret| said.contains(secret))
    }
}

/// Both tenants' secrets in one server: the asking one's, and the other's.
async fn plant_both(server: &Server, asking: Tenant) -> (Planted, Planted) {
    let [a, b] = [Planted::plant(server, Tenant::A).await, Planted::plant(server, Tenant::B).await];
    match asking {
        Tenant::A => (a, b),
        Tenant::B => (b, a),
    }
}

/// Writes the names into a pattern.
fn filled(pattern: &str, own: &Planted, other: &Planted) -> String {
    pattern
        .replace("{own}", own.tenant.id())
        .replace("{other}", other.tenant.id())
        .replace("{etag}", &other.etag)
        .replace("{key}", &other.key)
}

/// Every way to ask a path that makes sense, with the credential of one tenant.
fn ways_to_ask(server: &Client, path: &str, own: &Planted, other: &Planted) -> Vec<Request> {
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

/// The head and the body of an answer, as text.
fn said(answer: &Answer) -> String {
    format!("{} {:?}\n{}", answer.status, answer.headers, String::from_utf8_lossy(&answer.body))
}

/// Asks, over a connection that is opened anew where the server has closed it.
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
async fn no_address_says_anything_of_the_other_tenant_however_it_is_asked() {
    for asking in Tenant::ALL {
        let server = Server::start().await;
        let (own, other) = plant_both(&server, asking).await;
        let mut connection = server.open().await;
        let paths = Route::ALL.into_iter().flat_map(|route| {
            let path = route.path();
            [path.to_owned(), format!("{path}/"), format!("/{path}"), path.to_uppercase(), format!("/.{path}")]
        });
        for path in paths {
            for request in ways_to_ask(&server, &path, &own, &other) {
                let asked = format!("{request:?}");
                let answer = ask(&server, &mut connection, request).await;
                assert!(!other.is_seen_in(&said(&answer)), "{}\nto {asked}", said(&answer));
                assert!(
                    !answer.headers.contains_key(header::CONTENT_ENCODING),
                    "it would be searched in vain: {asked}"
                );
            }
        }
    }
}

#[tokio::test]
async fn where_an_address_shows_events_their_owner_sees_them_and_the_view_of_both_shows_none() {
    let server = Server::start().await;
    let (a, b) = plant_both(&server, Tenant::A).await;
    for planted in [&a, &b] {
        for route in Route::ALL {
            if let Some(request) = planted.asks_for_its_own(&server, route) {
                let answer = said(&request.send().await);
                assert!(planted.is_seen_in(&answer), "the search would find nothing at {route:?}: {answer}");
            }
        }
    }
    for request in
        [server.get(Route::Isolation.path()), server.request(Method::POST, Route::IsolationReport.path()).json("{}")]
    {
        let answer = said(&request.send().await.is(StatusCode::OK));
        assert!(!a.is_seen_in(&answer) && !b.is_seen_in(&answer), "{answer}");
    }
}

#[tokio::test]
async fn no_file_says_anything_of_a_tenant() {
    let server = Server::start().await;
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
            let answer = said(&ask(&server, &mut connection, request).await);
            assert!(!other.is_seen_in(&answer) && !own.is_seen_in(&answer), "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn a_socket_says_nothing_of_the_other_tenant_however_it_is_opened() {
    let server = Server::start().await;
    let (own, mut other) = plant_both(&server, Tenant::A).await;
    let mut opened = 0;
    for query in QUERIES {
        for (name, value) in HEADERS {
            let mut request = server.get(Route::Socket.path()).upgrade().header(name, filled(value, &own, &other));
            request.query = filled(query, &own, &other);
            let mut raw = server.raw().await;
            raw.write(request.head()).await;
            let answer = raw.answer().await;
            assert!(!other.is_seen_in(&said(&answer)), "{}\nto {request:?}", said(&answer));
            if answer.status != StatusCode::SWITCHING_PROTOCOLS {
                continue;
            }
            opened += 1;
            let secret = server.post(other.tenant, &Uuid::new_v4().to_string()).await.created();
            other.secrets.extend([secret.id, secret.message]);
            let marker = server.post(own.tenant, "marker").await.created();
            raw.hear_until(|heard| {
                let Heard::Text(text) = heard else { return false };
                assert!(!other.is_seen_in(text), "{text}\nto {request:?}");
                text.contains(&marker.id)
            })
            .await;
        }
    }
    assert_eq!(opened, HEADERS.len(), "the one right query, with each header");
}

#[test]
fn every_address_is_in_the_table() {
    let mut sources = Vec::new();
    files_below(Path::new("src"), "src", &mut sources);
    let routes = ["Router::new", ".route(", ".route_service(", ".nest("];
    sources.retain(|path| routes.iter().any(|call| fs::read_to_string(path).unwrap().contains(call)));
    assert_eq!(sources, ["src/server/http/routes.rs"], "whatever routes requests stands beside the table");

    let functions: Vec<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(!functions.is_empty());
    for function in functions {
        assert!(Route::ALL.iter().any(|route| route.path() == function), "{function}");
    }
}
