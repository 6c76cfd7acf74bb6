//! Runs clients that request a tenant's list and reset the connection at once.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;
use socket2::SockRef;

use super::{POSTERS, conditions, latencies, phase_length, quiet};
use crate::{
    Options, Outcome,
    client::{self, Phase, connect},
    scenarios::{FOREVER, Figures, KEPT, Used, millis, pace},
    servers::Server,
};

/// Threads that send and abandon requests.
const THREADS: u32 = 2;
/// How long posts go on before the attack begins: each poster is connected then.
const LEAD: Duration = Duration::from_millis(200);

/// The results of the attack.
struct Attacked {
    lasted: Duration,
    failed: u64,
    next_list: client::Storm,
}

/// Measures the other clients quiet, during the attack, and after it; then A's next list.
pub(crate) fn abandoned_lists(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = quiet(server, KEPT, options.size as usize, options)?;
    client.allow_refusing();
    let stop = AtomicBool::new(false);
    let ((late, attacked), used) = Used::by(server, &client, || {
        thread::scope(|scope| {
            let posting = scope.spawn(|| client.post_to_both(Phase::Loaded, POSTERS, pace(options, FOREVER, &stop)));
            let attacked = attack(server.port, options, || client.turn_to(Phase::After));
            stop.store(true, SeqCst);
            let late = posting.join().map_err(|_| "posting panicked")??;
            Ok((late, attacked?))
        })
    })?;
    client.settle()?;
    let during = |tenant| client.latencies(&[tenant], Phase::Loaded);
    let (a, b) = (during(Tenant::A), during(Tenant::B));
    let mut values = latencies(&client, Phase::After);
    values.extend([
        ("A during p50 ms", millis(a.quantile(0.5))),
        ("A during max ms", millis(a.max())),
        ("B during p50 ms", millis(b.quantile(0.5))),
        ("B during max ms", millis(b.max())),
        ("attack s", attacked.lasted.as_secs_f64()),
        ("failed", attacked.failed as f64),
        ("next list ms", millis(attacked.next_list.lasted)),
        ("lists refused", attacked.next_list.rejections as f64),
    ]);
    values.extend(conditions(&client, &late, &used));
    Ok(Figures { values, doubt: used.shared() })
}

/// Abandons the requests, calls `after`, reads one list, and waits until a whole phase has passed since the start.
fn attack(port: u16, options: &Options, after: impl FnOnce()) -> Outcome<Attacked> {
    thread::sleep(LEAD);
    let begun = Instant::now();
    let failed = thread::scope(|scope| -> Outcome<u64> {
        let each = options.abandoned.div_ceil(THREADS);
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(move || abandon(port, each))).collect();
        let failed: Result<Vec<_>, _> = threads.into_iter().map(|thread| thread.join()).collect();
        Ok(failed.map_err(|_| "abandoning requests panicked")?.into_iter().sum())
    })?;
    let lasted = begun.elapsed();
    after();
    let ended = Instant::now();
    let next_list = client::storm(port, Tenant::A, 1, client::Read::List)?;
    thread::sleep(phase_length(options).saturating_sub(ended.elapsed()));
    Ok(Attacked { lasted, failed, next_list })
}

/// Sends `count` requests, and resets each connection at once. Returns how many could not be sent.
fn abandon(port: u16, count: u32) -> u64 {
    let request = format!("GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Tenant-ID: {}\r\n\r\n", Tenant::A);
    let send = || -> io::Result<()> {
        let mut socket = connect(port)?;
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        socket.write_all(request.as_bytes())
    };
    (0..count).map(|_| u64::from(send().is_err())).sum()
}
