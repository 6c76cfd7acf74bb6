//! Measures the memory that subscribers hold if they read nothing.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use super::SUBSCRIBERS;
use crate::{
    Options, Outcome,
    client::{Client, Pace, Phase, Stalled},
    proc::{self, Kernel},
    scenarios::{Figures, KEPT},
    servers::Server,
};

/// Events of each tenant in a burst, 200 kB. The next burst begins when all that read have this one.
const BURST: usize = 100;
/// Maximum kernel memory before posting ends, in bytes. More would slow down every connection of the machine.
const KERNEL_MAX: u64 = 1_200_000_000;
/// The time for which events are posted, unless a subscriber is closed before.
const POSTING: Duration = Duration::from_secs(10);
/// Maximum time from the first post until all subscribers are closed.
const CLOSING: Duration = Duration::from_secs(25);
/// [`POSTING`] and [`CLOSING`] in a smoke run.
const SMOKE: Duration = Duration::from_millis(500);
/// How often memory is measured.
const SAMPLE: Duration = Duration::from_millis(20);

/// Memory that is held, in bytes.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// By the kernel, in the buffers of all TCP sockets.
    kernel: u64,
    /// By the server's process.
    resident: u64,
}

impl Held {
    fn now(server: &Server) -> Self {
        Self { kernel: Kernel::now().buffers, resident: proc::resident(server.pid()) }
    }

    fn max(self, other: Self) -> Self {
        Self { kernel: self.kernel.max(other.kernel), resident: self.resident.max(other.resident) }
    }

    const fn since(self, before: Self) -> Self {
        Self {
            kernel: self.kernel.saturating_sub(before.kernel),
            resident: self.resident.saturating_sub(before.resident),
        }
    }
}

/// Measures what subscribers that read nothing hold of the kernel's memory and of the server's.
pub(crate) fn unread(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = Client::open(server.port, SUBSCRIBERS, options.size as usize)?;
    client.mark()?;
    // The lists are full before memory is measured.
    let kept = if options.smoke { KEPT / 10 } else { KEPT };
    client.post_to_both(Phase::Fill, options.posters as usize, Pace::Burst { events: kept })?;
    client.settle()?;
    let (before, delivered_before) = (Held::now(server), client.delivered());

    let stalled = Stalled::open(server.port, options.unread as usize, None)?;
    let begun = Instant::now();
    let (posting_limit, closing_limit) = if options.smoke { (SMOKE, SMOKE) } else { (POSTING, CLOSING) };
    let stop = AtomicBool::new(false);
    let mut peak = before;
    let mut sample = || {
        thread::sleep(SAMPLE);
        peak = peak.max(Held::now(server));
        peak.since(before)
    };
    thread::scope(|scope| {
        let posting = scope.spawn(|| post_bursts(&client, options, &stop));
        let done = || stalled.ended() > 0 || begun.elapsed() > posting_limit || posting.is_finished();
        while sample().kernel < KERNEL_MAX && !done() {}
        stop.store(true, SeqCst);
        posting.join().map_err(|_| "posting panicked")?
    })?;
    let (posted, events) = (begun.elapsed(), (client.delivered() - delivered_before) as f64 / SUBSCRIBERS as f64);
    while stalled.ended() < stalled.count() && begun.elapsed() < closing_limit {
        sample();
    }
    let held = sample();
    let seconds = |at: Option<Duration>| at.unwrap_or_default().as_secs_f64();
    let each = |bytes: u64| bytes as f64 / 1e3 / stalled.count() as f64;
    Ok(Figures {
        values: vec![
            ("kernel MB", held.kernel as f64 / 1e6),
            ("kernel kB each", each(held.kernel)),
            ("RSS MB", held.resident as f64 / 1e6),
            ("RSS kB each", each(held.resident)),
            ("events each", events),
            ("posted s", posted.as_secs_f64()),
            ("closed", stalled.ended() as f64),
            ("first closed s", seconds(stalled.first_ended())),
            ("last closed s", seconds(stalled.last_ended())),
        ],
        doubt: None,
    })
}

/// Posts bursts for both tenants until it must stop.
fn post_bursts(client: &Client, options: &Options, stop: &AtomicBool) -> Outcome<()> {
    while !stop.load(SeqCst) {
        client.post_to_both(Phase::Fill, options.posters as usize, Pace::Burst { events: BURST })?;
        client.settle()?;
    }
    Ok(())
}
