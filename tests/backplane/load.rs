//! Posts and subscribes on several servers while a test breaks something, and then judges every answer.
//!
//! The subscribers keep what they receive in the live page's own [`Session`], and reconnect to the next server after each
//! close. Everything that any of them receives is compared: an event has one place in the order, and a place has one event.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use event_feed::{
    client::session::{Session, Unusable, Welcome},
    feed::{
        Event, Position,
        protocol::{Hello, Incoming},
    },
};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use uuid::Uuid;

use crate::support::{Client, Connection, StatusCode, Tenant, within, within_timeout};

/// The time between two posts of a poster, and between two attempts of a subscriber to connect.
const PERIOD: Duration = Duration::from_millis(10);
/// The number of posters for each server. Every other one sends keys.
const POSTERS: usize = 8;
/// The default of `--retain`: a page keeps as many events as a server.
const RETAIN: usize = 1_000;
/// The longest time for everything to be as usual after the last fault.
const CALM_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest time without a frame. It is above the 15 s between two heartbeats.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);

/// Posters and subscribers of Tenant A.
pub(crate) struct Load {
    shared: Arc<Shared>,
    posters: Vec<JoinHandle<()>>,
    pages: Vec<JoinHandle<Session>>,
}

/// The state that the tasks share.
struct Shared {
    addresses: Mutex<Vec<SocketAddr>>,
    seen: Mutex<Seen>,
    posts: Mutex<Vec<Post>>,
    progress: watch::Sender<Progress>,
    is_posting: watch::Sender<bool>,
    /// The last position of the feed, once nobody posts any more.
    end: watch::Sender<Option<Position>>,
}

/// The numbers of answers and of closed sockets, by server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) created: Vec<u64>,
    pub(crate) refused: Vec<u64>,
    pub(crate) closed: Vec<u64>,
}

/// Everything that was received.
#[derive(Default)]
struct Seen {
    events: HashMap<Uuid, BTreeMap<u64, Arc<Event>>>,
    /// The places of each message.
    places: HashMap<String, BTreeSet<(Uuid, u64)>>,
    sockets: Vec<SocketRecord>,
}

/// A socket from its hello to its end.
struct SocketRecord {
    server: usize,
    opened: Instant,
    ended: Instant,
    close: Close,
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// The server closed it with this code.
    Code(u16),
    /// It ended without a close frame.
    Cut,
    /// The page left: it got no list, or one of another epoch.
    Left,
    /// The page had everything at the end of the test.
    Complete,
}

/// A message that was posted. It is posted again only with a key.
struct Post {
    message: String,
    has_key: bool,
    /// The server that gave the last answer.
    server: usize,
    sent: Instant,
    answered: Instant,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// A `201` with this event.
    Created(Event),
    /// Each answer was a `503`, or no connection was opened.
    Refused,
    /// The last answer was a `504`, or there was none.
    Unknown,
}

/// The results of the load, for a test's own checks.
pub(crate) struct Verdict {
    /// The number of epochs of which something was received.
    pub(crate) epochs: usize,
    /// How the sockets ended, in this order.
    pub(crate) closes: Vec<Close>,
    /// The numbers of answers: `201`, `503`, and neither.
    pub(crate) created: usize,
    pub(crate) refused: usize,
    pub(crate) unknown: usize,
}

impl Load {
    /// Starts posters and subscribers on these servers.
    pub(crate) fn start(servers: &[Client]) -> Self {
        let count = servers.len();
        let progress = Progress { created: vec![0; count], refused: vec![0; count], closed: vec![0; count] };
        let shared = Arc::new(Shared {
            addresses: Mutex::new(servers.iter().map(Client::address).collect()),
            seen: Mutex::default(),
            posts: Mutex::default(),
            progress: watch::Sender::new(progress),
            is_posting: watch::Sender::new(true),
            end: watch::Sender::new(None),
        });
        let posters = (0..POSTERS * count).map(|n| tokio::spawn(post(Arc::clone(&shared), n))).collect();
        let pages = (0..2 * count).map(|n| tokio::spawn(subscribe(Arc::clone(&shared), n))).collect();
        Self { shared, posters, pages }
    }

    /// Names the address of a server that was started again.
    pub(crate) fn moved(&self, server: usize, client: &Client) {
        self.shared.addresses.lock()[server] = client.address();
    }

    /// The numbers of answers and of closed sockets until now.
    pub(crate) fn progress(&self) -> Progress {
        self.shared.progress.borrow().clone()
    }

    /// Waits until the numbers are as `is_enough` demands.
    async fn until(&self, what: &str, is_enough: impl Fn(&Progress) -> bool) {
        let mut progress = self.shared.progress.subscribe();
        within_timeout(CALM_TIMEOUT, what, progress.wait_for(|now| is_enough(now))).await.unwrap();
    }

    /// Waits until every server has accepted 50 posts more.
    pub(crate) async fn until_accepted(&self) {
        let before = self.progress();
        let has_more = |now: &Progress| now.created.iter().zip(&before.created).all(|(now, before)| now - before >= 50);
        self.until("posts that are accepted", has_more).await;
    }

    /// Waits until this server has refused a post more.
    pub(crate) async fn until_refused(&self, server: usize) {
        let before = self.progress();
        self.until("a post that is refused", |now| now.refused[server] > before.refused[server]).await;
    }

    /// Waits until each page has left a socket since this progress.
    pub(crate) async fn until_closed_since(&self, before: &Progress) {
        let closed = |progress: &Progress| progress.closed.iter().sum::<u64>();
        let enough = closed(before) + self.pages.len() as u64;
        self.until("sockets that are closed", |now| closed(now) >= enough).await;
    }

    /// Stops the posters, waits until every subscriber has all events, and checks every answer.
    pub(crate) async fn judge(self) -> Verdict {
        self.shared.is_posting.send_replace(false);
        for poster in self.posters {
            within_timeout(CALM_TIMEOUT, "the last answer", poster).await.unwrap();
        }
        let (position, list) = self.shared.calm_list().await;
        self.shared.end.send_replace(Some(position));
        for page in self.pages {
            let session = within_timeout(CALM_TIMEOUT, "a complete page", page).await.unwrap();
            let shown: Vec<_> = session.timeline().iter().map(|entry| Arc::clone(&entry.event)).collect();
            assert_eq!(shown, list, "a page lacks an event that the servers have, or has another one");
        }
        let (seen, posts) = (self.shared.seen.lock(), self.shared.posts.lock());
        let count = |is_it: fn(&Outcome) -> bool| posts.iter().filter(|post| is_it(&post.outcome)).count();
        posts.iter().for_each(|post| seen.check(post));
        Verdict {
            epochs: seen.events.len(),
            closes: seen.sockets.iter().map(|socket| socket.close).collect(),
            created: count(|outcome| matches!(outcome, Outcome::Created(_))),
            refused: count(|outcome| *outcome == Outcome::Refused),
            unknown: count(|outcome| *outcome == Outcome::Unknown),
        }
    }
}

impl Shared {
    fn address(&self, server: usize) -> SocketAddr {
        self.addresses.lock()[server]
    }

    fn servers(&self) -> usize {
        self.addresses.lock().len()
    }

    /// The list, once all servers have the same one.
    async fn calm_list(&self) -> (Position, Vec<Arc<Event>>) {
        let mut ticks = ticks();
        within_timeout(CALM_TIMEOUT, "the same list on all servers", async {
            loop {
                ticks.tick().await;
                let mut lists = Vec::new();
                for server in 0..self.servers() {
                    lists.extend(read_list(self.address(server)).await);
                }
                let first = lists.first().cloned();
                if let Some(first) =
                    first.filter(|first| lists.len() == self.servers() && lists.iter().all(|list| list == first))
                {
                    self.seen.lock().add_list(first.0, &first.1);
                    return first;
                }
            }
        })
        .await
    }
}

impl Seen {
    fn add(&mut self, epoch: Uuid, seq: u64, event: &Arc<Event>) {
        let known = self.events.entry(epoch).or_default().entry(seq).or_insert_with(|| Arc::clone(event));
        assert_eq!(known, event, "two events at one place");
        self.places.entry(event.message.as_str().to_owned()).or_default().insert((epoch, seq));
    }

    fn add_list(&mut self, position: Position, newest_first: &[Arc<Event>]) {
        let seqs = (1..=position.seq).rev();
        seqs.zip(newest_first).for_each(|(seq, event)| self.add(position.epoch, seq, event));
    }

    /// Checks that the answers to a post are true.
    fn check(&self, post: &Post) {
        let Post { message, has_key, outcome, .. } = post;
        let places: Vec<_> = self.places.get(message).into_iter().flatten().copied().collect();
        let epochs: BTreeSet<_> = places.iter().map(|(epoch, _)| *epoch).collect();
        // A key is forgotten with the epoch, so a message may be accepted once in each.
        let most = if *has_key { epochs.len() } else { 1 };
        assert!(places.len() <= most, "{message} is doubled, after {outcome:?}: {places:?}");
        match outcome {
            Outcome::Created(event) => {
                let is_it = |(epoch, seq): &(Uuid, u64)| *self.events[epoch][seq] == *event;
                assert!(
                    places.iter().any(is_it) || (self.events.len() > 1 && !self.was_watched(post)),
                    "{message} is lost, after {outcome:?}: {places:?}"
                );
            }
            Outcome::Refused => assert!(places.is_empty(), "{message} was refused: {places:?}"),
            Outcome::Unknown => {}
        }
    }

    /// Whether a socket of the server that answered was open from the post to its answer, and read to its end.
    fn was_watched(&self, post: &Post) -> bool {
        let is_open = |socket: &&SocketRecord| {
            socket.opened < post.sent && post.answered < socket.ended && socket.close != Close::Left
        };
        self.sockets.iter().filter(|socket| socket.server == post.server).any(|socket| is_open(&socket))
    }
}

/// The poster with this number: posts messages to its server. With a key it posts each message, to one server after the
/// other, until it is accepted.
async fn post(shared: Arc<Shared>, number: usize) {
    let (servers, has_key) = (shared.servers(), number.is_multiple_of(2));
    let mut server = number / 2 % servers;
    let (mut connection, mut ticks) = (None, ticks());
    for n in 0.. {
        if !*shared.is_posting.borrow() {
            return;
        }
        let message = format!("{number}-{n}");
        let (mut outcome, mut sent) = (Outcome::Refused, Instant::now());
        loop {
            ticks.tick().await;
            let answer = send(shared.address(server), &mut connection, &message, has_key, &mut sent).await;
            let progress = |count: fn(&mut Progress) -> &mut Vec<u64>| {
                shared.progress.send_modify(|progress| count(progress)[server] += 1);
            };
            match answer {
                Outcome::Created(_) => progress(|progress| &mut progress.created),
                Outcome::Refused => progress(|progress| &mut progress.refused),
                Outcome::Unknown => {}
            }
            if answer != Outcome::Refused {
                outcome = answer;
            }
            if !has_key || matches!(outcome, Outcome::Created(_)) {
                break;
            }
            server = (server + 1) % servers;
            connection = None;
        }
        let answered = Instant::now();
        shared.posts.lock().push(Post { message, has_key, server, sent, answered, outcome });
    }
}

/// Posts once. A refusal means that nothing has changed.
async fn send(
    address: SocketAddr,
    connection: &mut Option<Connection>,
    message: &str,
    has_key: bool,
    sent: &mut Instant,
) -> Outcome {
    if connection.is_none() {
        *connection = Connection::try_open(address).await.ok();
    }
    let Some(open) = connection else { return Outcome::Refused };
    let mut post = Client::of(address).new_post(Tenant::A, message);
    if has_key {
        post.add("idempotency-key", message);
    }
    *sent = Instant::now();
    match open.try_send(post).await {
        Err(_) => {
            *connection = None;
            Outcome::Unknown
        }
        Ok(answer) if answer.status == StatusCode::CREATED => {
            Outcome::Created(serde_json::from_slice(&answer.body).unwrap())
        }
        Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => {
            answer.refused(503);
            Outcome::Refused
        }
        Ok(answer) => {
            assert!(answer.refused(504).kind.ends_with(":unsettled"));
            Outcome::Unknown
        }
    }
}

/// A page: subscribes to one server after the other, reads the list of the next one if it may lack an event, and returns
/// what it has, once that is everything.
async fn subscribe(shared: Arc<Shared>, number: usize) -> Session {
    let (mut session, mut ticks) = (Session::new(Tenant::A, RETAIN), ticks());
    let mut turn = number;
    loop {
        ticks.tick().await;
        let server = turn % shared.servers();
        turn += 1;
        let Some((socket, hello)) = connect(shared.address(server)).await else { continue };
        let opened = Instant::now();
        let close = live(&shared, turn % shared.servers(), socket, &hello, &mut session).await;
        let ended = Instant::now();
        shared.seen.lock().sockets.push(SocketRecord { server, opened, ended, close });
        if close == Close::Complete {
            return session;
        }
        shared.progress.send_modify(|progress| progress.closed[server] += 1);
    }
}

/// Connects, and reads the hello.
async fn connect(address: SocketAddr) -> Option<(WebSocketStream<TcpStream>, Hello)> {
    within("a hello or a refusal", async {
        let tcp = TcpStream::connect(address).await.ok()?;
        let (mut socket, _) = client_async(format!("ws://{address}/ws?tenant=tenant_a"), tcp).await.ok()?;
        let Message::Text(text) = socket.next().await?.ok()? else { return None };
        let Ok(Incoming::ConnectionEstablished(hello)) = Incoming::decode(&text) else { panic!("no hello: {text}") };
        Some((socket, hello))
    })
    .await
}

/// Receives until the socket is closed, or until the page has everything. Reads the list of this other server if it is
/// needed.
async fn live(
    shared: &Shared,
    other: usize,
    mut socket: WebSocketStream<TcpStream>,
    hello: &Hello,
    session: &mut Session,
) -> Close {
    let mut end = shared.end.subscribe();
    if session.hello(hello).unwrap() == Welcome::ReadList {
        let Some((position, events)) = read_list(shared.address(other)).await else { return Close::Left };
        shared.seen.lock().add_list(position, &events);
        match session.list(position, events) {
            Ok(_) => {}
            Err(Unusable::OtherEpoch) => return Close::Left,
            Err(Unusable::Behind) => panic!("the list {position} is older than {hello:?}"),
        }
    }
    loop {
        let timeline = session.timeline();
        assert_eq!(timeline.len() as u64, timeline.seq().min(RETAIN as u64), "a page lacks events");
        let has = Position { epoch: hello.epoch, seq: timeline.seq() };
        if *end.borrow_and_update() == Some(has) {
            return Close::Complete;
        }
        let message = tokio::select! {
            // An error means that the load was dropped, and this task with it.
            Ok(()) = end.changed() => continue,
            message = within_timeout(SILENCE_TIMEOUT, "a frame or a close", socket.next()) => message,
        };
        match message {
            Some(Ok(Message::Text(text))) => match Incoming::decode(&text).unwrap() {
                Incoming::EventCreated { seq, event } => {
                    shared.seen.lock().add(hello.epoch, seq, &event);
                    assert!(!session.event(seq, event).unwrap(), "a gap before event {seq}");
                }
                Incoming::Heartbeat { seq, .. } => assert!(!session.heartbeat(seq), "a gap before a heartbeat"),
                other => panic!("{other:?}"),
            },
            Some(Ok(Message::Close(frame))) => return frame.map_or(Close::Cut, |frame| Close::Code(frame.code.into())),
            Some(Ok(_)) => {} // the library answers pings
            Some(Err(_)) | None => return Close::Cut,
        }
    }
}

/// The list of a server, and its position. `None` if the server refuses it, or has ended.
async fn read_list(address: SocketAddr) -> Option<(Position, Vec<Arc<Event>>)> {
    let mut connection = Connection::try_open(address).await.ok()?;
    let answer = connection.try_send(Client::of(address).get("/events").tenant(Tenant::A)).await.ok()?;
    if answer.status != StatusCode::OK {
        answer.refused(503);
        return None;
    }
    Some((answer.header("feed-position").parse().unwrap(), serde_json::from_slice(&answer.body).unwrap()))
}

fn ticks() -> Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
