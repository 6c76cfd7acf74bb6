//! Subscribers that read nothing, and the memory that they hold.

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

/// How long events are posted, unless a subscriber is closed before.
const POSTING: Duration = Duration::from_secs(10);
/// How long subscribers may take to be closed, from the first post on.
const CLOSING: Duration = Duration::from_secs(25);
/// What both are in a smoke run.
const SMOKE: Duration = Duration::from_millis(500);
/// How often memory is measured.
const SAMPLE: Duration = Duration::from_millis(20);

/// The most memory that was held at one time, in bytes.
#[derive(Debug, Default)]
struct Peak {
    kernel: u64,
    resident: u64,
}

impl Peak {
    fn sample(&mut self, server: &Server) {
        self.kernel = self.kernel.max(Kernel::now().buffers);
        self.resident = self.resident.max(proc::resident(server.pid()));
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
    let before = (Kernel::now().buffers, proc::resident(server.pid()), client.delivered());

    let stalled = Stalled::open(server.port, options.unread as usize, None)?;
    let begun = Instant::now();
    let (posting_limit, closing_limit) = if options.smoke { (SMOKE, SMOKE) } else { (POSTING, CLOSING) };
    let (stop, mut peak) = (AtomicBool::new(false), Peak::default());
    thread::scope(|scope| {
        let posting =
            scope.spawn(|| client.post_to_both(Phase::Fill, options.posters as usize, Pace::Until(&stop)).map(drop));
        while stalled.ended() == 0 && begun.elapsed() < posting_limit && !posting.is_finished() {
            peak.sample(server);
            thread::sleep(SAMPLE);
        }
        stop.store(true, SeqCst);
        posting.join().map_err(|_| "posting panicked")?
    })?;
    let posted = begun.elapsed();
    client.settle()?;
    let events = (client.delivered() - before.2) as f64 / SUBSCRIBERS as f64;
    while stalled.ended() < stalled.count() && begun.elapsed() < closing_limit {
        peak.sample(server);
        thread::sleep(SAMPLE);
    }
    let (kernel, resident) = (peak.kernel.saturating_sub(before.0), peak.resident.saturating_sub(before.1));
    let seconds = |at: Option<Duration>| at.unwrap_or_default().as_secs_f64();
    let each = |bytes: u64| bytes as f64 / 1e3 / stalled.count() as f64;
    Ok(Figures {
        values: vec![
            ("kernel MB", kernel as f64 / 1e6),
            ("kernel kB each", each(kernel)),
            ("RSS MB", resident as f64 / 1e6),
            ("RSS kB each", each(resident)),
            ("events each", events),
            ("posted s", posted.as_secs_f64()),
            ("closed", stalled.ended() as f64),
            ("first closed s", seconds(stalled.first_ended())),
            ("last closed s", seconds(stalled.last_ended())),
        ],
        doubt: None,
    })
}
