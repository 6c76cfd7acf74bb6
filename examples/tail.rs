//! Prints a tenant's events as lines of JSON: the kept ones, and then each new one. It reconnects by the contract, and
//! exits on Ctrl-C. The connection's state and its notices go to the error stream.
//!
//! ```sh
//! cargo run --example tail -- tenant_a [HOST:PORT]
//! ```
//!
//! The rules are the crate's own pure client: `reconnect` decides when to connect and when to read the list, `session`
//! merges what arrives. This file only connects them to the network, to the clock, and to the terminal.

use std::{
    env,
    error::Error,
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use event_feed::{
    app::words,
    client::{
        ListAnswer, SocketEvent,
        clock::{Instant, PageClock},
        reconnect::{Connection, Input, Output},
        session::{Session, Unusable, Welcome},
        status::Status,
    },
    feed::{
        Entry, Event, Position, Tenant,
        protocol::{Hello, Incoming, POSITION_HEADER, TENANT_HEADER},
    },
};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{self, sleep},
};
use tokio_tungstenite::{client_async, tungstenite};
use uuid::Uuid;

/// At least what a server can keep (`--retain`), so that no kept event is dropped here.
const RETAIN: usize = 10_000;
/// The close code of a connection that ends without a close frame (RFC 6455, section 7.4.1).
const ABNORMAL: u16 = 1006;

/// A frame, or an answer, from the network.
enum Arrival {
    Socket(SocketEvent),
    List(ListAnswer),
}

/// A feed, its connection, and what was printed of it.
struct Tail {
    address: String,
    connection: Connection,
    session: Session,
    clock: PageClock,
    start: time::Instant,
    /// The results of the current socket's tasks.
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    /// Its other end, for the next task.
    sender: mpsc::UnboundedSender<Arrival>,
    /// The socket and the list that is being read. Dropping a task closes its connection.
    tasks: JoinSet<()>,
    /// Whether a list is being read. Until it is merged, an event may be missing before a newer one.
    reads_list: bool,
    /// How many events, over all processes of the server, are printed or will never be.
    printed: u64,
    status: Status,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(Ok(tenant)), address, None) = (
        arguments.next().map(|tenant| tenant.parse::<Tenant>()),
        arguments.next().unwrap_or_else(|| String::from("localhost:3000")),
        arguments.next(),
    ) else {
        eprintln!("usage: tail tenant_a|tenant_b [HOST:PORT]");
        return ExitCode::from(2);
    };
    tokio::select! {
        ended = Tail::new(tenant, address).run() => match ended {
            Ok(()) => ExitCode::FAILURE, // the server refused the connection for good
            Err(error) => {
                eprintln!("cannot print: {error}");
                ExitCode::FAILURE
            }
        },
        _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
    }
}

impl Tail {
    fn new(tenant: Tenant, address: String) -> Self {
        let (sender, arrivals) = mpsc::unbounded_channel();
        Self {
            address,
            connection: Connection::default(),
            session: Session::new(tenant, RETAIN),
            clock: PageClock::default(),
            start: time::Instant::now(),
            arrivals,
            sender,
            tasks: JoinSet::new(),
            reads_list: false,
            printed: 0,
            status: Status::default(),
        }
    }

    /// Runs until the server refuses the connection for good.
    ///
    /// # Errors
    /// If an event cannot be printed.
    async fn run(mut self) -> io::Result<()> {
        self.step(Input::Started);
        while !matches!(self.status, Status::Stopped { .. }) {
            let now = self.now();
            let wait = self.connection.deadline().map_or(0.0, |deadline| deadline - now).max(0.0);
            tokio::select! {
                // A timer may run late, for example after sleep. Arrivals come before it, so that none counts as silence.
                biased;
                arrival = self.arrivals.recv() => match arrival {
                    Some(Arrival::Socket(event)) => self.socket(event),
                    Some(Arrival::List(answer)) => self.list(answer),
                    None => {} // impossible: `sender` is open
                },
                () = sleep(Duration::from_secs_f64(wait / 1_000.0)) => self.step(Input::Timer),
            }
            self.print()?;
        }
        Ok(())
    }

    /// Passes an input to the connection, and takes the actions that it demands.
    fn step(&mut self, input: Input) {
        let now = self.now();
        // The upper 32 bits of this kind of id are random.
        let chance = f64::from((Uuid::new_v4().as_u128() >> 96) as u32) / f64::from(u32::MAX);
        for output in self.connection.step(input, now, chance) {
            let (address, tenant) = (self.address.clone(), self.session.tenant());
            match output {
                Output::OpenSocket => {
                    let sender = self.sender.clone();
                    self.tasks.spawn(async move {
                        let event = match receive(&address, tenant, &sender).await {
                            Ok((code, reason)) => SocketEvent::Closed { code, reason },
                            Err(_) => SocketEvent::Failed,
                        };
                        let _ = sender.send(Arrival::Socket(event)); // an error means that nobody wants it
                    });
                }
                Output::AbandonSocket => {
                    self.tasks = JoinSet::new();
                    (self.sender, self.arrivals) = mpsc::unbounded_channel();
                    self.reads_list = false;
                }
                Output::ReadList => {
                    let sender = self.sender.clone();
                    self.reads_list = true;
                    self.tasks.spawn(async move {
                        let _ = sender.send(Arrival::List(read_list(&address, tenant).await.ok()));
                    });
                }
            }
        }
        let status = self.connection.status();
        if words::status(&status) != words::status(&self.status) {
            eprintln!("{}", words::status(&status));
        }
        self.status = status;
    }

    fn socket(&mut self, event: SocketEvent) {
        let text = match event {
            SocketEvent::Text(text) => text,
            SocketEvent::Closed { code, reason } => return self.step(Input::Closed { code, reason }),
            SocketEvent::Failed => return self.step(Input::Failed),
        };
        match Incoming::decode(&text) {
            Ok(Incoming::ConnectionEstablished(hello)) => self.hello(&hello),
            Ok(Incoming::EventCreated { seq, event }) => {
                let arrived = self.session.event(seq, event);
                self.step(Input::Frame);
                match arrived {
                    Ok(false) => {}
                    Ok(true) => self.step(Input::Gap),
                    Err(_) => eprintln!("An event of another tenant arrived. It was dropped."),
                }
            }
            Ok(Incoming::Heartbeat { seq, reconnect_ms, .. }) => {
                let gap = self.session.heartbeat(seq);
                self.step(Input::Heartbeat { reconnect_ms });
                if gap {
                    self.step(Input::Gap);
                }
            }
            // If it was an event, the next `seq` shows the gap.
            Ok(Incoming::Unknown) | Err(_) => self.step(Input::Frame),
        }
    }

    fn hello(&mut self, hello: &Hello) {
        let Ok(welcome) = self.session.hello(hello) else { return self.step(Input::Failed) };
        let Hello { heartbeat_ms, reconnect_ms, .. } = *hello;
        self.step(Input::Hello { heartbeat_ms, reconnect_ms, needs_list: welcome == Welcome::ReadList });
        if let Welcome::Complete(Some(notice)) = welcome {
            eprintln!("{}", words::notice(&notice, |time| time.to_string()));
        }
    }

    fn list(&mut self, answer: ListAnswer) {
        self.reads_list = false;
        match answer.map(|(position, newest_first)| self.session.list(position, newest_first)) {
            Some(Ok(notice)) => {
                self.step(Input::ListRead);
                if let Some(notice) = notice {
                    eprintln!("{}", words::notice(&notice, |time| time.to_string()));
                }
            }
            Some(Err(Unusable::Behind)) => {
                self.reads_list = true; // again, after a delay
                self.step(Input::ListBehind);
            }
            Some(Err(Unusable::OtherEpoch)) | None => self.step(Input::ListFailed),
        }
    }

    /// Prints the events that are new, if none before them can be missing.
    fn print(&mut self) -> io::Result<()> {
        if self.reads_list || self.status != Status::Live {
            return Ok(());
        }
        let before = self.session.accepted_before();
        let is_new = |entry: &&Entry| before + entry.seq > self.printed;
        let newest_first: Vec<_> = self.session.timeline().iter().take_while(is_new).collect();
        let mut out = io::stdout().lock();
        for entry in newest_first.iter().rev() {
            serde_json::to_writer(&mut out, &entry.event)?;
            writeln!(out)?;
        }
        self.printed = self.session.accepted();
        out.flush()
    }

    fn now(&mut self) -> Instant {
        let of_day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.clock.read(self.start.elapsed().as_secs_f64() * 1_000.0, of_day.as_secs_f64() * 1_000.0)
    }
}

/// Subscribes, and sends on each text frame. Returns the close code and its reason.
///
/// # Errors
/// If the connection fails.
async fn receive(
    address: &str,
    tenant: Tenant,
    sender: &mpsc::UnboundedSender<Arrival>,
) -> Result<(u16, String), Box<dyn Error + Send + Sync>> {
    use tungstenite::Message;
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = client_async(format!("ws://{address}/ws?tenant={tenant}"), stream).await?;
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => sender.send(Arrival::Socket(SocketEvent::Text(text.to_string())))?,
            Message::Close(Some(frame)) => return Ok((frame.code.into(), frame.reason.to_string())),
            _ => {} // tungstenite answers pings
        }
    }
    Ok((ABNORMAL, String::new()))
}

/// Reads the tenant's list.
///
/// # Errors
/// If there is no answer, or none that can be read.
async fn read_list(address: &str, tenant: Tenant) -> Result<(Position, Vec<Arc<Event>>), Box<dyn Error + Send + Sync>> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut requests, connection) = http1::handshake(stream).await?;
    let request = Request::get("/events").header("host", address).header(TENANT_HEADER, tenant.id());
    let request = request.body(Empty::<Bytes>::new())?;
    tokio::spawn(connection); // it ends when `requests` and the answer are dropped
    let (head, body) = requests.send_request(request).await?.into_parts();
    let position = head.headers.get(POSITION_HEADER).filter(|_| head.status == StatusCode::OK);
    let position = position.ok_or("not a list")?.to_str()?.parse()?;
    Ok((position, serde_json::from_slice(&body.collect().await?.to_bytes())?))
}
