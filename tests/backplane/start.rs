//! Checks the start: which settings and engines are refused, and what a server does before its engine is there.

use std::{io, net::SocketAddr, process::Stdio};

use event_feed::server::Settings;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{
    engine::{Engine, add_events, login},
    support::{Client, Exit, FaultyProxy, Mode, Program, Server, StatusCode, Tenant, send_signal, until, within},
};

const VARIABLES: [&str; 2] = ["EVENT_FEED_BACKPLANE_A", "EVENT_FEED_BACKPLANE_B"];

/// Runs the program with these engines until it exits.
async fn run(urls: [&str; 2], flags: &[&str]) -> Exit {
    let mut command = Program::command();
    command.env("EVENT_FEED_PORT", "0").env("NO_COLOR", "1").envs(VARIABLES.into_iter().zip(urls)).args(flags);
    Program::run_to_end(command).await
}

/// Checks that the program does not start, and tells the reason in one sentence without a password.
async fn check_refused(urls: [&str; 2], flags: &[&str], reason: &str) {
    let exit = run(urls, flags).await;
    assert!(exit.code.is_some_and(|code| code != 0), "{exit:?}");
    let sentences: Vec<_> = exit.stderr.lines().filter(|line| line.starts_with("event-feed: ")).collect();
    assert!(matches!(sentences[..], [sentence] if sentence.contains(reason)), "{reason:?}: {exit:?}");
    assert!(!exit.stderr.contains("password-of") && !exit.stderr.contains("panicked"), "{exit:?}");
    assert!(exit.stderr.lines().all(|line| !line.contains("ERROR")), "the sentence is enough: {exit:?}");
    assert_eq!(exit.stdout, "");
}

#[tokio::test]
async fn a_wrong_setting_is_refused_in_one_sentence() {
    let engine = Engine::alone().await;
    let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
    let wrong = a.replace("password-of-tenant_a", "password-of-nobody");
    check_refused([&wrong, &b], &[], "--backplane-a: the engine does not know this user and password").await;
    check_refused([&a, &b.replace("tenant_b:", "nobody:")], &[], "--backplane-b: the engine does not know").await;
    // Each of these comes after a right server that has made both streams.
    let right = Program::spawn(with_engines([&a, &b])).await;
    right.post(Tenant::A, "x").await.created();
    check_refused([&b, &a], &[], "--backplane-a: this account has the stream of tenant_b: ").await;
    check_refused([&a, &a], &[], "--backplane-b: this account has the stream of tenant_a: ").await;
    check_refused([&a, &b], &["--retain", "7"], "the stream was made with --retain 1000").await;
    // The right server has noticed nothing.
    right.post(Tenant::A, "y").await.created();
    assert_eq!(right.list(Tenant::A).await.messages(), ["y", "x"]);
}

#[tokio::test]
async fn one_account_for_both_tenants_is_refused_by_the_first_server_too() {
    let engine = Engine::alone().await;
    let url = engine.url(Tenant::A);
    check_refused([&url, &url], &[], ": this account has the stream of tenant_").await;
}

fn with_engines(urls: [&str; 2]) -> tokio::process::Command {
    let mut command = Program::command();
    command.envs(VARIABLES.into_iter().zip(urls));
    command
}

/// The configuration without these parts, each from a text to the next `}`.
fn without(mut conf: String, starts: &[&str]) -> String {
    for start in starts {
        while let Some(from) = conf.find(start) {
            let end = from + conf[from..].find('}').expect("an end") + 1;
            let comma = usize::from(conf[end..].starts_with(','));
            conf.replace_range(from..end + comma, "");
        }
    }
    conf
}

#[tokio::test]
async fn an_engine_that_cannot_be_used_is_refused_in_one_sentence() {
    let enable = "JetStream is not enabled for this account";
    for (reason, engine) in [
        (enable, Engine::with(|conf| without(conf, &["jetstream:"])).await),
        (enable, Engine::with(|conf| without(conf, &["jetstream:", "jetstream {"])).await),
        (
            "the engine accepts 4096 bytes at most: set its max_payload to 16384",
            Engine::with(|conf| conf + "max_payload: 4096\n").await,
        ),
        (
            "the engine belongs to the cluster several",
            Engine::with(|conf| conf + "server_name: one\ncluster { name: several, listen: \"127.0.0.1:-1\", routes: [\"nats://127.0.0.1:1\"] }\n").await,
        ),
    ] {
        let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
        check_refused([&a, &b], &[], reason).await;
    }
}

#[tokio::test]
async fn a_stream_of_another_program_is_refused() {
    let engine = Engine::alone().await;
    let account = async_nats::jetstream::new(engine.log_in(Tenant::B).await);
    let config = async_nats::jetstream::stream::Config {
        name: crate::engine::STREAM.to_owned(),
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    account.create_stream(config).await.unwrap();
    let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
    check_refused([&a, &b], &[], "--backplane-b: the stream event-feed in this account was not made by event-feed")
        .await;
}

#[tokio::test]
async fn a_stream_that_has_outlived_its_engine_is_refused() {
    let engine = Engine::alone().await;
    let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
    let server = Program::spawn(with_engines([&a, &b])).await;
    server.post(Tenant::A, "x").await.created();
    server.end_with("TERM").await;
    // As if another engine had made it, for example one whose data were copied.
    let account = async_nats::jetstream::new(engine.log_in(Tenant::A).await);
    let mut config = account.get_stream(crate::engine::STREAM).await.unwrap().cached_info().config.clone();
    config.metadata.insert("server".to_owned(), "another".to_owned());
    account.update_stream(config).await.unwrap();
    check_refused([&a, &b], &[], "--backplane-a: the stream event-feed has outlived its engine").await;
}

/// Starts a listener that greets like a nats-server of this version, and answers pings only. Returns its address, and a
/// receiver of one value for each connection.
async fn fake_engine(version: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (connected, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // An error means that the test has ended.
            let _ = connected.send(());
            tokio::spawn(greet(stream, version));
        }
    });
    (address, connections)
}

async fn greet(stream: TcpStream, version: &str) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let info = json!({
        "server_id": "x", "server_name": "x", "version": version, "go": "x", "host": "127.0.0.1", "port": 4222,
        "proto": 1, "headers": true, "max_payload": 1_048_576, "client_id": 1, "client_ip": "127.0.0.1",
    });
    stream.write_all(format!("INFO {info}\r\n").as_bytes()).await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if line.starts_with("PING") {
            stream.write_all(b"PONG\r\n").await?;
        }
        line.clear();
    }
    Ok(())
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_refused_whatever_its_version_looks_like() {
    for version in ["2.9.25", "2", "of today"] {
        let (address, _connections) = fake_engine(version).await;
        let [a, b] = Tenant::ALL.map(|tenant| Engine::url_at(address, tenant));
        let reason = format!("--backplane-a: the engine is nats-server {version}: use 2.10 or later");
        check_refused([&a, &b], &[], &reason).await;
    }
}

#[tokio::test]
async fn a_server_can_be_stopped_while_it_waits_for_its_engine() {
    let (address, mut connections) = fake_engine("2.11.0").await;
    let [a, b] = Tenant::ALL.map(|tenant| Engine::url_at(address, tenant));
    let mut command = with_engines([&a, &b]);
    command.env("EVENT_FEED_PORT", "0").kill_on_drop(true).stderr(Stdio::piped());
    let server = command.spawn().unwrap();
    within("a connection", connections.recv()).await;
    send_signal(&server, "TERM").await;
    let output = within("the end of the program", server.wait_with_output()).await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("http://"), "{log}");
}

#[tokio::test]
async fn a_server_that_has_many_events_to_read_answers_before_it_has_them() {
    let engine = Engine::alone().await;
    let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
    let first = Program::spawn(with_engines([&a, &b])).await;
    let last = add_events(&engine, Tenant::A, 10_000).await;
    let proxy = FaultyProxy::start(&Client::of(engine.address)).await;
    proxy.set(Mode::Throttle(50)); // 2 MB take 40 s
    let [slow_a, slow_b] = Tenant::ALL.map(|tenant| Engine::url_at(proxy.client.address(), tenant));
    let server = Program::spawn(with_engines([&slow_a, &slow_b])).await;
    server.get("/healthz").send().await.is(StatusCode::OK);
    server.get("/readyz").send().await.is(StatusCode::OK); // for Tenant B
    server.get("/events").tenant(Tenant::A).send().await.refused(503);
    server.post(Tenant::B, "x").await.created();
    proxy.set(Mode::Forward);
    until("a list", async || server.get("/events").tenant(Tenant::A).send().await.status == 200).await;
    let [list, same] = [&server, &first].map(|server| server.list(Tenant::A));
    let list = list.await;
    assert_eq!(list.seq, last);
    assert_eq!(list, same.await);
}

#[tokio::test]
async fn a_malformed_or_a_missing_url_is_refused() {
    let url = "nats://tenant_a:password-of-tenant_a@127.0.0.1:4222";
    for (wrong, reason) in [
        ("password-of-tenant_a", "--backplane-b: write it as nats://USER:PASSWORD@HOST:PORT"),
        ("http://tenant_b:password-of-tenant_b@127.0.0.1", "--backplane-b: write it as"),
        ("nats://127.0.0.1:4222", "--backplane-b: write it as"),
    ] {
        check_refused([url, wrong], &[], reason).await;
        check_refused([url, url], &["--backplane-b", wrong], reason).await;
    }
    for alone in [["", url], [url, ""]] {
        check_refused(alone, &[], "--backplane-a and --backplane-b belong together").await;
    }
}

#[tokio::test]
async fn a_server_starts_without_its_engine_and_is_live_once_it_is_there() {
    let mut engine = Engine::alone().await;
    engine.kill().await;
    let [a, b] = Tenant::ALL.map(|tenant| engine.url(tenant));
    let server = Program::spawn(with_engines([&a, &b])).await;
    server.get("/healthz").send().await.is(StatusCode::OK);
    server.get("/readyz").send().await.refused(503);
    server.get("/?tenant=tenant_a").send().await.refused_page();
    server.page("/").await;
    for tenant in Tenant::ALL {
        for request in [server.get("/events").tenant(tenant), server.new_post(tenant, "x"), server.new_socket(tenant)] {
            assert!(request.send().await.refused(503).kind.ends_with(":unreachable"));
        }
    }
    engine.run().await;
    until("a ready server", async || server.get("/readyz").send().await.status == 200).await;
    for tenant in Tenant::ALL {
        until("a handshake", async || server.new_socket(tenant).send().await.status == 101).await;
        let mut socket = server.connect(tenant).await;
        let event = server.post(tenant, "x").await.created();
        assert_eq!(socket.next_event().await, event);
        assert_eq!(server.list(tenant).await.events, [event]);
        server.page(&format!("/?tenant={tenant}")).await;
    }
}

#[tokio::test]
async fn a_server_is_ready_while_one_of_two_engines_is_there() {
    let mut engines = [Engine::alone().await, Engine::alone().await];
    let [backplane_a, backplane_b] = [0, 1].map(|n| engines[n].url(Tenant::ALL[n]).parse().ok());
    let settings = Settings { backplane_a, backplane_b, ..Settings::default() };
    let server = Server::of(settings).await;
    server.get("/readyz").send().await.is(StatusCode::OK);
    let mut socket = server.connect(Tenant::B).await;
    engines[0].kill().await;
    until("a refused handshake", async || server.new_socket(Tenant::A).send().await.status == 503).await;
    server.get("/readyz").send().await.is(StatusCode::OK);
    let event = server.post(Tenant::B, "x").await.created();
    assert_eq!(socket.next_event().await, event);
    server.post(Tenant::A, "x").await.refused(503);
    engines[1].kill().await;
    until("a refused handshake", async || server.new_socket(Tenant::B).send().await.status == 503).await;
    server.get("/readyz").send().await.refused(503);
    server.get("/healthz").send().await.is(StatusCode::OK);
}

#[tokio::test]
async fn the_login_is_never_printed() {
    let [user, password] = ["login-of-somebody", "secret-of-somebody"];
    let mut engine = Engine::with(|conf| {
        let changed = Tenant::ALL.into_iter().fold(conf, |conf, tenant| {
            let [known_user, known_password] = login(tenant);
            let conf = conf.replace(&known_password, &format!("{password}-{tenant}"));
            conf.replace(&format!("user: {known_user}"), &format!("user: {user}-{tenant}"))
        });
        assert!(changed.contains(user) && changed.contains(password));
        changed
    })
    .await;
    let url = |tenant: Tenant| format!("nats://{user}-{tenant}:{password}-{tenant}@{}", engine.address);
    let urls = Tenant::ALL.map(url);
    let [a, b] = urls.each_ref().map(String::as_str);
    let mut command = with_engines([a, b]);
    command.args(["--log", "trace"]);
    let server = Program::spawn(command).await;
    server.post(Tenant::A, "x").await.created();
    engine.kill().await;
    until("a refused handshake", async || server.new_socket(Tenant::A).send().await.status == 503).await;
    engine.run().await;
    until("a handshake", async || server.new_socket(Tenant::A).send().await.status == 101).await;
    let log = server.end_with("TERM").await.stderr;
    assert!(log.matches("the backplane is live").count() > 2, "{log}");

    let mut help = with_engines([a, b]);
    help.arg("--help");
    let help = Program::run_to_end(help).await;
    assert!(help.stdout.contains("EVENT_FEED_BACKPLANE_A"), "{help:?}");
    let refused = run([&a.replace("secret", "no-secret"), b], &["--log", "trace"]).await;
    let malformed = run([&a.replace("nats:", "nets:"), b], &["--log", "trace"]).await;
    let mistyped = run([a, b], &["--retain", "x"]).await;
    for text in [log, help.stdout, refused.stderr, malformed.stderr, mistyped.stderr] {
        let found = text.lines().find(|line| line.contains("of-somebody"));
        assert_eq!(found, None);
    }
}
