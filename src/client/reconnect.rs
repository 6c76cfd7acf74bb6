//! The connection's one state machine (contract, "A client's duty", 1, 2 and 4): what happens goes in, what to do comes
//! out. It knows no socket and no clock; time and chance are handed in.

use super::{
    clock::{Instant, Millis},
    status::{Status, Wait},
};
use crate::feed::protocol::{DEFAULT_RECONNECT_MS, close};

/// How long a socket may take to say hello, and a list to be read.
const LIMIT: Millis = 10_000.0;
/// The longest wait between two attempts.
const LONGEST_WAIT: Millis = 30_000.0;
/// How long a connection must have been live before the next loss counts as the first again.
const STABLE: Millis = 10_000.0;
/// A timer this late has slept, and what arrived meanwhile still waits to be taken: so long is given for it.
const LATE: Millis = 1_000.0;

/// An event that the connection reacts to.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The page is ready, or came back out of the browser's cache.
    Started,
    /// The page goes away, perhaps into the browser's cache.
    Left,
    /// The socket's first frame.
    Hello {
        /// The longest pause between two frames.
        heartbeat_ms: u32,
        /// The window over which to spread a return.
        reconnect_ms: u32,
        /// Whether the page may lack events, so that it is live only when it has read the list.
        needs_list: bool,
    },
    /// A heartbeat, with the window as it is now.
    Heartbeat {
        /// The window over which to spread a return.
        reconnect_ms: u32,
    },
    /// Any other frame.
    Frame,
    /// The socket's events have a gap.
    Gap,
    /// The list was read, and is of the socket's epoch.
    ListRead,
    /// The list could not be read, or is of another epoch.
    ListFailed,
    /// The list was read, and ends before what the socket has named: it comes from a server that lags.
    ListBehind,
    /// A request of the page had no answer within its time limit: the socket may be as dead.
    AnswerTimeout,
    /// The socket closed.
    Closed {
        /// RFC 6455, section 7.4.1; 1006 if the line was cut.
        code: u16,
        /// In the server's words.
        reason: String,
    },
    /// The socket failed without closing, or could not even be made.
    Failed,
    /// [`Connection::deadline`] has passed.
    Timer,
    /// The browser reports that the network is back.
    Online,
    /// The browser reports that the network is gone.
    Offline,
    /// The page can be seen again.
    Visible,
    /// A person asks for an attempt.
    RetryNow,
}

/// An action that the driver must take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Open a socket.
    OpenSocket,
    /// Take the handlers off the socket, close it, and ignore it and any list that is being read.
    AbandonSocket,
    /// Read the list. A list still being read is not wanted any more.
    ReadList,
}

/// One connection, over all its sockets.
#[derive(Debug, Clone)]
pub struct Connection {
    phase: Phase,
    offline: bool,
    /// `w`: the last `reconnect_ms` told.
    window: Millis,
    /// `n`: automatic attempts since the connection was last stable. One that a person or a visible page asks for is not
    /// counted: it must not lengthen the wait.
    attempt: i32,
    /// Whether the first attempt has ended, well or not.
    has_tried: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// Before the start, and while the page is away.
    Away,
    Opening {
        limit: Instant,
    },
    Up {
        heartbeat: Millis,
        silence: Instant,
        reading: Option<Reading>,
        live_since: Option<Instant>,
    },
    Waiting {
        since: Instant,
        at: Instant,
    },
    Stopped {
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    limit: Instant,
    /// When to read the list again, if the last one was of a server that lags.
    retry: Option<Instant>,
    /// A gap was noticed since: this list may be too old to fill it.
    again: bool,
}

impl Reading {
    /// The list is being read since `now`.
    fn since(now: Instant) -> Self {
        Self { limit: now + LIMIT, retry: None, again: false }
    }

    /// When there is something to do, if no list comes before.
    fn deadline(&self) -> Instant {
        self.retry.map_or(self.limit, |retry| retry.min(self.limit))
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self { phase: Phase::Away, offline: false, window: DEFAULT_RECONNECT_MS.into(), attempt: 0, has_tried: false }
    }
}

impl Connection {
    /// The status to show.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.phase {
            Phase::Up { live_since: Some(_), .. } => Status::Live,
            Phase::Stopped { reason } => Status::Stopped { reason: reason.clone() },
            _ if self.offline => Status::Offline,
            Phase::Waiting { since, at } => Status::Reconnecting(Some(Wait { since: *since, until: *at })),
            _ if self.has_tried => Status::Reconnecting(None),
            Phase::Away | Phase::Opening { .. } | Phase::Up { live_since: None, .. } => Status::Connecting,
        }
    }

    /// When to come back with [`Input::Timer`], if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Away | Phase::Stopped { .. } => None,
            Phase::Opening { limit } => Some(*limit),
            Phase::Up { silence, reading, .. } => {
                Some(reading.map_or(*silence, |reading| reading.deadline().min(*silence)))
            }
            Phase::Waiting { at, .. } => Some(*at),
        }
    }

    /// Processes an input at `now`; `chance` is in 0 to 1. The driver must take the returned actions, in order.
    pub fn step(&mut self, input: Input, now: Instant, chance: f64) -> Vec<Output> {
        match input {
            Input::Started => return if self.phase == Phase::Away { self.open(now) } else { vec![] },
            Input::Left => {
                let stopped = matches!(self.phase, Phase::Stopped { .. });
                return if stopped { vec![] } else { self.leave(Phase::Away) };
            }
            Input::Offline => {
                self.offline = true;
                return if self.has_socket() { self.lose(now, chance) } else { vec![] };
            }
            Input::Online => {
                self.offline = false;
                if let Phase::Waiting { since, at } = &mut self.phase {
                    *since = now;
                    *at = at.min(now + chance * self.window);
                }
                return vec![];
            }
            _ => {}
        }
        match (&mut self.phase, input) {
            (Phase::Waiting { .. }, Input::Visible | Input::RetryNow) => self.open(now),
            (Phase::Opening { .. } | Phase::Up { live_since: None, .. }, Input::RetryNow) => {
                vec![Output::AbandonSocket].into_iter().chain(self.open(now)).collect()
            }
            (Phase::Opening { .. }, Input::Hello { heartbeat_ms, reconnect_ms, needs_list }) => {
                let heartbeat = heartbeat_ms.into();
                self.window = reconnect_ms.into();
                self.has_tried |= !needs_list;
                self.phase = Phase::Up {
                    heartbeat,
                    silence: now + 2.0 * heartbeat,
                    reading: needs_list.then(|| Reading::since(now)),
                    live_since: (!needs_list).then_some(now),
                };
                if needs_list { vec![Output::ReadList] } else { vec![] }
            }
            (Phase::Up { heartbeat, silence, .. }, Input::Frame) => {
                *silence = now + 2.0 * *heartbeat;
                vec![]
            }
            (Phase::Up { heartbeat, silence, .. }, Input::Heartbeat { reconnect_ms }) => {
                *silence = now + 2.0 * *heartbeat;
                self.window = reconnect_ms.into();
                vec![]
            }
            (Phase::Up { reading, .. }, Input::Gap) => match reading {
                Some(reading) => {
                    reading.again = reading.retry.is_none();
                    vec![]
                }
                None => {
                    *reading = Some(Reading::since(now));
                    vec![Output::ReadList]
                }
            },
            (Phase::Up { reading, live_since, .. }, Input::ListRead) => {
                live_since.get_or_insert(now);
                self.has_tried = true;
                let again = reading.is_some_and(|reading| reading.again);
                *reading = again.then_some(Reading::since(now));
                if again { vec![Output::ReadList] } else { vec![] }
            }
            (Phase::Up { reading: Some(reading), .. }, Input::ListBehind) => {
                reading.retry = Some(now + chance * self.window);
                reading.again = false;
                vec![]
            }
            (Phase::Up { .. }, Input::ListFailed | Input::AnswerTimeout) => self.lose(now, chance),
            (Phase::Opening { .. } | Phase::Up { .. }, Input::Closed { code: close::POLICY, reason }) => {
                self.leave(Phase::Stopped { reason })
            }
            (Phase::Opening { .. } | Phase::Up { .. }, Input::Closed { .. } | Input::Failed) => self.lose(now, chance),
            (_, Input::Timer) => self.timer(now, chance),
            _ => vec![],
        }
    }

    fn timer(&mut self, now: Instant, chance: f64) -> Vec<Output> {
        let Some(deadline) = self.deadline().filter(|deadline| *deadline <= now) else { return vec![] };
        match &mut self.phase {
            Phase::Waiting { .. } => {
                self.attempt = self.attempt.saturating_add(1);
                return self.open(now);
            }
            Phase::Up { silence, reading: Some(reading), .. } if now < silence.min(reading.limit) => {
                reading.retry = None;
                return vec![Output::ReadList];
            }
            Phase::Opening { limit } if now - deadline > LATE => *limit = now + LATE,
            Phase::Up { silence, reading, .. } if now - deadline > LATE => {
                *silence = silence.max(now + LATE);
                if let Some(reading) = reading {
                    reading.limit = reading.limit.max(now + LATE);
                }
            }
            _ => return self.lose(now, chance),
        }
        vec![]
    }

    fn open(&mut self, now: Instant) -> Vec<Output> {
        self.phase = Phase::Opening { limit: now + LIMIT };
        vec![Output::OpenSocket]
    }

    /// Full jitter: anything from nothing to a window that doubles with each automatic attempt.
    fn lose(&mut self, now: Instant, chance: f64) -> Vec<Output> {
        if matches!(self.phase, Phase::Up { live_since: Some(since), .. } if now - since >= STABLE) {
            self.attempt = 0;
        }
        self.has_tried = true;
        let longest = LONGEST_WAIT.min(self.window * 2_f64.powi(self.attempt));
        self.leave(Phase::Waiting { since: now, at: now + chance * longest })
    }

    fn leave(&mut self, next: Phase) -> Vec<Output> {
        let abandon = self.has_socket();
        self.phase = next;
        if abandon { vec![Output::AbandonSocket] } else { vec![] }
    }

    const fn has_socket(&self) -> bool {
        matches!(self.phase, Phase::Opening { .. } | Phase::Up { .. })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HELLO: Input = Input::Hello { heartbeat_ms: 15_000, reconnect_ms: 500, needs_list: true };
    /// A hello after which nothing is missing.
    const COMPLETE: Input = Input::Hello { heartbeat_ms: 15_000, reconnect_ms: 500, needs_list: false };

    fn at(millis: Millis) -> Instant {
        Instant::new(millis)
    }

    fn cut() -> Input {
        Input::Closed { code: 1006, reason: String::new() }
    }

    fn live(now: Millis) -> Connection {
        let mut connection = Connection::default();
        assert_eq!(connection.step(Input::Started, at(now), 0.0), [Output::OpenSocket]);
        assert_eq!(connection.step(HELLO, at(now), 0.0), [Output::ReadList]);
        assert_eq!(connection.status(), Status::Connecting, "not live before the list is read");
        assert_eq!(connection.step(Input::ListRead, at(now), 0.0), []);
        assert_eq!(connection.status(), Status::Live);
        connection
    }

    /// The wait before the next attempt.
    fn wait(connection: &Connection, now: Millis) -> Millis {
        match connection.status() {
            Status::Reconnecting(Some(wait)) => wait.until - at(now),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_window_doubles_up_to_thirty_seconds() {
        let mut connection = live(0.0);
        let mut windows = vec![];
        let mut now = 0.0;
        for _ in 0..9 {
            assert_eq!(connection.step(cut(), at(now), 1.0), [Output::AbandonSocket]);
            windows.push(wait(&connection, now));
            now += wait(&connection, now);
            assert_eq!(connection.step(Input::Timer, at(now), 1.0), [Output::OpenSocket]);
        }
        assert_eq!(windows, [500.0, 1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3, 30e3]);
    }

    #[test]
    fn a_page_that_lacks_nothing_is_live_at_its_hello() {
        let mut connection = Connection::default();
        connection.step(Input::Started, at(0.0), 0.0);
        assert_eq!(connection.step(COMPLETE, at(1_000.0), 0.0), []);
        assert_eq!(connection.status(), Status::Live);
        assert_eq!(connection.deadline(), Some(at(31_000.0)), "two intervals behind the hello");
        let mut back = connection.clone();
        back.step(Input::Left, at(2_000.0), 0.0);
        back.step(Input::Started, at(3_000.0), 0.0);
        assert_eq!(back.status(), Status::Reconnecting(None), "it was live before");

        assert_eq!(connection.step(Input::Gap, at(2_000.0), 0.0), [Output::ReadList], "a gap needs the list");

        for (lasted, window) in [(9_999.0, 1_000.0), (10_000.0, 500.0)] {
            let mut connection = connection.clone();
            connection.step(cut(), at(3_000.0), 0.0);
            connection.step(Input::Timer, at(3_000.0), 0.0);
            assert_eq!(connection.status(), Status::Reconnecting(None));
            connection.step(COMPLETE, at(4_000.0), 0.0);
            connection.step(cut(), at(4_000.0 + lasted), 1.0);
            assert_eq!(wait(&connection, 4_000.0 + lasted), window, "live for {lasted} ms");
        }
    }

    #[test]
    fn an_attempt_that_was_asked_for_does_not_lengthen_the_wait() {
        let mut connection = live(0.0);
        for asked in [Input::RetryNow, Input::RetryNow, Input::Visible, Input::RetryNow] {
            connection.step(cut(), at(0.0), 1.0);
            assert_eq!(wait(&connection, 0.0), 500.0);
            assert_eq!(connection.step(asked, at(1.0), 1.0), [Output::OpenSocket]);
        }
    }

    #[test]
    fn only_the_first_attempt_is_called_connecting() {
        let mut connection = Connection::default();
        connection.step(Input::Started, at(0.0), 0.0);
        assert_eq!(connection.status(), Status::Connecting);
        connection.step(cut(), at(0.0), 1.0);
        assert_eq!(connection.step(Input::RetryNow, at(1.0), 0.0), [Output::OpenSocket]);
        assert_eq!(connection.status().slug(), "reconnecting");
        assert_eq!(connection.status().countdown(at(1.0)), None);
    }

    #[test]
    fn an_attempt_that_takes_long_can_be_made_again() {
        let mut connection = Connection::default();
        connection.step(Input::Started, at(0.0), 0.0);
        let again = [Output::AbandonSocket, Output::OpenSocket];
        assert_eq!(connection.step(Input::RetryNow, at(9_000.0), 0.0), again);
        connection.step(HELLO, at(9_001.0), 0.0);
        assert_eq!(connection.step(Input::RetryNow, at(9_002.0), 0.0), again);
        assert_eq!(connection.deadline(), Some(at(19_002.0)));
        assert_eq!(live(0.0).step(Input::RetryNow, at(1.0), 0.0), [], "there is nothing to retry");
    }

    #[test]
    fn a_request_without_an_answer_ends_the_socket_and_nothing_else() {
        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::AnswerTimeout, at(1.0), 1.0), [Output::AbandonSocket]);
        assert_eq!(wait(&connection, 1.0), 500.0);
        assert_eq!(connection.step(Input::AnswerTimeout, at(2.0), 0.0), []);
        assert_eq!(wait(&connection, 1.0), 500.0, "a wait stays as it is");
        assert_eq!(connection.step(Input::Timer, at(501.0), 0.0), [Output::OpenSocket]);
        assert_eq!(connection.step(Input::AnswerTimeout, at(502.0), 0.0), [], "and so does an attempt");
    }

    #[test]
    fn only_ten_seconds_live_make_the_next_loss_the_first_again() {
        for (lasted, window) in [(9_999.0, 1_000.0), (10_000.0, 500.0)] {
            let mut connection = live(0.0);
            connection.step(cut(), at(0.0), 0.0);
            connection.step(Input::Timer, at(0.0), 0.0);
            connection.step(HELLO, at(0.0), 0.0);
            connection.step(Input::ListRead, at(0.0), 0.0);
            connection.step(cut(), at(lasted), 1.0);
            assert_eq!(wait(&connection, lasted), window, "live for {lasted} ms");
        }
    }

    #[test]
    fn a_socket_that_says_nothing_for_ten_seconds_is_given_up() {
        let mut connection = Connection::default();
        connection.step(Input::Started, at(0.0), 0.0);
        assert_eq!(connection.deadline(), Some(at(10_000.0)));
        assert_eq!(connection.step(Input::Timer, at(9_999.0), 0.0), []);
        assert_eq!(connection.step(Input::Timer, at(10_000.0), 0.0), [Output::AbandonSocket]);
    }

    #[test]
    fn each_wait_ends_at_its_time() {
        let mut connection = Connection::default();
        assert_eq!(connection.deadline(), None);
        let mut after = |input, now| {
            connection.step(input, at(now), 0.0);
            connection.deadline()
        };
        assert_eq!(after(Input::Started, 1_000.0), Some(at(11_000.0)), "for a hello");
        assert_eq!(after(HELLO, 2_000.0), Some(at(12_000.0)), "for the list");
        assert_eq!(after(Input::ListRead, 3_000.0), Some(at(32_000.0)), "two intervals behind the hello");
        assert_eq!(after(Input::Heartbeat { reconnect_ms: 500 }, 4_000.0), Some(at(34_000.0)));
        assert_eq!(after(Input::Gap, 5_000.0), Some(at(15_000.0)), "for the list that closes the gap");
        assert_eq!(after(Input::Gap, 6_000.0), Some(at(15_000.0)));
        assert_eq!(after(Input::ListRead, 7_000.0), Some(at(17_000.0)), "for another, since that one may be too old");
        assert_eq!(after(Input::Left, 8_000.0), None);
    }

    #[test]
    fn a_page_that_goes_away_abandons_its_socket_and_opens_one_when_it_comes_back() {
        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::Left, at(1.0), 0.0), [Output::AbandonSocket]);
        assert_eq!(connection.step(Input::Timer, at(1e6), 0.0), []);
        assert_eq!(connection.step(Input::Started, at(1e6), 0.0), [Output::OpenSocket]);
    }

    #[test]
    fn two_silent_intervals_end_a_socket_and_any_frame_is_a_sign_of_life() {
        let mut connection = live(0.0);
        connection.step(Input::Frame, at(5_000.0), 0.0);
        assert_eq!(connection.deadline(), Some(at(35_000.0)));
        assert_eq!(connection.step(Input::Timer, at(30_000.0), 0.0), []);
        assert_eq!(connection.step(Input::Timer, at(35_000.0), 0.0), [Output::AbandonSocket]);
    }

    #[test]
    fn after_a_late_timer_what_has_arrived_is_taken_first() {
        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::Timer, at(600_000.0), 0.0), []);
        assert_eq!(connection.step(Input::Frame, at(600_001.0), 0.0), []);
        assert_eq!(connection.status(), Status::Live);

        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::Timer, at(600_000.0), 0.0), []);
        assert_eq!(connection.deadline(), Some(at(601_000.0)));
        assert_eq!(connection.step(Input::Timer, at(601_000.0), 0.0), [Output::AbandonSocket]);
    }

    #[test]
    fn a_timer_is_late_by_more_than_a_second() {
        let opening = || {
            let mut connection = Connection::default();
            connection.step(Input::Started, at(1_000.0), 0.0);
            connection
        };
        let greeted = || {
            let mut connection = opening();
            connection.step(HELLO, at(1_000.0), 0.0);
            connection
        };
        for (connection, deadline) in [(opening(), 11_000.0), (greeted(), 11_000.0), (live(1_000.0), 31_000.0)] {
            assert_eq!(connection.deadline(), Some(at(deadline)));
            let mut late = connection.clone();
            assert_eq!(late.step(Input::Timer, at(deadline + 1_001.0), 0.0), []);
            assert_eq!(late.deadline(), Some(at(deadline + 2_001.0)), "a second for what has arrived");
            let mut in_time = connection;
            assert_eq!(in_time.step(Input::Timer, at(deadline + 1_000.0), 0.0), [Output::AbandonSocket]);
        }
    }

    #[test]
    fn only_1008_stops_and_then_nothing_moves_it() {
        for code in [1000, 1001, 1002, 1006, 1009, 1011, 1012, 1013, 4000] {
            let mut connection = live(0.0);
            connection.step(Input::Closed { code, reason: String::new() }, at(0.0), 0.5);
            assert_eq!(wait(&connection, 0.0), 250.0, "{code}");
        }
        let mut connection = live(0.0);
        connection.step(Input::Closed { code: 1008, reason: String::from("data") }, at(0.0), 0.0);
        for input in [Input::Visible, Input::Online, Input::RetryNow, Input::Timer, Input::Started] {
            assert_eq!(connection.step(input, at(1e6), 0.0), []);
            assert_eq!(connection.status(), Status::Stopped { reason: String::from("data") });
        }
    }

    #[test]
    fn a_page_that_is_seen_or_asked_does_not_wait_and_one_back_online_waits_within_the_window() {
        for (input, delay) in [(Input::Visible, None), (Input::RetryNow, None), (Input::Online, Some(250.0))] {
            let mut connection = live(0.0);
            let mut now = 0.0;
            for _ in 0..8 {
                connection.step(cut(), at(now), 1.0);
                now += wait(&connection, now);
                connection.step(Input::Timer, at(now), 1.0);
            }
            connection.step(cut(), at(now), 1.0);
            assert_eq!(wait(&connection, now), 30_000.0);
            let outputs = connection.step(input, at(now), 0.5);
            match delay {
                None => assert_eq!(outputs, [Output::OpenSocket]),
                Some(delay) => assert_eq!(wait(&connection, now), delay),
            }
        }
    }

    #[test]
    fn offline_ends_the_socket_and_the_attempts_go_on() {
        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::Offline, at(0.0), 1.0), [Output::AbandonSocket]);
        assert_eq!(connection.status(), Status::Offline);
        assert_eq!(connection.step(Input::Timer, at(500.0), 1.0), [Output::OpenSocket]);
        assert_eq!(connection.status(), Status::Offline);
        connection.step(HELLO, at(500.0), 0.0);
        connection.step(Input::ListRead, at(500.0), 0.0);
        assert_eq!(connection.status(), Status::Live, "the browser was wrong about this server");
    }

    #[test]
    fn a_gap_reads_the_list_again_and_stays_live() {
        let mut connection = live(0.0);
        assert_eq!(connection.step(Input::Gap, at(1.0), 0.0), [Output::ReadList]);
        assert_eq!(connection.step(Input::Gap, at(2.0), 0.0), [], "one list at a time");
        assert_eq!(connection.step(Input::ListRead, at(3.0), 0.0), [Output::ReadList], "that one may be too old");
        assert_eq!(connection.step(Input::ListRead, at(4.0), 0.0), []);
        assert_eq!(connection.status(), Status::Live);
    }

    #[test]
    fn a_list_that_lags_is_read_again_within_the_window() {
        let mut connection = Connection::default();
        connection.step(Input::Started, at(0.0), 0.0);
        connection.step(HELLO, at(1_000.0), 0.0);
        assert_eq!(connection.step(Input::ListBehind, at(1_100.0), 0.5), []);
        assert_eq!(connection.status(), Status::Connecting, "not live before a list that reaches the hello");
        assert_eq!(connection.deadline(), Some(at(1_350.0)), "half of a window of 500 ms");
        assert_eq!(connection.step(Input::Timer, at(1_349.0), 0.0), []);
        assert_eq!(connection.step(Input::Timer, at(1_350.0), 0.0), [Output::ReadList]);
        assert_eq!(connection.deadline(), Some(at(11_000.0)), "the same 10 s as for the first list");
        assert_eq!(connection.step(Input::ListRead, at(1_400.0), 0.0), []);
        assert_eq!(connection.status(), Status::Live);
    }

    #[test]
    fn a_list_that_lags_for_ten_seconds_counts_as_a_close() {
        let mut connection = live(0.0);
        connection.step(Input::Heartbeat { reconnect_ms: 4_000 }, at(0.0), 0.0);
        assert_eq!(connection.step(Input::Gap, at(0.0), 0.0), [Output::ReadList]);
        for end in [4_000.0, 8_000.0] {
            connection.step(Input::ListBehind, at(end - 4_000.0), 1.0);
            assert_eq!(connection.step(Input::Timer, at(end), 0.0), [Output::ReadList]);
        }
        connection.step(Input::ListBehind, at(8_001.0), 1.0);
        assert_eq!(connection.deadline(), Some(at(10_000.0)));
        assert_eq!(connection.step(Input::Timer, at(10_000.0), 0.0), [Output::AbandonSocket]);
    }

    #[test]
    fn a_gap_while_a_lagging_list_waits_needs_no_list_of_its_own() {
        let mut connection = live(0.0);
        connection.step(Input::Gap, at(0.0), 0.0);
        connection.step(Input::Gap, at(1.0), 0.0);
        connection.step(Input::ListBehind, at(2.0), 0.5);
        assert_eq!(connection.step(Input::Gap, at(3.0), 0.0), [], "the list is read after this one");
        assert_eq!(connection.step(Input::Timer, at(252.0), 0.0), [Output::ReadList]);
        assert_eq!(connection.step(Input::ListRead, at(253.0), 0.0), []);
    }

    #[test]
    fn a_list_of_another_epoch_or_none_counts_as_a_close() {
        let mut connection = live(0.0);
        connection.step(Input::Gap, at(1.0), 0.0);
        assert_eq!(connection.step(Input::ListFailed, at(1.0), 1.0), [Output::AbandonSocket]);
        assert_eq!(wait(&connection, 1.0), 500.0);
    }

    #[test]
    fn the_last_window_told_is_the_one_that_counts() {
        let mut connection = live(0.0);
        connection.step(Input::Heartbeat { reconnect_ms: 4_000 }, at(1.0), 0.0);
        connection.step(cut(), at(1.0), 0.5);
        assert_eq!(wait(&connection, 1.0), 2_000.0);
    }

    /// Numbers in 0 to 1 that look like chance and are the same each time.
    fn chances(mut state: u64) -> impl FnMut() -> f64 {
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// When each of so many clients that lose their server at one moment reaches it again, once it is back after `down`;
    /// sorted.
    fn arrivals(clients: u32, down: Millis, chance: &mut impl FnMut() -> f64) -> Vec<Millis> {
        let back = 60_000.0 + down;
        let mut arrivals: Vec<_> = (0..clients)
            .map(|_| {
                let mut connection = live(0.0);
                // The window that the server sends to each, once it has counted all: 5 ms for each (contract).
                connection.step(Input::Heartbeat { reconnect_ms: 5 * clients }, at(15_000.0), 0.0);
                let mut now = back - down;
                loop {
                    connection.step(cut(), at(now), chance());
                    now += wait(&connection, now);
                    assert_eq!(connection.step(Input::Timer, at(now), chance()), [Output::OpenSocket]);
                    if now >= back {
                        return now;
                    }
                }
            })
            .collect();
        arrivals.sort_by(Millis::total_cmp);
        arrivals
    }

    #[test]
    fn of_a_thousand_that_lost_their_server_few_arrive_at_a_time() {
        const CLIENTS: u32 = 1_000;
        for seed in 0..20 {
            for down in [0.0, 500.0, 5_000.0, 60_000.0] {
                let arrivals = arrivals(CLIENTS, down, &mut chances(seed));
                let crowd = |from: usize| arrivals.partition_point(|at| *at < arrivals[from] + 100.0) - from;
                let most = (0..arrivals.len()).map(crowd).max().unwrap();
                assert!(most <= CLIENTS as usize / 20, "{most} within 100 ms, server down for {down} ms, seed {seed}");
            }
        }
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            Just(Input::Started),
            Just(Input::Left),
            Just(HELLO),
            Just(COMPLETE),
            Just(Input::Heartbeat { reconnect_ms: 9_000 }),
            Just(Input::Frame),
            Just(Input::Gap),
            Just(Input::ListRead),
            Just(Input::ListFailed),
            Just(Input::AnswerTimeout),
            Just(Input::ListBehind),
            (1000_u16..1014).prop_map(|code| Input::Closed { code, reason: String::new() }),
            Just(Input::Failed),
            Just(Input::Timer),
            Just(Input::Online),
            Just(Input::Offline),
            Just(Input::Visible),
            Just(Input::RetryNow),
        ]
    }

    proptest! {
        /// Whatever happens, there is never a second socket, never a list without a socket, and always a way on.
        #[test]
        fn there_is_at_most_one_socket_and_never_a_dead_end(
            steps in proptest::collection::vec((input(), 0.0..40_000.0_f64, 0.0..=1.0_f64), 0..60),
        ) {
            let mut connection = Connection::default();
            let mut now = 0.0;
            let mut socket = false;
            for (input, pause, chance) in steps {
                now += pause;
                for output in connection.step(input, at(now), chance) {
                    match output {
                        Output::OpenSocket => {
                            prop_assert!(!socket, "a second socket");
                            socket = true;
                        }
                        Output::AbandonSocket => {
                            prop_assert!(socket, "no socket to abandon");
                            socket = false;
                        }
                        Output::ReadList => prop_assert!(socket, "a list without a socket"),
                    }
                }
                prop_assert_eq!(socket, connection.has_socket());
                match connection.status() {
                    Status::Reconnecting(Some(wait)) => prop_assert!(wait.until - Instant::new(now) <= LONGEST_WAIT),
                    Status::Stopped { .. } => prop_assert!(connection.deadline().is_none()),
                    _ => {}
                }
                let resting = matches!(connection.phase, Phase::Away | Phase::Stopped { .. });
                prop_assert!(resting || connection.deadline().is_some());
            }
        }
    }
}
