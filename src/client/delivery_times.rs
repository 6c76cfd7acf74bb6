//! Sums up how long test events took to arrive, and turns the times into the bars of a chart.
//!
//! Only the page's own test events count: their times begin and end on one clock. The chart's markup and the words around
//! it are the page's.

use std::fmt::Write;

use crate::feed::Tenant;

/// The times of one test event for each tenant, in milliseconds; `None` if it has not arrived.
pub type Round = [Option<u64>; 2];

/// How many rounds are kept.
pub const KEPT: usize = 30;
/// The height of the chart, in its own units.
const HEIGHT: u64 = 1_000;
/// The width of a round. All of them are 180 wide.
const EACH: usize = 6;
/// The height of the lowest bar, so that a fast delivery is not taken for a missing one.
const LOWEST: u64 = 8;

/// How many of a tenant's test events have arrived, and how long the slowest took, in milliseconds.
#[must_use]
pub fn summary(rounds: &[Round], tenant: Tenant) -> (usize, u64) {
    let times = rounds.iter().filter_map(|round| round[tenant as usize]);
    times.fold((0, 0), |(count, slowest), took| (count + 1, slowest.max(took)))
}

/// The time at the top of the chart, in milliseconds: 10, 20, 50, 100 and so on, so that every bar fits.
#[must_use]
pub fn scale(rounds: &[Round]) -> u64 {
    let mut top = 10;
    let mut steps = 0;
    for took in rounds.iter().flatten() {
        // No delivery of a check takes an hour.
        while took.is_some_and(|took| took > top) && top < 3_600_000 {
            steps += 1;
            // From 10 to 20, to 50, to 100.
            top = if steps % 3 == 2 { top / 2 * 5 } else { top * 2 };
        }
    }
    top
}

/// The bars of a tenant as the path of an SVG element: a vertical line for each delivery. The newest round is at the end,
/// and a round of which nothing arrived leaves a gap.
#[must_use]
pub fn bars(rounds: &[Round], tenant: Tenant) -> String {
    let top = scale(rounds);
    let mut path = String::new();
    for (place, round) in (KEPT - rounds.len().min(KEPT)..).zip(rounds) {
        let Some(took) = round[tenant as usize] else { continue };
        let x = place * EACH + if tenant == Tenant::A { 2 } else { 4 };
        let height = (took.min(top) * HEIGHT / top).max(LOWEST);
        // Writing to a text cannot fail.
        let _ = write!(path, "M{x} {HEIGHT}V{}", HEIGHT - height);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Tenant = Tenant::A;

    fn of_a(times: &[u64]) -> Vec<Round> {
        times.iter().map(|took| [Some(*took), None]).collect()
    }

    #[test]
    fn a_summary_counts_what_arrived_and_has_the_slowest() {
        let rounds = [[Some(30), None], [Some(40), Some(5)], [None, None], [Some(10), None]];
        assert_eq!((summary(&rounds, A), summary(&rounds, Tenant::B)), ((3, 40), (1, 5)));
        assert_eq!(summary(&[], A), (0, 0));
    }

    #[test]
    fn the_scale_is_the_next_round_number() {
        for (slowest, top) in [
            (0, 10),
            (10, 10),
            (11, 20),
            (21, 50),
            (51, 100),
            (101, 200),
            (201, 500),
            (501, 1_000),
            (6_000, 10_000),
            (u64::MAX, 5_000_000),
        ] {
            assert_eq!(scale(&of_a(&[3, slowest, 5])), top, "{slowest}");
        }
        assert_eq!(scale(&[]), 10);
    }

    #[test]
    fn a_bar_is_as_high_as_its_time_is_long() {
        assert_eq!(bars(&of_a(&[10, 5]), A), "M170 1000V0M176 1000V500");
        assert_eq!(bars(&[[None, Some(20)]], Tenant::B), "M178 1000V0");
        assert_eq!(bars(&of_a(&[0]), A), "M176 1000V992", "a fast one can be seen");
        assert_eq!(bars(&[[None; 2]], A), "", "a missing one leaves a gap");
        assert_eq!(bars(&[], A), "");
    }

    #[test]
    fn all_bars_are_within_the_chart() {
        assert_eq!((KEPT * EACH, HEIGHT), (180, 1_000), "as in the page's markup");
        let rounds = of_a(&[u64::MAX; KEPT]);
        let path = bars(&rounds, A);
        assert!(path.starts_with("M2 1000V0M") && path.ends_with("M176 1000V0"), "{path}");
    }
}
