//! Clients that mean harm, over raw TCP: each ends in the right status or close code, the server's memory returns to
//! where it was, and another client never notices.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};
use tokio::time::{Instant, interval, timeout};

use crate::support::{
    Client, Heard, Method, Program, Raw, Request, Server, StatusCode, Tenant, Witness, frame, message, until,
    within_limit,
};

/// What may stay behind once a crowd has gone, in bytes: an allocator keeps some of what it has had.
const LEFT_BEHIND: u64 = 12 << 20;
/// Longer than any patience of the server's, by far.
const LONG: Duration = Duration::from_secs(40);

/// A server in a process of its own, so that its memory is its own too.
async fn program() -> Program {
    Program::start(&["--log", "warn,event_feed=info"]).await
}

/// Attacks twice, the first time to let the server take what it needs, and checks that the second leaves nothing behind.
async fn check_memory(program: &Program, witness: &mut Witness, mut attack: impl AsyncFnMut()) {
    witness.while_others(attack()).await;
    let before = program.memory();
    witness.while_others(attack()).await;
    until("the memory of before", async || program.memory() <= before.map(|before| before + LEFT_BEHIND)).await;
}

/// So many at a time, until all have been.
async fn crowd(size: usize, at_once: usize, one: impl AsyncFn(usize)) {
    stream::iter(0..size).for_each_concurrent(at_once, |n| one(n)).await;
}

/// Writes one byte after the other, and ends with the connection. Says how long that took.
async fn dribble(raw: &mut Raw, bytes: impl Iterator<Item = u8>) -> Duration {
    let (start, mut pace) = (Instant::now(), interval(Duration::from_millis(500)));
    for byte in bytes {
        tokio::select! {
            () = raw.gone() => return start.elapsed(),
            _ = pace.tick() => if raw.try_write([byte]).await.is_err() { break },
        }
    }
    within_limit(LONG, "the end of a connection that stands still", raw.gone()).await;
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_his_time_is_given_ten_seconds() {
    let server = Server::start().await;
    let mut witness = Witness::of(&server, Tenant::A).await;
    for n in 0..100 {
        server.post(Tenant::B, &format!("{n:>500}").replace(' ', "😀")).await.created();
    }

    let endless = || std::iter::repeat_n(b'x', 60);
    let slow_head = async {
        let mut raw = server.raw().await;
        raw.write("GET / HTTP/1.1\r\nHost: localhost\r\nX: ").await;
        dribble(&mut raw, endless()).await
    };
    let slow_line = async { dribble(&mut server.raw().await, b"GET /".iter().copied().chain(endless())).await };
    let nothing = async { dribble(&mut server.raw().await, std::iter::empty()).await };
    let half_a_handshake = async {
        let mut raw = server.raw().await;
        let head = server.new_socket(Tenant::A).head();
        raw.write(&head[..head.len() - 2]).await;
        dribble(&mut raw, std::iter::empty()).await
    };
    let nothing_more = async {
        let mut raw = server.raw().await;
        raw.write(server.get("/healthz").head()).await;
        raw.answer().await.is(StatusCode::OK);
        dribble(&mut raw, std::iter::empty()).await
    };
    let slow_body = async {
        let post = server.new_post(Tenant::A, "x").header("content-length", "100");
        let mut raw = server.raw().await;
        raw.write(post.head()).await;
        let (start, mut pace) = (Instant::now(), interval(Duration::from_millis(500)));
        let answer = loop {
            tokio::select! {
                answer = raw.answer() => break answer,
                _ = pace.tick() => {}
            }
            raw.write(" ").await;
        };
        answer.refused(408);
        assert!(raw.at_end().await, "the rest of the body will never come");
        start.elapsed()
    };
    let unread_answers = async {
        let mut raw = Raw::connect_narrow(server.address).await;
        let start = Instant::now();
        // More than the system holds back for a peer that reads nothing.
        let list = server.get("/events").tenant(Tenant::B).head();
        while timeout(Duration::from_secs(1), raw.try_write(list.repeat(50))).await.is_ok_and(|written| written.is_ok())
        {
        }
        raw.reset().await;
        start.elapsed()
    };
    let all = async {
        tokio::join!(slow_head, slow_line, nothing, half_a_handshake, nothing_more, slow_body, unread_answers)
    };
    let (a, b, c, d, e, f, g) = witness.while_others(all).await;
    for took in [a, b, c, d, e, f, g] {
        assert!(took >= Duration::from_secs(9), "it was given {took:?}"); // counted from a little later
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_as_late_after_ten_seconds_with_any_method() {
    let server = Server::start().await;
    let late = [server.get("/healthz"), server.get("/events").tenant(Tenant::A), server.new_post(Tenant::A, "x")];
    let late = late.map(|request| async {
        let mut raw = server.raw().await;
        raw.write(request.header("content-length", "100").head()).await;
        raw.write("12345").await;
        let start = Instant::now();
        within_limit(LONG, "an answer", raw.readable()).await;
        assert!(start.elapsed() >= Duration::from_secs(9), "it was given {:?}", start.elapsed());
        raw.answer().await.refused(408);
        raw.gone().await;
    });
    join_all(late).await;
}

#[tokio::test]
async fn an_endless_body_is_refused_and_cut_off() {
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
    // Who pauses once he has sent much gets his answer …
    let pauses = endless.iter().map(async |(head, piece, status)| {
        let mut raw = client.raw().await;
        raw.write([head, &piece.repeat(20)[..]].concat()).await;
        assert_eq!(raw.answer().await.status, *status);
        raw.gone().await;
    });
    witness.while_others(join_all(pauses)).await;
    // … and who never does is cut off.
    let floods = endless.iter().map(async |(head, piece, _)| {
        let mut raw = client.raw().await;
        raw.write(head).await;
        let mut sent = 0;
        while raw.try_write(piece).await.is_ok() {
            sent += piece.len();
            assert!(sent < 64 << 20, "it is read on and on");
        }
    });
    witness.while_others(join_all(floods)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_headers_is_refused_and_leaves_nothing() {
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
        // It may be refused before it has come whole.
        let _ = raw.try_write(&request).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, status, "{answer:?}");
        raw.gone().await;
    }
    check_memory(&program, &mut witness, async || {
        // Each holds as much as the server takes, and says no more.
        crowd(200, 200, async |_| {
            let mut raw = client.raw().await;
            let _ = raw.try_write([start, "X: ", &"y".repeat(1 << 20)].concat()).await;
            raw.cut();
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connects_and_resets_leave_nothing() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let files = program.open_files();
    check_memory(&program, &mut witness, async || {
        crowd(5_000, 64, async |n| {
            let mut raw = client.raw().await;
            // At every stage of a connection's life. What is reset is not read, so that a write may fail.
            let _ = match n % 10 {
                0..=5 => Ok(()),
                6 => raw.try_write("GET /he").await,
                7 => raw.try_write(client.get("/events").tenant(Tenant::B).head()).await,
                8 => raw.try_write(&client.new_post(Tenant::B, "x").header("content-length", "20").head()).await,
                _ => raw.try_write(client.new_socket(Tenant::B).head()).await,
            };
            raw.cut();
        })
        .await;
    })
    .await;
    until("the places of B", async || program.counts(Tenant::B).await["connections"] == 0).await;
    until("the files of before", async || program.open_files() <= files.map(|files| files + 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_whose_answers_are_never_read_cost_no_more_than_a_slow_reader_may() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let before = program.memory();
    let flood = async {
        let mut raw = client.subscribe(Raw::connect_narrow(client.address).await, Tenant::B).await;
        let pings = message(0x9, b"").repeat(10_000);
        let mut highest = 0;
        while raw.try_write(&pings).await.is_ok() {
            highest = highest.max(program.memory().unwrap_or_default());
        }
        highest
    };
    let highest = witness.while_others(flood).await;
    let more = highest.saturating_sub(before.unwrap_or(highest));
    assert!(more < 8 << 20, "one client made the server take {more} bytes more");
    until("its end", async || program.counts(Tenant::B).await["connections"] == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_fragments_is_closed() {
    let program = program().await;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let before = program.memory();
    // Of bytes: more than a message may have.
    let mut raw = program.raw_socket(Tenant::B).await;
    raw.write([frame(0x1, b"x"), frame(0x0, b"x").repeat(20_000)].concat()).await;
    assert_eq!(raw.close_code().await, Some(1009));
    // Of nothing: as many as a client may send in 10 s, and then one more.
    let mut raw = program.raw_socket(Tenant::B).await;
    let flood = async {
        raw.write(frame(0x1, b"")).await;
        raw.write(frame(0x0, b"").repeat(98)).await;
        raw.write(message(0x9, b"alive")).await;
        assert_eq!(raw.hear().await, Heard::Pong(b"alive".to_vec()));
        raw.write(frame(0x0, b"").repeat(20_000)).await;
        assert_eq!(raw.close_code().await, Some(1008));
    };
    witness.while_others(flood).await;
    assert!(program.memory() <= before.map(|before| before + LEFT_BEHIND));
}
