//! Proves isolation by non-interference: a tenant does the same next to a silent tenant and next to a hostile one. It
//! must receive the same bytes over HTTP and WebSocket, except for ids and times.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::task::JoinHandle;

use crate::{
    engine::SERVERS,
    support::{Client, Method, Raw, Received, Request, Server, StatusCode, Tenant, message, until},
};

/// How many sockets each tenant may have. The reconnect window is 5 ms for each, at least 500: 120 of one tenant make
/// 600 ms, and 240 of both would make 1,200.
const MAX_CONNECTIONS: u32 = 120;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A hostile Tenant B. It attacks until [`Noise::end`].
struct Noise {
    stopped: Arc<AtomicBool>,
    posted: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<()>>,
}

impl Noise {
    /// Floods with posts, takes every socket and reads none of them, and keeps connecting and resetting clients.
    /// Returns once the tenant is at its limit of connections and 100 posts were answered.
    async fn start(server: &Server) -> Self {
        let client: Client = **server;
        let mut noise = Self { stopped: Arc::default(), posted: Arc::default(), tasks: Vec::new() };
        for _ in 0..4 {
            let (stopped, posted) = (Arc::clone(&noise.stopped), Arc::clone(&noise.posted));
            noise.tasks.push(tokio::spawn(flood(client, stopped, posted)));
        }
        noise.tasks.push(tokio::spawn(hold_every_slot(client, Arc::clone(&noise.stopped))));
        for _ in 0..2 {
            noise.tasks.push(tokio::spawn(connect_and_reset(client, Arc::clone(&noise.stopped))));
        }
        for _ in 0..SERVERS {
            until("a full tenant", async || server.new_socket(Tenant::B).send().await.status == 503).await;
        }
        until("a flood", async || noise.posted.load(SeqCst) > 100).await;
        noise
    }

    async fn end(self) {
        self.stopped.store(true, SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn flood(client: Client, stopped: Arc<AtomicBool>, posted: Arc<AtomicUsize>) {
    let post = client.new_post(Tenant::B, &"\u{1F600}".repeat(500));
    let list = client.get("/events").tenant(Tenant::B);
    let mut connection = client.open().await;
    while !stopped.load(SeqCst) {
        let answer = connection.send(post.clone()).await;
        assert!(matches!(answer.status, StatusCode::CREATED | StatusCode::SERVICE_UNAVAILABLE), "{answer:?}");
        if posted.fetch_add(1, SeqCst).is_multiple_of(50) {
            connection.send(list.clone()).await.is(StatusCode::OK);
        }
    }
}

async fn hold_every_slot(client: Client, stopped: Arc<AtomicBool>) {
    let mut held = VecDeque::new();
    while !stopped.load(SeqCst) {
        let mut raw = Raw::connect_narrow(client.address()).await;
        raw.write(client.new_socket(Tenant::B).head()).await;
        match raw.answer().await.status {
            StatusCode::SWITCHING_PROTOCOLS => held.push_back(raw), // never read, so that the server must drop it
            _ => tokio::task::yield_now().await,
        }
        if held.len() > SERVERS * MAX_CONNECTIONS as usize {
            held.pop_front(); // the server has dropped it
        }
    }
}

async fn connect_and_reset(client: Client, stopped: Arc<AtomicBool>) {
    while !stopped.load(SeqCst) {
        let mut raw = client.raw().await;
        raw.write([client.new_socket(Tenant::B).head(), message(TEXT, b"not for this socket")].concat()).await;
        raw.answer().await;
        raw.reset();
    }
}

/// The transcript of what a tenant received.
#[derive(Default)]
struct Log(String);

impl Log {
    fn record(&mut self, what: &str) {
        self.0.push_str(what);
        self.0.push('\n');
    }

    /// Sends a request, and records the answer.
    async fn ask(&mut self, raw: &mut Raw, request: Request) {
        self.record(&format!("> {} {}", request.method, request.path));
        let length = request.body.len().to_string();
        let body = request.body.clone();
        let head = if body.is_empty() { request } else { request.header("content-length", length) }.head();
        raw.write([head, body].concat()).await;
        let (head, body) = raw.answer_bytes().await;
        self.record(&head);
        self.record(&String::from_utf8(body).unwrap());
    }

    /// Opens a socket, and records its handshake and hello.
    async fn open(&mut self, server: &Client, tenant: Tenant) -> Raw {
        let mut raw = server.raw().await;
        self.ask(&mut raw, server.new_socket(tenant)).await;
        self.receive(&mut raw, 1).await;
        raw
    }

    /// Records what a socket receives next.
    async fn receive(&mut self, raw: &mut Raw, count: usize) {
        for _ in 0..count {
            let received = raw.receive().await;
            self.record(&format!("< {received:?}"));
        }
    }

    /// Records one heartbeat, which must have this `seq`. It answers the pings meanwhile. Only one is recorded, since
    /// the number of heartbeats depends on time.
    async fn receive_heartbeat(&mut self, raw: &mut Raw, seq: u64) {
        let mut previous = None;
        loop {
            let received = raw.receive().await;
            let Received::Text(text) = received else { panic!("no heartbeat: {received:?}") };
            assert_eq!(raw.receive().await, Received::Ping);
            raw.write(message(PONG, b"")).await;
            assert!(previous.as_ref().is_none_or(|previous| *previous == text), "{text} after {previous:?}");
            if previous.replace(text).is_some() {
                break; // two equal heartbeats: nothing older is under way
            }
        }
        let heartbeat = previous.unwrap_or_default();
        assert!(heartbeat.contains(&format!("\"seq\":{seq},")), "{heartbeat}");
        self.record(&heartbeat);
    }

    /// Replaces each id by its number in order of appearance, and each time by a fixed word.
    fn masked(self) -> String {
        let (mut masked, mut ids) = (String::new(), Vec::new());
        let mut rest = self.0.as_str();
        while let Some(first) = rest.chars().next() {
            let matching = |pattern: &str| rest.get(..pattern.len()).filter(|text| matches_pattern(text, pattern));
            let times = [
                "0000-00-00T00:00:00.000Z",
                "0000-00-00 00:00:00 UTC",
                "00:00:00 UTC",
                "aaa, 00 aaa 0000 00:00:00 GMT",
            ];
            let length = if let Some(id) = matching("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
                let number = ids.iter().position(|known| *known == id).unwrap_or(ids.len());
                if number == ids.len() {
                    ids.push(id);
                }
                masked.push_str(&format!("<id {number}>"));
                id.len()
            } else if let Some(time) = times.iter().find_map(|time| matching(time)) {
                masked.push_str("<time>");
                time.len()
            } else {
                masked.push(first);
                first.len_utf8()
            };
            rest = &rest[length..];
        }
        masked
    }
}

/// Whether a text matches a pattern, in which `0` stands for a digit, `x` for a hexadecimal digit, `a` for a letter,
/// and any other character for itself.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    text.bytes().zip(pattern.bytes()).all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte == like,
    })
}

/// Does everything that a tenant can do, and returns all that it received.
async fn do_everything(server: &Client, tenant: Tenant) -> Log {
    let mut log = Log::default();
    let mut http = server.raw().await;
    let mut socket = log.open(server, tenant).await;

    let page = format!("/?tenant={tenant}");
    let list = server.get("/events").tenant(tenant);
    for request in [list.clone(), server.get(&page), server.get("/"), server.get("/healthz"), server.get("/vanilla/")] {
        log.ask(&mut http, request).await;
    }
    log.ask(&mut http, server.new_post(tenant, "first")).await;
    log.receive(&mut socket, 1).await;
    for message in ["once", "once", "another"] {
        log.ask(&mut http, server.new_post(tenant, message).header("idempotency-key", "key")).await;
    }
    log.receive(&mut socket, 1).await;
    for n in 0..30 {
        log.ask(&mut http, server.new_post(tenant, &format!("event {n}"))).await;
    }
    log.receive(&mut socket, 30).await;

    for refused in [
        server.new_post(tenant, ""),
        server.new_post(tenant, &"x".repeat(501)),
        server.new_post(tenant, "x").body("{"),
        server.request(Method::POST, "/events").tenant(tenant).body("{}"),
        server.get("/events"),
        server.request(Method::DELETE, "/events").tenant(tenant),
        server.get(&format!("/ws?tenant={tenant}")),
        server.new_socket(tenant).header("origin", "null"),
        server.get("/nowhere"),
    ] {
        log.ask(&mut http, refused).await;
    }
    log.ask(&mut http, list.clone()).await;
    log.ask(&mut http, list.header("if-none-match", "*")).await;
    log.ask(&mut http, server.get(&page)).await;

    let mut others = Vec::new();
    for _ in 1..MAX_CONNECTIONS {
        others.push(log.open(server, tenant).await);
    }
    log.ask(&mut http, server.new_socket(tenant)).await; // at its limit
    log.ask(&mut http, server.new_post(tenant, "to all")).await;
    log.receive(&mut socket, 1).await;
    for other in &mut others {
        log.receive(other, 1).await;
    }
    socket.write(message(PING, b"are you there")).await;
    log.receive(&mut socket, 1).await;
    socket.write(message(TEXT, b"not for this socket")).await;
    log.receive(&mut socket, 1).await;
    socket.write(message(CLOSE, &1008_u16.to_be_bytes())).await;
    log.receive(&mut socket, 1).await;
    log
}

/// Records a tenant's heartbeats before events and after them.
async fn receive_heartbeats(server: &Client, tenant: Tenant) -> Log {
    let mut log = Log::default();
    let mut http = server.raw().await;
    let mut socket = log.open(server, tenant).await;
    log.receive_heartbeat(&mut socket, 0).await;
    for seq in 1..=2 {
        log.ask(&mut http, server.new_post(tenant, "an event")).await;
        let received = socket
            .receive_until(|received| matches!(received, Received::Text(text) if text.contains("event_created")))
            .await;
        log.record(&format!("< {received:?}"));
        log.receive_heartbeat(&mut socket, seq).await;
    }
    log
}

async fn with_heartbeat(milliseconds: u32) -> Server {
    Server::apart(|settings| {
        settings.max_connections = MAX_CONNECTIONS;
        settings.heartbeat = milliseconds;
    })
    .await
}

/// Checks that two transcripts are equal, line by line.
fn check_equal(next_to_silent: Log, next_to_hostile: Log) {
    let (silent, hostile) = (next_to_silent.masked(), next_to_hostile.masked());
    for (number, (silent, hostile)) in silent.lines().zip(hostile.lines()).enumerate() {
        assert_eq!(silent, hostile, "line {number}");
    }
    assert_eq!(silent.len(), hostile.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenant_receives_the_same_bytes_next_to_a_silent_and_a_hostile_tenant() {
    let server = with_heartbeat(300_000).await; // 5 minutes: no heartbeat, since its moment depends on time
    let next_to_silent = do_everything(&server.first(), Tenant::A).await;

    let server = with_heartbeat(300_000).await;
    let noise = Noise::start(&server).await;
    let next_to_hostile = do_everything(&server.first(), Tenant::A).await;
    noise.end().await;
    check_equal(next_to_silent, next_to_hostile);
}

/// The heartbeat is short, and a stalled machine does not fail the test all the same: the server runs in this process
/// and is stalled with its clients.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenant_receives_the_same_heartbeats_next_to_a_silent_and_a_hostile_tenant() {
    let server = with_heartbeat(500).await;
    let next_to_silent = receive_heartbeats(&server.first(), Tenant::A).await;

    let server = with_heartbeat(500).await;
    let noise = Noise::start(&server).await;
    let next_to_hostile = receive_heartbeats(&server.first(), Tenant::A).await;
    noise.end().await;
    check_equal(next_to_silent, next_to_hostile);
}

#[test]
fn the_mask_replaces_ids_and_times_and_nothing_else() {
    let (one, two) = ("6f9619ff-8b86-4011-b42d-00c04fc964ff", "00000000-0000-4000-8000-000000000001");
    let log = Log(format!("{one} {two} {one} 2026-11-23T08:00:00.000Z 08:00:00 UTC Tue, 24 Nov 2026 06:46:08 GMT 41"));
    assert_eq!(log.masked(), "<id 0> <id 1> <id 0> <time> <time> <time> 41");
}
