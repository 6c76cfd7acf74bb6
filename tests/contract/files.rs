//! Checks the files that the server ships: their names, codings and ETags, the links to a build, and the choice of a
//! site.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::support::{Method, Program, Server, StatusCode, Tenant, header};

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(uuid::Uuid::new_v4().to_string());
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file, and creates its parent folders.
    fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes the files of one build of the client, each with its compressed variants. The content of each is its name.
    fn write_build(&self, fingerprint: &str) {
        for ending in ["js", "wasm", "css"] {
            for variant in ["", ".br", ".gz"] {
                let name = format!("event-feed.{fingerprint}.{ending}{variant}");
                self.write(&format!("pkg/{name}"), &name);
            }
        }
    }

    /// Writes the fingerprints of a build into `hash.txt`, as cargo-leptos does: each file may have a different one.
    fn write_hashes(&self, [js, wasm, css]: [&str; 3]) {
        self.write("hash.txt", &format!("js: {js}\nwasm: {wasm}\ncss: {css}\n"));
    }

    /// A command that runs the program with this folder as its site.
    fn server(&self) -> Command {
        let mut command = Program::command();
        command.env("LEPTOS_SITE_ROOT", &self.0).env_remove("LEPTOS_WATCH").env("EVENT_FEED_PORT", "0");
        command
    }

    /// A command that runs the program in this folder, without `LEPTOS_SITE_ROOT`.
    fn server_inside(&self) -> Command {
        let mut command = self.server();
        command.current_dir(&self.0).env_remove("LEPTOS_SITE_ROOT");
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A site as cargo-leptos builds it, with an additional file that has no compressed variants.
fn built_site() -> Folder {
    let folder = Folder::new();
    folder.write_build("f1ng3r");
    folder.write_hashes(["f1ng3r"; 3]);
    folder.write("alone.js", "alone");
    folder
}

/// Starts a server of this site.
async fn serving(site: &Folder) -> Program {
    Program::spawn(site.server()).await
}

/// Checks that the start fails with one line on stderr, which contains these texts.
async fn check_start_fails(command: Command, texts: &[&str]) {
    let exit = Program::run_to_end(command).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert_eq!(exit.stderr.lines().count(), 1, "{exit:?}");
    assert!(texts.iter().all(|text| exit.stderr.contains(text)), "{texts:?}: {exit:?}");
}

// Names.

#[tokio::test]
async fn the_no_build_page_is_plain_files() {
    let server = Server::start().await;
    let page = server.get("/vanilla/").send().await.is(StatusCode::OK);
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    let script = server.get("/vanilla/app.js").send().await.is(StatusCode::OK);
    assert!(script.header(header::CONTENT_TYPE).contains("javascript"));
    assert_eq!(script.header(header::CACHE_CONTROL), "no-cache", "its name has no fingerprint");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start().await;
    for target in ["/vanilla/", "/vanilla/app.js", "/vanilla"] {
        let (get, head) = (server.get(target).send().await, server.request(Method::HEAD, target).send().await);
        assert_eq!((head.status, head.text()), (get.status, ""), "{target}");
        for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::ETAG, header::LOCATION] {
            assert_eq!(head.headers.get(&name), get.headers.get(&name), "{target}: {name}");
        }
        assert_eq!(head.header(header::CONTENT_LENGTH), get.body.len().to_string(), "{target}");
    }
}

#[tokio::test]
async fn a_file_accepts_only_get_and_head() {
    let server = Server::start().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        for target in ["/vanilla/app.js", "/vanilla/", "/vanilla"] {
            let answer = server.request(method.clone(), target).send().await;
            assert_eq!(answer.header(header::ALLOW), "GET,HEAD", "{method} {target}");
            answer.refused(405);
        }
        server.request(method.clone(), "/vanilla/nowhere.js").send().await.refused(404);
    }
}

#[tokio::test]
async fn a_file_that_is_not_shipped_gets_404() {
    let server = Server::start().await;
    for target in
        ["/nowhere", "/vanilla/nowhere.js", "/pkg/", "/pkg", "/style", "/style/", "/Cargo.toml", "/%00", "/%ff"]
    {
        server.get(target).send().await.refused(404);
    }
}

#[tokio::test]
async fn a_file_is_found_only_by_its_exact_name() {
    let server = Server::start().await;
    for target in [
        "/vanilla/app.js.map",
        "/vanilla/app",
        "/vanilla/app.js/",
        "/vanilla/APP.js",
        "/vanilla//app.js",
        "/vanilla/./app.js",
        "/vanilla%2Fapp.js",
        "/vanilla.d",
        "/vanilla.d/",
        "//vanilla/",
    ] {
        for accepted in ["identity", "br, gzip"] {
            server.get(target).header("accept-encoding", accepted).send().await.refused(404);
        }
    }
}

#[tokio::test]
async fn a_name_may_be_percent_encoded() {
    let site = built_site();
    site.write("a b/ü.txt", "spaced");
    site.write("a b/index.html", "index");
    let program = serving(&site).await;
    assert_eq!(program.get("/%61lone%2Ejs").send().await.is(StatusCode::OK).text(), "alone");
    assert_eq!(program.get("/a%20b/%C3%BC.txt").send().await.is(StatusCode::OK).text(), "spaced");
    let redirect = program.get("/a%20b").send().await.is(StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(redirect.header(header::LOCATION), "/a%20b/");
}

#[tokio::test]
async fn a_folder_redirects_to_its_page_on_this_host() {
    let server = Server::start().await;
    for (target, location) in [("/vanilla", "/vanilla/"), ("/vanilla?tenant=tenant_a", "/vanilla/?tenant=tenant_a")] {
        let redirect = server.get(target).send().await.is(StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(redirect.header(header::LOCATION), location);
    }
    for target in ["//vanilla", "///vanilla", "//localhost/vanilla", "/%2Fvanilla"] {
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

#[cfg(unix)]
#[tokio::test]
async fn no_link_leaves_the_folder() {
    let site = built_site();
    std::os::unix::fs::symlink("/etc", site.0.join("etc")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", site.0.join("passwd")).unwrap();
    for watch in ["false", "true"] {
        let mut command = site.server();
        command.env("LEPTOS_WATCH", watch);
        let program = Program::spawn(command).await;
        for target in ["/passwd", "/etc/passwd"] {
            program.get(target).send().await.refused(404);
        }
    }
}

// Codings.

#[tokio::test]
async fn a_file_is_sent_in_the_best_encoding_that_the_client_accepts() {
    let site = built_site();
    let program = serving(&site).await;
    for (accepted, encoding, variant) in [
        ("gzip, deflate, br, zstd", Some("br"), ".br"),
        ("gzip, deflate", Some("gzip"), ".gz"),
        ("GZIP", Some("gzip"), ".gz"),
        ("br;q=0.5, gzip", Some("gzip"), ".gz"),
        ("br; q=0.5 , gzip;q=0.4", Some("br"), ".br"),
        ("*", Some("br"), ".br"),
        ("br;q=0, *", Some("gzip"), ".gz"),
        ("identity, br;q=0.5", None, ""),
        ("br;q=0, gzip;q=0", None, ""),
        ("br;q=x", None, ""),
        ("identity", None, ""),
        ("identity;q=0", None, ""),
        ("*;q=0", None, ""),
        ("zstd", None, ""),
        ("", None, ""),
    ] {
        for (ending, media_type) in [("js", "text/javascript"), ("wasm", "application/wasm"), ("css", "text/css")] {
            let request = program.get(&format!("/pkg/event-feed.f1ng3r.{ending}"));
            let file = request.header("accept-encoding", accepted).send().await.is(StatusCode::OK);
            assert_eq!(file.text(), format!("event-feed.f1ng3r.{ending}{variant}"), "{accepted}");
            assert_eq!(file.coding(), encoding, "{accepted}");
            assert_eq!(file.header(header::CONTENT_TYPE), media_type);
            assert_eq!(
                file.header(header::VARY).to_lowercase(),
                "accept-encoding",
                "a cache must store each coding apart"
            );
            assert!(file.header(header::CACHE_CONTROL).contains("max-age=31536000"));
        }
    }
}

#[tokio::test]
async fn a_file_without_compressed_variants_is_compressed_if_that_makes_it_smaller() {
    let site = built_site();
    let random: Vec<u8> = (0..256).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect();
    for (name, content) in [("long.js", "a line\n".repeat(1_000).into_bytes()), ("random.bin", random)] {
        fs::write(site.0.join(name), content).unwrap();
    }
    let program = serving(&site).await;
    for (target, expected) in [("/alone.js", None), ("/random.bin", None), ("/long.js", Some("br"))] {
        let file = program.get(target).header("accept-encoding", "br, gzip").send().await.is(StatusCode::OK);
        assert_eq!(file.coding(), expected, "{target}");
        assert_eq!(file.decoded(), fs::read(site.0.join(&target[1..])).unwrap());
    }
}

#[tokio::test]
async fn a_compressed_variant_has_no_address_of_its_own() {
    let site = built_site();
    let program = serving(&site).await;
    for ending in ["js.br", "js.gz", "wasm.br"] {
        program.get(&format!("/pkg/event-feed.f1ng3r.{ending}")).send().await.refused(404);
    }
}

// ETags and conditions.

#[tokio::test]
async fn a_file_that_the_client_has_gets_304() {
    let site = built_site();
    let program = serving(&site).await;
    let first = program.get("/alone.js").send().await.is(StatusCode::OK);
    let tag = first.header(header::ETAG);
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "a strong tag: {tag}");
    assert!(!first.headers.contains_key(header::LAST_MODIFIED), "a file has no modification time");
    for known in [tag, &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
        for method in [Method::GET, Method::HEAD] {
            let request = program.request(method, "/alone.js").header("if-none-match", known);
            let answer = request.send().await.is(StatusCode::NOT_MODIFIED);
            assert_eq!(answer.text(), "");
            for name in [header::ETAG, header::VARY, header::CACHE_CONTROL] {
                assert_eq!(answer.header(&name), first.header(&name), "{known}: {name}");
            }
        }
    }
    for other in ["\"x\"", "", &tag[1..]] {
        program.get("/alone.js").header("if-none-match", other).send().await.is(StatusCode::OK);
    }
    let two_lines = program.get("/alone.js").header("if-none-match", "\"x\"").header("if-none-match", tag);
    two_lines.send().await.is(StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn each_coding_of_a_file_has_its_own_etag_and_each_gets_304() {
    let site = Folder::new();
    site.write_build("f1ng3r");
    for variant in ["", ".br", ".gz"] {
        site.write(&format!("same.js{variant}"), "the same bytes");
    }
    let program = serving(&site).await;
    for target in ["/pkg/event-feed.f1ng3r.wasm", "/same.js"] {
        let mut tags = Vec::new();
        for accepted in ["br", "gzip", "identity"] {
            let file = program.get(target).header("accept-encoding", accepted).send().await.is(StatusCode::OK);
            tags.push((accepted, file.header(header::ETAG).to_owned()));
        }
        assert!(tags.iter().all(|(of, tag)| tags.iter().all(|(other, its)| of == other || tag != its)), "{tags:?}");
        for (accepted, _) in &tags {
            for (_, tag) in &tags {
                let request = program.get(target).header("accept-encoding", accepted).header("if-none-match", tag);
                let answer = request.send().await.is(StatusCode::NOT_MODIFIED);
                assert_eq!(answer.header(header::ETAG), tag, "the tag that the client has");
            }
        }
    }
}

#[tokio::test]
async fn changed_content_is_sent_whatever_its_modification_time() {
    let site = built_site();
    let file = |content: &str, time: Duration| {
        site.write("alone.js", content);
        let file = fs::File::options().write(true).open(site.0.join("alone.js")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + time).unwrap();
    };
    let (constant, older) = (Duration::from_secs(1_000_000_000), Duration::from_secs(900_000_000));
    file("first", constant);
    let mut kept = serving(&site).await.get("/alone.js").send().await.is(StatusCode::OK);
    for (content, time) in [("other", constant), ("older", older)] {
        file(content, time);
        let program = serving(&site).await;
        let mut revalidation = program.get("/alone.js");
        for (name, validator) in [("if-modified-since", header::LAST_MODIFIED), ("if-none-match", header::ETAG)] {
            if let Some(value) = kept.headers.get(validator) {
                revalidation.add(name, value);
            }
        }
        let answer = revalidation.send().await.is(StatusCode::OK);
        assert_eq!(answer.text(), content);
        assert_ne!(answer.header(header::ETAG), kept.header(header::ETAG));
        kept = answer;
        let again = program.get("/alone.js").header("if-none-match", kept.header(header::ETAG)).send().await;
        again.is(StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn ranges_and_all_conditions_but_if_none_match_are_ignored() {
    let server = Server::start().await;
    let plain = server.get("/favicon.svg").send().await.is(StatusCode::OK);
    assert!(!plain.headers.contains_key(header::ACCEPT_RANGES), "ranges are not served");
    let (past, future) = ("Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    for (name, value) in [
        ("range", "bytes=0-1"),
        ("range", "bytes=0-1,3-4"),
        ("range", "bytes=99999999-"),
        ("range", "bytes=5-1"),
        ("range", "lines=1-2"),
        ("range", "nonsense"),
        ("if-modified-since", future),
        ("if-unmodified-since", past),
        ("if-match", "\"x\""),
        ("if-range", "\"x\""),
        ("if-range", past),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let mut request = server.request(method.clone(), "/favicon.svg").header(name, value);
            if name == "if-range" {
                request.add("range", "bytes=0-1");
            }
            let answer = request.send().await.is(StatusCode::OK);
            assert_eq!(answer.headers.get(header::CONTENT_LENGTH), plain.headers.get(header::CONTENT_LENGTH));
            assert!(method == Method::HEAD || answer.body == plain.body, "{name}: {value}");
        }
        let known = server.get("/favicon.svg").header(name, value).header("if-none-match", "*");
        known.send().await.is(StatusCode::NOT_MODIFIED);
    }
}

// The client's build.

#[tokio::test]
async fn fingerprinted_files_are_cached_for_a_year_and_named_as_the_build() {
    let site = built_site();
    let program = serving(&site).await;
    for ending in ["js", "wasm", "css"] {
        let file = program.get(&format!("/pkg/event-feed.f1ng3r.{ending}")).send().await.is(StatusCode::OK);
        assert_eq!(file.text(), format!("event-feed.f1ng3r.{ending}"));
        let kept = file.header(header::CACHE_CONTROL);
        assert!(kept.contains("max-age=31536000") && kept.contains("immutable"), "{kept}");
    }
    let socket = program.connect(Tenant::A).await;
    assert_eq!(socket.hello.build, "f1ng3r");
    assert!(program.page("/?tenant=tenant_a").await.contains("/pkg/event-feed.f1ng3r.wasm"));
    program.get("/hash.txt").send().await.refused(404);
}

/// Checks that a page links these fingerprints of script and program, and no other, and holds the style sheet of this one.
async fn check_links(program: &Program, [js, wasm, css]: [&str; 3]) {
    let page = program.page("/?tenant=tenant_a").await;
    let mut linked: Vec<_> =
        page.split("\"/pkg/event-feed.").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    linked.sort_unstable();
    linked.dedup();
    let mut expected = [format!("{js}.js"), format!("{wasm}.wasm")];
    expected.sort_unstable();
    assert_eq!(linked, expected);
    assert!(page.contains(&format!("<style>event-feed.{css}.css</style>")), "{page}");
}

#[tokio::test]
async fn of_two_builds_a_page_links_the_one_in_hash_txt() {
    let site = Folder::new();
    site.write_build("old");
    site.write_build("new");
    // The newest script is of one build and the newest program of the other, so that the times of files cannot decide.
    let later = SystemTime::now() + Duration::from_secs(60);
    for name in ["pkg/event-feed.old.wasm", "pkg/event-feed.new.js"] {
        fs::File::options().write(true).open(site.0.join(name)).unwrap().set_modified(later).unwrap();
    }
    for (build, other) in [("new", "old"), ("old", "new")] {
        site.write_hashes([build; 3]);
        let program = serving(&site).await;
        check_links(&program, [build; 3]).await;
        assert_eq!(program.connect(Tenant::A).await.hello.build, build);
        for ending in ["js", "wasm", "css"] {
            let name = format!("event-feed.{other}.{ending}");
            assert_eq!(program.get(&format!("/pkg/{name}")).send().await.is(StatusCode::OK).text(), name);
        }
    }
    // cargo-leptos gives each file the fingerprint of its own content.
    site.write_hashes(["new", "old", "new"]);
    check_links(&serving(&site).await, ["new", "old", "new"]).await;
}

#[tokio::test]
async fn a_single_build_needs_no_hash_txt() {
    let site = Folder::new();
    site.write_build("only");
    check_links(&serving(&site).await, ["only"; 3]).await;
    // Without fingerprints, cargo-leptos writes these names.
    let site = Folder::new();
    for ending in ["js", "wasm", "css"] {
        site.write(&format!("pkg/event-feed.{ending}"), ending);
    }
    let program = serving(&site).await;
    assert!(program.page("/").await.contains("<style>css</style>"));
    let style = program.get("/pkg/event-feed.css").send().await.is(StatusCode::OK);
    assert_eq!(style.header(header::CACHE_CONTROL), "no-cache", "its name has no fingerprint");
}

#[tokio::test]
async fn several_builds_without_a_hash_txt_end_the_start() {
    let site = Folder::new();
    site.write_build("old");
    site.write("pkg/event-feed.new.wasm", "new");
    check_start_fails(site.server(), &[&site.0.display().to_string(), "hash.txt"]).await;
}

#[tokio::test]
async fn a_build_with_missing_files_ends_the_start() {
    let site = Folder::new();
    site.write_build("here");
    site.write_hashes(["here", "gone", "here"]);
    check_start_fails(site.server(), &[&site.0.display().to_string(), "hash.txt", "event-feed.gone.wasm"]).await;
    site.write("hash.txt", "js: here\n");
    check_start_fails(site.server(), &[&site.0.display().to_string(), "hash.txt", "wasm"]).await;
}

// The choice of a site.

#[tokio::test]
async fn a_wrong_site_ends_the_start() {
    let mut nowhere = Program::command();
    nowhere.env("LEPTOS_SITE_ROOT", "/no/such/folder").env("EVENT_FEED_PORT", "0");
    check_start_fails(nowhere, &["LEPTOS_SITE_ROOT", "/no/such/folder"]).await;

    let site = Folder::new();
    site.write("pkg/event-feed.x.js", "a script without a program");
    check_start_fails(site.server(), &["LEPTOS_SITE_ROOT", &site.0.display().to_string()]).await;
}

#[tokio::test]
async fn a_start_without_a_site_and_sources_fails() {
    if cfg!(feature = "embed") {
        return; // the program has a site
    }
    let empty = Folder::new();
    check_start_fails(empty.server_inside(), &["target/site", "public", "LEPTOS_SITE_ROOT"]).await;
    empty.write("public/vanilla/index.html", "a page without a style");
    check_start_fails(empty.server_inside(), &["target/site", "style", "LEPTOS_SITE_ROOT"]).await;
}

#[tokio::test]
async fn a_site_is_read_at_the_start() {
    let site = built_site();
    let program = serving(&site).await;
    site.write("alone.js", "changed");
    site.write("new.js", "new");
    assert_eq!(program.get("/alone.js").send().await.is(StatusCode::OK).text(), "alone");
    program.get("/new.js").send().await.refused(404);
}

/// Checks that each request reads the file, so that a change is served at once.
async fn check_shows_a_change(command: Command, folder: &Folder, (target, name): (&str, &str)) {
    let program = Program::spawn(command).await;
    let mut tags = Vec::new();
    for content in ["first", "second"] {
        folder.write(name, content);
        let file = program.get(target).send().await.is(StatusCode::OK);
        assert_eq!(file.text(), content);
        tags.push(file.header(header::ETAG).to_owned());
    }
    program.get(target).header("if-none-match", &tags[0]).send().await.is(StatusCode::OK);
    program.get(target).header("if-none-match", &tags[1]).send().await.is(StatusCode::NOT_MODIFIED);
    fs::remove_file(folder.0.join(name)).unwrap();
    program.get(target).send().await.refused(404);
}

#[tokio::test]
async fn only_in_watch_mode_a_page_reloads_itself() {
    let site = built_site();
    for (watch, is_expected) in [("true", true), ("false", false)] {
        let mut command = site.server();
        command.env("LEPTOS_WATCH", watch).env("LEPTOS_OUTPUT_NAME", "event-feed").env("LEPTOS_RELOAD_PORT", "3457");
        let program = Program::spawn(command).await;
        let page = program.get("/?tenant=tenant_a").send().await.is(StatusCode::OK);
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        let is_linked = page.text().contains(r#"<link rel="stylesheet" href="/pkg/event-feed.f1ng3r.css"#);
        assert_eq!(is_linked, is_expected, "{watch}: a sheet that may change is linked");
        assert_eq!(policy.contains("connect-src 'self' ws://*:3457;"), is_expected, "{watch}: {policy}");
        assert_eq!(policy.matches("'sha256-").count(), 5, "{watch}: five scripts, or four and a style: {policy}");
        let scripts = page.text().split("<script>").skip(1).filter_map(|script| script.split_once("</script>"));
        let reloading: Vec<_> = scripts.filter(|(script, _)| script.contains("live_reload")).collect();
        assert_eq!(reloading.len(), usize::from(is_expected), "{watch}");
        for (script, _) in reloading {
            let hash = BASE64_STANDARD.encode(Sha256::digest(script));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
        }
    }
}

#[tokio::test]
async fn a_change_is_served_at_once_in_watch_mode_and_from_the_sources() {
    let site = built_site();
    let mut watching = site.server();
    watching.env("LEPTOS_WATCH", "true");
    check_shows_a_change(watching, &site, ("/alone.js", "alone.js")).await;
    if cfg!(feature = "embed") {
        return; // the program serves its own site instead of the sources
    }

    let sources = Folder::new();
    sources.write("public/vanilla/index.html", "a page");
    sources.write("style/main.css", "a style");
    check_shows_a_change(sources.server_inside(), &sources, ("/vanilla/", "public/vanilla/index.html")).await;
    sources.write("public/vanilla/index.html", "a page");
    check_shows_a_change(sources.server_inside(), &sources, ("/style/main.css", "style/main.css")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_no_descriptor_is_left_for_does_not_get_404() {
    let site = built_site();
    for (watch, expected) in [("false", StatusCode::OK), ("true", StatusCode::SERVICE_UNAVAILABLE)] {
        let mut command = site.server();
        command.env("LEPTOS_WATCH", watch);
        let program = Program::spawn(command).await;
        let mut connection = program.open().await;
        connection.send(program.get("/alone.js")).await.is(StatusCode::OK);
        program.may_open_no_more_files();
        let answer = connection.send(program.get("/alone.js")).await;
        assert_eq!(answer.status, expected, "watch: {watch}");
        if expected != StatusCode::OK {
            answer.refused(503);
        }
    }
}

// The site in the binary.

/// The paths of all files below a folder.
#[cfg(feature = "embed")]
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[cfg(feature = "embed")]
#[tokio::test]
async fn a_program_with_the_site_needs_no_folder_and_serves_every_file_of_it() {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/site");
    let empty = Folder::new();
    let program = Program::spawn(empty.server_inside()).await;
    let is_variant = |path: &Path| path.extension().is_some_and(|ending| ending == "br" || ending == "gz");
    let files = files_below(&site).into_iter().filter(|path| !is_variant(path) && !path.ends_with("hash.txt"));
    let mut served = 0;
    for path in files {
        let target = format!("/{}", path.strip_prefix(&site).unwrap().display());
        for (accepted, ending) in [("identity", ""), ("br", ".br"), ("gzip", ".gz")] {
            let file = program.get(&target).header("accept-encoding", accepted).send().await.is(StatusCode::OK);
            let content = |ending| fs::read(format!("{}{ending}", path.display())).ok();
            assert_eq!(Some(file.decoded()), content(""), "{target}");
            if let (Some(variant), true) = (content(ending), file.coding().is_some()) {
                assert!(file.body == variant, "{target}: {accepted} is not as the build compressed it");
            }
            served += 1;
        }
    }
    assert!(served > 30, "{served}");
    let hashes = fs::read_to_string(site.join("hash.txt")).unwrap();
    let fingerprint = |kind| hashes.lines().find_map(|line| line.strip_prefix(kind)).unwrap().trim();
    let page = program.page("/?tenant=tenant_a").await;
    for (kind, ending) in [("js:", "js"), ("wasm:", "wasm")] {
        assert!(page.contains(&format!("\"/pkg/event-feed.{}.{ending}\"", fingerprint(kind))), "{kind}");
    }
    assert_eq!(program.connect(Tenant::A).await.hello.build, fingerprint("wasm:"));
    program.get("/hash.txt").send().await.refused(404);
}
