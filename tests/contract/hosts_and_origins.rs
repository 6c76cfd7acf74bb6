//! Checks the `Host` of every request and the `Origin` of a socket.

use crate::support::{Server, StatusCode, Tenant};

fn with_flags(hosts: &'static [&'static str], origins: &'static [&'static str]) -> impl Future<Output = Server> {
    Server::with(|settings| {
        settings.allow_host = hosts.iter().map(|name| name.parse().unwrap()).collect();
        settings.allow_origin = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    })
}

#[tokio::test]
async fn local_names_ip_addresses_and_allowed_names_pass_with_any_port() {
    let server = with_flags(&["feed.example"], &[]).await;
    for host in [
        "localhost",
        "LocalHost:1",
        "a.b.localhost:3000",
        "127.0.0.1",
        "192.168.0.7:80",
        "[::1]",
        "[2001:db8::1]:3000",
        "feed.example",
        "FEED.example:443",
        "localhost:",
        "localhost.",
        "localhost.:3000",
        "a.localhost.",
        "127.0.0.1.",
        "feed.example.",
        "Feed.Example.:443",
    ] {
        let mut request = server.get("/healthz");
        request.set("host", host);
        assert_eq!(request.send().await.status, StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn a_trailing_dot_does_not_make_another_name() {
    let server = with_flags(&["feed.example."], &["https://else.example."]).await;
    for (host, origin) in [
        ("feed.example", "https://feed.example."),
        ("feed.example.", "https://feed.example"),
        ("localhost.:3000", "http://localhost:3000"),
        ("localhost:3000", "http://localhost.:3000"),
        ("localhost:3000", "https://else.example"),
        ("localhost:3000", "https://else.example.:443"),
    ] {
        let mut request = server.new_socket(Tenant::A).header("origin", origin);
        request.set("host", host);
        assert_eq!(request.send().await.status, StatusCode::SWITCHING_PROTOCOLS, "{origin} at {host}");
    }
}

#[tokio::test]
async fn any_other_host_is_refused_with_the_flag_that_would_allow_it() {
    let server = with_flags(&["feed.example"], &[]).await;
    for host in ["rebound.example", "localhost.example:3000", "notlocalhost", "x.feed.example", "127.0.0.1.example"] {
        for target in ["/", "/healthz", "/events", "/vanilla/", "/nowhere", "/ws?tenant=tenant_a"] {
            let mut request = server.get(target);
            request.set("host", host);
            let detail = request.send().await.refused(421).detail;
            let name = host.split(':').next().unwrap();
            assert!(detail.contains(&format!("--allow-host {name}")), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_malformed_host_is_refused() {
    let server = Server::start().await;
    for host in [
        "",
        "a b",
        "a/b",
        "user@localhost",
        "localhost:x",
        "localhost:99999",
        "[::1",
        "[::1].",
        "[x]",
        "a,b",
        ":80",
        ".",
        ".:80",
        "localhost..",
    ] {
        let mut request = server.get("/healthz");
        request.set("host", host);
        assert_eq!(request.send().await.status, StatusCode::BAD_REQUEST, "{host:?}");
    }
}

#[tokio::test]
async fn a_forwarded_header_does_not_replace_the_host() {
    let server = Server::start().await;
    let mut request =
        server.get("/healthz").header("x-forwarded-host", "localhost").header("forwarded", "host=localhost");
    request.set("host", "rebound.example");
    request.send().await.refused(421);
    let request = server.get("/healthz").header("x-forwarded-host", "rebound.example");
    request.send().await.is(StatusCode::OK);
}

#[tokio::test]
async fn the_authority_of_an_absolute_target_overrides_the_host_header() {
    let server = Server::start().await;
    for (target, host, status) in [
        ("http://localhost/healthz", "rebound.example", 200),
        ("http://rebound.example/healthz", "localhost", 421),
        ("http://user@localhost/healthz", "localhost", 400),
    ] {
        let mut raw = server.raw().await;
        raw.write(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(raw.answer().await.status, status, "{target} with {host}");
    }
}

#[tokio::test]
async fn only_this_servers_own_pages_and_allowed_origins_may_open_a_socket() {
    let server = with_flags(&["feed.example"], &["https://else.example", "http://other.example:8080"]).await;
    for (host, origin, passes) in [
        ("127.0.0.1:3000", "http://127.0.0.1:3000", true),
        ("127.0.0.1:3000", "https://127.0.0.1:3000", true),
        ("127.0.0.1:3000", "http://127.0.0.1:3001", false),
        ("127.0.0.1:3000", "http://localhost:3000", false),
        ("127.0.0.1:3000", "http://127.0.0.1", false),
        ("localhost", "http://localhost", true),
        ("localhost", "http://localhost:80", true),
        ("localhost:80", "http://localhost", true),
        ("localhost:443", "https://localhost", true),
        ("localhost:443", "http://localhost", false),
        ("feed.example", "https://feed.example", true),
        ("feed.example", "https://feed.example.evil.example", false),
        ("[::1]:3000", "http://[::1]:3000", true),
        ("localhost:3000", "https://else.example", true),
        ("localhost:3000", "https://else.example:443", true),
        ("localhost:3000", "http://else.example", false),
        ("localhost:3000", "http://other.example:8080", true),
        ("localhost:3000", "http://other.example", false),
        ("localhost:3000", "null", false),
        ("localhost:3000", "", false),
        ("localhost:3000", "localhost:3000", false),
        ("localhost:3000", "file://localhost:3000", false),
        ("localhost:3000", "http://localhost:3000/", false),
        ("localhost:3000", "http://localhost:3000, http://localhost:3000", false),
    ] {
        let mut request = server.new_socket(Tenant::A).header("origin", origin);
        request.set("host", host);
        let expected = if passes { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::FORBIDDEN };
        assert_eq!(request.send().await.status, expected, "{origin} at {host}");
    }
}

#[tokio::test]
async fn a_repeated_origin_is_refused() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address());
    let request = server.new_socket(Tenant::A).header("origin", &own).header("origin", &own);
    request.send().await.refused(403);
}

#[tokio::test]
async fn a_client_without_an_origin_may_connect() {
    let server = Server::start().await;
    server.new_socket(Tenant::A).send().await.is(StatusCode::SWITCHING_PROTOCOLS);
}
