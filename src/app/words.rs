//! Formats states, notices, errors and verdicts as text for people. The state machines of `client` decide them.

use crate::{
    client::{
        announcer::Announcement,
        calendar::Day,
        clock::Instant,
        delivery_times::{Round, summary},
        dividers::Kind,
        driver::Pending,
        isolation_check::{Check, Mark, Stage, Verdict},
        isolation_counts::{Age, Ages, Epochs},
        isolation_repeat::{Next, Repeat},
        notice::Notice,
        post_form::{Failure, FormError, Posted},
        relative_time,
        status::Status,
    },
    feed::{MessageError, Tenant, Timestamp},
};

/// The text for a count that is not known.
pub const NO_FIGURE: &str = "–";

/// A count and its noun: "1 event", "12 events".
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// Removes the seconds from the end of a time.
#[must_use]
pub fn without_seconds(mut time: String) -> String {
    time.truncate(time.rfind(':').unwrap_or(time.len()));
    time
}

/// The state of a connection, without a countdown: a screen reader would read it every second.
#[must_use]
pub fn status(status: &Status) -> String {
    match status {
        Status::Connecting => String::from("Connecting…"),
        Status::Live => String::from("Live"),
        Status::Reconnecting(_) => String::from("Reconnecting…"),
        Status::Offline => String::from("Offline"),
        Status::Stopped { reason } if reason.is_empty() => String::from("Stopped: the server refused this connection"),
        Status::Stopped { reason } => format!("Stopped: {reason}"),
    }
}

/// The hint for people while the page is not live.
#[must_use]
pub const fn wait(status: &Status) -> &'static str {
    match status {
        Status::Offline => "You're offline. Your draft is kept.",
        _ => "You're not receiving events right now. You can still post.",
    }
}

/// The notice after a list was read. `time` formats a moment for people.
#[must_use]
pub fn notice(notice: &Notice, time: impl Fn(Timestamp) -> String) -> String {
    let (mut words, missing) = match *notice {
        Notice::Returned { new: 0, missing } => (String::from("Reconnected. You didn't miss anything."), missing),
        Notice::Returned { new, missing } => (format!("Reconnected: {}.", counted(new, "new event")), missing),
        Notice::Restarted { at, new, missing } => {
            let since = if new == 0 { String::new() } else { format!(" {} since.", counted(new, "event")) };
            (format!("Reconnected. The server restarted (noticed at {}).{since}", time(at)), missing)
        }
        Notice::Repaired { events: 0, missing } => (String::new(), missing),
        Notice::Repaired { events, missing } => {
            (format!("Recovered {} that didn't arrive.", counted(events, "event")), missing)
        }
    };
    if missing {
        let space = if words.is_empty() { "" } else { " " };
        words = format!("{words}{space}Some older events are no longer available.");
    }
    words
}

/// More than this is many: nobody reads the number, and it would not stay still.
const MANY: u64 = 99;

/// A number of events to be read, short enough for a title.
#[must_use]
pub fn many(count: u64) -> String {
    if count > MANY { format!("{MANY}+") } else { count.to_string() }
}

/// The label of the button that shows the events that wait. An own post is named, and not counted.
#[must_use]
pub fn pending(pending: Pending) -> String {
    let Pending { others, own } = pending;
    match (others, own) {
        (0, _) => String::from("Posted. Show it"),
        (_, 0) => new_events(others),
        _ => format!("Posted, and {}", new_events(others)),
    }
}

/// So many new events: "1 new event", "99+ new events".
#[must_use]
pub fn new_events(count: u64) -> String {
    format!("{} new event{}", many(count), if count == 1 { "" } else { "s" })
}

/// How long ago the newest event was, to the second. It counts only to a minute: after that, nobody waits for each second.
#[must_use]
pub fn last_event(newest: Option<i64>, now: i64) -> String {
    let Some(newest) = newest else { return String::from("no events yet") };
    match now.saturating_sub(newest) / 1_000 {
        ..1 => String::from("just now"),
        seconds @ 1..60 => format!("{seconds} s ago"),
        _ => relative_time::ago(newest, now),
    }
}

/// How many connections share the feed; empty if it is not known.
#[must_use]
pub fn presence(connections: Option<u64>) -> String {
    connections.map_or_else(String::new, |count| counted(count, "connection"))
}

/// The text of a divider. `time` formats a moment for people.
#[must_use]
pub fn divider(kind: &Kind, today: &Day, restarted: Option<i64>, time: impl Fn(i64) -> String) -> String {
    match kind {
        Kind::Day(day) => {
            let (year, month, date) = day.date;
            let age = match day.days_before(today) {
                0 => String::from("Today"), // below an older day: the server's clock was set back
                1 => String::from("Yesterday"),
                days => format!("{days} days ago"),
            };
            let month = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
            format!("{age} · {date} {month} {year}")
        }
        Kind::Unread(line) => format!("{} new since {}", line.count, time(line.since)),
        Kind::Restart => match restarted {
            Some(at) => format!("Before the restart noticed at {}, no longer on the server", time(at)),
            None => String::from("No longer on the server"),
        },
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The announcement for a screen reader.
#[must_use]
pub fn announcement(announcement: &Announcement) -> String {
    let events = (announcement.events > 0).then(|| counted(announcement.events, "new event"));
    let parts: Vec<_> = announcement.status.as_ref().map(status).into_iter().chain(events).collect();
    repeated(parts.join(". "), announcement.is_repeat)
}

/// Adds an invisible character to a repeated text: a screen reader reads a live region again only if its text differs.
#[must_use]
pub fn repeated(mut words: String, is_repeat: bool) -> String {
    if is_repeat {
        words.push('\u{a0}');
    }
    words
}

/// The error of a post. Only a refusal by the server proves that the message is not posted.
#[must_use]
pub fn form_error(error: &FormError) -> String {
    match error {
        FormError::Invalid(error) => message_error(error),
        FormError::Failed(Failure::NoAnswer) => String::from(
            "No answer from the server. Your message may have been posted; trying again won't post it twice.",
        ),
        FormError::Failed(Failure::NotTheServer) => String::from(
            "The answer did not come from the server, but perhaps from a proxy's sign-in page. Your text is kept here. \
             Reload the page to sign in, then try again.",
        ),
        FormError::Failed(Failure::Refused { detail, .. }) => {
            sentence(&format!("Not posted: {}", detail.trim_end_matches('.')))
        }
    }
}

fn message_error(error: &MessageError) -> String {
    sentence(&error.to_string())
}

/// The result of an accepted post.
#[must_use]
pub fn posted(posted: Posted) -> String {
    match posted {
        Posted::Delivered(took) => format!("Posted, delivered in {took} ms"),
        Posted::Accepted => String::from("Posted"),
        Posted::Unseen => String::from("Posted. It appears here once you're reconnected."),
    }
}

/// Makes a sentence: adds a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    // The first character is ASCII. Unicode's tables of capitals would add more to the client than the whole form.
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}

/// The verdict of a check, or how far it is.
#[must_use]
pub fn verdict(check: &Check) -> &'static str {
    let Some(verdict) = check.verdict() else {
        return if check.is_running() { "Watching both streams…" } else { "Not run yet." };
    };
    match verdict {
        Verdict::Isolated => "Isolated: each tenant received all of its own test events and none of the other's.",
        Verdict::Leaked => "Leak: a tenant received the other's test events.",
        Verdict::Incomplete => "Inconclusive: some test events weren't delivered. Run it again.",
        Verdict::Interrupted => "Inconclusive: a connection was lost during the check. Run it again.",
    }
}

/// The time of a check, the server's build that it checked, and the id in its test events; empty until the check ends.
/// `time` formats a moment for people.
#[must_use]
pub fn check_details(check: &Check, time: &dyn Fn(i64) -> String) -> String {
    match check.stage() {
        Stage::Idle | Stage::Running => String::new(),
        Stage::Done { at, build } => {
            format!("Checked at {} · Server build {build} · Probe id {}", time(*at), check.marker())
        }
    }
}

/// The number in a cell of the check's table. See [`check_cell`].
#[must_use]
pub fn check_count(check: &Check, tenant: Tenant, stream: Tenant) -> String {
    match check.stage() {
        Stage::Idle => String::from(NO_FIGURE),
        _ => check.cell(tenant, stream).seen.to_string(),
    }
}

/// The text after the number in a cell of the check's table. The cell counts the test events of `tenant` that arrived on the
/// stream of the tenant `stream`.
#[must_use]
pub fn check_cell(check: &Check, tenant: Tenant, stream: Tenant) -> String {
    let (size, slowest) = (check.size(), check.cell(tenant, stream).slowest);
    match check.mark(tenant, stream) {
        Mark::Open if *check.stage() == Stage::Idle => String::new(),
        Mark::Open if tenant == stream => format!(" of {size}…"),
        Mark::Open if check.is_running() => String::from(" so far…"),
        Mark::Right if tenant == stream => format!(" of {size} received, slowest in {slowest} ms"),
        Mark::Short => format!(" of {size} received"),
        Mark::Open | Mark::Right | Mark::Wrong => String::from(" received"),
    }
}

/// The result of a copy of the report.
#[must_use]
pub const fn copied(is_copied: bool) -> &'static str {
    if is_copied { "Report copied." } else { "Not copied. The report is selected below." }
}

/// The delivery times of a tenant's test events.
#[must_use]
pub fn deliveries(tenant: Tenant, rounds: &[Round]) -> String {
    let label = tenant.label();
    match summary(rounds, tenant) {
        (0, _) => format!("{label}: none measured yet"),
        (count, slowest) => format!("{label}: slowest of {count} in {slowest} ms"),
    }
}

/// The results of the repeated checks, and the time of the next one; empty if none was asked for.
#[must_use]
pub fn repeat(repeat: &Repeat, now: Instant) -> String {
    let next = match repeat.next(now) {
        Next::In(0) => String::from("The next is due. "),
        Next::In(minutes) => format!("The next is in {minutes} min. "),
        Next::Never if repeat.has_leaked() => String::from("Stopped by a leak. "),
        Next::Never | Next::Last => String::new(),
    };
    match repeat.results() {
        (0, _) => next,
        (ended, isolated) => format!("{next}{isolated} of {ended} isolated."),
    }
}

/// A count of the isolation view: [`NO_FIGURE`] if it is not known.
#[must_use]
pub fn figure(age: Age, count: u64) -> String {
    if age == Age::Unknown { String::from(NO_FIGURE) } else { count.to_string() }
}

/// The sources of figures that are old, and the time of their last figures; empty if no source is old. `time` formats a
/// moment for people.
#[must_use]
pub fn ages(ages: Ages, time: impl Fn(i64) -> String) -> String {
    match (ages.stream, ages.report) {
        // One time for both: each figure is at least as new as the older source.
        (Age::Stale(stream), Age::Stale(report)) => format!("as of {}", time(stream.min(report))),
        (Age::Stale(stream), _) => format!("stream as of {}", time(stream)),
        (_, Age::Stale(report)) => format!("server counts as of {}", time(report)),
        _ => String::new(),
    }
}

/// The notice that the server restarted; empty if it did not. `time` formats a moment for people. With a backplane, a feed
/// can begin again although its server continues, and the server's counts with it: so the notice has a "may".
#[must_use]
pub fn restart(epochs: Epochs, time: impl Fn(i64) -> String) -> String {
    epochs.restarted().map_or_else(String::new, |at| {
        format!("The server restarted (noticed at {}). Counts below may have started again.", time(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{isolation_check::PROBES, unread::UnreadLine};

    fn epoch_millis(at: i64) -> String {
        at.to_string()
    }

    #[test]
    fn what_waits_is_counted_to_99_and_an_own_post_is_named() {
        let label = |others, own| pending(Pending { others, own });
        assert_eq!(label(1, 0), "1 new event");
        assert_eq!(label(99, 0), "99 new events");
        assert_eq!(label(100, 0), "99+ new events");
        assert_eq!(label(0, 2), "Posted. Show it");
        assert_eq!(label(3, 1), "Posted, and 3 new events");
    }

    #[test]
    fn the_last_events_age_counts_seconds_for_a_minute() {
        let words = |seconds: i64| last_event(Some(0), seconds * 1_000);
        assert_eq!([0, 1, 59, 60, 3_600].map(words), ["just now", "1 s ago", "59 s ago", "1 min ago", "1 h ago"]);
        assert_eq!(words(-5), "just now");
        assert_eq!(last_event(None, 0), "no events yet");
    }

    #[test]
    fn a_divider_names_the_day_the_absence_or_the_restart() {
        let day = |number: i64| Day {
            start: number * 86_400_000,
            end: (number + 1) * 86_400_000,
            date: (2026, 11, number as u32),
        };
        let words = |kind, restarted| divider(&kind, &day(26), restarted, epoch_millis);
        assert_eq!(words(Kind::Day(day(25)), None), "Yesterday · 25 November 2026");
        assert_eq!(words(Kind::Day(day(20)), None), "6 days ago · 20 November 2026");
        let line = UnreadLine { after: 1, count: 7, since: 5 };
        assert_eq!(words(Kind::Unread(line), None), format!("7 new since {}", epoch_millis(5)));
        let gone = format!("Before the restart noticed at {}, no longer on the server", epoch_millis(9));
        assert_eq!(words(Kind::Restart, Some(9)), gone);
    }

    #[test]
    fn hours_and_minutes_have_no_seconds() {
        assert_eq!(without_seconds(String::from("2026-11-23 03:11:20")), "2026-11-23 03:11");
        assert_eq!(without_seconds(String::new()), "");
    }

    #[test]
    fn each_state_has_its_own_text() {
        let stopped = |reason: &str| Status::Stopped { reason: reason.to_owned() };
        for (state, words) in [
            (Status::Connecting, "Connecting…"),
            (Status::Live, "Live"),
            (Status::Reconnecting(None), "Reconnecting…"),
            (Status::Offline, "Offline"),
            (stopped(""), "Stopped: the server refused this connection"),
            (stopped("data"), "Stopped: data"),
        ] {
            assert_eq!(status(&state), words);
        }
    }

    #[test]
    fn a_notice_names_the_result_of_a_read() {
        let at = Timestamp::parse("2026-11-23T12:03:00.000Z").unwrap();
        for (after, words) in [
            (Notice::Returned { new: 0, missing: false }, "Reconnected. You didn't miss anything."),
            (Notice::Returned { new: 12, missing: false }, "Reconnected: 12 new events."),
            (
                Notice::Returned { new: 1200, missing: true },
                "Reconnected: 1200 new events. Some older events are no longer available.",
            ),
            (Notice::Restarted { at, new: 0, missing: false }, "Reconnected. The server restarted (noticed at 12:03)."),
            (
                Notice::Restarted { at, new: 1, missing: false },
                "Reconnected. The server restarted (noticed at 12:03). 1 event since.",
            ),
            (Notice::Repaired { events: 1, missing: false }, "Recovered 1 event that didn't arrive."),
            (Notice::Repaired { events: 0, missing: true }, "Some older events are no longer available."),
        ] {
            assert_eq!(notice(&after, |_| String::from("12:03")), words);
        }
    }

    #[test]
    fn an_announcement_names_the_state_before_the_events() {
        let say = |status, events, is_repeat| announcement(&Announcement { status, events, is_repeat });
        assert_eq!(say(Some(Status::Live), 490, false), "Live. 490 new events");
        assert_eq!(say(None, 1, true), "1 new event\u{a0}");
        assert_eq!(say(None, 0, false), "");
    }

    #[test]
    fn only_a_refusal_means_not_posted() {
        let refused = Failure::Refused { detail: String::from("the server is full."), is_final: false };
        for (failure, words) in [
            (refused, "Not posted: the server is full."),
            (Failure::NoAnswer, "No answer from the server. Your message may have been posted"),
            (Failure::NotTheServer, "The answer did not come from the server"),
        ] {
            assert!(form_error(&FormError::Failed(failure)).starts_with(words));
        }
        assert_eq!(form_error(&FormError::Invalid(MessageError::Empty)), "Write a message first.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn a_result_names_the_time_if_it_is_known() {
        assert_eq!(posted(Posted::Delivered(12)), "Posted, delivered in 12 ms");
        assert_eq!(posted(Posted::Accepted), "Posted");
        assert_eq!(posted(Posted::Unseen), "Posted. It appears here once you're reconnected.");
    }

    #[test]
    fn a_verdict_begins_with_its_name() {
        let [a, b] = Tenant::ALL;
        let run = |seen: &[(Tenant, Tenant)], is_interrupted| {
            let mut check = Check::default();
            check.start(String::from("x"), 1);
            for tenant in Tenant::ALL {
                let text = check.send(tenant, Instant::new(0.0));
                for (_, stream) in seen.iter().filter(|(sent_to, _)| *sent_to == tenant) {
                    check.saw(*stream, &text, Instant::new(1.0));
                }
            }
            if is_interrupted {
                check.interrupt();
            }
            check.finish(7, String::from("one"));
            verdict(&check)
        };
        assert!(run(&[(a, a), (b, b)], false).starts_with("Isolated:"));
        assert!(run(&[(a, a), (b, b), (a, b)], false).starts_with("Leak:"));
        assert!(run(&[(a, a)], false).starts_with("Inconclusive: some"));
        assert!(run(&[(a, a), (b, b)], true).starts_with("Inconclusive: a connection"));
    }

    #[test]
    fn a_check_describes_itself_and_its_cells() {
        let [a, b] = Tenant::ALL;
        let idle = Check::default();
        assert_eq!((verdict(&idle), check_details(&idle, &epoch_millis).as_str()), ("Not run yet.", ""));
        assert_eq!((check_count(&idle, a, a).as_str(), check_cell(&idle, a, a).as_str()), ("–", ""));
        let mut check = Check::default();
        check.start(String::from("x"), PROBES);
        let text = check.send(a, Instant::new(0.0));
        check.saw(a, &text, Instant::new(14.0));
        let said = (verdict(&check), check_details(&check, &epoch_millis));
        assert_eq!(said, ("Watching both streams…", String::new()));
        assert_eq!((check_count(&check, a, a).as_str(), check_count(&check, a, b).as_str()), ("1", "0"));
        assert_eq!((check_cell(&check, a, a).as_str(), check_cell(&check, a, b).as_str()), (" of 5…", " so far…"));
        check.finish(7, String::from("one"));
        assert_eq!(check_details(&check, &epoch_millis), "Checked at 7 · Server build one · Probe id x");
        assert_eq!(check_cell(&check, a, a), " of 5 received");
        assert_eq!(check_cell(&check, a, b), " received");
        for _ in 1..PROBES {
            let text = check.send(a, Instant::new(0.0));
            check.saw(a, &text, Instant::new(3.0));
        }
        assert_eq!(check_cell(&check, a, a), " of 5 received, slowest in 14 ms");
        check.saw(b, &text, Instant::new(20.0));
        assert_eq!(check_cell(&check, a, b), " received");
    }

    #[test]
    fn delivery_times_are_summed_up() {
        let rounds = [[None, Some(40)], [None, Some(12)], [None, Some(7)]];
        assert_eq!(deliveries(Tenant::A, &rounds), "Tenant A: none measured yet");
        assert_eq!(deliveries(Tenant::B, &rounds), "Tenant B: slowest of 3 in 40 ms");
    }

    #[test]
    fn a_repetition_names_its_results_and_the_next_run() {
        let at = |minutes: f64| Instant::new(minutes * 60_000.0);
        let mut repeated = Repeat::default();
        assert_eq!(repeat(&repeated, at(0.0)), "");
        repeated.switch(at(0.0));
        assert_eq!(repeat(&repeated, at(0.0)), "The next is in 10 min. ");
        assert_eq!(repeat(&repeated, at(11.0)), "The next is due. ");
        assert!(repeated.is_due(at(11.0)));
        repeated.ended(Some(Verdict::Isolated), true);
        assert_eq!(repeat(&repeated, at(12.0)), "The next is in 8 min. 1 of 1 isolated.");
        let mut whole = repeated;
        assert!(whole.is_due(at(60.0)));
        whole.ended(Some(Verdict::Incomplete), true);
        assert_eq!(repeat(&whole, at(61.0)), "1 of 2 isolated.");
        repeated.ended(Some(Verdict::Leaked), true);
        assert_eq!(repeat(&repeated, at(12.0)), "Stopped by a leak. 1 of 2 isolated.");
    }

    #[test]
    fn old_figures_have_the_time_of_their_source() {
        for (stream, report, words) in [
            (Age::Unknown, Age::Current, ""),
            (Age::Current, Age::Current, ""),
            (Age::Stale(7), Age::Current, "stream as of 7"),
            (Age::Current, Age::Stale(5), "server counts as of 5"),
            (Age::Stale(7), Age::Stale(5), "as of 5"),
            (Age::Stale(4), Age::Stale(5), "as of 4"),
        ] {
            assert_eq!(ages(Ages { stream, report }, epoch_millis), words);
        }
        assert_eq!([Age::Unknown, Age::Current, Age::Stale(7)].map(|age| figure(age, 3)), ["–", "3", "3"]);
    }

    #[test]
    fn a_restart_is_shown_with_its_time() {
        let mut epochs = Epochs::new([uuid::Uuid::from_u128(1); 2]);
        assert_eq!(restart(epochs, epoch_millis), "");
        epochs.name(Tenant::A, uuid::Uuid::from_u128(2), 7);
        assert_eq!(
            restart(epochs, epoch_millis),
            "The server restarted (noticed at 7). Counts below may have started again."
        );
    }
}
