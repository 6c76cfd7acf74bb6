//! A tenant's feed as it runs in the browser: what [`browser`] says becomes inputs of [`Connection`] and [`Session`], and
//! their outputs become calls. It decides nothing itself.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use uuid::Uuid;

use super::{
    ListAnswer, Request, SocketEvent, Wake,
    announcer::Announcer,
    browser::{self, Socket, Timer},
    clock::{Instant, Millis, ServerClock, VisibleTime},
    confirmation::Confirmation,
    reconnect::{Connection, Input, Output, Status},
    session::{Breach, Notice, Session, Unusable},
    shown::{Painted, Row, Shown},
    wire,
};
use crate::feed::{Event, Tenant, protocol::Incoming};

/// How often what counts down is looked at.
const SECOND: Millis = 1_000.0;
/// How long rows may be added to the page in one frame of the screen: longer could be felt.
const PAINTING: Millis = 8.0;

thread_local! {
    /// The feeds of this page, by tenant: one, or on the isolation view both.
    static FEEDS: RefCell<[Option<Rc<Feed>>; 2]> = const { RefCell::new([const { None }; 2]) };
}

/// What there is to know about a feed, beside its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The connection.
    pub status: Status,
    /// The whole seconds until the next attempt, where the wait is long enough to be counted.
    pub countdown: Option<u64>,
    /// Whether a person has stopped the list.
    pub paused: bool,
    /// Names the server's process; rows of another are no longer on it.
    pub epoch: Option<Uuid>,
    /// The server's clock, by its last hello.
    pub server: Option<ServerClock>,
    /// For how long the page has been visible.
    pub visible: VisibleTime,
    /// How many events wait for the reader.
    pub pending: u64,
    /// How many events came while the page could not be seen.
    pub unseen: u64,
    /// How things stood at the last return.
    pub notice: Option<Notice>,
    /// Whether the server ships another build.
    pub outdated: bool,
    /// How many times something foreign came.
    pub breaches: u64,
    /// How many events of the server's current process have arrived live.
    pub received: u64,
    /// When the last frame came.
    pub heard: Instant,
    /// How long the last own post took to come back, in milliseconds.
    pub took: Option<u64>,
    /// What a screen reader is to be told.
    pub said: String,
}

impl Default for Facts {
    /// As the server renders them.
    fn default() -> Self {
        Self {
            status: Status::Connecting,
            countdown: None,
            paused: false,
            epoch: None,
            server: None,
            visible: VisibleTime::default(),
            pending: 0,
            unseen: 0,
            notice: None,
            outdated: false,
            breaches: 0,
            received: 0,
            heard: Instant::default(),
            took: None,
            said: String::new(),
        }
    }
}

/// Takes what is to be shown: the facts, and the rows if they have changed.
pub type Show = dyn Fn(Facts, Option<&[Row]>);

/// Who listens to a feed.
#[expect(missing_debug_implementations, reason = "closures have none")]
pub struct Listener {
    /// Called when something may have changed, at most once a frame of the screen.
    pub changed: Box<Show>,
    /// Called for each event that the socket brought, foreign ones included.
    pub arrived: Box<dyn Fn(&Event)>,
}

struct Feed {
    listener: Listener,
    /// Whether the page shows events, and so has to read the list.
    reads_list: bool,
    state: RefCell<State>,
}

struct State {
    connection: Connection,
    session: Session,
    server: Option<ServerClock>,
    heard: Instant,
    visible: VisibleTime,
    shown: Shown,
    socket: Option<Socket>,
    timer: Option<(Instant, Timer)>,
    /// Counts the lists asked for: only the last one's answer is wanted.
    list: u32,
    was_live: bool,
    painting: bool,
    /// How many events had been accepted when the page was hidden; `None` while it can be seen.
    unseen_from: Option<u64>,
    notice: Option<Notice>,
    confirmation: Confirmation,
    took: Option<Millis>,
    announcer: Announcer,
    said: String,
}

/// Connects `session`'s feed, and keeps it connected for as long as the page lives.
pub fn start(session: Session, listener: Listener) {
    connect(session, listener, true);
}

/// Connects a tenant's stream as [`start`] does, for a page that counts events and shows none: it never reads the list.
pub fn watch(tenant: Tenant, listener: Listener) {
    connect(Session::new(tenant, 1), listener, false);
}

fn connect(session: Session, listener: Listener, reads_list: bool) {
    let tenant = session.tenant();
    let shown = Shown::new(&session);
    let mut visible = VisibleTime::default();
    visible.see(browser::is_visible(), browser::now());
    let state = RefCell::new(State {
        connection: Connection::default(),
        session,
        server: None,
        heard: Instant::default(),
        visible,
        shown,
        socket: None,
        timer: None,
        list: 0,
        was_live: false,
        painting: false,
        unseen_from: None,
        notice: None,
        confirmation: Confirmation::default(),
        took: None,
        announcer: Announcer::default(),
        said: String::new(),
    });
    let feed = Rc::new(Feed { listener, reads_list, state });
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
    with(tenant, |feed| feed.state.borrow_mut().shown.pause(paused));
    with(tenant, Feed::paint_soon);
}

/// Tells whether the reader has scrolled away from the top of the list.
pub fn scroll(tenant: Tenant, scrolled: bool) {
    with(tenant, |feed| feed.state.borrow_mut().shown.scroll(scrolled));
    with(tenant, Feed::paint_soon);
}

/// Takes up what waits to be read.
pub fn take_up(tenant: Tenant) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.shown.take_up(&state.session);
    });
    with(tenant, Feed::paint_soon);
}

/// A message is being posted: what comes back is timed from now.
pub fn post_sent(tenant: Tenant) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        state.took = None;
        state.confirmation.sent(browser::now());
    });
}

/// The post was accepted, as event `id`; or, without one, it failed.
pub fn post_answered(tenant: Tenant, id: Option<Uuid>) {
    with(tenant, |feed| {
        let state = &mut *feed.state.borrow_mut();
        match id {
            Some(id) => state.took = state.confirmation.answered(id),
            None => state.confirmation.failed(),
        }
    });
    with(tenant, Feed::paint_soon);
}

/// Puts the notice away.
pub fn dismiss(tenant: Tenant) {
    with(tenant, |feed| feed.state.borrow_mut().notice = None);
    with(tenant, Feed::paint_soon);
}

fn with(tenant: Tenant, act: impl FnOnce(&Rc<Feed>)) {
    if let Some(feed) = FEEDS.with_borrow(|feeds| feeds[tenant as usize].clone()) {
        act(&feed);
    }
}

impl State {
    fn step(&mut self, input: Input) -> Vec<Output> {
        let before = self.connection.status();
        let outputs = self.connection.step(input, browser::now(), browser::random());
        let status = self.connection.status();
        // A page that is just being shown need not say that it has become live.
        if self.was_live && status != before {
            self.announcer.state(status.label());
        }
        self.was_live |= status == Status::Live;
        outputs
    }

    fn event(&mut self, seq: u64, event: Arc<Event>) -> Result<bool, Breach> {
        let id = event.id;
        let gap = self.session.event(seq, event)?;
        self.announcer.events(1);
        self.took = self.confirmation.arrived(id, browser::now()).or(self.took);
        Ok(gap)
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
                    state.list += 1;
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
            state.list += 1;
            (state.session.tenant(), state.list)
        };
        let feed = Rc::clone(self);
        browser::spawn(async move {
            let request = Request { path: "/events", tenant: Some(tenant), ..Request::default() };
            let answer = browser::fetch(request).await;
            if feed.state.borrow().list == number {
                feed.list_came(answer.ok().as_ref().and_then(wire::list));
            }
        });
    }

    fn list_came(self: &Rc<Self>, answer: ListAnswer) {
        let told = answer.map(|(position, events)| self.state.borrow_mut().session.list(position, events));
        match told {
            Some(Ok(notice)) => {
                let mut state = self.state.borrow_mut();
                state.notice = notice.or(state.notice);
                drop(state);
                self.step(Input::ListRead);
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
                    state.server = Some(ServerClock::new(hello.timestamp, browser::now()));
                }
                drop(state);
                self.step(match welcome {
                    Ok(()) => Input::Hello { heartbeat_ms: hello.heartbeat_ms, reconnect_ms: hello.reconnect_ms },
                    Err(Breach) => Input::Failed,
                });
            }
            Some(Incoming::EventCreated { seq, event }) => {
                (self.listener.arrived)(&event);
                let gap = self.state.borrow_mut().event(seq, event);
                self.step(Input::Frame);
                if gap == Ok(true) {
                    self.step(Input::Gap);
                }
            }
            Some(Incoming::Heartbeat { seq, reconnect_ms }) => {
                let gap = self.state.borrow_mut().session.heartbeat(seq);
                self.step(Input::Heartbeat { reconnect_ms });
                if gap {
                    self.step(Input::Gap);
                }
            }
            // What cannot be read is a sign of life all the same; if it was an event, the next `seq` will show it.
            Some(Incoming::Unknown) | None => self.step(Input::Frame),
        }
    }

    fn wake(self: &Rc<Self>, wake: Wake) {
        match wake {
            Wake::Online => self.step(Input::Online),
            Wake::Offline => self.step(Input::Offline),
            Wake::PageHide => self.step(Input::Left),
            Wake::PageShow => self.step(Input::Started),
            Wake::Hidden => {
                let mut state = self.state.borrow_mut();
                state.unseen_from = Some(state.session.accepted());
                state.visible.see(false, browser::now());
                drop(state);
                self.paint_soon();
            }
            Wake::Visible => {
                let mut state = self.state.borrow_mut();
                state.unseen_from = None;
                state.visible.see(true, browser::now());
                drop(state);
                self.step(Input::Visible);
                self.step(Input::Timer);
            }
        }
    }

    /// Every second: what counts down, and what may be said aloud by now. A timer stands still while the machine sleeps, so
    /// a deadline that has passed is noticed here too.
    fn tick(self: &Rc<Self>) {
        let now = browser::now();
        let deadline = self.state.borrow().connection.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.step(Input::Timer);
        }
        let said = self.state.borrow_mut().announcer.say(now);
        let counting = self.state.borrow().connection.status().countdown(now).is_some();
        if said.is_some() || counting {
            let mut state = self.state.borrow_mut();
            state.said = said.unwrap_or_else(|| std::mem::take(&mut state.said));
            drop(state);
            self.paint_soon();
        }
    }

    /// Sets the timer anew only where it would come too late: each frame moves the deadline, and a timer that comes too
    /// early does nothing but set the next.
    fn arm(self: &Rc<Self>) {
        let mut state = self.state.borrow_mut();
        let Some(deadline) = state.connection.deadline() else {
            state.timer = None;
            return;
        };
        if state.timer.as_ref().is_some_and(|(armed, _)| *armed <= deadline) {
            return;
        }
        let feed = Rc::clone(self);
        let timer = Timer::after(deadline - browser::now(), move || {
            feed.state.borrow_mut().timer = None;
            feed.step(Input::Timer);
        });
        state.timer = Some((deadline, timer));
    }

    /// However many frames come in between, the page is touched once a frame of the screen.
    fn paint_soon(self: &Rc<Self>) {
        let already = std::mem::replace(&mut self.state.borrow_mut().painting, true);
        if !already {
            let feed = Rc::clone(self);
            browser::next_frame(move || feed.paint(browser::now() + PAINTING));
        }
    }

    fn paint(self: &Rc<Self>, until: Instant) {
        let painted = {
            let state = &mut *self.state.borrow_mut();
            state.painting = false;
            // Until its list is read, a new connection has nothing to show that would not change at once.
            if state.session.awaits_list() {
                Painted::default()
            } else {
                state.shown.paint(&state.session, state.visible.at(browser::now()))
            }
        };
        let state = self.state.borrow();
        let status = state.connection.status();
        let facts = Facts {
            countdown: status.countdown(browser::now()),
            status,
            paused: state.shown.is_paused(),
            epoch: state.session.epoch(),
            server: state.server,
            visible: state.visible,
            pending: state.shown.pending(&state.session),
            unseen: state.unseen_from.map_or(0, |from| state.session.accepted() - from),
            notice: state.notice,
            outdated: state.session.is_outdated(),
            breaches: state.session.breaches(),
            received: state.session.received(),
            heard: state.heard,
            took: state.took.map(|took| took.round() as u64),
            said: state.said.clone(),
        };
        (self.listener.changed)(facts, painted.changed.then(|| state.shown.rows()));
        drop(state);
        if painted.more && browser::now() < until {
            let feed = Rc::clone(self);
            browser::soon(move || feed.paint(until));
        } else if painted.more {
            self.paint_soon();
        }
    }
}
