//! Passes bytes between clients and a server, and fails on demand: it can delay, throttle, stall, half close and reset.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::server::Client;

/// How the proxy handles the bytes that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Forwards them.
    Forward,
    /// Forwards each piece after this delay.
    Delay(Duration),
    /// Forwards at most so many bytes in a millisecond, in each direction.
    Throttle(usize),
    /// Reads and forwards nothing. No connection is closed, so that neither peer notices it.
    Stall,
    /// Stalls what the server sends, and forwards what the client sends.
    #[allow(dead_code, reason = "only the tests of the backplane use it")]
    StallAnswers,
    /// Reads everything, and forwards nothing. No connection is closed. After this mode a connection is of no use: a piece
    /// of its stream is missing.
    #[allow(dead_code, reason = "only the tests of the backplane use it")]
    Discard,
    /// Ends the stream from the server to the client; the other direction stays open.
    HalfClose,
    /// Resets both connections.
    Reset,
}

/// A TCP proxy in front of a server. All its connections end when it is dropped.
#[derive(Debug)]
pub(crate) struct FaultyProxy {
    pub(crate) client: Client,
    mode: watch::Sender<Mode>,
}

impl FaultyProxy {
    /// Starts a proxy that forwards, on a port of its own.
    pub(crate) async fn start(server: &Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::of(listener.local_addr().unwrap());
        let (mode, modes) = watch::channel(Mode::Forward);
        tokio::spawn(serve(listener, server.address(), modes));
        Self { client, mode }
    }

    /// Changes the mode of all connections, open and new.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, mut modes: watch::Receiver<Mode>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((near, _)) = accepted else { continue };
                tokio::spawn(join(near, server, modes.clone()));
            }
            // An error means that the proxy was dropped.
            changed = modes.changed() => if changed.is_err() { return },
        }
    }
}

async fn join(mut near: TcpStream, server: SocketAddr, modes: watch::Receiver<Mode>) -> io::Result<()> {
    let mut far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let mut reset = modes.clone();
    {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let to_server = forward(near_in, far_out, modes.clone(), false);
        let to_client = forward(far_in, near_out, modes, true);
        tokio::select! {
            forwarded = async { tokio::try_join!(to_server, to_client) } => return forwarded.map(|_| ()),
            // An error means that the proxy was dropped.
            _ = reset.wait_for(|mode| *mode == Mode::Reset) => {}
        }
    }
    near.set_zero_linger()?;
    far.set_zero_linger()
}

/// Forwards one direction until its stream ends. `to_client` is true for the direction from the server.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut modes: watch::Receiver<Mode>,
    to_client: bool,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let mode = *modes.borrow_and_update();
        if matches!(mode, Mode::Stall | Mode::Reset) || (to_client && mode == Mode::StallAnswers) {
            // An error means that the proxy was dropped.
            if modes.changed().await.is_err() {
                return Ok(());
            }
            continue;
        }
        let piece_max = match mode {
            Mode::Throttle(bytes_per_ms) => bytes_per_ms,
            Mode::HalfClose if to_client => return to.shutdown().await,
            _ => bytes.len(),
        };
        let count = tokio::select! {
            read = from.read(&mut bytes[..piece_max]) => read?,
            changed = modes.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return Ok(()),
            },
        };
        if count == 0 {
            return to.shutdown().await;
        }
        // Here the time is the fault itself: no test waits for it.
        match mode {
            Mode::Delay(delay) => sleep(delay).await,
            Mode::Throttle(_) => sleep(Duration::from_millis(1)).await,
            Mode::Discard => continue,
            _ => {}
        }
        to.write_all(&bytes[..count]).await?;
    }
}
