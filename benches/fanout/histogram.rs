//! Counts millions of durations in buckets. Each power of two has 64 buckets, so a bucket is at most 1.6 % wide.

use std::time::Duration;

const BITS: u32 = 6;
const STEP: usize = 1 << BITS;

/// The number of durations in each bucket. Durations are in nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; (64 - BITS as usize + 1) * STEP], total: 0, max: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    pub(crate) const fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The duration that a share of all durations does not exceed; zero if nothing was recorded.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let rank = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper(bucket).min(self.max));
            }
        }
        self.max()
    }
}

fn bucket(nanos: u64) -> usize {
    let shift = (64 - BITS).saturating_sub(nanos.leading_zeros() + 1);
    let within = (nanos >> shift) as usize; // below STEP only without a shift
    shift as usize * STEP + within
}

/// The highest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket / STEP).saturating_sub(1);
    let within = (bucket - shift * STEP) as u64;
    ((within + 1) << shift) - 1
}
