//! Checks the health of a running server, for a container: an image may have neither a shell nor `curl`. The answer is
//! made in `http::api`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Settings;

/// Maximum time until the answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The start of the answer of a healthy server.
const OK_START: &[u8] = b"HTTP/1.1 200 ";

/// Sends `GET /healthz` to the server that runs with these settings.
///
/// # Errors
/// If the server cannot be reached, does not answer within 2 s, or answers with another status than `200`.
pub async fn healthcheck(settings: &Settings) -> io::Result<()> {
    let address = SocketAddr::new(reachable(settings.host), settings.port);
    timeout(TIMEOUT, ask(address)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The address at which this machine reaches a server that listens on `host`.
const fn reachable(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

async fn ask(address: SocketAddr) -> io::Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut begin = [0; OK_START.len()];
    tcp.read_exact(&mut begin).await?;
    if begin == OK_START { Ok(()) } else { Err(io::Error::other("the server did not answer with 200")) }
}
