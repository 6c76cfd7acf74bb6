//! Tests isolation as a property: random steps of both tenants over real sockets, compared with a model that is one
//! list for each tenant. The steps are posts, reads, and clients that connect, close, are reset and reconnect.
//!
//! `PROPTEST_CASES=5000 cargo test --test contract property` tries more cases. A case that fails is saved next to this
//! file, and is tried first in later runs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use event_feed::{
    client::{
        notice::Notice,
        session::{Session, Welcome},
    },
    feed::{self, Message, Position, Timestamp, protocol},
};
use proptest::{prelude::*, sample::Index, test_runner::FileFailurePersistence};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    engine::SERVERS,
    support::{Client, Event, List, Server, Socket, Tenant},
};

/// The number of cases without `PROPTEST_CASES`.
const CASES: u32 = 48;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A step of a case.
#[derive(Debug, Clone)]
enum Step {
    /// This many posts are sent at once. Their answers are not awaited.
    Post(Tenant, usize),
    /// A post with this key is sent. Its answer is not awaited. The key determines the message.
    PostWithKey(Tenant, u8),
    /// The answers to all posts under way are awaited.
    AwaitAnswers(Tenant),
    /// One more client connects.
    Connect(Tenant),
    /// A client closes its socket.
    Close(Index),
    /// A client drops its connection without a close.
    Drop(Index),
    /// A client without a connection reconnects.
    Reconnect(Index),
    /// A client reads at most this many of the events that are due.
    Read(Index, usize),
    /// The list is read.
    List(Tenant),
    /// The page is loaded.
    Page(Tenant),
}

fn step() -> impl Strategy<Value = Step> {
    let tenant = || prop_oneof![Just(Tenant::A), Just(Tenant::B)];
    prop_oneof![
        6 => (tenant(), 1..6_usize).prop_map(|(tenant, count)| Step::Post(tenant, count)),
        2 => (tenant(), 0..3_u8).prop_map(|(tenant, key)| Step::PostWithKey(tenant, key)),
        2 => tenant().prop_map(Step::AwaitAnswers),
        3 => tenant().prop_map(Step::Connect),
        1 => any::<Index>().prop_map(Step::Close),
        2 => any::<Index>().prop_map(Step::Drop),
        3 => any::<Index>().prop_map(Step::Reconnect),
        3 => (any::<Index>(), 1..8_usize).prop_map(|(client, count)| Step::Read(client, count)),
        2 => tenant().prop_map(Step::List),
        1 => tenant().prop_map(Step::Page),
    ]
}

/// The model of a tenant: its posts and lists, and an observer that receives all of its events.
struct Model {
    tenant: Tenant,
    observer: Socket,
    /// How many connections were opened, the observer's included.
    opened: u64,
    /// How many connections were closed or dropped. The server may not have noticed the end of some yet.
    left: u64,
    sent: usize,
    /// Posts whose answers were not awaited yet, each with the length of `answered` when it was sent.
    under_way: Vec<(JoinHandle<Event>, usize)>,
    /// Answered posts, each with the length of `answered` when it was sent.
    answered: Vec<(Event, usize)>,
    lists: Vec<List>,
}

/// A client: the live page's own session over a real socket.
struct Page {
    session: Session,
    socket: Option<Socket>,
    /// The events that it read from sockets, with their `seq`.
    read: Vec<(u64, Event)>,
}

impl Model {
    async fn start(server: &Server, tenant: Tenant) -> Self {
        let observer = server.connect(tenant).await;
        let (opened, left, sent) = (1, 0, 0);
        Self { tenant, observer, opened, left, sent, under_way: Vec::new(), answered: Vec::new(), lists: Vec::new() }
    }

    fn post(&mut self, server: &Server, key: Option<u8>) {
        self.sent += 1;
        let text = key.map_or_else(|| format!("post {} of {}", self.sent, self.tenant), |key| format!("key {key}"));
        let mut post = server.new_post(self.tenant, &text);
        if let Some(key) = key {
            post.add("idempotency-key", key.to_string());
        }
        let answer = tokio::spawn(async move { post.send().await.created() });
        self.under_way.push((answer, self.answered.len()));
    }

    async fn await_answers(&mut self) {
        for (answer, before) in self.under_way.drain(..) {
            let event = answer.await.expect("an answered post");
            assert_eq!(event.tenant_id, self.tenant.id());
            self.answered.push((event, before));
        }
    }

    /// The number of events that were answered; the server has at least these.
    fn accepted(&self) -> u64 {
        self.answered.iter().map(|(event, _)| &event.id).collect::<HashSet<_>>().len() as u64
    }

    async fn read_list(&mut self, server: &Client) -> List {
        let list = server.list(self.tenant).await;
        assert!(list.seq >= self.accepted(), "an answered post is not in the list");
        self.lists.push(list.clone());
        list
    }

    /// Compares all answers, lists and pages with the order in which the observer received the events.
    async fn check(mut self, retain: usize, pages: &[Page]) {
        let last = self.lists.last().expect("a list").seq;
        let order = self.observer.next_events(usize::try_from(last).unwrap()).await;
        let seqs: HashMap<_, _> = order.iter().map(|event| event.id.clone()).zip(1_u64..).collect();
        assert_eq!(seqs.len(), order.len(), "an event came twice");
        let answered: HashSet<_> = self.answered.iter().map(|(event, _)| event.id.clone()).collect();
        assert!(answered.iter().all(|id| seqs.contains_key(id)), "an event was lost");
        assert_eq!(answered.len(), order.len(), "an event that was not posted");
        assert!(order.is_sorted_by(|one, next| one.timestamp <= next.timestamp));
        for (index, (event, before)) in self.answered.iter().enumerate() {
            let seq = seqs[&event.id];
            assert_eq!(&order[usize::try_from(seq).unwrap() - 1], event);
            let first_answer = self.answered.iter().position(|(other, _)| other.id == event.id) == Some(index);
            let earlier = self.answered[..*before].iter().map(|(event, _)| seqs[&event.id]).max();
            assert!(!first_answer || earlier.is_none_or(|earlier| earlier < seq), "order of acceptance: {event:?}");
        }
        for list in self.lists {
            let end = usize::try_from(list.seq).unwrap();
            assert!(list.events.iter().eq(order[end.saturating_sub(retain)..end].iter().rev()), "{list:?}");
        }
        for page in pages.iter().filter(|page| page.session.tenant() == self.tenant) {
            assert!(page.read.iter().all(|(seq, event)| &order[usize::try_from(*seq).unwrap() - 1] == event));
            let shown = page.session.timeline().iter().map(|entry| entry.event.id.to_string());
            assert!(shown.eq(order.iter().rev().take(retain).map(|event| event.id.clone())), "{:?}", page.session);
            assert_eq!(page.session.breaches(), 0);
        }
    }
}

impl Page {
    fn new(tenant: Tenant, retain: usize) -> Self {
        Self { session: Session::new(tenant, retain), socket: None, read: Vec::new() }
    }

    /// Subscribes, and then reads the list if the page may lack events, as the contract requires of a client.
    async fn connect(&mut self, server: &Server, model: &mut Model) {
        let known = self.session.timeline().seq();
        let socket = server.connect(model.tenant).await;
        // Another server may have accepted the newest events. They follow on this socket then.
        assert!(socket.hello.seq >= model.accepted() || SERVERS > 1, "an answered post may be missed");
        model.opened += 1;
        // Each server counts its own.
        let possible = if SERVERS == 1 { model.opened - model.left } else { 1 }..=model.opened;
        assert!(possible.contains(&socket.hello.connections), "{:?}, not {possible:?} connections", socket.hello);
        let hello = protocol::Hello {
            tenant_id: model.tenant,
            connection_id: socket.hello.connection_id.parse().unwrap(),
            timestamp: Timestamp::parse(&socket.hello.timestamp).unwrap(),
            epoch: socket.hello.epoch.parse().unwrap(),
            seq: socket.hello.seq,
            heartbeat_ms: socket.hello.heartbeat_ms,
            reconnect_ms: socket.hello.reconnect_ms,
            connections: Some(socket.hello.connections),
            build: socket.hello.build.clone(),
        };
        self.socket = Some(socket);
        if let Welcome::Complete(notice) = self.session.hello(&hello).expect("the tenant's own socket") {
            assert_eq!(hello.seq, known, "the page lacks an event");
            assert!(matches!(notice, None | Some(Notice::Returned { new: 0, missing: false })), "{notice:?}");
            return;
        }
        let list = model.read_list(server).await;
        assert!(list.seq >= hello.seq, "a gap between the subscription and the list");
        let position = Position { epoch: list.epoch.parse().unwrap(), seq: list.seq };
        let notice = self.session.list(position, list.events.iter().map(to_crate_event).collect());
        match notice.expect("the same process") {
            None => {}
            Some(Notice::Returned { new, .. }) => assert_eq!(new, list.seq - known),
            Some(other) => panic!("{other:?}"),
        }
    }

    /// Reads the next events, none of which may be missing.
    async fn read(&mut self, count: usize) {
        let Some(socket) = &mut self.socket else { return };
        for _ in 0..count {
            let event = socket.next_event().await;
            assert_eq!(self.session.event(socket.seq(), to_crate_event(&event)), Ok(false), "{event:?}");
            self.read.push((socket.seq(), event));
        }
    }

    /// How many events up to this `seq` it has not read yet.
    fn due(&self, seq: u64) -> usize {
        let had = self.socket.as_ref().map_or(seq, Socket::seq);
        usize::try_from(seq.saturating_sub(had)).unwrap()
    }
}

fn to_crate_event(event: &Event) -> Arc<feed::Event> {
    Arc::new(feed::Event {
        id: event.id.parse().unwrap(),
        tenant_id: event.tenant_id.parse().unwrap(),
        message: Message::parse(&event.message).unwrap(),
        timestamp: Timestamp::parse(&event.timestamp).unwrap(),
    })
}

/// Runs the steps, and then checks every client against the model.
async fn run(retain: usize, steps: Vec<Step>) {
    let server = Server::with(|settings| settings.retain = u32::try_from(retain).unwrap()).await;
    let mut models = [Model::start(&server, Tenant::A).await, Model::start(&server, Tenant::B).await];
    let mut pages: Vec<Page> = Vec::new();
    for step in steps {
        match step {
            Step::Post(tenant, count) => (0..count).for_each(|_| models[tenant as usize].post(&server, None)),
            Step::PostWithKey(tenant, key) => models[tenant as usize].post(&server, Some(key)),
            Step::AwaitAnswers(tenant) => models[tenant as usize].await_answers().await,
            Step::Connect(tenant) => {
                let mut page = Page::new(tenant, retain);
                page.connect(&server, &mut models[tenant as usize]).await;
                pages.push(page);
            }
            Step::List(tenant) => drop(models[tenant as usize].read_list(&server).await),
            Step::Page(tenant) => {
                let page = server.page(&format!("/?tenant={tenant}")).await;
                let others = models.iter().filter(|model| model.tenant != tenant);
                assert!(others.into_iter().all(|other| !page.contains(&format!(" of {}", other.tenant))), "{page}");
            }
            Step::Close(_) | Step::Drop(_) | Step::Reconnect(_) | Step::Read(..) if pages.is_empty() => {}
            Step::Close(index) => {
                let page = index.get_mut(&mut pages);
                if let Some(socket) = page.socket.take() {
                    socket.close().await;
                    models[page.session.tenant() as usize].left += 1;
                }
            }
            Step::Drop(index) => {
                let page = index.get_mut(&mut pages);
                if page.socket.take().is_some() {
                    models[page.session.tenant() as usize].left += 1;
                }
            }
            Step::Reconnect(index) => {
                let page = index.get_mut(&mut pages);
                if page.socket.is_none() {
                    page.connect(&server, &mut models[page.session.tenant() as usize]).await;
                }
            }
            Step::Read(index, count) => {
                let page = index.get_mut(&mut pages);
                let due = page.due(models[page.session.tenant() as usize].accepted());
                page.read(due.min(count)).await;
            }
        }
    }
    for model in &mut models {
        model.await_answers().await;
        model.post(&server, None);
        model.await_answers().await;
        let last = model.read_list(&server).await.seq;
        let tenant = model.tenant;
        for page in pages.iter_mut().filter(|page| page.session.tenant() == tenant) {
            if page.socket.is_none() {
                page.connect(&server, model).await;
            }
            page.read(page.due(last)).await;
        }
    }
    for model in models {
        model.check(retain, &pages).await;
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let saved = FileFailurePersistence::Direct("tests/contract/property.regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(saved)),
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn each_client_has_its_own_tenants_events_once_and_in_order(
        retain in prop_oneof![Just(3_usize), Just(1_000)],
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        RUNTIME.block_on(run(retain, steps));
    }
}
