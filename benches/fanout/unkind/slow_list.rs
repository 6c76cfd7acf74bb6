//! Runs a client that reads a long list slowly but steadily. It is not unkind, so limits on unkind clients must not affect
//! it.

use std::{
    io::{self, Read, Write},
    thread,
    time::{Duration, Instant},
};

use event_feed::feed::{Event, Tenant};

use crate::{
    Options, Outcome,
    client::{Client, Head, Pace, Phase, connect},
    scenarios::{Figures, KEPT},
    servers::Server,
};

/// Pace of the reader: 20 kB a second, in small pieces.
const PIECE: usize = 2_000;
const EVERY: Duration = Duration::from_millis(100);
/// Events of the list in a smoke run: 10 are read in a second.
const SMOKE_KEPT: usize = 10;
/// Maximum time without an arrival while data is due.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The data that the reader received.
struct Received {
    bytes: Vec<u8>,
    lasted: Duration,
    ended: Option<io::Error>,
}

/// Reads a list of 2 kB events at a steady 20 kB a second.
pub(crate) fn slow_list(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = Client::open(server.port, 2, options.size as usize)?;
    client.mark()?;
    let kept = if options.smoke { SMOKE_KEPT } else { KEPT };
    client.post(Tenant::A, Phase::Fill, options.posters as usize, Pace::Burst { events: kept })?;
    client.settle()?;
    let Received { bytes, lasted, ended } = read(server.port)?;
    if let Some(error) = &ended {
        eprintln!("  the list ended after {:.0} s: {error}", lasted.as_secs_f64());
    }
    let complete = Head::parse(&bytes).is_some_and(|head| head.status == 200 && is_list(&bytes[head.body..], kept));
    Ok(Figures {
        values: vec![
            ("received kB", bytes.len() as f64 / 1e3),
            ("complete", f64::from(u8::from(complete))),
            ("seconds", lasted.as_secs_f64()),
        ],
        doubt: None,
    })
}

/// Whether `body` is a list of at least `count` events.
fn is_list(body: &[u8], count: usize) -> bool {
    serde_json::from_slice::<Vec<Event>>(body).is_ok_and(|events| events.len() >= count)
}

fn read(port: u16) -> Outcome<Received> {
    let mut socket = connect(port)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let request = format!("GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Tenant-ID: {}\r\n\r\n", Tenant::A);
    socket.write_all(request.as_bytes())?;
    let begun = Instant::now();
    let (mut bytes, mut piece, mut next) = (Vec::new(), [0; PIECE], Duration::ZERO);
    let mut head = None;
    let ended = loop {
        thread::sleep(next.saturating_sub(begun.elapsed()));
        match socket.read(&mut piece) {
            Ok(0) => break Some(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                bytes.extend_from_slice(&piece[..count]);
                next += EVERY.mul_f64(count as f64 / PIECE as f64);
            }
            Err(error) => break Some(error),
        }
        head = head.or_else(|| Head::parse(&bytes));
        if head.and_then(|head| Some(head.body + head.length?)).is_some_and(|end| bytes.len() >= end) {
            break None;
        }
    };
    Ok(Received { bytes, lasted: begun.elapsed(), ended })
}
