//! Runs a tenant's feed in the browser: turns what [`browser`] reports into inputs of [`Connection`] and [`Session`], and their
//! outputs into calls.
//!
//! It decides nothing itself.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use uuid::Uuid;

use super::{
    Answer, ListAnswer, NoAnswer, Request, SocketEvent, Wake,
    alarm::{Alarm, Setting},
    announcer::{Announcement, Announcer},
    browser::{self, Socket, Timer},
    clock::{Instant, Millis, ServerClock, VisibleTime},
    last_request::LastRequest,
    notice::Notice,
    own_posts::OwnPosts,
    post_latency::{PostLatency, RoundTrip},
    reconnect::{Connection, Input, Output},
    session::{Breach, Session, Unusable, Welcome},
    status::Status,
    unread::{Unread, UnreadLine},
    visible_list::{Next, Painted, Row, VisibleList},
    wire,
};
use crate::feed::{
    Event, Tenant,
    protocol::{Hello, Incoming},
};

/// How often what counts down is looked at.
const SECOND: Millis = 1_000.0;
/// How long a good notice is shown, on a page that can be seen.
const NOTICE: Millis = 8_000.0;

thread_local! {
    /// The feeds of this page, by tenant: one, or on the isolation view both.
    static FEEDS: RefCell<[Option<Rc<Feed>>; 2]> = const { RefCell::new([const { None }; 2]) };
}

/// The state of a feed that the page shows, besides its rows. The server renders the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeedState {
    /// The connection.
    pub status: Status,
    /// Whether the first attempt to connect has ended: before, there is nothing to explain.
    pub has_begun: bool,
    /// The whole seconds until the next attempt, if the wait is long enough to count down.
    pub countdown: Option<u64>,
    /// Whether a person has stopped the list.
    pub paused: bool,
    /// Names the server's process; rows of another are no longer on it.
    pub epoch: Option<Uuid>,
    /// The server's clock, by its last hello.
    pub server: Option<ServerClock>,
    /// For how long the page has been visible.
    pub visible: VisibleTime,
    /// The events that wait for the reader.
    pub pending: Pending,
    /// How many events of others came since the reader left; 0 while the reader is here.
    pub missed: u64,
    /// The line at which the reader left, until it was seen.
    pub unread: Option<UnreadLine>,
    /// When the newest event was accepted, by the server's clock, in milliseconds since 1970.
    pub newest: Option<i64>,
    /// When the page noticed the last restart of the server, by the server's clock, in milliseconds since 1970.
    pub restarted: Option<i64>,
    /// How things stood at the last return.
    pub notice: Option<Notice>,
    /// Whether the server ships another build.
    pub outdated: bool,
    /// How many times something foreign came.
    pub breaches: u64,
    /// How many events of the server's current process have arrived live.
    pub received: u64,
    /// How many connections the tenant has open, by the last hello or heartbeat; `None` while the connection is not live,
    /// and if the server does not count them.
    pub connections: Option<u64>,
    /// When the last frame came.
    pub heard: Instant,
    /// How the last own post came back, if it has.
    pub round_trip: Option<RoundTrip>,
    /// The last text for a screen reader.
    pub announcement: Announcement,
}

/// The events that have no row yet, since the list does not follow the stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// Those of others.
    pub others: u64,
    /// The own posts.
    pub own: u64,
}

impl Pending {
    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.others == 0 && self.own == 0
    }
}

/// Takes what to show: the feed's state, and the rows if they have changed.
pub type Show = dyn Fn(FeedState, Option<&[Row]>);

/// The callbacks of a feed.
#[expect(missing_debug_implementations, reason = "closures have none")]
pub struct Listener {
    /// Called when something may have changed, at most once a frame of the screen.
    pub changed: Box<Show>,
    /// Called for each event that the socket brought, foreign ones included.
    pub arrived: Box<dyn Fn(&Event)>,
}

struct Feed {
    listener: Listener,
    /// Whether the page shows events, and so has to read the list if it lacks some.
    reads_list: bool,
    state: RefCell<State>,
}

struct State {
    connection: Connection,
    has_begun: bool,
    session: Session,
    server: Option<ServerClock>,
    /// The number of connections in the last hello or heartbeat.
    connections: Option<u64>,
    heard: Instant,
    visible: VisibleTime,
    list: VisibleList,
    socket: Option<Socket>,
    alarm: Alarm,
    timer: Option<Timer>,
    lists: LastRequest,
    painting: bool,
    unread: Unread,
    own: OwnPosts,
    /// The events that wait, and the number of those that were missed. Neither changes while the answer to an own post is awaited:
    /// until then nobody knows which event is the own post.
    waiting: (Pending, u64),
    restarted: Option<i64>,
    /// The notice, and when it ends by itself, as the time for which the page has been visible.
    notice: Option<(Notice, Millis)>,
    latency: PostLatency,
    round_trip: Option<RoundTrip>,
    announcer: Announcer,
    announcement: Announcement,
}

/// Connects `session`'s feed, and keeps it connected while the page lives.
pub fn start(session: Session, listener: Listener) {
    connect(session, listener, true);
}

/// Connects a tenant's stream as [`start`] does, for a page that counts events and shows none: it never reads the list.
pub fn watch(tenant: Tenant, listener: Listener) {
    connect(Session::new(tenant, 1), listener, false);
}

fn connect(session: Session, listener: Listener, reads_list: bool) {
    let tenant = session.tenant();
    let list = VisibleList::new(&session);
    let mut state = State {
        connection: Connection::default(),
        has_begun: false,
        session,
        server: None,
        connections: None,
        heard: Instant::default(),
        visible: VisibleTime::default(),
        list,
        socket: None,
        alarm: Alarm::default(),
        timer: None,
        lists: LastRequest::default(),
        painting: false,
        unread: Unread::default(),
        own: OwnPosts::default(),
        waiting: (Pending::default(), 0),
        restarted: None,
        notice: None,
        latency: PostLatency::default(),
        round_trip: None,
        announcer: Announcer::default(),
        announcement: Announcement::default(),
    };
    // A tab that was opened in the background counts from the start.
    state.see(browser::is_visible());
    let feed = Rc::new(Feed { listener, reads_list, state: RefCell::new(state) });
    FEEDS.with_borrow_mut(|feeds| feeds[tenant as usize] = Some(Rc::clone(&feed)));
    browser::on_wake({
        let feed = Rc::clone(&feed);
        move |wake| feed.wake(wake)
    });
    browser::every(SECOND, {
        let feed = Rc::clone(&feed);
        move || feed.tick()
    });
    if browser::is_offline() {
        feed.step(Input::Offline);
    }
    feed.step(Input::Started);
}

/// A person asks for an attempt to connect.
pub fn retry_now(tenant: Tenant) {
    with(tenant, |feed| feed.step(Input::RetryNow));
}

/// Stops the list of the page, or lets it go on.
pub fn pause(tenant: Tenant, paused: bool) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.list.pause(paused);
        state.count();
    });
    with(tenant, Feed::paint_soon);
}

/// Tells whether the reader has scrolled away from the top of the list.
pub fn scroll(tenant: Tenant, scrolled: bool) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.list.scroll(scrolled);
        state.count();
    });
    with(tenant, Feed::paint_soon);
}

/// Shows the events that wait to be read.
pub fn show_pending(tenant: Tenant) {
    with(tenant, |feed| feed.state.borrow_mut().list.show_pending());
    with(tenant, Feed::paint_soon);
}

/// A message is being posted: what comes back is timed from now.
pub fn post_sent(tenant: Tenant) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.round_trip = None;
        state.unread.posted();
        state.latency.sent(browser::now());
    });
}

/// The post was accepted, as event `id`; or, without one, it failed.
pub fn post_answered(tenant: Tenant, id: Option<Uuid>) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        match id {
            Some(id) => {
                state.own.add(id);
                let took = state.latency.answered(id);
                state.own_post_came(took);
                let is_there = state.session.timeline().iter().any(|entry| entry.event.id == id);
                if is_there && state.round_trip.is_none() {
                    state.round_trip = Some(RoundTrip::Unknown);
                }
            }
            None => state.latency.failed(),
        }
    });
    with(tenant, Feed::paint_soon);
}

/// Tells whether the line that shows where the reader left is in view.
pub fn see_unread(tenant: Tenant, in_view: bool) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.unread.see(in_view, state.visible.at(browser::now()));
    });
    with(tenant, Feed::paint_soon);
}

/// Puts the notice away.
pub fn dismiss(tenant: Tenant) {
    with(tenant, |feed| feed.state.borrow_mut().notice = None);
    with(tenant, Feed::paint_soon);
}

/// Asks the server, and waits for its whole answer. If none comes in time, the sockets of this page are abandoned too: they
/// may be as dead, long before their silence would show it.
///
/// # Errors
/// [`NoAnswer`] names the reason. The server may have done what the request asked all the same.
pub async fn fetch(request: Request<'_>) -> Result<Answer, NoAnswer> {
    let answer = browser::fetch(request).await;
    if matches!(answer, Err(NoAnswer::Late)) {
        Tenant::ALL.into_iter().for_each(|tenant| with(tenant, |feed| feed.step(Input::AnswerTimeout)));
    }
    answer
}

fn with(tenant: Tenant, act: impl FnOnce(&Rc<Feed>)) {
    if let Some(feed) = find(tenant) {
        act(&feed);
    }
}

fn find(tenant: Tenant) -> Option<Rc<Feed>> {
    FEEDS.with_borrow(|feeds| feeds[tenant as usize].clone())
}

impl State {
    fn step(&mut self, input: Input) -> Vec<Output> {
        let outputs = self.connection.step(input, browser::now(), browser::random());
        let status = self.connection.status();
        self.announcer.status(&status);
        if status != Status::Live {
            self.notice = None;
        }
        self.has_begun |= status != Status::Connecting;
        outputs
    }

    fn event(&mut self, seq: u64, event: Arc<Event>) -> Result<bool, Breach> {
        let id = event.id;
        let gap = self.session.event(seq, event)?;
        self.announcer.events(1);
        let took = self.latency.arrived(id, browser::now());
        self.own_post_came(took);
        Ok(gap)
    }

    fn see(&mut self, visible: bool) {
        self.visible.see(visible, browser::now());
        self.count();
    }

    /// The moment now, by the server's clock.
    fn server_now(&self) -> i64 {
        self.server.map_or_else(browser::time_of_day, |server| server.at(browser::now()))
    }

    /// How many events with a number above this one were accepted: those of others, and the own posts.
    fn accepted_after(&self, number: u64) -> Pending {
        let all = self.session.accepted().saturating_sub(number);
        let own = self.own.above(number, self.session.numbered()).min(all);
        Pending { others: all - own, own }
    }

    /// Counts what the reader has not seen.
    fn count(&mut self) {
        let away = !browser::is_visible() || self.list.frozen_at().is_some();
        let mut unread = self.unread;
        unread.look(away, self.session.accepted(), self.server_now(), |number| self.accepted_after(number).others);
        self.unread = unread;
        if self.latency.awaits_answer() {
            return;
        }
        let after = |number: Option<u64>| number.map_or(Pending::default(), |number| self.accepted_after(number));
        self.waiting = (after(self.list.frozen_at()), after(unread.left_after()).others);
    }

    /// The form announces an own post, so that the announcer need not.
    fn own_post_came(&mut self, took: Option<Millis>) {
        if let Some(took) = took {
            self.round_trip = Some(RoundTrip::Took(took.round() as u64));
            self.announcer.own_post();
        }
    }

    fn tell(&mut self, notice: Notice) {
        if let Notice::Restarted { at, .. } = notice {
            self.restarted = Some(at.millis());
        }
        let shown = if notice.is_good() { NOTICE } else { Millis::INFINITY };
        self.notice = Some((notice, self.visible.at(browser::now()) + shown));
    }
}

impl Feed {
    fn step(self: &Rc<Self>, input: Input) {
        let outputs = self.state.borrow_mut().step(input);
        for output in outputs {
            match output {
                Output::OpenSocket => self.open(),
                Output::AbandonSocket => {
                    let mut state = self.state.borrow_mut();
                    state.lists.cancel();
                    state.socket = None;
                }
                // Nothing is merged, so nothing is missing: the stream is live at its hello. An event that a gap has
                // swallowed stays uncounted.
                Output::ReadList if !self.reads_list => self.step(Input::ListRead),
                Output::ReadList => self.read_list(),
            }
        }
        self.arm();
        self.paint_soon();
    }

    fn open(self: &Rc<Self>) {
        let tenant = self.state.borrow().session.tenant();
        let feed = Rc::clone(self);
        match Socket::open(tenant, move |event| feed.socket_says(event)) {
            Some(socket) => self.state.borrow_mut().socket = Some(socket),
            None => self.step(Input::Failed),
        }
    }

    fn read_list(self: &Rc<Self>) {
        let (tenant, number) = {
            let mut state = self.state.borrow_mut();
            (state.session.tenant(), state.lists.begin())
        };
        let feed = Rc::clone(self);
        browser::spawn(async move {
            let request = Request { path: "/events", tenant: Some(tenant), ..Request::default() };
            let answer = fetch(request).await;
            if feed.state.borrow().lists.wants(number) {
                feed.list_came(answer.ok().as_ref().and_then(wire::list));
            }
        });
    }

    fn list_came(self: &Rc<Self>, answer: ListAnswer) {
        let told = answer.map(|(position, events)| self.state.borrow_mut().session.list(position, events));
        match told {
            Some(Ok(notice)) => {
                self.step(Input::ListRead);
                if let Some(notice) = notice {
                    self.state.borrow_mut().tell(notice);
                }
            }
            Some(Err(Unusable::Behind)) => self.step(Input::ListBehind),
            Some(Err(Unusable::OtherEpoch)) | None => self.step(Input::ListFailed),
        }
    }

    fn socket_says(self: &Rc<Self>, event: SocketEvent) {
        match event {
            SocketEvent::Text(text) => self.frame(&text),
            SocketEvent::Closed { code, reason } => self.step(Input::Closed { code, reason }),
            SocketEvent::Failed => self.step(Input::Failed),
        }
    }

    fn frame(self: &Rc<Self>, text: &str) {
        self.state.borrow_mut().heard = browser::now();
        match wire::frame(text) {
            Some(Incoming::ConnectionEstablished(hello)) => {
                let mut state = self.state.borrow_mut();
                let welcome = state.session.hello(&hello);
                if welcome.is_ok() {
                    state.connections = hello.connections;
                    state.server = Some(ServerClock::new(hello.timestamp, browser::now()));
                }
                drop(state);
                self.welcomed(&hello, welcome);
            }
            Some(Incoming::EventCreated { seq, event }) => {
                (self.listener.arrived)(&event);
                let gap = self.state.borrow_mut().event(seq, event);
                self.step(Input::Frame);
                if gap == Ok(true) {
                    self.step(Input::Gap);
                }
            }
            Some(Incoming::Heartbeat { seq, reconnect_ms, connections }) => {
                let mut state = self.state.borrow_mut();
                let gap = state.session.heartbeat(seq);
                state.connections = connections;
                drop(state);
                self.step(Input::Heartbeat { reconnect_ms });
                if gap {
                    self.step(Input::Gap);
                }
            }
            // A frame that cannot be read is a sign of life too. If it was an event, the next `seq` shows the gap.
            Some(Incoming::Unknown) | None => self.step(Input::Frame),
        }
    }

    fn welcomed(self: &Rc<Self>, hello: &Hello, welcome: Result<Welcome, Breach>) {
        let Ok(welcome) = welcome else { return self.step(Input::Failed) };
        let Hello { heartbeat_ms, reconnect_ms, .. } = *hello;
        self.step(Input::Hello { heartbeat_ms, reconnect_ms, needs_list: welcome == Welcome::ReadList });
        if let Welcome::Complete(Some(notice)) = welcome {
            self.state.borrow_mut().tell(notice);
        }
    }

    fn wake(self: &Rc<Self>, wake: Wake) {
        match wake {
            Wake::Online => self.step(Input::Online),
            Wake::Offline => self.step(Input::Offline),
            Wake::PageHide => self.step(Input::Left),
            Wake::PageShow => self.step(Input::Started),
            Wake::Hidden => {
                self.state.borrow_mut().see(false);
                self.paint_soon();
            }
            Wake::Visible => {
                self.state.borrow_mut().see(true);
                self.step(Input::Visible);
                self.step(Input::Timer);
            }
        }
    }

    /// Every second: what counts down, and what may be said aloud by now. A timer does not run while the machine sleeps, so
    /// a deadline that has passed is noticed here too.
    fn tick(self: &Rc<Self>) {
        let now = browser::now();
        let deadline = self.state.borrow().connection.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.step(Input::Timer);
        }
        let mut state = self.state.borrow_mut();
        let ends = state.notice.is_some_and(|(_, end)| end <= state.visible.at(now));
        if ends {
            state.notice = None;
        }
        let awaits_answer = state.latency.awaits_answer();
        let announcement = state.announcer.announce(now, awaits_answer);
        let counting = state.connection.status().countdown(now).is_some();
        if ends || counting || announcement.is_some() {
            state.announcement = announcement.unwrap_or_else(|| std::mem::take(&mut state.announcement));
            drop(state);
            self.paint_soon();
        }
    }

    fn arm(self: &Rc<Self>) {
        let state = &mut *self.state.borrow_mut();
        state.timer = match state.alarm.set(state.connection.deadline()) {
            Setting::Keep => return,
            Setting::Clear => None,
            Setting::Set(deadline) => {
                let feed = Rc::clone(self);
                Some(Timer::after(deadline - browser::now(), move || {
                    feed.state.borrow_mut().alarm.rang();
                    feed.step(Input::Timer);
                }))
            }
        };
    }

    /// However many frames come in between, the page is touched once a frame of the screen.
    fn paint_soon(self: &Rc<Self>) {
        let already = std::mem::replace(&mut self.state.borrow_mut().painting, true);
        if !already {
            let feed = Rc::clone(self);
            browser::next_frame(move || feed.paint(browser::now()));
        }
    }

    fn paint(self: &Rc<Self>, began: Instant) {
        let painted = {
            let state = &mut *self.state.borrow_mut();
            state.painting = false;
            // While a list is read, a new connection has nothing to show that would not change at once.
            let painted = if state.session.awaits_list() {
                Painted::default()
            } else {
                state.list.paint(&state.session, state.visible.at(browser::now()))
            };
            state.count();
            painted
        };
        let state = self.state.borrow();
        let status = state.connection.status();
        let feed_state = FeedState {
            connections: state.connections.filter(|_| status == Status::Live),
            has_begun: state.has_begun,
            countdown: status.countdown(browser::now()),
            status,
            paused: state.list.is_paused(),
            epoch: state.session.epoch(),
            server: state.server,
            visible: state.visible,
            pending: state.waiting.0,
            missed: state.waiting.1,
            unread: state.unread.line(),
            newest: state.session.newest().map(|entry| entry.event.timestamp.millis()),
            restarted: state.restarted,
            notice: state.notice.map(|(notice, _)| notice),
            outdated: state.session.is_outdated(),
            breaches: state.session.breaches(),
            received: state.session.received(),
            heard: state.heard,
            round_trip: state.round_trip,
            announcement: state.announcement.clone(),
        };
        (self.listener.changed)(feed_state, painted.changed.then(|| state.list.rows()));
        drop(state);
        match painted.next(began, browser::now()) {
            Next::Done => {}
            Next::AtOnce => {
                let feed = Rc::clone(self);
                browser::soon(move || feed.paint(began));
            }
            Next::InAnotherFrame => self.paint_soon(),
        }
    }
}
