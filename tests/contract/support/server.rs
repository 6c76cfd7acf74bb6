//! Runs the server in the test's process, and provides a client that sends requests and subscribes.

use std::{
    io,
    net::SocketAddr,
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use event_feed::{
    feed::Tenant,
    server::{Settings, serve},
};
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    super::engine::{Engine, SERVERS},
    data::List,
    http::{Answer, Connection, Request},
    raw::{Raw, Received},
    socket::Socket,
    until, within,
};

/// A client of one server, or of two servers with one feed: its connections alternate between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    addresses: [SocketAddr; 2],
}

/// A server in this process, on a free port, or several that share one feed. They stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    running: Vec<Running>,
    _engine: Option<Engine>,
}

/// A server that runs in this process.
#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

/// Servers that are stopping: their listeners are closed.
#[derive(Debug)]
pub(crate) struct Stopping {
    served: Vec<JoinHandle<io::Result<()>>>,
    _engine: Option<Engine>,
}

impl Server {
    /// Starts it with the default settings.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts it with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::several(SERVERS, change).await
    }

    /// Starts one server, for a rule about the limits and the counts of one process.
    pub(crate) async fn alone(change: impl FnOnce(&mut Settings)) -> Self {
        Self::several(1, change).await
    }

    /// Starts it with changed settings. With several servers, each tenant has an engine of its own.
    pub(crate) async fn apart(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let engine = Engine::start_apart(&mut settings).await;
        Self::run(SERVERS, settings, engine).await
    }

    async fn several(count: usize, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let engine = Engine::start(&mut settings).await;
        Self::run(count, settings, engine).await
    }

    async fn run(count: usize, settings: Settings, engine: Engine) -> Self {
        let (mut running, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            running.push(Running::start(listener, settings.clone()));
        }
        let client = Client { addresses: [addresses[0], addresses[count - 1]] };
        Self { client, running, _engine: Some(engine) }
    }

    /// Starts one server with exactly these settings.
    #[allow(dead_code, reason = "only the tests of the backplane use it")]
    pub(crate) async fn of(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::of(listener.local_addr().unwrap());
        Self { client, running: vec![Running::start(listener, settings)], _engine: None }
    }

    /// Makes them stop, and returns once their listeners are closed.
    pub(crate) async fn stop(self) -> Stopping {
        let stop = |Running { stop, served }| {
            stop.send(()).expect("a running server");
            served
        };
        let served = self.running.into_iter().map(stop).collect();
        for address in self.client.addresses {
            until("a closed listener", async || TcpStream::connect(address).await.is_err()).await;
        }
        Stopping { served, _engine: self._engine }
    }
}

impl Running {
    fn start(listener: TcpListener, settings: Settings) -> Self {
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, settings, async {
            // An error means that the test has dropped the server: it stops then too.
            let _ = stopped.await;
        }));
        Self { stop, served }
    }
}

/// Adds the numbers of two objects with the same names. Texts are those of the first.
fn sum(one: &Value, other: &Value) -> Value {
    match one {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), sum(value, &other[name]))).collect()
        }
        Value::String(text) => json!(text),
        _ => json!(one.as_u64().unwrap() + other.as_u64().unwrap()),
    }
}

impl Stopping {
    /// Waits until the servers have ended without an error.
    pub(crate) async fn ended(self) {
        for served in self.served {
            within("the end of the server", served).await.unwrap().unwrap();
        }
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    /// A client of the server at this address.
    pub(crate) const fn of(address: SocketAddr) -> Self {
        Self { addresses: [address, address] }
    }

    /// A client of the first of its servers.
    pub(crate) const fn first(&self) -> Self {
        Self::of(self.addresses[0])
    }

    /// The address for the next connection.
    pub(crate) fn address(&self) -> SocketAddr {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        self.addresses[TURN.fetch_add(1, Relaxed) % self.addresses.len()]
    }

    pub(crate) fn request(&self, method: Method, target: &str) -> Request {
        Request::new(self.address(), method, target)
    }

    pub(crate) fn get(&self, target: &str) -> Request {
        self.request(Method::GET, target)
    }

    /// A valid post, not sent yet.
    pub(crate) fn new_post(&self, tenant: Tenant, message: &str) -> Request {
        self.request(Method::POST, "/events").tenant(tenant).json(json!({ "message": message }).to_string())
    }

    pub(crate) async fn post(&self, tenant: Tenant, message: &str) -> Answer {
        self.new_post(tenant, message).send().await
    }

    /// The tenant's list.
    pub(crate) async fn list(&self, tenant: Tenant) -> List {
        self.get("/events").tenant(tenant).send().await.list()
    }

    /// The HTML of a page.
    pub(crate) async fn page(&self, target: &str) -> String {
        self.get(target).send().await.is(hyper::StatusCode::OK).text().to_owned()
    }

    /// A tenant's counts in the isolation report, those of all servers together.
    pub(crate) async fn counts(&self, tenant: Tenant) -> Value {
        let [first, second] = self.addresses;
        let counts = Self::of(first).counts_of_one(tenant).await;
        if first == second { counts } else { sum(&counts, &Self::of(second).counts_of_one(tenant).await) }
    }

    async fn counts_of_one(&self, tenant: Tenant) -> Value {
        let report = self.request(Method::POST, "/api/isolation_report").json("{}").send().await;
        let report: Value = serde_json::from_slice(&report.is(hyper::StatusCode::OK).body).unwrap();
        report["tenants"][tenant as usize].clone()
    }

    /// A connection for several requests.
    pub(crate) async fn open(&self) -> Connection {
        Connection::open(self.address()).await
    }

    /// A subscriber that has received its hello.
    pub(crate) async fn connect(&self, tenant: Tenant) -> Socket {
        Socket::connect(self.address(), tenant).await
    }

    /// A connection for arbitrary bytes.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.address()).await
    }

    /// A subscriber that has received its hello, for arbitrary bytes.
    pub(crate) async fn raw_socket(&self, tenant: Tenant) -> Raw {
        self.subscribe(self.raw().await, tenant).await
    }

    /// Upgrades a connection to a WebSocket, and reads its hello.
    pub(crate) async fn subscribe(&self, mut raw: Raw, tenant: Tenant) -> Raw {
        raw.write(self.new_socket(tenant).head()).await;
        raw.answer().await.is(hyper::StatusCode::SWITCHING_PROTOCOLS);
        let Received::Text(hello) = raw.receive().await else { panic!("no hello") };
        assert!(hello.starts_with(r#"{"type":"connection_established","#), "{hello}");
        raw
    }

    /// Opens a connection on which a post of Tenant A waits for its body, [`Client::MARKER`].
    ///
    /// # Errors
    /// The answer of the server if it rejects the connection.
    pub(crate) async fn busy_connection(&self) -> Result<Raw, Box<Answer>> {
        let mut raw = self.raw().await;
        let post = self.new_post(Tenant::A, "").header("content-length", Self::MARKER.len().to_string());
        raw.write(post.header("expect", "100-continue").head()).await;
        let answer = raw.answer().await;
        // `100 Continue` proves that the server handles the request.
        if answer.status == hyper::StatusCode::CONTINUE { Ok(raw) } else { Err(answer.into()) }
    }

    /// The body of the post of [`Client::busy_connection`].
    pub(crate) const MARKER: &'static str = r#"{"message":"marker"}"#;

    /// Opens busy connections up to the server's limit, and returns them and the answer that rejects one more.
    pub(crate) async fn fill_with_busy_connections(&self) -> (Vec<Raw>, Answer) {
        let mut busy = Vec::new();
        loop {
            match self.busy_connection().await {
                Ok(raw) => busy.push(raw),
                Err(answer) => return (busy, *answer),
            }
        }
    }

    /// A valid handshake, not sent yet.
    pub(crate) fn new_socket(&self, tenant: Tenant) -> Request {
        self.get(&format!("/ws?tenant={tenant}")).upgrade()
    }
}
