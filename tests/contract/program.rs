//! The binary: how it starts, what it says, how it ends.

use crate::support::{Method, Program, Tenant};

/// Checks that it ended with one plain sentence on the error stream.
async fn check_fails(flags: &[&str], saying: &str) {
    let exit = Program::run(flags).await;
    assert!(exit.code.is_some_and(|code| code != 0), "{flags:?}: {exit:?}");
    assert_eq!((exit.stderr.lines().count(), exit.stdout.as_str()), (1, ""), "{flags:?}: {exit:?}");
    assert!(exit.stderr.contains(saying) && !exit.stderr.contains("panicked"), "{flags:?}: {exit:?}");
}

#[tokio::test]
async fn a_bad_setting_ends_with_one_plain_sentence() {
    check_fails(&["--port", "x"], "--port").await;
    check_fails(&["--port", "70000"], "--port").await;
    check_fails(&["--retain", "0"], "--retain").await;
    check_fails(&["--max-connections=0"], "--max-connections").await;
    check_fails(&["--heartbeat=1"], "--heartbeat").await;
    check_fails(&["--allow-origin", "feed.example"], "--allow-origin").await;
    check_fails(&["--allow-host", "http://feed.example"], "--allow-host").await;
    check_fails(&["--nonsense"], "--nonsense").await;
    check_fails(&["nonsense"], "nonsense").await;
    check_fails(&["--port"], "--port").await;
    check_fails(&["--log", "event_feed=loud"], "--log").await;
}

#[tokio::test]
async fn a_taken_port_ends_with_one_plain_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    check_fails(&["--host", "127.0.0.1", "--port", &address.port().to_string()], &address.to_string()).await;
}

#[tokio::test]
async fn help_names_every_setting_with_its_default_and_its_variable() {
    let exit = Program::run(&["--help"]).await;
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""));
    let help = exit.stdout.split_whitespace().collect::<Vec<_>>().join(" "); // it is broken into lines anywhere
    for (flag, default) in [
        ("--host", "127.0.0.1"),
        ("--port", "3000"),
        ("--retain", "1000"),
        ("--max-connections", "9750"),
        ("--heartbeat", "15000"),
        ("--drain", "4000"),
        ("--log", "info"),
    ] {
        let (_, rest) = help.split_once(&format!("{flag} ")).unwrap_or_else(|| panic!("no {flag}"));
        let (_, default_of_it) = rest.split_once("[default: ").expect("a default");
        assert!(default_of_it.starts_with(&format!("{default}]")), "{flag}: {default_of_it}");
    }
    for flag in ["--allow-origin", "--allow-host", "--no-isolation"] {
        assert!(help.contains(flag), "no {flag}");
        let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
        assert!(help.contains(&format!("EVENT_FEED_{variable}")), "no {variable}");
    }
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let program = Program::start(&[]).await;
        let mut socket = program.connect(Tenant::A).await;
        let (exit, code) = tokio::join!(program.end_with(signal), socket.next_close());
        assert_eq!((exit.code, code), (Some(0), 1001), "{signal}: {exit:?}");
    }
}

#[tokio::test]
async fn a_setting_comes_from_a_flag_or_from_the_environment() {
    let mut command = Program::command();
    command.env("EVENT_FEED_RETAIN", "1").env("EVENT_FEED_ALLOW_HOST", "feed.example,else.example");
    command.args(["--allow-origin", "https://a.example", "--allow-origin", "https://b.example"]);
    let program = Program::spawn(command).await;
    for n in 0..2 {
        program.post(Tenant::A, &n.to_string()).await.created();
    }
    assert_eq!(program.list(Tenant::A).await.messages(), ["1"]);
    let mut request = program.new_socket(Tenant::A).header("origin", "https://b.example");
    request.set("host", "else.example");
    assert_eq!(request.send().await.status, 101);
}

#[tokio::test]
async fn the_log_never_holds_a_messages_text_and_names_a_refused_host() {
    let program = Program::start(&["--log", "trace"]).await;
    let mut socket = program.connect(Tenant::A).await;
    program.new_post(Tenant::A, "sesame").header("idempotency-key", "k").send().await.created();
    program.new_post(Tenant::A, "sesame 2").header("idempotency-key", "k").send().await.refused(422);
    program.post(Tenant::A, "sesame\u{7}").await.refused(422);
    program.request(Method::POST, "/events").tenant(Tenant::A).json("{\"sesame\"").send().await.refused(400);
    program.page("/?tenant=tenant_a").await;
    socket.next_event().await;
    let mut foreign = program.get("/");
    foreign.set("host", "rebound.example");
    foreign.send().await.refused(421);
    let log = program.end_with("TERM").await.stderr;
    assert!(!log.contains("sesame"), "{log}");
    assert!(log.contains("--allow-host rebound.example"), "{log}");
}

#[tokio::test]
async fn nothing_is_logged_per_event_by_default() {
    let program = Program::start(&[]).await;
    let before = program.logged.clone();
    for _ in 0..50 {
        program.post(Tenant::A, "x").await.created();
    }
    let log = program.end_with("TERM").await.stderr;
    let lines = log.lines().count() - before.lines().count();
    assert!(lines < 10, "{log}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nobody() {
    let program = Program::start(&[]).await;
    let _unread = program.leave_the_log_unread().await;
    let mut socket = program.connect(Tenant::A).await;
    let mut connection = program.open().await;
    for _ in 0..5_000 {
        connection.send(program.get("/events")).await.refused(401); // a line each, and a pipe holds some hundreds
    }
    program.post(Tenant::A, "heard").await.created();
    assert_eq!(socket.next_event().await.message, "heard");
    program.signal("TERM").await;
    assert_eq!(socket.next_close().await, 1001);
}

#[tokio::test]
async fn a_crowd_that_comes_while_it_stands_still_is_let_in_when_it_goes_on() {
    let program = Program::start(&[]).await;
    program.signal("STOP").await;
    let mut crowd = Vec::new();
    for _ in 0..500 {
        crowd.push(program.raw().await); // one that is not queued would wait for a second, and more each time
    }
    program.signal("CONT").await;
    for raw in &mut crowd {
        raw.write(program.get("/healthz").head()).await;
    }
    for raw in &mut crowd {
        assert_eq!(raw.answer().await.status.as_u16(), 200);
    }
}
