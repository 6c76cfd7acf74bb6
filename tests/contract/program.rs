//! Checks the binary: settings, start, log, signals and exit codes.

use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::support::{Method, Program, Raw, Tenant};

/// Checks that the program exits with an error code and one line on stderr, which contains `text`.
async fn check_fails(flags: &[&str], text: &str) {
    check_fails_with(&[], flags, text).await;
}

/// Like [`check_fails`], with these environment variables.
async fn check_fails_with(variables: &[(&str, &str)], flags: &[&str], text: &str) {
    let mut command = Program::command();
    command.envs(variables.iter().copied()).args(flags);
    let exit = Program::run_to_end(command).await;
    assert!(exit.code.is_some_and(|code| code != 0), "{variables:?} {flags:?}: {exit:?}");
    assert_eq!((exit.stderr.lines().count(), exit.stdout.as_str()), (1, ""), "{variables:?} {flags:?}: {exit:?}");
    assert!(exit.stderr.contains(text) && !exit.stderr.contains("panicked"), "{variables:?} {flags:?}: {exit:?}");
}

#[tokio::test]
async fn an_invalid_flag_is_one_line_on_stderr() {
    check_fails(&["--port", "x"], "--port").await;
    check_fails(&["--port", "70000"], "--port").await;
    check_fails(&["--retain", "0"], "--retain").await;
    check_fails(&["--retain", "10001"], "--retain").await;
    check_fails(&["--port", "tcp://10.96.0.7:3000"], "--port").await;
    check_fails(&["--port", ""], "--port").await;
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
async fn an_invalid_variable_is_named() {
    for (name, value) in [
        ("EVENT_FEED_HOST", "nowhere"),
        ("EVENT_FEED_HOST", "tcp://10.96.0.7:3000"),
        ("EVENT_FEED_PORT", "70000"),
        ("EVENT_FEED_PORT", "http://10.96.0.7:3000"),
        ("EVENT_FEED_RETAIN", "10001"),
        ("EVENT_FEED_MAX_CONNECTIONS", "x"),
        ("EVENT_FEED_HEARTBEAT", "1"),
        ("EVENT_FEED_DRAIN", "-1"),
        ("EVENT_FEED_ALLOW_ORIGIN", "https://a.example, b.example"),
        ("EVENT_FEED_ALLOW_HOST", "a.example, http://b.example"),
        ("EVENT_FEED_NO_ISOLATION", "maybe"),
        ("EVENT_FEED_LOG", "event_feed=loud"),
    ] {
        check_fails_with(&[(name, value)], &[], name).await;
        check_fails_with(&[(name, value)], &["--healthcheck"], name).await;
    }
    // If the flag is invalid, the variable is not named.
    let exit = Program::run_to_end(with_variables(&[("EVENT_FEED_RETAIN", "5")], &["--retain", "x"])).await;
    assert!(!exit.stderr.contains("EVENT_FEED"), "{exit:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_utf_8_is_named() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    for name in ["EVENT_FEED_RETAIN", "EVENT_FEED_LOG", "EVENT_FEED_ALLOW_HOST", "EVENT_FEED_NO_ISOLATION"] {
        let mut command = Program::command();
        command.env(name, OsStr::from_bytes(b"\xff"));
        let exit = Program::run_to_end(command).await;
        assert_eq!((exit.code, exit.stderr.lines().count()), (Some(2), 1), "{name}: {exit:?}");
        assert!(exit.stderr.contains(name), "{name}: {exit:?}");
    }
}

fn with_variables(variables: &[(&str, &str)], flags: &[&str]) -> Command {
    let mut command = Program::command();
    command.envs(variables.iter().copied()).args(flags);
    command
}

/// The default port is in use in this test, so that the program exits with an error that names its address.
#[tokio::test]
async fn a_port_variable_of_kubernetes_is_ignored_with_a_warning() {
    // The result does not matter: if this test cannot bind the address, the program cannot either.
    let _taken = std::net::TcpListener::bind("127.0.0.77:3000");
    let also_taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = also_taken.local_addr().unwrap().port().to_string();
    for (value, warnings) in
        [("tcp://10.96.0.7:3000", 1), ("udp://10.96.0.7:53", 1), ("tcp://[fd00::1]:3000", 1), ("", 0)]
    {
        let variables = [
            ("EVENT_FEED_PORT", value),
            ("EVENT_FEED_PORT_3000_TCP", value),
            ("EVENT_FEED_PORT_3000_TCP_ADDR", "10.96.0.7"),
            ("EVENT_FEED_PORT_3000_TCP_PORT", "3000"),
            ("EVENT_FEED_PORT_3000_TCP_PROTO", "tcp"),
            ("EVENT_FEED_SERVICE_HOST", "10.96.0.7"),
            ("EVENT_FEED_SERVICE_PORT", "3000"),
            ("EVENT_FEED_HOST", "127.0.0.77"),
        ];
        let exit = Program::run_to_end(with_variables(&variables, &[])).await;
        let lines: Vec<_> = exit.stderr.lines().collect();
        assert_eq!((exit.code, lines.len()), (Some(1), warnings + 1), "{value:?}: {exit:?}");
        assert!(lines[warnings].contains("cannot listen on 127.0.0.77:3000"), "{value:?}: {exit:?}");
        assert!(warnings == 0 || lines[0].contains(&format!("EVENT_FEED_PORT={value:?}")), "{value:?}: {exit:?}");
        // No warning if a flag overrides the variable, nor in a health check, whose output a machine reads.
        let exit = Program::run_to_end(with_variables(&variables, &["--host", "127.0.0.1", "--port", &port])).await;
        assert_eq!((exit.code, exit.stderr.lines().count()), (Some(1), 1), "{value:?}: {exit:?}");
        let exit = Program::run_to_end(with_variables(&variables, &["--healthcheck", "--host", "127.0.0.78"])).await;
        assert!(exit.code.is_some_and(|code| code < 2) && exit.stderr.lines().count() < 2, "{value:?}: {exit:?}");
    }
}

#[tokio::test]
async fn an_empty_variable_is_unset() {
    let names =
        ["HOST", "RETAIN", "MAX_CONNECTIONS", "HEARTBEAT", "DRAIN", "ALLOW_ORIGIN", "ALLOW_HOST", "NO_ISOLATION"];
    let mut command = Program::command();
    command.envs(names.map(|name| (format!("EVENT_FEED_{name}"), ""))).env("EVENT_FEED_LOG", "");
    let program = Program::spawn(command).await;
    program.post(Tenant::A, "x").await.created();
    assert_eq!(program.connect(Tenant::A).await.hello.heartbeat_ms, 15_000);
    program.page("/isolation").await;
}

#[tokio::test]
async fn a_switch_accepts_every_common_spelling() {
    for (value, status) in
        [("1", 404), ("true", 404), ("Yes", 404), ("ON", 404), ("0", 200), ("False", 200), ("no", 200), ("OFF", 200)]
    {
        let program = Program::spawn(with_variables(&[("EVENT_FEED_NO_ISOLATION", value)], &[])).await;
        assert_eq!(program.get("/isolation").send().await.status, status, "{value}");
    }
}

#[tokio::test]
async fn a_taken_port_is_one_line_on_stderr() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    check_fails(&["--host", "127.0.0.1", "--port", &address.port().to_string()], &address.to_string()).await;
}

#[cfg(not(feature = "nats"))]
#[tokio::test]
async fn a_backplane_needs_a_program_that_was_built_with_it() {
    const URL: &str = "nats://somebody:secret@127.0.0.1";
    let variables = [("EVENT_FEED_BACKPLANE_A", URL), ("EVENT_FEED_BACKPLANE_B", URL)];
    for (variables, flags) in [
        (&variables[..], &[][..]),
        (&variables[..1], &[][..]),
        (&[][..], &["--backplane-a", URL, "--backplane-b", URL][..]),
    ] {
        check_fails_with(variables, flags, "--features nats").await;
        let exit = Program::run_to_end(with_variables(variables, flags)).await;
        assert!(!exit.stderr.contains("somebody") && !exit.stderr.contains("secret"), "{exit:?}");
    }
}

#[tokio::test]
async fn help_names_every_setting_with_its_default_and_its_variable() {
    let exit = Program::run(&["--help"]).await;
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""));
    let help = exit.stdout.split_whitespace().collect::<Vec<_>>().join(" "); // lines may be wrapped anywhere
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
async fn a_signal_closes_sockets_with_1001_and_exits_with_0() {
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
    command.env("EVENT_FEED_RETAIN", "1").env("EVENT_FEED_ALLOW_HOST", "feed.example,\telse.example., ");
    command.args(["--allow-origin", "https://a.example, https://c.example ,", "--allow-origin", "https://b.example"]);
    let program = Program::spawn(command).await;
    for n in 0..2 {
        program.post(Tenant::A, &n.to_string()).await.created();
    }
    assert_eq!(program.list(Tenant::A).await.messages(), ["1"]);
    for (host, origin) in [("else.example", "https://b.example"), ("feed.example", "https://c.example")] {
        let mut request = program.new_socket(Tenant::A).header("origin", origin);
        request.set("host", host);
        assert_eq!(request.send().await.status, 101, "{origin} at {host}");
    }
}

#[tokio::test]
async fn the_log_names_a_refused_host_and_never_holds_a_messages_text() {
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
async fn a_refused_host_is_one_log_line_with_the_flag_that_would_allow_it() {
    let program = Program::start(&[]).await;
    let mut foreign = program.get("/");
    foreign.set("host", "rebound.example");
    foreign.send().await.refused(421);
    let log = program.end_with("TERM").await.stderr;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("refused") || line.contains("rebound")).collect();
    assert!(
        matches!(lines[..], [line] if line.contains("421") && line.contains("--allow-host rebound.example")),
        "{log}"
    );
}

/// How many lines were left out of a log, by its summaries.
fn left_out(log: &str) -> usize {
    let counts = log.lines().filter_map(|line| line.split_once("left out ")?.1.split(' ').next());
    counts.map(|count| count.parse::<usize>().unwrap()).sum()
}

/// Sends `hundreds` × 100 requests without a tenant over one connection.
async fn send_refused(program: &Program, raw: &mut Raw, hundreds: usize) {
    let hundred = program.get("/events").head().repeat(100);
    for _ in 0..hundreds {
        raw.write(&hundred).await;
        for _ in 0..100 {
            raw.answer().await.refused(401);
        }
    }
}

/// How many refusals were logged, and how many were left out.
fn refusals(log: &str) -> (usize, usize) {
    (log.lines().filter(|line| line.contains("no-tenant")).count(), left_out(log))
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_hundred_log_lines_a_second_and_a_count() {
    let mut program = Program::start(&[]).await;
    let (mut raw, start) = (program.raw().await, Instant::now());
    send_refused(&program, &mut raw, 100).await;
    program.wait_for_log("left out ").await; // a summary needs no other line to be logged
    // The summary of these 200 comes at the end, and the lines about the stop are not left out.
    send_refused(&program, &mut raw, 2).await;
    let seconds = start.elapsed().as_secs() as usize;
    let log = program.end_with("TERM").await.stderr;
    let (lines, left_out) = refusals(&log);
    assert_eq!(lines + left_out, 10_200, "{lines} lines");
    // A period of one second begins with its first line: at most `seconds` + 1 periods have begun.
    assert!(lines <= 100 * (seconds + 1), "{lines} lines in {seconds} s");
    let summaries = log.lines().filter(|line| line.contains("left out ")).count();
    assert!(summaries <= seconds + 2, "{summaries} summaries in {seconds} s");
    assert!(log.contains(": stopping") && log.contains(": stopped"), "the log of a stop");
}

#[tokio::test]
async fn lines_left_out_of_the_log_are_counted_with_any_filter() {
    let program = Program::start(&["--log", "info,event_feed::server::log=off"]).await;
    send_refused(&program, &mut program.raw().await, 20).await;
    let (lines, left_out) = refusals(&program.end_with("TERM").await.stderr);
    assert_eq!(lines + left_out, 2_000);
    assert!(left_out > 0);
}

#[tokio::test]
async fn an_event_is_not_logged_by_default() {
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
async fn a_log_that_nobody_reads_delays_nobody() {
    // All levels, so that more kinds of lines are written.
    let program = Program::start(&["--log", "trace"]).await;
    let _unread = program.pause_log_reader().await;
    let mut socket = program.connect(Tenant::A).await;
    let mut connection = program.open().await;
    // At least two kinds of lines, 100 of each a second, for 8 s: 1,600 lines of more than 100 bytes overflow a pipe of
    // 64 KiB. The log's rate depends on time, so that this load has a length of time and not a number of requests.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(8) {
        connection.send(program.get("/events")).await.refused(401);
        connection.send(program.get("/nowhere")).await.refused(404);
    }
    program.post(Tenant::A, "marker").await.created();
    assert_eq!(socket.next_event().await.message, "marker");
    program.signal("TERM").await;
    assert_eq!(socket.next_close().await, 1001);
}

#[tokio::test]
async fn clients_that_connect_while_the_server_is_stopped_are_served_when_it_continues() {
    let program = Program::start(&[]).await;
    program.signal("STOP").await;
    let mut crowd = Vec::new();
    // 500 is more than the usual accept queue of 128; ours holds 4,096 (`ACCEPT_QUEUE` in `listener.rs`). If the queue
    // were full, the kernel would drop a connection's first packet, and the client would try again a second later.
    for _ in 0..500 {
        crowd.push(program.raw().await);
    }
    program.signal("CONT").await;
    for raw in &mut crowd {
        raw.write(program.get("/healthz").head()).await;
    }
    for raw in &mut crowd {
        assert_eq!(raw.answer().await.status.as_u16(), 200);
    }
}
