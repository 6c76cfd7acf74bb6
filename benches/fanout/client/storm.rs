//! Lets many clients connect at once, and read the list or the page of a tenant.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use event_feed::feed::Tenant;

use super::{handshake::connect, poster::read_answer};
use crate::Outcome;

/// Maximum number of attempts of a client.
const TRIES: usize = 40;
/// The pause before the next attempt of a client that was rejected.
const PAUSE: Duration = Duration::from_millis(250);

/// The answer that the clients of a storm read. They accept the content codings that a browser accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Read {
    List,
    Page,
}

/// The figures of a storm: many clients that connect and read at once.
#[derive(Debug, Default)]
pub(crate) struct Storm {
    pub(crate) lasted: Duration,
    pub(crate) bytes: u64,
    /// The number of rejections after which a client tried again.
    pub(crate) rejections: u64,
}

/// Starts all clients at once. Each connects, sends its request, reads the answer, and closes.
pub(crate) fn storm(port: u16, tenant: Tenant, clients: usize, read: Read) -> Outcome<Storm> {
    let start = Instant::now();
    let mut result = Storm::default();
    let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
    let mut left = clients;
    for _ in 0..TRIES {
        let asked: Vec<_> = (0..left).map(|_| ask(port, tenant, read)).collect();
        for client in asked {
            let mut bytes = Vec::new();
            match client.and_then(|mut socket| read_answer(&mut socket, &mut bytes)) {
                Ok((200, body)) => {
                    let (head, body) = (String::from_utf8_lossy(&bytes[..body]), &bytes[body..]);
                    let etag = head.lines().find(|line| line.to_ascii_lowercase().starts_with("etag:"));
                    if matches!(read, Read::List) {
                        let etag = etag.ok_or("a list without an ETag")?.to_owned();
                        if bodies.entry(etag).or_insert_with(|| body.to_vec()) != body {
                            return Err("two lists with one ETag differ".into());
                        }
                    }
                    result.bytes += body.len() as u64;
                    left -= 1;
                }
                Ok((503, _)) | Err(_) => result.rejections += 1,
                Ok((status, _)) => return Err(format!("a read was answered with {status}").into()),
            }
        }
        if left == 0 {
            result.lasted = start.elapsed();
            return Ok(result);
        }
        std::thread::sleep(PAUSE);
    }
    Err(format!("{left} clients never got their answer").into())
}

fn ask(port: u16, tenant: Tenant, read: Read) -> io::Result<TcpStream> {
    let mut socket = connect(port)?;
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let target = match read {
        Read::List => format!("/events HTTP/1.1\r\nX-Tenant-ID: {tenant}"),
        Read::Page => format!("/?tenant={tenant} HTTP/1.1"),
    };
    let request = format!("GET {target}\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: br, gzip\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    Ok(socket)
}
