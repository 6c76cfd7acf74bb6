//! The isolation check: posts test events to both tenants at once, and compares the streams that each arrives on with its own.
//!
//! A test event is recognised by its text, so that one that leaks under any tenant's name is still found. Posting and
//! listening are not in here.

use super::{
    clock::{Instant, Millis},
    delivery_times::{KEPT, Round},
};
use crate::feed::Tenant;

/// How many test events each tenant gets from a check that a person starts. A repeat of the check sends one.
pub const PROBES: usize = 5;

/// One run of the check.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Check {
    stage: Stage,
    marker: String,
    /// How many test events each tenant gets.
    size: usize,
    probes: Vec<Probe>,
    /// The delivery times of this check's test events, behind those of the checks before it.
    rounds: Vec<Round>,
    interrupted: bool,
}

/// How far a check has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Stage {
    /// It was never started.
    #[default]
    Idle,
    /// Test events are posted and awaited.
    Running,
    /// There is a verdict.
    Done {
        /// When it ended, in milliseconds since 1970.
        at: i64,
        /// Names the build of the server that was checked.
        build: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
struct Probe {
    tenant: Tenant,
    text: String,
    sent: Instant,
    /// The index of its round.
    round: usize,
    /// How long the probe took to arrive first on each tenant's stream.
    seen: [Option<Millis>; 2],
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Each test event arrived on its own stream, and none on the other.
    Isolated,
    /// A test event arrived on the other tenant's stream.
    Leaked,
    /// None leaked, but some did not arrive at all: this proves nothing.
    Incomplete,
    /// None leaked, but a stream was lost meanwhile: what it would have brought is not known.
    Interrupted,
}

/// The result of one cell of the check's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing yet, or nothing that proves anything.
    Open,
    /// As it must be.
    Right,
    /// Fewer than were sent.
    Short,
    /// A leak.
    Wrong,
}

/// The test events sent to one tenant, as received on one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// How many different ones of them arrived.
    pub seen: usize,
    /// The longest that one took, in milliseconds; 0 if none arrived.
    pub slowest: u64,
}

impl Check {
    /// Starts a check that sends `size` test events to each tenant, in place of the last one. They carry `marker`, which
    /// no other check's do.
    pub fn start(&mut self, marker: String, size: usize) {
        let mut rounds = std::mem::take(&mut self.rounds);
        while rounds.len() + size > KEPT {
            rounds.remove(0);
        }
        *self = Self { stage: Stage::Running, marker, size, rounds, ..Self::default() };
    }

    /// How many test events each tenant gets.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// The marker that all its test events carry.
    #[must_use]
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// Whether test events are awaited.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stage == Stage::Running
    }

    /// The text of the next test event to a tenant, which is sent `now`. They are sent in pairs, one to each tenant.
    pub fn send(&mut self, tenant: Tenant, now: Instant) -> String {
        let number = self.probes.iter().filter(|probe| probe.tenant == tenant).count() + 1;
        let text =
            format!("Isolation check {}: test event {number} of {} to {}", self.marker, self.size, tenant.label());
        if self.probes.len().is_multiple_of(2) {
            self.rounds.push([None; 2]);
        }
        let round = self.rounds.len() - 1;
        self.probes.push(Probe { tenant, text: text.clone(), sent: now, round, seen: [None; 2] });
        text
    }

    /// A text arrived on a tenant's stream. Returns how long a test event took to arrive here first.
    pub fn saw(&mut self, stream: Tenant, text: &str, now: Instant) -> Option<Millis> {
        let probe = self.probes.iter_mut().find(|probe| probe.text == text)?;
        let took = *probe.seen[stream as usize].get_or_insert(now - probe.sent);
        if probe.tenant == stream {
            self.rounds[probe.round][stream as usize] = Some(took.round() as u64);
        }
        Some(took)
    }

    /// A stream was lost. Nothing can be proven any more, unless a leak is.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Whether each test event arrived on its own tenant's stream.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        Tenant::ALL.iter().all(|tenant| self.cell(*tenant, *tenant).seen == self.size)
    }

    /// How long the last test events took to arrive on their own tenants' streams, oldest first. Those of the checks before
    /// this one are included.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// Ends it at this moment, in milliseconds since 1970, against this build of the server.
    pub fn finish(&mut self, at: i64, build: String) {
        self.stage = Stage::Done { at, build };
    }

    /// The test events sent to `tenant`, as received on the stream of `stream`.
    #[must_use]
    pub fn cell(&self, tenant: Tenant, stream: Tenant) -> Cell {
        let sent = self.probes.iter().filter(|probe| probe.tenant == tenant);
        let took = sent.filter_map(|probe| probe.seen[stream as usize]);
        took.fold(Cell { seen: 0, slowest: 0 }, |cell, took| Cell {
            seen: cell.seen + 1,
            slowest: cell.slowest.max(took.round() as u64),
        })
    }

    /// The mark of that cell. Only a leak shows before the end, and only a complete delivery to the own streams proves
    /// that nothing arrived elsewhere.
    #[must_use]
    pub fn mark(&self, tenant: Tenant, stream: Tenant) -> Mark {
        let seen = self.cell(tenant, stream).seen;
        let done = matches!(self.stage, Stage::Done { .. });
        match (tenant == stream, done) {
            (false, _) if seen > 0 => Mark::Wrong,
            (true, true) if seen < self.size => Mark::Short,
            (true, true) => Mark::Right,
            (false, true) if self.is_delivered() && !self.interrupted => Mark::Right,
            _ => Mark::Open,
        }
    }

    /// The verdict, once the check is done.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let [a, b] = Tenant::ALL;
        Some(match self.stage {
            Stage::Idle | Stage::Running => return None,
            Stage::Done { .. } if self.cell(a, b).seen + self.cell(b, a).seen > 0 => Verdict::Leaked,
            Stage::Done { .. } if !self.is_delivered() => Verdict::Incomplete,
            Stage::Done { .. } if self.interrupted => Verdict::Interrupted,
            Stage::Done { .. } => Verdict::Isolated,
        })
    }
}

impl Mark {
    /// The mark's name in the page's markup.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Right => "right",
            Self::Short => "short",
            Self::Wrong => "wrong",
        }
    }
}

impl Verdict {
    /// The verdict's name in the page's markup.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Leaked => "leaked",
            Self::Incomplete | Self::Interrupted => "incomplete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Tenant; 2] = Tenant::ALL;

    fn started(size: usize) -> Check {
        let mut check = Check::default();
        check.start(String::from("x"), size);
        check
    }

    /// Sends all test events; each arrives on the streams that `seen_by` says.
    fn sent(seen_by: impl Fn(Tenant, usize) -> Vec<Tenant>) -> Check {
        let mut check = started(PROBES);
        for n in 0..PROBES {
            for tenant in Tenant::ALL {
                let text = check.send(tenant, Instant::new(10.0));
                for stream in seen_by(tenant, n) {
                    assert_eq!(check.saw(stream, &text, Instant::new(24.0)), Some(14.0));
                }
            }
        }
        check
    }

    fn run(seen_by: impl Fn(Tenant, usize) -> Vec<Tenant>) -> Check {
        let mut check = sent(seen_by);
        check.finish(7, String::from("one"));
        check
    }

    /// The marks of the four cells, row by row.
    fn marks(check: &Check) -> Vec<Mark> {
        BOTH.iter().flat_map(|tenant| BOTH.map(|stream| check.mark(*tenant, stream))).collect()
    }

    #[test]
    fn isolated_is_all_here_and_none_there() {
        let check = run(|tenant, _| vec![tenant]);
        assert_eq!(check.verdict(), Some(Verdict::Isolated));
        assert_eq!(check.cell(Tenant::A, Tenant::A), Cell { seen: PROBES, slowest: 14 });
        assert_eq!(check.cell(Tenant::A, Tenant::B), Cell { seen: 0, slowest: 0 });
        assert_eq!(marks(&check), [Mark::Right; 4]);
    }

    #[test]
    fn one_event_in_the_wrong_place_is_a_leak() {
        let check = run(|tenant, n| if n == 3 && tenant == Tenant::B { BOTH.to_vec() } else { vec![tenant] });
        assert_eq!(check.verdict(), Some(Verdict::Leaked));
        assert_eq!(check.cell(Tenant::B, Tenant::A).seen, 1);
        assert_eq!(marks(&check), [Mark::Right, Mark::Right, Mark::Wrong, Mark::Right]);
    }

    #[test]
    fn a_running_check_claims_nothing_but_a_leak() {
        let mut check = sent(|tenant, n| if n < 2 { vec![tenant] } else { vec![] });
        assert_eq!(check.verdict(), None);
        assert_eq!(marks(&check), [Mark::Open; 4]);
        let leaked = check.send(Tenant::A, Instant::new(0.0));
        check.saw(Tenant::B, &leaked, Instant::new(1.0));
        assert_eq!(marks(&check), [Mark::Open, Mark::Wrong, Mark::Open, Mark::Open]);
        assert_eq!(marks(&sent(|tenant, _| vec![tenant])), [Mark::Open; 4], "more may come");
    }

    #[test]
    fn an_event_that_does_not_arrive_proves_nothing() {
        let check = run(|tenant, n| if n == 3 && tenant == Tenant::A { vec![] } else { vec![tenant] });
        assert_eq!(check.verdict(), Some(Verdict::Incomplete));
        assert_eq!(marks(&check), [Mark::Short, Mark::Open, Mark::Open, Mark::Right]);
    }

    #[test]
    fn a_lost_stream_proves_nothing_but_a_leak() {
        let mut check = sent(|tenant, _| vec![tenant]);
        check.interrupt();
        check.finish(7, String::from("one"));
        assert_eq!(check.verdict(), Some(Verdict::Interrupted));
        assert_eq!(marks(&check), [Mark::Right, Mark::Open, Mark::Open, Mark::Right]);
        let mut check = sent(|_, _| BOTH.to_vec());
        check.interrupt();
        check.finish(7, String::from("one"));
        assert_eq!(check.verdict(), Some(Verdict::Leaked));
    }

    #[test]
    fn each_test_event_is_told_from_every_other_by_its_text() {
        let mut check = started(PROBES);
        let texts = [Tenant::A, Tenant::A, Tenant::B].map(|tenant| check.send(tenant, Instant::new(0.0)));
        let expected =
            ["test event 1 of 5 to Tenant A", "test event 2 of 5 to Tenant A", "test event 1 of 5 to Tenant B"];
        assert_eq!(texts, expected.map(|probe| format!("Isolation check x: {probe}")));
    }

    #[test]
    fn a_check_is_idle_then_runs_and_then_is_done() {
        let mut check = Check::default();
        assert_eq!((check.stage(), check.is_running()), (&Stage::Idle, false));
        check = started(PROBES);
        assert_eq!((check.stage(), check.is_running()), (&Stage::Running, true));
        check.finish(7, String::from("one"));
        assert!(!check.is_running());
    }

    #[test]
    fn a_verdict_and_a_mark_have_a_name_in_markup() {
        for (verdict, slug) in [
            (Verdict::Isolated, "isolated"),
            (Verdict::Leaked, "leaked"),
            (Verdict::Incomplete, "incomplete"),
            (Verdict::Interrupted, "incomplete"),
        ] {
            assert_eq!(verdict.slug(), slug);
        }
        let slugs = [Mark::Open, Mark::Right, Mark::Short, Mark::Wrong].map(Mark::slug);
        assert_eq!(slugs, ["open", "right", "short", "wrong"]);
    }

    #[test]
    fn a_check_of_one_test_event_for_each_tenant_has_a_verdict_too() {
        let mut check = started(1);
        let texts = BOTH.map(|tenant| check.send(tenant, Instant::new(10.0)));
        assert_eq!(texts[0], "Isolation check x: test event 1 of 1 to Tenant A");
        check.saw(Tenant::A, &texts[0], Instant::new(22.0));
        assert!(!check.is_delivered());
        check.saw(Tenant::B, &texts[1], Instant::new(23.0));
        assert!(check.is_delivered());
        check.finish(7, String::from("one"));
        assert_eq!((check.size(), check.verdict()), (1, Some(Verdict::Isolated)));
    }

    #[test]
    fn a_round_has_the_time_of_each_tenants_test_event_on_its_own_stream() {
        let mut check = started(2);
        let first = BOTH.map(|tenant| check.send(tenant, Instant::new(10.0)));
        let second = BOTH.map(|tenant| check.send(tenant, Instant::new(100.0)));
        check.saw(Tenant::A, &second[0], Instant::new(103.4));
        check.saw(Tenant::A, &first[0], Instant::new(22.0));
        check.saw(Tenant::A, &first[1], Instant::new(23.0)); // a leak is not a delivery
        assert_eq!(check.rounds(), [[Some(12), None], [Some(3), None]]);
        check.saw(Tenant::B, &second[1], Instant::new(109.0));
        assert_eq!(check.rounds(), [[Some(12), None], [Some(3), Some(9)]]);
        assert_eq!(Check::default().rounds(), [] as [Round; 0]);
    }

    #[test]
    fn the_newest_rounds_of_earlier_checks_are_kept() {
        let mut check = Check::default();
        let mut run = |size, took| {
            check.start(format!("{took}"), size);
            for _ in 0..size {
                for tenant in BOTH {
                    let text = check.send(tenant, Instant::new(0.0));
                    check.saw(tenant, &text, Instant::new(took));
                }
            }
            check.rounds().to_vec()
        };
        assert_eq!(run(2, 7.0), [[Some(7); 2]; 2]);
        assert_eq!(run(1, 8.0), [[Some(7); 2], [Some(7); 2], [Some(8); 2]]);
        for _ in 0..KEPT {
            run(1, 9.0);
        }
        let rounds = run(5, 10.0);
        assert_eq!(
            (rounds.len(), &rounds[..KEPT - 5], &rounds[KEPT - 5..]),
            (KEPT, &[[Some(9); 2]; KEPT - 5][..], &[[Some(10); 2]; 5][..])
        );
    }

    #[test]
    fn other_events_are_not_test_events() {
        let mut check = started(PROBES);
        check.send(Tenant::A, Instant::new(0.0));
        let other = "Isolation check y: test event 1 of 5 to Tenant A";
        assert_eq!(check.saw(Tenant::A, other, Instant::new(1.0)), None);
    }

    #[test]
    fn a_test_event_that_arrives_twice_counts_once() {
        let check = run(|tenant, _| vec![tenant, tenant]);
        assert_eq!(check.cell(Tenant::A, Tenant::A).seen, PROBES);
    }

    #[test]
    fn two_test_events_that_arrive_in_turn_are_two_and_prove_nothing() {
        let mut check = started(PROBES);
        let texts = [(); PROBES].map(|()| Tenant::ALL.map(|tenant| check.send(tenant, Instant::new(10.0))));
        for (n, at) in [(0, 20.0), (1, 30.0), (0, 40.0), (1, 50.0), (0, 60.0)] {
            for tenant in Tenant::ALL {
                assert!(check.saw(tenant, &texts[n][tenant as usize], Instant::new(at)).is_some());
            }
        }
        check.finish(7, String::from("one"));
        let cell = check.cell(Tenant::A, Tenant::A);
        assert_eq!(cell, Cell { seen: 2, slowest: 20 }, "a repeat is not a delivery, so its time does not count");
        assert_eq!(check.verdict(), Some(Verdict::Incomplete));
    }
}
