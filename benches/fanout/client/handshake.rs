//! Opens WebSockets, with a few dozen handshakes at a time.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use event_feed::feed::Tenant;

use super::head::end_of_head;

/// Maximum number of handshakes of one thread at a time.
const AT_ONCE: usize = 32;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A socket, and the bytes that arrived behind the answer to its handshake.
pub(super) type Opened = (TcpStream, Vec<u8>);

/// Opens connections of a tenant, spread over the servers on `ports`.
pub(super) fn open(ports: &[u16], tenant: Tenant, count: usize) -> io::Result<Vec<Opened>> {
    let mut ports = ports.iter().copied().cycle();
    let mut opened = Vec::with_capacity(count);
    while opened.len() < count {
        let batch = (count - opened.len()).min(AT_ONCE);
        let begun = ports.by_ref().take(batch).map(|port| begin(connect(port)?, port, tenant));
        let sockets: Vec<_> = begun.collect::<io::Result<_>>()?;
        for mut socket in sockets {
            let behind = finish(&mut socket)?;
            opened.push((socket, behind));
        }
    }
    Ok(opened)
}

pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Sends the handshake.
pub(crate) fn begin(mut socket: TcpStream, port: u16, tenant: Tenant) -> io::Result<TcpStream> {
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    socket.set_nodelay(true)?;
    let request = format!(
        "GET /ws?tenant={tenant} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    Ok(socket)
}

/// Reads the answer. Returns the bytes that arrived behind it.
pub(crate) fn finish(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let count = socket.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(end) = end_of_head(&bytes) {
            return if bytes.starts_with(b"HTTP/1.1 101 ") {
                Ok(bytes.split_off(end))
            } else {
                Err(io::Error::other(format!("no upgrade: {}", String::from_utf8_lossy(&bytes[..end]).trim())))
            };
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
