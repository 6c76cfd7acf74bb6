//! Checks the pages that the server renders, and what no page may do.

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

use crate::support::{Answer, Server, StatusCode, Tenant, header};

/// The sources of one directive of a page's policy.
fn sources<'a>(page: &'a Answer, directive: &str) -> Vec<&'a str> {
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    let mut words = policy
        .split(';')
        .map(|part| part.split_whitespace())
        .filter_map(|mut words| (words.next() == Some(directive)).then_some(words));
    words.next().unwrap_or_else(|| panic!("no {directive} in {policy}")).collect()
}

#[tokio::test]
async fn a_feeds_page_holds_its_newest_100_events_and_their_position() {
    let server = Server::start().await;
    let mut connection = server.open().await;
    for n in 1..=101 {
        connection.send(server.new_post(Tenant::A, &format!("event number {n}."))).await.created();
    }
    let page = server.page("/?tenant=tenant_a").await;
    assert!((2..=101).all(|n| page.contains(&format!("event number {n}."))));
    assert!(!page.contains("event number 1."));
    assert!(page.contains(&server.list(Tenant::A).await.epoch));
    let offset = |n: usize| page.find(&format!("event number {n}.")).unwrap();
    assert!(offset(101) < offset(100) && offset(3) < offset(2), "newest first");
}

#[tokio::test]
async fn the_title_of_a_page_names_its_tenant() {
    let server = Server::start().await;
    for tenant in Tenant::ALL {
        let page = server.get(&format!("/?tenant={tenant}")).send().await.is(StatusCode::OK);
        assert_eq!(page.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
        let title = page.text().split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        assert!(title.expect("a title").0.contains(tenant.label()), "{title:?}");
    }
}

#[tokio::test]
async fn a_page_never_holds_the_other_tenants_events() {
    let server = Server::start().await;
    server.post(Tenant::A, "secret of A").await.created();
    server.post(Tenant::B, "secret of B").await.created();
    let (a, b) = (server.page("/?tenant=tenant_a").await, server.page("/?tenant=tenant_b").await);
    assert!(a.contains("secret of A") && !a.contains("secret of B"));
    assert!(b.contains("secret of B") && !b.contains("secret of A"));
}

#[tokio::test]
async fn a_message_is_escaped() {
    let server = Server::start().await;
    for hostile in [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\"><svg onload=alert(1)>",
    ] {
        server.post(Tenant::A, hostile).await.created();
        let page = server.page("/?tenant=tenant_a").await;
        assert!(!page.contains(hostile), "{hostile} is not escaped");
        assert!(page.contains(&hostile.replace('<', "&lt;").replace('>', "&gt;")), "{hostile} is shown as text");
    }
}

#[tokio::test]
async fn the_policy_of_every_page_forbids_foreign_and_inline_scripts() {
    let server = Server::start().await;
    for target in ["/", "/?tenant=tenant_a", "/?tenant=nobody", "/isolation", "/vanilla/"] {
        let page = server.get(target).send().await;
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert!(!sources(&page, "default-src").is_empty());
        assert_eq!(sources(&page, "frame-ancestors"), ["'none'"]);
        let scripts = sources(&page, "script-src");
        assert!(scripts.contains(&"'wasm-unsafe-eval'"), "{scripts:?}");
        assert!(scripts.iter().all(|source| source.starts_with('\'')), "no other site: {scripts:?}");
        assert_eq!(page.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert!(!page.header(header::REFERRER_POLICY).is_empty());
    }
}

#[tokio::test]
async fn every_inline_script_of_a_page_is_allowed_by_its_hash() {
    let server = Server::start().await;
    for target in ["/", "/?tenant=tenant_a", "/isolation"] {
        let page = server.get(target).send().await;
        let allowed = sources(&page, "script-src");
        for script in page.text().split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').expect("the end of a tag");
            let (content, _) = rest.split_once("</script>").expect("the end of a script");
            let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(content)));
            let runs = !tag.contains(" src=") && !tag.contains("application/json");
            assert_eq!(runs, allowed.contains(&hash.as_str()), "{target}: <script{tag}>{content}");
        }
        assert!(!page.text().contains(" style=\""), "an inline style would be refused");
    }
}

#[tokio::test]
async fn no_page_is_stored() {
    let server = Server::start().await;
    for target in ["/", "/?tenant=tenant_a", "/?tenant=nobody", "/isolation", "/healthz"] {
        assert_eq!(server.get(target).send().await.header(header::CACHE_CONTROL), "no-store", "{target}");
    }
}

#[tokio::test]
async fn no_isolation_removes_the_view_its_server_function_and_its_link() {
    for (no_isolation, status) in [(false, StatusCode::OK), (true, StatusCode::NOT_FOUND)] {
        let server = Server::with(|settings| settings.no_isolation = no_isolation).await;
        assert_eq!(server.get("/isolation").send().await.status, status);
        let report = server.request(hyper::Method::POST, "/api/isolation_report").json("{}").send().await;
        assert_eq!(report.status, status);
        let page = server.page("/?tenant=tenant_a").await;
        assert_eq!(page.contains("\"/isolation\""), !no_isolation, "its link");
    }
}
