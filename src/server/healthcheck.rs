//! Asking a running server how it is, as a container's health check does where there is no shell and no `curl`. What
//! the server answers is in `api`.

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

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer of a server that serves begins so.
const WELL: &[u8] = b"HTTP/1.1 200 ";

/// Asks the server that listens where `settings` say for its `GET /healthz`.
///
/// # Errors
/// Where it cannot be reached, does not answer within 2 s, or answers anything but `200`.
pub async fn healthcheck(settings: &Settings) -> io::Result<()> {
    let address = SocketAddr::new(reachable(settings.host), settings.port);
    timeout(PATIENCE, ask(address)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The address by which this machine reaches a server that listens on `host`.
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
    let mut begin = [0; WELL.len()];
    tcp.read_exact(&mut begin).await?;
    if begin == WELL { Ok(()) } else { Err(io::Error::other("it does not serve")) }
}
