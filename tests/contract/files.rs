//! The files that are shipped.

use std::{fs, path::PathBuf};

use crate::support::{Method, Program, Server, StatusCode, header};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A site as the build leaves it, with files of one fingerprint, each beside its compressed variants; in each stands its
/// ending. One file more has none beside it.
fn built_site() -> Folder {
    let folder = Folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string()));
    fs::create_dir_all(folder.0.join("pkg")).unwrap();
    for ending in ["js", "wasm", "css"] {
        for variant in ["", ".br", ".gz"] {
            let ending = format!("{ending}{variant}");
            fs::write(folder.0.join(format!("pkg/event-feed.f1ng3r.{ending}")), ending).unwrap();
        }
    }
    fs::write(folder.0.join("alone.js"), "alone").unwrap();
    folder
}

/// The server of such a site.
async fn serving(site: &Folder) -> Program {
    let mut command = Program::command();
    command.env("LEPTOS_SITE_ROOT", &site.0);
    Program::spawn(command).await
}

#[tokio::test]
async fn the_no_build_page_is_plain_files() {
    let server = Server::start().await;
    let page = server.get("/vanilla/").send().await.is(StatusCode::OK);
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    let script = server.get("/vanilla/app.js").send().await.is(StatusCode::OK);
    assert!(script.header(header::CONTENT_TYPE).contains("javascript"));
    assert_eq!(server.request(Method::HEAD, "/vanilla/app.js").send().await.is(StatusCode::OK).text(), "");
    server.request(Method::POST, "/vanilla/app.js").send().await.refused(405);
    assert_eq!(script.header(header::CACHE_CONTROL), "no-cache", "its name does not tell its content");
}

#[tokio::test]
async fn what_is_not_shipped_is_not_found() {
    let server = Server::start().await;
    for target in ["/nowhere", "/vanilla/nowhere.js", "/pkg/", "/Cargo.toml", "/%00"] {
        server.get(target).send().await.refused(404);
    }
}

#[tokio::test]
async fn no_path_leaves_the_folder() {
    let server = Server::start().await;
    for target in [
        "/../Cargo.toml",
        "/vanilla/../../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/vanilla/..%2f..%2fCargo.toml",
        "/style/../Cargo.toml",
        "/style/%2e%2e/Cargo.toml",
        "//etc/passwd",
        "/..\\Cargo.toml",
    ] {
        let mut raw = server.raw().await;
        raw.write(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{target}");
    }
}

#[tokio::test]
async fn fingerprinted_files_are_cached_for_a_year_and_named_as_the_build() {
    let site = built_site();
    let program = serving(&site).await;
    for ending in ["js", "wasm", "css"] {
        let file = program.get(&format!("/pkg/event-feed.f1ng3r.{ending}")).send().await.is(StatusCode::OK);
        assert_eq!(file.text(), ending);
        let kept = file.header(header::CACHE_CONTROL);
        assert!(kept.contains("max-age=31536000") && kept.contains("immutable"), "{kept}");
    }
    let socket = program.connect(crate::support::Tenant::A).await;
    assert_eq!(socket.hello.build, "f1ng3r");
    assert!(program.page("/?tenant=tenant_a").await.contains("/pkg/event-feed.f1ng3r.wasm"));
}

#[tokio::test]
async fn a_file_comes_in_the_best_encoding_that_the_client_takes() {
    let site = built_site();
    let program = serving(&site).await;
    for (accepted, encoding, variant) in [
        ("gzip, deflate, br, zstd", Some("br"), ".br"),
        ("gzip, deflate", Some("gzip"), ".gz"),
        ("br;q=0.5, gzip", Some("gzip"), ".gz"),
        ("br;q=0, gzip;q=0", None, ""),
        ("identity", None, ""),
        ("zstd", None, ""),
    ] {
        for (ending, media_type) in [("js", "text/javascript"), ("wasm", "application/wasm"), ("css", "text/css")] {
            let request = program.get(&format!("/pkg/event-feed.f1ng3r.{ending}"));
            let file = request.header("accept-encoding", accepted).send().await.is(StatusCode::OK);
            assert_eq!(file.text(), format!("{ending}{variant}"), "{accepted}");
            let named = file.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!(named, encoding, "{accepted}");
            assert_eq!(file.header(header::CONTENT_TYPE), media_type);
            assert_eq!(file.header(header::VARY).to_lowercase(), "accept-encoding", "a cache keeps each apart");
            assert!(file.header(header::CACHE_CONTROL).contains("max-age=31536000"));
        }
    }
}

#[tokio::test]
async fn a_file_without_compressed_variants_comes_as_it_is() {
    let site = built_site();
    let program = serving(&site).await;
    let file = program.get("/alone.js").header("accept-encoding", "br, gzip").send().await.is(StatusCode::OK);
    assert_eq!(file.text(), "alone");
    assert!(!file.headers.contains_key(header::CONTENT_ENCODING));
}
