//! The isolation check: marked probes are posted to both tenants at once; each must be seen on its own tenant's stream,
//! and none on the other's. A probe is known by its text, so that one that leaks under any name is still found. It
//! posts and listens to nothing itself.

use super::clock::{Instant, Millis};
use crate::feed::Tenant;

/// How many probes each tenant gets.
pub const PROBES: usize = 5;

/// One run of the check.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Check {
    stage: Stage,
    marker: String,
    probes: Vec<Probe>,
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// It was never started.
    #[default]
    Idle,
    /// Probes are posted and listened for.
    Running,
    /// There is a verdict.
    Done,
}

#[derive(Debug, Clone, PartialEq)]
struct Probe {
    tenant: Tenant,
    text: String,
    sent: Instant,
    refused: bool,
    /// How long the probe took to be seen first on each tenant's stream.
    seen: [Option<Millis>; 2],
}

/// What a check has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every probe was seen on its own stream, and none on the other.
    Isolated,
    /// A probe was seen on the other tenant's stream.
    Leaked,
    /// None leaked, but some were not accepted, or not seen at all: this proves nothing.
    Incomplete,
}

/// The probes sent to one tenant, as seen by a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// How many different ones of them were seen.
    pub seen: usize,
    /// The longest that one took, in milliseconds; 0 where none was seen.
    pub slowest: u64,
}

impl Check {
    /// A check whose probes are told from all others by `marker`.
    #[must_use]
    pub fn start(marker: String) -> Self {
        Self { stage: Stage::Running, marker, ..Self::default() }
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// The text of the next probe to a tenant, that is sent `now`.
    pub fn send(&mut self, tenant: Tenant, now: Instant) -> String {
        let number = self.probes.iter().filter(|probe| probe.tenant == tenant).count() + 1;
        let text = format!("Isolation check {}: probe {number} of {PROBES} to {}", self.marker, tenant.label());
        self.probes.push(Probe { tenant, text: text.clone(), sent: now, refused: false, seen: [None; 2] });
        text
    }

    /// A probe was not accepted.
    pub fn refused(&mut self, text: &str) {
        for probe in self.probes.iter_mut().filter(|probe| probe.text == text) {
            probe.refused = true;
        }
    }

    /// A text was seen on a tenant's stream. `true` if it is a probe.
    pub fn saw(&mut self, stream: Tenant, text: &str, now: Instant) -> bool {
        let Some(probe) = self.probes.iter_mut().find(|probe| probe.text == text) else { return false };
        probe.seen[stream as usize].get_or_insert(now - probe.sent);
        true
    }

    /// Whether every probe was seen where it belongs.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        Tenant::ALL.iter().all(|tenant| self.cell(*tenant, *tenant).seen == PROBES)
    }

    /// Listened long enough.
    pub fn finish(&mut self) {
        self.stage = Stage::Done;
    }

    /// The probes sent to `tenant`, as seen by the stream of `stream`.
    #[must_use]
    pub fn cell(&self, tenant: Tenant, stream: Tenant) -> Cell {
        let sent = self.probes.iter().filter(|probe| probe.tenant == tenant);
        let took = sent.filter_map(|probe| probe.seen[stream as usize]);
        took.fold(Cell { seen: 0, slowest: 0 }, |cell, took| Cell {
            seen: cell.seen + 1,
            slowest: cell.slowest.max(took.round() as u64),
        })
    }

    /// What it has shown; of one that runs, so far.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let [a, b] = Tenant::ALL;
        if self.cell(a, b).seen + self.cell(b, a).seen > 0 {
            Verdict::Leaked
        } else if self.is_delivered() && !self.probes.iter().any(|probe| probe.refused) {
            Verdict::Isolated
        } else {
            Verdict::Incomplete
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
            Self::Incomplete => "incomplete",
        }
    }

    /// The verdict for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Isolated => "Isolated: each tenant saw every probe of its own and none of the other's.",
            Self::Leaked => "LEAK: a tenant has seen probes of the other.",
            Self::Incomplete => "Not proven: some probes were not accepted or not seen. Run the check again.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends all probes; each is seen by the streams that `seen_by` says.
    fn run(seen_by: impl Fn(Tenant, usize) -> Vec<Tenant>) -> Check {
        let mut check = Check::start(String::from("x"));
        for n in 0..PROBES {
            for tenant in Tenant::ALL {
                let text = check.send(tenant, Instant::new(10.0));
                for stream in seen_by(tenant, n) {
                    assert!(check.saw(stream, &text, Instant::new(24.0)));
                }
            }
        }
        check.finish();
        check
    }

    #[test]
    fn isolated_is_all_here_and_none_there() {
        let check = run(|tenant, _| vec![tenant]);
        assert_eq!(check.verdict(), Verdict::Isolated);
        assert_eq!(check.cell(Tenant::A, Tenant::A), Cell { seen: PROBES, slowest: 14 });
        assert_eq!(check.cell(Tenant::A, Tenant::B), Cell { seen: 0, slowest: 0 });
    }

    #[test]
    fn one_probe_in_the_wrong_place_is_a_leak() {
        let check = run(|tenant, n| if n == 3 && tenant == Tenant::B { Tenant::ALL.to_vec() } else { vec![tenant] });
        assert_eq!(check.verdict(), Verdict::Leaked);
        assert_eq!(check.cell(Tenant::B, Tenant::A).seen, 1);
    }

    #[test]
    fn what_is_not_seen_proves_nothing() {
        let check = run(|tenant, n| if n == 3 { vec![] } else { vec![tenant] });
        assert_eq!(check.verdict(), Verdict::Incomplete);
        let mut check = run(|tenant, _| vec![tenant]);
        let refused = check.send(Tenant::A, Instant::new(0.0));
        check.refused(&refused);
        assert_eq!(check.verdict(), Verdict::Incomplete);
    }

    #[test]
    fn each_probe_is_told_from_every_other_by_its_text() {
        let mut check = Check::start(String::from("x"));
        let texts = [Tenant::A, Tenant::A, Tenant::B].map(|tenant| check.send(tenant, Instant::new(0.0)));
        let expected = ["probe 1 of 5 to Tenant A", "probe 2 of 5 to Tenant A", "probe 1 of 5 to Tenant B"];
        assert_eq!(texts, expected.map(|probe| format!("Isolation check x: {probe}")));
    }

    #[test]
    fn a_check_is_idle_then_runs_and_then_is_done() {
        let mut check = Check::default();
        assert_eq!(check.stage(), Stage::Idle);
        check = Check::start(String::from("x"));
        assert_eq!(check.stage(), Stage::Running);
        check.finish();
        assert_eq!(check.stage(), Stage::Done);
    }

    #[test]
    fn another_text_that_was_refused_is_nothing_to_it() {
        let mut check = run(|tenant, _| vec![tenant]);
        check.refused("another text");
        assert_eq!(check.verdict(), Verdict::Isolated);
    }

    #[test]
    fn a_verdict_is_told_in_markup_and_in_words() {
        for (verdict, slug, word) in [
            (Verdict::Isolated, "isolated", "Isolated:"),
            (Verdict::Leaked, "leaked", "LEAK:"),
            (Verdict::Incomplete, "incomplete", "Not proven:"),
        ] {
            assert_eq!(verdict.slug(), slug);
            assert!(verdict.words().starts_with(word), "{}", verdict.words());
        }
    }

    #[test]
    fn other_events_are_no_probes() {
        let mut check = Check::start(String::from("x"));
        check.send(Tenant::A, Instant::new(0.0));
        assert!(!check.saw(Tenant::A, "Isolation check y: probe 1 of 5 to Tenant A", Instant::new(1.0)));
    }

    #[test]
    fn a_probe_seen_twice_counts_once() {
        let check = run(|tenant, _| vec![tenant, tenant]);
        assert_eq!(check.cell(Tenant::A, Tenant::A).seen, PROBES);
    }

    #[test]
    fn two_probes_seen_in_turn_are_two_and_prove_nothing() {
        let mut check = Check::start(String::from("x"));
        let texts = [(); PROBES].map(|()| Tenant::ALL.map(|tenant| check.send(tenant, Instant::new(10.0))));
        for (n, at) in [(0, 20.0), (1, 30.0), (0, 40.0), (1, 50.0), (0, 60.0)] {
            for tenant in Tenant::ALL {
                assert!(check.saw(tenant, &texts[n][tenant as usize], Instant::new(at)));
            }
        }
        check.finish();
        let cell = check.cell(Tenant::A, Tenant::A);
        assert_eq!(cell, Cell { seen: 2, slowest: 20 }, "a repeat is not a delivery, so its time does not count");
        assert_eq!(check.verdict(), Verdict::Incomplete);
    }
}
