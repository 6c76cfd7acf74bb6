//! Runs clients that load a tenant's page again and again, each over one persistent connection.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

use event_feed::feed::Tenant;
use socket2::SockRef;

use super::{Attack, Loaded, conditions, latencies, loaded, quiet};
use crate::{
    Options, Outcome,
    client::{Head, LARGE, Phase, connect},
    scenarios::Figures,
    servers::Server,
};

/// Events of each tenant, more than a page shows: it is rendered with the newest 100.
const KEPT: usize = 150;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Size of each read, in bytes. A page has some 440 kB.
const READ_SIZE: usize = 128 * 1024;

/// The counts of one client.
#[derive(Debug, Default)]
struct Counts {
    /// Answers with status 200.
    pages: u64,
    /// Answers with status 503.
    refused: u64,
    /// Answers with any other status.
    unexpected: u64,
    /// Connections that failed, or that the server closed before it answered.
    lost: u64,
}

/// Measures the other clients quiet, then next to clients that load A's page.
pub(crate) fn page_flood(server: &Server, options: &Options) -> Outcome<Figures> {
    let client = quiet(server, KEPT, LARGE, options)?;
    let port = server.port;
    let attack = Attack::start(options.page_loaders, move |stop| run(port, stop));
    let Loaded { counts, lasted, late, used } = loaded(server, &client, attack, options)?;
    let total = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>() as f64;
    if total(|counts| counts.unexpected) > 0.0 {
        return Err("a page was answered with neither 200 nor 503".into());
    }
    let mut values = latencies(&client, Phase::Loaded);
    values.extend([
        ("pages/s", total(|counts| counts.pages) / lasted.as_secs_f64()),
        ("status 200", total(|counts| counts.pages)),
        ("status 503", total(|counts| counts.refused)),
        ("lost", total(|counts| counts.lost)),
    ]);
    values.extend(conditions(&client, &late, &used));
    Ok(Figures { values, doubt: used.shared() })
}

fn run(port: u16, stop: &AtomicBool) -> Counts {
    let mut counts = Counts::default();
    let mut buffer = vec![0; READ_SIZE];
    while !stop.load(SeqCst) {
        if load_pages(port, &mut buffer, &mut counts, stop).is_err() {
            counts.lost += 1;
        }
    }
    counts
}

/// Loads pages on one connection until it must stop.
///
/// # Errors
/// If the connection fails or ends.
fn load_pages(port: u16, buffer: &mut [u8], counts: &mut Counts, stop: &AtomicBool) -> io::Result<()> {
    let mut socket = connect(port)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    // A close resets the connection, so that no port is left in TIME_WAIT.
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    let request = format!("GET /?tenant={} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n", Tenant::A);
    while !stop.load(SeqCst) {
        socket.write_all(request.as_bytes())?;
        match read_page(&mut socket, buffer)? {
            200 => counts.pages += 1,
            503 => counts.refused += 1,
            _ => counts.unexpected += 1,
        }
    }
    Ok(())
}

/// Reads one answer to its end, and returns its status. The buffer must be larger than the head.
fn read_page(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<u16> {
    const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
    let mut filled = 0;
    let Head { status, body, length } = loop {
        filled += read_some(socket, &mut buffer[filled..])?;
        if let Some(head) = Head::parse(&buffer[..filled]) {
            break head;
        }
    };
    if let Some(length) = length {
        let mut received = filled - body;
        while received < length {
            received += read_some(socket, buffer)?;
        }
    } else {
        // The body is chunked: its last bytes are moved to the start of the buffer before each read.
        while !buffer[..filled].ends_with(LAST_CHUNK) {
            let kept = filled.min(LAST_CHUNK.len());
            buffer.copy_within(filled - kept..filled, 0);
            filled = kept + read_some(socket, &mut buffer[kept..])?;
        }
    }
    Ok(status)
}

fn read_some(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match socket.read(buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(count),
    }
}
