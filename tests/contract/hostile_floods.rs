//! Sends as much as a client can: empty frames, page loads, list reads that are abandoned, events that are never read.
//! Each must cost the server little, and another client must not be disturbed.

use std::time::Duration;

use futures_util::{StreamExt, future::join_all, stream};

use crate::support::{
    Client, Method, Program, Raw, Received, Server, Tenant, Witness, frame, message, until, within_timeout,
};

/// How many pings, unasked pongs and empty fragments a client may send within 10 s (contract, "WebSocket").
const FRAMES_MAX: usize = 100;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

async fn program() -> Program {
    Program::start(&["--log", "warn,event_feed=info"]).await
}

/// How much the program's resident memory has grown, in bytes.
fn grown(program: &Program, before: Option<u64>) -> u64 {
    program.memory().unwrap_or_default().saturating_sub(before.unwrap_or_default())
}

#[tokio::test]
async fn a_hundred_empty_frames_are_accepted_and_one_more_closes_with_1008() {
    let server = Server::start().await;
    let fragments = [frame(0x1, b""), frame(0x0, b"").repeat(FRAMES_MAX - 2)].concat();
    for within_the_limit in
        [message(PING, b"x").repeat(FRAMES_MAX - 1), message(PONG, b"x").repeat(FRAMES_MAX - 1), fragments]
    {
        let mut raw = server.raw_socket(Tenant::A).await;
        raw.write([&within_the_limit[..], &message(PING, b"the 100th")].concat()).await;
        raw.receive_until(|received| *received == Received::Pong(b"the 100th".to_vec())).await;
        raw.write(message(PING, b"one more")).await;
        assert_eq!(raw.close_code().await, Some(1008));
        raw.write(message(0x8, &1008_u16.to_be_bytes())).await;
        assert_eq!(raw.receive().await, Received::End);
    }
    assert_eq!(server.counts(Tenant::A).await["ended"]["policy"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breach_behind_any_close_ends_the_connection() {
    let program = program().await;
    let mut witness = Witness::of(&program, Tenant::B).await;
    let breaches = [vec![0x89, 0x00], frame(0xc1, b"x"), message(0x8, b"\x03"), message(0x8, b"\x03\xe8\xff")];
    let closes = [
        (message(0x1, b"x"), 1008),
        (message(PONG, b"").repeat(FRAMES_MAX + 1), 1008),
        (message(0x1, &vec![b'x'; 16 * 1024 + 1]), 1009),
        (message(0x8, b"\x03\xe8"), 1000),
    ];
    let all = async {
        for (close, code) in &closes {
            for breach in &breaches {
                let mut raw = program.raw_socket(Tenant::A).await;
                raw.write([&close[..], breach].concat()).await;
                assert_eq!(raw.close_code().await, Some(*code));
                raw.closed().await;
            }
        }
    };
    witness.check_during(all).await;
    until("their end", async || program.counts(Tenant::A).await["connections"] == 0).await;
    assert_eq!(program.end_with("TERM").await.code, Some(0));
}

#[tokio::test]
async fn a_pong_that_the_server_asked_for_does_not_count() {
    let server = Server::with(|settings| settings.heartbeat = 100).await;
    let mut raw = server.raw_socket(Tenant::A).await;
    // 101 pongs, one more than the limit, in 9.1 s: a heartbeat and its ping come after nine tenths of the interval of
    // 100 ms.
    for _ in 0..=FRAMES_MAX {
        raw.receive_until(|received| *received == Received::Ping).await;
        raw.write(message(PONG, b"")).await;
    }
    raw.write(message(PING, b"still open")).await;
    raw.receive_until(|received| *received == Received::Pong(b"still open".to_vec())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_that_goes_on_after_its_close_is_reset() {
    let program = program().await;
    let mut witness = Witness::of(&program, Tenant::A).await;
    let flood = async {
        let mut raw = program.raw_socket(Tenant::B).await;
        let (pings, mut sent) = (message(PING, b"").repeat(10_000), 0);
        while raw.try_write(&pings).await.is_ok() {
            sent += pings.len();
            // The server discards 256 KiB after its close, and the kernel buffers some 10 MB.
            assert!(sent < 24 << 20, "the server reads {sent} bytes and more");
        }
    };
    witness.check_during(flood).await;
    until("the end of its connection", async || program.counts(Tenant::B).await["connections"] == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_flood_and_reconnect_at_once_disturb_no_tenant() {
    let program = program().await;
    let client: Client = *program;
    let (mut of_a, mut of_b) = (Witness::of(&client, Tenant::A).await, Witness::of(&client, Tenant::B).await);
    let kinds = [message(PING, b"x"), message(PONG, b""), frame(0x0, b"")];
    let floods = kinds.iter().cycle().take(6).map(async |one| {
        let flood = [frame(0x1, b""), one.repeat(1_000)].concat();
        for _ in 0..50 {
            let mut raw = client.raw_socket(Tenant::A).await;
            if raw.try_write(&flood).await.is_ok() {
                assert_eq!(raw.close_code().await, Some(1008));
            }
            raw.reset();
        }
    });
    of_a.check_during(of_b.check_during(join_all(floods))).await;
}

/// Sends list reads of Tenant A, and ends each connection with `end` before the answer.
async fn abandon_lists(client: Client, count: usize, end: fn(Raw)) {
    let reads = stream::iter(0..count).for_each_concurrent(64, async |_| {
        let mut raw = client.raw().await;
        // The write may fail, since the server may have closed the connection.
        let _ = raw.try_write(client.get("/events").tenant(Tenant::A).head()).await;
        end(raw);
    });
    reads.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_nobody_waits_for_delay_no_other_list() {
    let program = program().await;
    let client: Client = *program;
    let mut witness = Witness::of(&client, Tenant::B).await;
    client.post(Tenant::A, "marker").await.created();
    // At 1.5 ms each, 16,000 abandoned reads would take 24 s of the limiter's time. If they kept their turns, the queue
    // would be longer than the 8 s of the contract, and the list would get `503`.
    witness.check_during(abandon_lists(client, 16_000, Raw::reset)).await;
    assert_eq!(client.list(Tenant::A).await.messages(), ["marker"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_whose_clients_have_half_closed_take_no_slot_from_others() {
    let program = program().await;
    let client: Client = *program;
    client.post(Tenant::A, "marker").await.created();
    // Three times the 2,000 HTTP connections of the contract, and more than are answered meanwhile.
    let attack = abandon_lists(client, 6_000, drop);
    let others = async {
        for n in 0..30 {
            client.post(Tenant::B, &n.to_string()).await.created(); // each on a new connection
        }
    };
    tokio::join!(attack, others);
    client.post(Tenant::B, "after the attack").await.created();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_loads_pages_at_once_is_answered_and_disturbs_nobody() {
    let program = program().await;
    let client: Client = *program;
    client.post(Tenant::A, "marker").await.created();
    let mut witness = Witness::of(&client, Tenant::B).await;
    for target in ["/?tenant=tenant_a", "/", "/?tenant=nobody", "/isolation"] {
        let status = if target.ends_with("nobody") { 404 } else { 200 };
        // At 1.5 ms each, the last of them waits for less than a second.
        let crowd = join_all((0..500).map(async |_| {
            let mut raw = client.raw().await;
            raw.write(client.get(target).header("accept", "text/html").head()).await;
            assert_eq!(raw.answer().await.status, status, "{target}");
        }));
        witness.check_during(crowd).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_reads_nothing_costs_no_memory_of_its_own_for_each_event() {
    const SILENT: usize = 200;
    let program = program().await;
    let client: Client = *program;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(client.subscribe(Raw::connect_narrow(client.address()).await, Tenant::A).await);
    }
    let before = program.memory();
    // A batch for each event, of some 250 bytes: 750 kB in all. That is more than the kernel buffers, and less than the
    // 1 MiB of the largest backlog.
    let mut poster = client.open().await;
    for n in 0..3_000 {
        poster.send(client.new_post(Tenant::A, &n.to_string())).await.created();
    }
    let grown = grown(&program, before);
    assert!(grown < (SILENT as u64) * 30_000, "{grown} bytes for {SILENT} subscribers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_many_small_chunks_costs_no_more_than_its_bytes() {
    const CLIENTS: usize = 40;
    let program = program().await;
    let mut held = Vec::new();
    let before = program.memory();
    let post = program.request(Method::POST, "/events").tenant(Tenant::A);
    let head = post.header("content-type", "application/json").header("transfer-encoding", "chunked").head();
    for _ in 0..CLIENTS {
        let mut raw = program.raw().await;
        raw.write([&head[..], &b"1\r\nx\r\n".repeat(16_000)].concat()).await;
        held.push(raw);
    }
    // On each connection, the server reads the rest of the body before this last chunk.
    for raw in &mut held {
        raw.write("0\r\n\r\n").await;
    }
    let mut highest = 0;
    for raw in &mut held {
        highest = highest.max(grown(&program, before));
        let status = raw.answer().await.status;
        assert!(status == 400 || status == 408, "{status}"); // not JSON, or not complete within 10 s
    }
    assert!(highest < (CLIENTS as u64) * 150_000, "{highest} bytes for {CLIENTS} bodies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_at_a_steady_20_kb_a_second_gets_the_whole_list() {
    let server = Server::start().await;
    let mut poster = server.open().await;
    for _ in 0..200 {
        poster.send(server.new_post(Tenant::A, &"\u{1F600}".repeat(500))).await.created();
    }
    let mut raw = server.raw().await;
    raw.write(server.get("/events").tenant(Tenant::A).header("connection", "close").head()).await;
    let read = within_timeout(Duration::from_secs(60), "the end of a list of 430 kB", raw.read_at_rate(20_000)).await;
    let length: usize = read.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    assert!(length > 400_000 && read.ends_with("]"), "{length} bytes announced");
    assert_eq!(read.split("\r\n\r\n").nth(1).unwrap().len(), length);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscriber_that_reads_100_kb_a_second_and_falls_behind_receives_its_1013() {
    let server = Server::start().await;
    let mut raw = server.raw_socket(Tenant::A).await;
    let post = async {
        let mut poster = server.open().await;
        // 2,000 × 2.2 kB: more than the backlog of 1 MiB and what a kernel buffers.
        for _ in 0..2_000 {
            poster.send(server.new_post(Tenant::A, &"\u{1F600}".repeat(500))).await.created();
        }
    };
    let read = within_timeout(Duration::from_secs(60), "the close", raw.read_at_rate(100_000));
    let ((), read) = tokio::join!(post, read);
    // The reason of a close frame with the code 1013, and nothing behind it.
    assert!(read.ends_with("reads too slowly"), "{} bytes, and no 1013", read.len());
}
