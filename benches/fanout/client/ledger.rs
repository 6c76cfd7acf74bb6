//! Records the posts of one tenant: each has an index, which its message contains, and the time of its first byte.

use std::{
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst},
    time::Instant,
};

use event_feed::feed::Tenant;

/// Maximum number of posts of one tenant in one run.
const POSTS_MAX: usize = 400_000;
/// Size of a large message, in bytes: 11 characters of one byte, then 480 of four.
pub(crate) const LARGE: usize = 11 + 480 * 4;
/// Size of the longest message of ASCII characters, in bytes.
const ASCII_MAX: usize = 500;
/// The bits of a stamp that hold its time, in nanoseconds.
const TIME_BITS: u32 = 56;

/// The purpose of an event. Its deliveries are counted under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first event, at which every connection starts to compare, and later events that are not measured.
    Mark,
    /// Large events that fill buffers. They are verified and not measured.
    Fill,
    /// The measured load. If a scenario compares two loads, this is the load alone.
    Quiet,
    /// The measured load together with the load that the scenario adds.
    Loaded,
    /// The measured load after the added load has ended.
    After,
}

impl Phase {
    pub(crate) const COUNT: usize = 5;

    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Mark,
            1 => Self::Fill,
            2 => Self::Quiet,
            3 => Self::Loaded,
            _ => Self::After,
        }
    }
}

/// The posts of one tenant. The posters write it, and the reader reads it.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) tenant: Tenant,
    base: Instant,
    size: usize,
    phase: AtomicU8,
    next: AtomicUsize,
    accepted: AtomicU64,
    may_refuse: AtomicBool,
    refused: AtomicU64,
    stamps: Box<[AtomicU64]>,
}

/// A post that is in the ledger.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) index: usize,
    phase: Phase,
    pub(crate) message: String,
}

impl Ledger {
    /// Makes an empty ledger. Times count from `base`, and messages have `size` bytes.
    pub(crate) fn new(tenant: Tenant, base: Instant, size: usize) -> Self {
        Self {
            tenant,
            base,
            size,
            phase: AtomicU8::new(0),
            next: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            may_refuse: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            stamps: (0..POSTS_MAX).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Assigns all later posts to `phase`.
    pub(crate) fn turn_to(&self, phase: Phase) {
        self.phase.store(phase as u8, SeqCst);
    }

    /// The next post, if the ledger has room for it.
    pub(crate) fn next(&self) -> Option<Post> {
        let phase = Phase::of(self.phase.load(SeqCst));
        let index = self.next.fetch_add(1, SeqCst);
        (index < self.stamps.len()).then(|| Post { index, phase, message: self.message(index, phase) })
    }

    /// Notes that the first byte of a post is about to be sent.
    pub(crate) fn stamp(&self, post: &Post) {
        self.stamps[post.index].store((post.phase as u64) << TIME_BITS | self.now().max(1), SeqCst);
    }

    /// Notes that the server has accepted a post.
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, SeqCst);
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(SeqCst)
    }

    /// Allows the server to answer later posts with 503.
    pub(crate) fn allow_refusing(&self) {
        self.may_refuse.store(true, SeqCst);
    }

    pub(crate) fn may_refuse(&self) -> bool {
        self.may_refuse.load(SeqCst)
    }

    /// Counts a post that the server answered with 503.
    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, SeqCst);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(SeqCst)
    }

    /// The post of a message: its index, its phase, and the time of its first byte. `None` if the message is not exactly one
    /// that was posted.
    pub(crate) fn recognise(&self, message: &str) -> Option<(usize, Phase, u64)> {
        let index: usize = message.get(..10)?.parse().ok()?;
        let stamp = self.stamps.get(index)?.load(SeqCst);
        let phase = Phase::of((stamp >> TIME_BITS) as u8);
        let sent = stamp & ((1 << TIME_BITS) - 1);
        (sent > 0 && self.message(index, phase) == message).then_some((index, phase, sent))
    }

    /// The time of the first byte of a phase's first post.
    pub(crate) fn first_of(&self, phase: Phase) -> Option<u64> {
        let stamps = self.stamps.iter().take(self.next.load(SeqCst)).map(|stamp| stamp.load(SeqCst));
        stamps
            .filter(|stamp| (stamp >> TIME_BITS) as u8 == phase as u8 && *stamp != 0)
            .map(|stamp| stamp & ((1 << TIME_BITS) - 1))
            .min()
    }

    /// The nanoseconds since the base.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The text of a message: ten digits of the index, the tenant's mark, and padding.
    fn message(&self, index: usize, phase: Phase) -> String {
        let head = format!("{index:010}{}", self.tenant.mark());
        let size = if phase == Phase::Fill { LARGE } else { self.size };
        let padding = size.saturating_sub(head.len());
        head + &if size > ASCII_MAX { "🙂".repeat(padding / 4) } else { "x".repeat(padding) }
    }
}
