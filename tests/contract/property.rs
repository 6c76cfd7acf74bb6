//! Isolation by property: posts, reads, clients that come, leave, are cut and return, of both tenants, in any order and over
//! real sockets, against a model that is a list per tenant.
//!
//! `PROPTEST_CASES=5000 cargo test --test contract property` looks longer. A case that failed is kept beside this file,
//! and is tried first from then on.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use event_feed::{
    client::{notice::Notice, session::Session},
    feed::{self, Message, Position, Timestamp, protocol},
};
use proptest::{prelude::*, sample::Index, test_runner::FileFailurePersistence};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::support::{Client, Event, List, Server, Socket, Tenant};

/// How many cases are tried where `PROPTEST_CASES` does not say.
const CASES: u32 = 48;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// So many posts are sent at once, and not waited for.
    Post(Tenant, usize),
    /// A post with this key, sent and not waited for: its text is the key's.
    PostWithKey(Tenant, u8),
    /// All posts under way are answered.
    Answers(Tenant),
    /// One more client comes.
    Come(Tenant),
    /// A client leaves as a browser does.
    Leave(Index),
    /// A client's line is cut.
    Cut(Index),
    /// A client that is gone comes back.
    Return(Index),
    /// A client takes some of what has arrived.
    Take(Index, usize),
    /// Somebody reads the list.
    List(Tenant),
    /// Somebody opens the page.
    Page(Tenant),
}

fn step() -> impl Strategy<Value = Step> {
    let tenant = || prop_oneof![Just(Tenant::A), Just(Tenant::B)];
    prop_oneof![
        6 => (tenant(), 1..6_usize).prop_map(|(tenant, count)| Step::Post(tenant, count)),
        2 => (tenant(), 0..3_u8).prop_map(|(tenant, key)| Step::PostWithKey(tenant, key)),
        2 => tenant().prop_map(Step::Answers),
        3 => tenant().prop_map(Step::Come),
        1 => any::<Index>().prop_map(Step::Leave),
        2 => any::<Index>().prop_map(Step::Cut),
        3 => any::<Index>().prop_map(Step::Return),
        3 => (any::<Index>(), 1..8_usize).prop_map(|(client, count)| Step::Take(client, count)),
        2 => tenant().prop_map(Step::List),
        1 => tenant().prop_map(Step::Page),
    ]
}

/// What a tenant has posted, and a subscriber that hears all of it.
struct Model {
    tenant: Tenant,
    observer: Socket,
    sent: usize,
    /// Posts under way, each with how many were answered before it was sent.
    under_way: Vec<(JoinHandle<Event>, usize)>,
    /// What was answered, in the order of the answers, each with how many were answered before it was sent.
    answered: Vec<(Event, usize)>,
    lists: Vec<List>,
}

/// A page: the live client's own account of what it has, over a real socket.
struct Page {
    session: Session,
    socket: Option<Socket>,
    /// What it took from sockets, with its place in the order.
    taken: Vec<(u64, Event)>,
}

impl Model {
    async fn start(server: &Server, tenant: Tenant) -> Self {
        let observer = server.connect(tenant).await;
        Self { tenant, observer, sent: 0, under_way: Vec::new(), answered: Vec::new(), lists: Vec::new() }
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

    async fn take_answers(&mut self) {
        for (answer, before) in self.under_way.drain(..) {
            let event = answer.await.expect("an answered post");
            assert_eq!(event.tenant_id, self.tenant.id());
            self.answered.push((event, before));
        }
    }

    /// How many events there are at least: those that were answered.
    fn accepted(&self) -> u64 {
        self.answered.iter().map(|(event, _)| &event.id).collect::<HashSet<_>>().len() as u64
    }

    async fn read_list(&mut self, server: &Client) -> List {
        let list = server.list(self.tenant).await;
        assert!(list.seq >= self.accepted(), "an answered post is not in the list");
        self.lists.push(list.clone());
        list
    }

    /// Compares all that was heard of with the one order that the observer saw.
    async fn check(mut self, retain: usize, pages: &[Page]) {
        let last = self.lists.last().expect("a list").seq;
        let order = self.observer.next_events(usize::try_from(last).unwrap()).await;
        let seqs: HashMap<_, _> = order.iter().map(|event| event.id.clone()).zip(1_u64..).collect();
        assert_eq!(seqs.len(), order.len(), "an event came twice");
        let answered: HashSet<_> = self.answered.iter().map(|(event, _)| event.id.clone()).collect();
        assert!(answered.iter().all(|id| seqs.contains_key(id)), "an event was lost");
        assert_eq!(answered.len(), order.len(), "an event that nobody has posted");
        assert!(order.is_sorted_by(|one, next| one.timestamp <= next.timestamp));
        for (place, (event, before)) in self.answered.iter().enumerate() {
            let seq = seqs[&event.id];
            assert_eq!(&order[usize::try_from(seq).unwrap() - 1], event);
            let first_answer = self.answered.iter().position(|(other, _)| other.id == event.id) == Some(place);
            let earlier = self.answered[..*before].iter().map(|(event, _)| seqs[&event.id]).max();
            assert!(!first_answer || earlier.is_none_or(|earlier| earlier < seq), "order of acceptance: {event:?}");
        }
        for list in self.lists {
            let end = usize::try_from(list.seq).unwrap();
            assert!(list.events.iter().eq(order[end.saturating_sub(retain)..end].iter().rev()), "{list:?}");
        }
        for page in pages.iter().filter(|page| page.session.tenant() == self.tenant) {
            assert!(page.taken.iter().all(|(seq, event)| &order[usize::try_from(*seq).unwrap() - 1] == event));
            let shown = page.session.timeline().iter().map(|entry| entry.event.id.to_string());
            assert!(shown.eq(order.iter().rev().take(retain).map(|event| event.id.clone())), "{:?}", page.session);
            assert_eq!(page.session.breaches(), 0);
        }
    }
}

impl Page {
    fn new(tenant: Tenant, retain: usize) -> Self {
        Self { session: Session::new(tenant, retain), socket: None, taken: Vec::new() }
    }

    /// Subscribes, then reads the list, as a client has to.
    async fn connect(&mut self, server: &Server, model: &mut Model) {
        let known = self.session.timeline().seq();
        let socket = server.connect(model.tenant).await;
        assert!(socket.hello.seq >= model.accepted(), "an answered post may be missed");
        let hello = protocol::Hello {
            tenant_id: model.tenant,
            connection_id: socket.hello.connection_id.parse().unwrap(),
            timestamp: Timestamp::parse(&socket.hello.timestamp).unwrap(),
            epoch: socket.hello.epoch.parse().unwrap(),
            seq: socket.hello.seq,
            heartbeat_ms: socket.hello.heartbeat_ms,
            reconnect_ms: socket.hello.reconnect_ms,
            build: socket.hello.build.clone(),
        };
        self.session.hello(&hello).expect("the tenant's own socket");
        let list = model.read_list(server).await;
        assert!(list.seq >= socket.hello.seq, "subscribed first, list second: no gap between them");
        let position = Position { epoch: list.epoch.parse().unwrap(), seq: list.seq };
        let notice = self.session.list(position, list.events.iter().map(as_of_the_crate).collect());
        match notice.expect("the same process") {
            None => {}
            Some(Notice::Returned { new, .. }) => assert_eq!(new, list.seq - known),
            Some(other) => panic!("{other:?}"),
        }
        self.socket = Some(socket);
    }

    /// Takes the next events, none of which may be missing.
    async fn take(&mut self, count: usize) {
        let Some(socket) = &mut self.socket else { return };
        for _ in 0..count {
            let event = socket.next_event().await;
            assert_eq!(self.session.event(socket.seq(), as_of_the_crate(&event)), Ok(false), "{event:?}");
            self.taken.push((socket.seq(), event));
        }
    }

    /// How many events are due up to the `seq`-th.
    fn due(&self, seq: u64) -> usize {
        let had = self.socket.as_ref().map_or(seq, Socket::seq);
        usize::try_from(seq.saturating_sub(had)).unwrap()
    }
}

fn as_of_the_crate(event: &Event) -> Arc<feed::Event> {
    Arc::new(feed::Event {
        id: event.id.parse().unwrap(),
        tenant_id: event.tenant_id.parse().unwrap(),
        message: Message::parse(&event.message).unwrap(),
        timestamp: Timestamp::parse(&event.timestamp).unwrap(),
    })
}

/// Lets it all happen, and then checks it.
async fn run(retain: usize, steps: Vec<Step>) {
    let server = Server::with(|settings| settings.retain = u32::try_from(retain).unwrap()).await;
    let mut models = [Model::start(&server, Tenant::A).await, Model::start(&server, Tenant::B).await];
    let mut pages: Vec<Page> = Vec::new();
    for step in steps {
        match step {
            Step::Post(tenant, count) => (0..count).for_each(|_| models[tenant as usize].post(&server, None)),
            Step::PostWithKey(tenant, key) => models[tenant as usize].post(&server, Some(key)),
            Step::Answers(tenant) => models[tenant as usize].take_answers().await,
            Step::Come(tenant) => {
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
            Step::Leave(_) | Step::Cut(_) | Step::Return(_) | Step::Take(..) if pages.is_empty() => {}
            Step::Leave(index) => {
                if let Some(socket) = index.get_mut(&mut pages).socket.take() {
                    socket.close().await;
                }
            }
            Step::Cut(index) => drop(index.get_mut(&mut pages).socket.take()),
            Step::Return(index) => {
                let page = index.get_mut(&mut pages);
                if page.socket.is_none() {
                    page.connect(&server, &mut models[page.session.tenant() as usize]).await;
                }
            }
            Step::Take(index, count) => {
                let page = index.get_mut(&mut pages);
                let due = page.due(models[page.session.tenant() as usize].accepted());
                page.take(due.min(count)).await;
            }
        }
    }
    for model in &mut models {
        model.take_answers().await;
        model.post(&server, None);
        model.take_answers().await;
        let last = model.read_list(&server).await.seq;
        let tenant = model.tenant;
        for page in pages.iter_mut().filter(|page| page.session.tenant() == tenant) {
            if page.socket.is_none() {
                page.connect(&server, model).await;
            }
            page.take(page.due(last)).await;
        }
    }
    for model in models {
        model.check(retain, &pages).await;
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let kept = FileFailurePersistence::Direct("tests/contract/property.regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(kept)),
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_each_client_has_what_its_tenant_posted_once_in_order_and_nothing_else(
        retain in prop_oneof![Just(3_usize), Just(1_000)],
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        RUNTIME.block_on(run(retain, steps));
    }
}
