//! Writes the log to the error stream, with a rate limit: 100 lines a second of each kind. Lines above it are counted.
//!
//! A client can cause a log line with each request. A kind is one logging statement in the code, so a flood of one kind
//! hides no other kind. A line above the limit is counted before it is formatted, so it costs little. A summary with the
//! count follows within about a second, even if nothing else is logged.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    io::{IsTerminal, stderr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tracing::{
    Event, Metadata, Subscriber,
    callsite::Identifier,
    field::{Field, Visit},
};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::LevelFilter,
    fmt::layer,
    layer::{Context, Filter, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Maximum number of lines of one kind in one [`PERIOD`].
const LINES_PER_SECOND: u32 = 100;
/// The period of the limit, and the time from the first line that is left out to the summary.
const PERIOD: Duration = Duration::from_secs(1);
/// Maximum number of lines that wait for a slow reader of the error stream. Further lines are dropped, so a reader that
/// has stopped does not block the server.
const WAITING_MAX: usize = 4_096;

/// Keeps the log running. Dropping it writes the last lines and counts.
#[derive(Debug)]
pub struct LogGuard {
    limiter: Arc<Limiter>,
    summaries: Option<JoinHandle<()>>,
    _writer: WorkerGuard,
}

/// Applies the limit to each line.
#[derive(Debug, Clone)]
struct LimitFilter(Arc<Limiter>);

#[derive(Debug)]
struct Limiter {
    state: Mutex<State>,
    changed: Condvar,
    dropped: ErrorCounter,
}

#[derive(Debug, Default)]
struct State {
    kinds: HashMap<Identifier, Kind>,
    /// Whether a line of any kind was left out since the last summaries.
    left_out: bool,
    /// How many lines were reported as dropped.
    dropped: usize,
    ended: bool,
}

/// The lines of one logging statement in the code.
#[derive(Debug)]
struct Kind {
    period_start: Instant,
    /// How many lines were written in this period.
    lines: u32,
    /// How many lines were left out since the last summary.
    left_out: u64,
    /// The message of the first line that was left out.
    message: String,
}

/// Starts the log of this process, with a filter such as `info` or `event_feed=debug`.
pub fn start(filter: &str) -> LogGuard {
    // A thread of its own writes the lines, since the reader of the error stream may be slow.
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(WAITING_MAX).finish(stderr());
    let limiter =
        Arc::new(Limiter { state: Mutex::default(), changed: Condvar::new(), dropped: writer.error_counter() });
    let lines = layer().with_ansi(wants_colour()).with_writer(writer).with_filter(LimitFilter(Arc::clone(&limiter)));
    // The summaries are logged whatever the filter is.
    let summaries = concat!(module_path!(), "=warn").parse().expect("a module and a level are a directive");
    let filter = EnvFilter::new(filter).add_directive(summaries);
    // The lines of this library have the user of an engine, and call every end of a connection an error. What matters of
    // them is in the lines of `backplane`.
    #[cfg(feature = "nats")]
    let filter = filter.add_directive("async_nats=off".parse().expect("a crate and a level are a directive"));
    Registry::default().with(filter).with(lines).init();
    let summaries = {
        let limiter = Arc::clone(&limiter);
        // Without this thread the counts are logged when the log ends.
        thread::Builder::new().name("log".to_owned()).spawn(move || limiter.summarise_until_the_end()).ok()
    };
    LogGuard { limiter, summaries, _writer: guard }
}

/// Whether lines are coloured: in a terminal, unless the environment forbids it (no-color.org).
fn wants_colour() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.limiter.state.lock().ended = true;
        self.limiter.changed.notify_all();
        // It fails if the thread has panicked, which the standard library has already reported.
        let _ = self.summaries.take().map(JoinHandle::join);
        self.limiter.summarise();
    }
}

impl Limiter {
    /// Returns whether this line may be written now. If not, counts it.
    fn admits(&self, event: &Event<'_>, now: Instant) -> bool {
        let mut state = self.state.lock();
        let kind = state.kinds.entry(event.metadata().callsite()).or_insert_with(|| Kind::new(now));
        if kind.admits(now) {
            return true;
        }
        if kind.left_out == 0 {
            kind.message = message_of(event);
        }
        kind.left_out += 1;
        if !std::mem::replace(&mut state.left_out, true) {
            self.changed.notify_all();
        }
        false
    }

    /// Repeats until the log ends: waits for a line that is left out, then for a [`PERIOD`], and logs the summaries.
    fn summarise_until_the_end(&self) {
        loop {
            let mut state = self.state.lock();
            self.changed.wait_while(&mut state, |state| !state.left_out && !state.ended);
            self.changed.wait_while_for(&mut state, |state| !state.ended, PERIOD);
            if state.ended {
                return;
            }
            drop(state);
            self.summarise();
        }
    }

    /// Logs how many lines were left out since the last call. It holds no lock while it logs.
    fn summarise(&self) {
        let mut state = self.state.lock();
        state.left_out = false;
        let left_out = state.kinds.values_mut().filter(|kind| kind.left_out > 0);
        let left_out: Vec<_> =
            left_out.map(|kind| (std::mem::take(&mut kind.left_out), std::mem::take(&mut kind.message))).collect();
        let all_dropped = self.dropped.dropped_lines();
        let dropped = all_dropped.saturating_sub(std::mem::replace(&mut state.dropped, all_dropped));
        drop(state);
        for (count, message) in left_out {
            tracing::warn!("left out {count} more lines like {message:?}: the limit is {LINES_PER_SECOND} a second");
        }
        if dropped > 0 {
            tracing::warn!("dropped {dropped} lines: the reader of the log is too slow");
        }
    }
}

impl Kind {
    const fn new(now: Instant) -> Self {
        Self { period_start: now, lines: 0, left_out: 0, message: String::new() }
    }

    fn admits(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.period_start) >= PERIOD {
            (self.period_start, self.lines) = (now, 0);
        }
        let admitted = self.lines < LINES_PER_SECOND;
        self.lines += u32::from(admitted);
        admitted
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Filter<S> for LimitFilter {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.0.admits(event, Instant::now())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

/// The message of a line, without its fields.
fn message_of(event: &Event<'_>) -> String {
    struct MessageVisitor(String);
    impl Visit for MessageVisitor {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() == "message" {
                // Writing to a string does not fail.
                let _ = write!(self.0, "{value:?}");
            }
        }
    }
    let mut message = MessageVisitor(String::new());
    event.record(&mut message);
    message.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_may_log_a_hundred_lines_a_second() {
        let start = Instant::now();
        let mut kind = Kind::new(start);
        let mut admitted = |millis| (0..300).filter(|_| kind.admits(start + Duration::from_millis(millis))).count();
        assert_eq!([0, 500, 999, 1_000, 1_001, 2_000, 60_000].map(&mut admitted), [100, 0, 0, 100, 0, 100, 100]);
    }
}
