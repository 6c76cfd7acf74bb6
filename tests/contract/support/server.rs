//! The server, started by a test and stopped by it, and what every client of it can do.

use std::{io, net::SocketAddr, ops::Deref};

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
    data::List,
    http::{Answer, Connection, Request},
    raw::{Heard, Raw},
    socket::Socket,
    until, within,
};

/// Whoever knows the server's address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
}

/// A server in this process, on a port of its own. It stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

/// A server that was asked to stop, and has begun to.
#[derive(Debug)]
pub(crate) struct Stopping {
    served: JoinHandle<io::Result<()>>,
}

impl Server {
    /// With every setting at its default.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With some settings changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client { address: listener.local_addr().unwrap() };
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, settings, async {
            // A test that ends drops its server, which is as good a word to stop.
            let _ = stopped.await;
        }));
        Self { client, stop, served }
    }

    /// Asks it to stop, and returns once it has begun to.
    pub(crate) async fn stop(self) -> Stopping {
        self.stop.send(()).expect("it still serves");
        until("a closed listener", async || TcpStream::connect(self.client.address).await.is_err()).await;
        Stopping { served: self.served }
    }
}

impl Stopping {
    /// Returns once the server has ended in order.
    pub(crate) async fn ended(self) {
        within("the end of the server", self.served).await.unwrap().unwrap();
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    pub(crate) fn request(&self, method: Method, target: &str) -> Request {
        Request::new(self.address, method, target)
    }

    pub(crate) fn get(&self, target: &str) -> Request {
        self.request(Method::GET, target)
    }

    /// A right post, not sent yet.
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

    /// What the server counts of a tenant, for an administrator.
    pub(crate) async fn counts(&self, tenant: Tenant) -> Value {
        let report = self.request(Method::POST, "/api/isolation_report").json("{}").send().await;
        let report: Value = serde_json::from_slice(&report.is(hyper::StatusCode::OK).body).unwrap();
        report["tenants"][tenant as usize].clone()
    }

    /// A connection for several requests.
    pub(crate) async fn open(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// A subscription that stands.
    pub(crate) async fn connect(&self, tenant: Tenant) -> Socket {
        Socket::connect(self.address, tenant).await
    }

    /// A connection for bytes as given.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// A subscription that stands, in bytes as given.
    pub(crate) async fn raw_socket(&self, tenant: Tenant) -> Raw {
        self.subscribe(self.raw().await, tenant).await
    }

    /// Makes a subscription of a connection.
    pub(crate) async fn subscribe(&self, mut raw: Raw, tenant: Tenant) -> Raw {
        raw.write(self.new_socket(tenant).head()).await;
        raw.answer().await.is(hyper::StatusCode::SWITCHING_PROTOCOLS);
        let Heard::Text(hello) = raw.hear().await else { panic!("no hello") };
        assert!(hello.starts_with(r#"{"type":"connection_established","#), "{hello}");
        raw
    }

    /// A connection on which a post of Tenant A waits for its body, [`Client::MARKER`]. Or the answer that rejects it.
    pub(crate) async fn busy(&self) -> Result<Raw, Box<Answer>> {
        let mut raw = self.raw().await;
        let post = self.new_post(Tenant::A, "").header("content-length", Self::MARKER.len().to_string());
        raw.write(post.header("expect", "100-continue").head()).await;
        let answer = raw.answer().await;
        // The server asks for the body once it handles the request.
        if answer.status == hyper::StatusCode::CONTINUE { Ok(raw) } else { Err(answer.into()) }
    }

    /// The body of a post.
    pub(crate) const MARKER: &'static str = r#"{"message":"marker"}"#;

    /// As many busy connections as the server takes, and how it rejects one more.
    pub(crate) async fn fill_with_busy_connections(&self) -> (Vec<Raw>, Answer) {
        let mut busy = Vec::new();
        loop {
            match self.busy().await {
                Ok(raw) => busy.push(raw),
                Err(answer) => return (busy, *answer),
            }
        }
    }

    /// A right handshake, not sent yet.
    pub(crate) fn new_socket(&self, tenant: Tenant) -> Request {
        self.get(&format!("/ws?tenant={tenant}")).upgrade()
    }
}
