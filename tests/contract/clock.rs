//! Runs the server on a machine whose clock is before 1970 or after the year 9999. It must serve, and clamp its
//! timestamps.

#![cfg(target_os = "linux")]

use std::{
    fs::{self, File},
    process::Stdio,
    time::{Duration, UNIX_EPOCH},
};

use tokio::io::AsyncWriteExt;

use crate::support::{Method, Program, Tenant};

/// Replaces a function of the C library. It changes the time of day alone: timeouts use another clock.
const CLOCK: &str = r#"
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec = atoll(getenv("TEST_CLOCK"));
  return result;
}
"#;

/// Compiles [`CLOCK`] with the C compiler that Rust links with, and returns the path of the library.
async fn library(name: &str) -> String {
    let path = format!("{}/{name}.so", env!("CARGO_TARGET_TMPDIR"));
    let mut cc = tokio::process::Command::new("cc");
    cc.args(["-shared", "-fPIC", "-x", "c", "-o", &path, "-"]).stdin(Stdio::piped());
    let mut cc = cc.spawn().expect("a C compiler named cc");
    cc.stdin.take().unwrap().write_all(CLOCK.as_bytes()).await.unwrap();
    assert!(cc.wait().await.unwrap().success());
    path
}

/// Checks all that a client can do if the server's clock always shows this second since 1970.
async fn check(name: &str, second: i64, timestamp: &str, date: &str) {
    let mut command = Program::command();
    command.env("LD_PRELOAD", library(name).await).env("TEST_CLOCK", second.to_string());
    let program = Program::spawn(command).await;
    let mut socket = program.connect(Tenant::A).await;
    assert_eq!(socket.hello.timestamp, timestamp);
    let answer = program.post(Tenant::A, "x").await;
    assert_eq!(answer.header("date"), date);
    let event = answer.created();
    assert_eq!(event.timestamp, timestamp);
    assert_eq!(socket.next_event().await, event);
    assert_eq!(program.list(Tenant::A).await.events, [event]);
    assert!(program.page("/?tenant=tenant_a").await.contains(timestamp));
    for path in ["/", "/isolation", "/vanilla/", "/healthz", "/openapi.json"] {
        program.page(path).await;
    }
    program.request(Method::POST, "/events").send().await.refused(401);
    assert_eq!(program.get("/nowhere").send().await.refused(404).status, 404);
    let exit = program.end_with("TERM").await;
    assert_eq!((exit.code, socket.next_close().await), (Some(0), 1001), "{exit:?}");
    assert!(!exit.stderr.contains("panicked"), "{exit:?}");
}

#[tokio::test]
async fn a_clock_before_1970_counts_as_1970() {
    check("1969", -1_000, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT").await;
    check("1901", -2_147_483_648, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT").await;
}

#[tokio::test]
async fn a_clock_after_the_year_9999_counts_as_its_end() {
    check("10000", 253_402_300_800, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT").await;
}

#[tokio::test]
async fn a_file_from_before_1970_is_served() {
    let site = format!("{}/old-site", env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(format!("{site}/pkg")).unwrap();
    for ending in ["js", "wasm", "css"] {
        let file = File::create(format!("{site}/pkg/event-feed.{ending}")).unwrap();
        file.set_modified(UNIX_EPOCH.checked_sub(Duration::from_secs(86_400)).unwrap()).unwrap();
    }
    let mut command = Program::command();
    command.env("LEPTOS_SITE_ROOT", &site);
    let program = Program::spawn(command).await;
    program.page("/pkg/event-feed.js").await;
}
