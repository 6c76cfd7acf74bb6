//! Isolation by non-interference: a tenant does the same once beside a silent tenant and once beside one that does its
//! worst. What it receives, of HTTP and of sockets, is the same byte for byte, but for the names and times of things.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::task::JoinHandle;

use crate::support::{Client, Heard, Method, Raw, Request, Server, StatusCode, Tenant, message, until};

/// Sockets that each tenant may have: so many that, were they counted together, the window of return would tell.
const MAX_CONNECTIONS: u32 = 120;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// The one that does its worst, until it is told to end.
struct Noise {
    ends: Arc<AtomicBool>,
    posted: Arc<AtomicUsize>,
    makers: Vec<JoinHandle<()>>,
}

impl Noise {
    /// Floods with posts, takes every socket that there is and reads none of them, and lets clients come and go. Returns
    /// once the tenant is at its limit.
    async fn start(server: &Server) -> Self {
        let client: Client = **server;
        let mut noise = Self { ends: Arc::default(), posted: Arc::default(), makers: Vec::new() };
        for _ in 0..4 {
            let (ends, posted) = (Arc::clone(&noise.ends), Arc::clone(&noise.posted));
            noise.makers.push(tokio::spawn(flood(client, ends, posted)));
        }
        noise.makers.push(tokio::spawn(hold_every_place(client, Arc::clone(&noise.ends))));
        for _ in 0..2 {
            noise.makers.push(tokio::spawn(come_and_go(client, Arc::clone(&noise.ends))));
        }
        until("a full tenant", async || server.new_socket(Tenant::B).send().await.status == 503).await;
        until("a flood", async || noise.posted.load(SeqCst) > 100).await;
        noise
    }

    async fn end(self) {
        self.ends.store(true, SeqCst);
        for maker in self.makers {
            maker.await.unwrap();
        }
    }
}

async fn flood(client: Client, ends: Arc<AtomicBool>, posted: Arc<AtomicUsize>) {
    let post = client.new_post(Tenant::B, &"\u{1F600}".repeat(500));
    let list = client.get("/events").tenant(Tenant::B);
    let mut connection = client.open().await;
    while !ends.load(SeqCst) {
        let answer = connection.send(post.clone()).await;
        assert!(matches!(answer.status, StatusCode::CREATED | StatusCode::SERVICE_UNAVAILABLE), "{answer:?}");
        if posted.fetch_add(1, SeqCst).is_multiple_of(50) {
            connection.send(list.clone()).await.is(StatusCode::OK);
        }
    }
}

async fn hold_every_place(client: Client, ends: Arc<AtomicBool>) {
    let mut held = VecDeque::new();
    while !ends.load(SeqCst) {
        let mut raw = Raw::connect_narrow(client.address).await;
        raw.write(client.new_socket(Tenant::B).head()).await;
        match raw.answer().await.status {
            StatusCode::SWITCHING_PROTOCOLS => held.push_back(raw), // it never reads: the server has to drop it
            _ => tokio::task::yield_now().await,
        }
        if held.len() > MAX_CONNECTIONS as usize {
            held.pop_front(); // which the server has dropped
        }
    }
}

async fn come_and_go(client: Client, ends: Arc<AtomicBool>) {
    while !ends.load(SeqCst) {
        let mut raw = client.raw().await;
        raw.write([client.new_socket(Tenant::B).head(), message(TEXT, b"not for this socket")].concat()).await;
        raw.answer().await;
        raw.cut();
    }
}

/// What a tenant has received.
#[derive(Default)]
struct Log(String);

impl Log {
    fn note(&mut self, what: &str) {
        self.0.push_str(what);
        self.0.push('\n');
    }

    /// Sends a request and notes the answer.
    async fn ask(&mut self, raw: &mut Raw, request: Request) {
        self.note(&format!("> {} {}", request.method, request.path));
        let length = request.body.len().to_string();
        let body = request.body.clone();
        let head = if body.is_empty() { request } else { request.header("content-length", length) }.head();
        raw.write([head, body].concat()).await;
        let (head, body) = raw.answer_bytes().await;
        self.note(&head);
        self.note(&String::from_utf8(body).unwrap());
    }

    /// Opens a socket, and notes what it says of itself.
    async fn open(&mut self, server: &Server, tenant: Tenant) -> Raw {
        let mut raw = server.raw().await;
        self.ask(&mut raw, server.new_socket(tenant)).await;
        self.hear(&mut raw, 1).await;
        raw
    }

    /// Notes the next things that a socket says.
    async fn hear(&mut self, raw: &mut Raw, count: usize) {
        for _ in 0..count {
            let heard = raw.hear().await;
            self.note(&format!("< {heard:?}"));
        }
    }

    /// Notes the next heartbeat with this `seq`. How often it is said before is a matter of time.
    async fn hear_heartbeat(&mut self, raw: &mut Raw, seq: u64) {
        let mut said = None;
        loop {
            let heard = raw.hear().await;
            let Heard::Text(text) = heard else { panic!("no heartbeat: {heard:?}") };
            assert_eq!(raw.hear().await, Heard::Ping);
            raw.write(message(PONG, b"")).await;
            assert!(said.as_ref().is_none_or(|said| *said == text), "{text} after {said:?}");
            if said.replace(text).is_some() {
                break; // twice the same: what was under way has come
            }
        }
        let said = said.unwrap_or_default();
        assert!(said.contains(&format!("\"seq\":{seq},")), "{said}");
        self.note(&said);
    }

    /// Names things by the order in which they came, and takes out times.
    fn masked(self) -> String {
        let mut text = self.0;
        while let Some(at) = text.find("'nonce-") {
            let nonce: String = text[at + 7..].chars().take_while(|c| *c != '\'').collect();
            text = text.replace(&format!("nonce-{nonce}"), "<nonce>").replace(&nonce, "<nonce>");
        }
        let (mut masked, mut ids) = (String::new(), Vec::new());
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let of = |pattern: &str| rest.get(..pattern.len()).filter(|text| is_like(text, pattern));
            let times = ["0000-00-00T00:00:00.000Z", "0000-00-00 00:00:00 UTC", "aaa, 00 aaa 0000 00:00:00 GMT"];
            let length = if let Some(id) = of("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
                let number = ids.iter().position(|known| *known == id).unwrap_or(ids.len());
                if number == ids.len() {
                    ids.push(id);
                }
                masked.push_str(&format!("<id {number}>"));
                id.len()
            } else if let Some(time) = times.iter().find_map(|time| of(time)) {
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

/// Whether a text has a pattern's form: `0` is a digit, `x` a hexadecimal one, `a` a letter, and all else itself.
fn is_like(text: &str, pattern: &str) -> bool {
    text.bytes().zip(pattern.bytes()).all(|(byte, like)| match like {
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit(),
        b'a' => byte.is_ascii_alphabetic(),
        _ => byte == like,
    })
}

/// Everything that a tenant can do beside another, and all that it receives.
async fn live_through(server: &Server, tenant: Tenant) -> Log {
    let mut log = Log::default();
    let mut http = server.raw().await;
    let mut socket = log.open(server, tenant).await;

    let page = format!("/?tenant={tenant}");
    let list = server.get("/events").tenant(tenant);
    for request in [list.clone(), server.get(&page), server.get("/"), server.get("/healthz"), server.get("/vanilla/")] {
        log.ask(&mut http, request).await;
    }
    log.ask(&mut http, server.new_post(tenant, "first")).await;
    log.hear(&mut socket, 1).await;
    for message in ["once", "once", "another"] {
        log.ask(&mut http, server.new_post(tenant, message).header("idempotency-key", "key")).await;
    }
    log.hear(&mut socket, 1).await;
    for n in 0..30 {
        log.ask(&mut http, server.new_post(tenant, &format!("event {n}"))).await;
    }
    log.hear(&mut socket, 30).await;

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
    log.hear(&mut socket, 1).await;
    for other in &mut others {
        log.hear(other, 1).await;
    }
    socket.write(message(PING, b"are you there")).await;
    log.hear(&mut socket, 1).await;
    socket.write(message(TEXT, b"not for this socket")).await;
    log.hear(&mut socket, 1).await;
    socket.write(message(CLOSE, &1008_u16.to_be_bytes())).await;
    log.hear(&mut socket, 1).await;
    log
}

/// The heartbeats of a tenant, before events and after them.
async fn listen_to_heartbeats(server: &Server, tenant: Tenant) -> Log {
    let mut log = Log::default();
    let mut http = server.raw().await;
    let mut socket = log.open(server, tenant).await;
    log.hear_heartbeat(&mut socket, 0).await;
    for seq in 1..=2 {
        log.ask(&mut http, server.new_post(tenant, "an event")).await;
        let heard =
            socket.hear_until(|heard| matches!(heard, Heard::Text(text) if text.contains("event_created"))).await;
        log.note(&format!("< {heard:?}"));
        log.hear_heartbeat(&mut socket, seq).await;
    }
    log
}

async fn with_heartbeat(milliseconds: u32) -> Server {
    Server::with(|settings| {
        settings.max_connections = MAX_CONNECTIONS;
        settings.heartbeat = milliseconds;
    })
    .await
}

/// Checks that two logs are the same, and shows where they are not.
fn check_equal(quiet: Log, beside: Log) {
    let (quiet, beside) = (quiet.masked(), beside.masked());
    for (number, (quiet, beside)) in quiet.lines().zip(beside.lines()).enumerate() {
        assert_eq!(quiet, beside, "line {number}");
    }
    assert_eq!(quiet.len(), beside.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_tenant_receives_is_the_same_beside_a_silent_tenant_and_beside_one_that_does_its_worst() {
    let server = with_heartbeat(300_000).await; // none comes: when they do is a matter of time
    let quiet = live_through(&server, Tenant::A).await;

    let server = with_heartbeat(300_000).await;
    let noise = Noise::start(&server).await;
    let beside = live_through(&server, Tenant::A).await;
    noise.end().await;
    check_equal(quiet, beside);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tenants_heartbeats_are_the_same_beside_a_silent_tenant_and_beside_one_that_does_its_worst() {
    let server = with_heartbeat(500).await;
    let quiet = listen_to_heartbeats(&server, Tenant::A).await;

    let server = with_heartbeat(500).await;
    let noise = Noise::start(&server).await;
    let beside = listen_to_heartbeats(&server, Tenant::A).await;
    noise.end().await;
    check_equal(quiet, beside);
}

#[test]
fn the_mask_takes_names_and_times_and_nothing_else() {
    let (one, two) = ("6f9619ff-8b86-4011-b42d-00c04fc964ff", "00000000-0000-4000-8000-000000000001");
    let log =
        Log(format!("{one} {two} {one} 2026-11-23T08:00:00.000Z Tue, 24 Nov 2026 06:46:08 GMT 'nonce-abc' abc 41"));
    assert_eq!(log.masked(), "<id 0> <id 1> <id 0> <time> <time> '<nonce>' <nonce> 41");
}
