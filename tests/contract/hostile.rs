//! Attacks the server over raw TCP. Each attack must end with the right status or close code, the server's memory must
//! return to its earlier size, and another client must not be disturbed.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
use tokio::time::{Instant, interval};

use crate::support::{
    Client, Method, Program, Raw, Received, Request, Server, StatusCode, Tenant, Witness, frame, message, until,
    within_timeout,
};

/// How much resident memory may grow from one attack to the next equal one, in bytes: an allocator keeps some of what
/// was freed.
const GROWTH_MAX: u64 = 12 << 20;
/// How long a slow client has for a head, for a body, and to read (contract, "HTTP").
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);
/// The deadline for an end that comes after [`SERVER_TIMEOUT`]: four times as much.
const LONG_TIMEOUT: Duration = Duration::from_secs(40);

/// Starts a server in a process of its own, so that its memory can be measured.
async fn program() -> Program {
    Program::start(&["--log", "warn,event_feed=info"]).await
}

/// Attacks twice, and checks that the second attack does not make memory grow. The first one lets the server allocate
/// what it needs.
async fn check_memory(program: &Program, witness: &mut Witness, mut attack: impl AsyncFnMut()) {
    witness.check_during(attack()).await;
    let before = program.memory();
    witness.check_during(attack()).await;
    until("memory as before", async || program.memory() <= before.map(|before| before + GROWTH_MAX)).await;
}

/// Runs `size` clients, `at_once` of them concurrently.
async fn run_clients(size: usize, at_once: usize, one: impl AsyncFn(usize)) {
    stream::iter(0..size).for_each_concurrent(at_once, |n| one(n)).await;
}

/// Writes a byte every half second, and waits until the connection has ended.
async fn write_slowly(raw: &mut Raw, bytes: impl Iterator<Item = u8>) {
    let mut ticks = interval(Duration::from_millis(500));
    for byte in bytes {
        tokio::select! {
            () = raw.closed() => return,
            _ = ticks.tick() => if raw.try_write([byte]).await.is_err() { break },
        }
    }
    within_timeout(LONG_TIMEOUT, "the end of an idle connection", raw.closed()).await;
}

/// Checks that a client's connection lasts for [`SERVER_TIMEOUT`] or longer, measured from before the client connects. A
/// slow machine cannot fail this: the server's timeout starts later than the measurement and never fires early, and
/// there is no upper limit.
async fn check_duration(what: &str, client: impl Future<Output = ()>) {
    let start = Instant::now();
    client.await;
    assert!(start.elapsed() >= SERVER_TIMEOUT, "{what} was ended after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_client_gets_ten_seconds() {
    let server = Server::start().await;
    let mut witness = Witness::of(&server, Tenant::A).await;
    for n in 0..100 {
        server.post(Tenant::B, &format!("{n:>500}").replace(' ', "😀")).await.created();
    }

    let half_a_minute = || std::iter::repeat_n(b'x', 60); // at two bytes a second
    let slow_head = async {
        let mut raw = server.raw().await;
        raw.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: ").await;
        write_slowly(&mut raw, half_a_minute()).await;
    };
    let slow_request_line =
        async { write_slowly(&mut server.raw().await, b"GET /".iter().copied().chain(half_a_minute())).await };
    let nothing = async { write_slowly(&mut server.raw().await, std::iter::empty()).await };
    let half_a_handshake = async {
        let mut raw = server.raw().await;
        let head = server.new_socket(Tenant::A).head();
        raw.write(&head[..head.len() - 2]).await;
        write_slowly(&mut raw, std::iter::empty()).await;
    };
    let no_second_request = async {
        let mut raw = server.raw().await;
        raw.write(server.get("/healthz").head()).await;
        raw.answer().await.is(StatusCode::OK);
        write_slowly(&mut raw, std::iter::empty()).await;
    };
    let slow_body = async {
        let post = server.new_post(Tenant::A, "x").header("content-length", "100");
        let mut raw = server.raw().await;
        raw.write(post.head()).await;
        let mut ticks = interval(Duration::from_millis(500));
        let answer = loop {
            tokio::select! {
                answer = raw.answer() => break answer,
                _ = ticks.tick() => {}
            }
            raw.write(" ").await;
        };
        answer.refused(408);
        assert!(raw.at_end().await, "the rest of the body will never come");
    };
    let unread_answers = async {
        let mut raw = Raw::connect_narrow(server.address()).await;
        // 50 lists of 200 kB each: more than the kernel buffers for a peer that reads nothing.
        let list = server.get("/events").tenant(Tenant::B).head();
        raw.write_until_reset(&list.repeat(50)).await;
    };
    let all = async {
        tokio::join!(
            check_duration("a slow head", slow_head),
            check_duration("a slow request line", slow_request_line),
            check_duration("a connection without a request", nothing),
            check_duration("half a handshake", half_a_handshake),
            check_duration("a connection without a second request", no_second_request),
            check_duration("a slow body", slow_body),
            check_duration("a client that reads no answer", unread_answers),
        )
    };
    witness.check_during(all).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_gets_408_after_ten_seconds_with_any_method() {
    let server = Server::start().await;
    let late = [server.get("/healthz"), server.get("/events").tenant(Tenant::A), server.new_post(Tenant::A, "x")];
    let late = late.map(|request| {
        let path = request.path.clone();
        let client = async {
            let mut raw = server.raw().await;
            raw.write(request.header("content-length", "100").head()).await;
            raw.write("12345").await;
            within_timeout(LONG_TIMEOUT, "an answer", raw.readable()).await;
            raw.answer().await.refused(408);
            raw.closed().await;
        };
        async move { check_duration(&path, client).await }
    });
    join_all(late).await;
}

#[tokio::test]
async fn an_endless_body_is_refused_and_its_connection_reset() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let chunked = program.request(Method::POST, "/events").header("content-type", "application/json");
    let chunked = chunked.header("transfer-encoding", "chunked");
    let vast = program.request(Method::POST, "/events").header("content-type", "application/json");
    let vast = vast.header("content-length", u64::MAX.wrapping_shr(2).to_string());
    let of_a = |request: &Request| request.clone().tenant(Tenant::A).head();
    let large_chunk = [b"4000\r\n".to_vec(), vec![b'x'; 0x4000], b"\r\n".to_vec()].concat();
    let endless = [
        (chunked.head(), large_chunk.clone(), 401),
        (of_a(&chunked), large_chunk, 413),
        (of_a(&chunked), b"1\r\nx\r\n".repeat(1_000), 413),
        (of_a(&vast), vec![b'x'; 0x4000], 413),
    ];
    // A client that pauses after at most 330 kB receives its answer.
    let pauses = endless.iter().map(async |(head, piece, status)| {
        let mut raw = client.raw().await;
        raw.write([head, &piece.repeat(20)[..]].concat()).await;
        assert_eq!(raw.answer().await.status, *status);
        raw.closed().await;
    });
    witness.check_during(join_all(pauses)).await;
    // A client that never pauses is reset before it has sent 64 MiB.
    let floods = endless.iter().map(async |(head, piece, _)| {
        let mut raw = client.raw().await;
        raw.write(head).await;
        let mut sent = 0;
        while raw.try_write(piece).await.is_ok() {
            sent += piece.len();
            assert!(sent < 64 << 20, "the server reads {sent} bytes and more");
        }
    });
    witness.check_during(join_all(floods)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_headers_is_refused_and_leaves_no_memory_behind() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(100 * 1024));
    for (request, status) in [
        (format!("{start}{many}\r\n"), 431),
        (format!("{start}{long}\r\n"), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100 * 1024)), 431),
    ] {
        let mut raw = program.raw().await;
        // The server may refuse it, and close, before all of it is written.
        let _ = raw.try_write(&request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, status, "{answer:?}");
        raw.closed().await;
    }
    check_memory(&program, &mut witness, async || {
        // Each client sends as much of a head as the server reads, and no more.
        run_clients(200, 200, async |_| {
            let mut raw = client.raw().await;
            let _ = raw.try_write([start, "X: ", &"y".repeat(1 << 20)].concat()).await;
            raw.reset();
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connects_and_resets_leave_no_memory_or_descriptor_behind() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let files = program.open_files();
    check_memory(&program, &mut witness, async || {
        run_clients(5_000, 64, async |n| {
            let mut raw = client.raw().await;
            // Reset it at each stage of a connection. A write may fail, since the server may have closed.
            let _ = match n % 10 {
                0..=5 => Ok(()),
                6 => raw.try_write("GET /he").await,
                7 => raw.try_write(client.get("/events").tenant(Tenant::B).head()).await,
                8 => raw.try_write(&client.new_post(Tenant::B, "x").header("content-length", "20").head()).await,
                _ => raw.try_write(client.new_socket(Tenant::B).head()).await,
            };
            raw.reset();
        })
        .await;
    })
    .await;
    until("the end of B's connections", async || program.counts(Tenant::B).await["connections"] == 0).await;
    until("descriptors as before", async || program.open_files() <= files.map(|files| files + 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_whose_pongs_are_never_read_cost_no_more_than_a_slow_reader() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let before = program.memory();
    let flood = async {
        let mut raw = client.subscribe(Raw::connect_narrow(client.address()).await, Tenant::B).await;
        let pings = message(0x9, b"").repeat(10_000);
        let mut highest = 0;
        while raw.try_write(&pings).await.is_ok() {
            highest = highest.max(program.memory().unwrap_or_default());
        }
        highest
    };
    let highest = witness.check_during(flood).await;
    let more = highest.saturating_sub(before.unwrap_or(highest));
    assert!(more < 8 << 20, "one client made the server allocate {more} bytes");
    until("the end of its connection", async || program.counts(Tenant::B).await["connections"] == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_fragments_is_closed() {
    let program = program().await;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let before = program.memory();
    // 20,001 bytes in fragments: more than the 16 KiB of a message.
    let mut raw = program.raw_socket(Tenant::B).await;
    raw.write([frame(0x1, b"x"), frame(0x0, b"x").repeat(20_000)].concat()).await;
    assert_eq!(raw.close_code().await, Some(1009));
    // Empty fragments: 1 + 98 and a ping are the 100 frames that a client may send in 10 s; the next one is too many.
    let mut raw = program.raw_socket(Tenant::B).await;
    let flood = async {
        raw.write(frame(0x1, b"")).await;
        raw.write(frame(0x0, b"").repeat(98)).await;
        raw.write(message(0x9, b"alive")).await;
        assert_eq!(raw.receive().await, Received::Pong(b"alive".to_vec()));
        raw.write(frame(0x0, b"").repeat(20_000)).await;
        assert_eq!(raw.close_code().await, Some(1008));
    };
    witness.check_during(flood).await;
    assert!(program.memory() <= before.map(|before| before + GROWTH_MAX));
}
