//! The line between clients and a server, as a proxy that can be cut, slowed, narrowed, half closed and made a black hole.

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

/// What the line does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Passes it on.
    Sound,
    /// Passes it on later.
    Slow(Duration),
    /// Passes on so many bytes in a millisecond.
    Narrow(usize),
    /// Passes nothing on, and tells nobody.
    Dead,
    /// Tells the client that the server sends no more; the other direction stands.
    HalfClosed,
    /// Is reset in both directions.
    Cut,
}

/// A line in front of a server. It is cut when it is dropped.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) client: Client,
    state: watch::Sender<State>,
}

impl Line {
    pub(crate) async fn to(server: &Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client { address: listener.local_addr().unwrap() };
        let (state, states) = watch::channel(State::Sound);
        tokio::spawn(serve(listener, server.address, states));
        Self { client, state }
    }

    /// From now on.
    pub(crate) fn is_now(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, mut states: watch::Receiver<State>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((near, _)) = accepted else { continue };
                tokio::spawn(join(near, server, states.clone()));
            }
            // An error says that the line was dropped.
            changed = states.changed() => if changed.is_err() { return },
        }
    }
}

async fn join(mut near: TcpStream, server: SocketAddr, states: watch::Receiver<State>) -> io::Result<()> {
    let mut far = TcpStream::connect(server).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let mut cut = states.clone();
    {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let there = carry(near_in, far_out, states.clone(), false);
        let back = carry(far_in, near_out, states, true);
        tokio::select! {
            carried = async { tokio::try_join!(there, back) } => return carried.map(|_| ()),
            // An error says that the line was dropped.
            _ = cut.wait_for(|state| *state == State::Cut) => {}
        }
    }
    near.set_zero_linger()?;
    far.set_zero_linger()
}

/// Carries one direction, to its end. `back` is the one from the server.
async fn carry(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut states: watch::Receiver<State>,
    back: bool,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let state = *states.borrow_and_update();
        let most = match state {
            State::Narrow(width) => width,
            State::HalfClosed if back => return to.shutdown().await,
            State::Dead | State::Cut => {
                // An error says that the line was dropped.
                if states.changed().await.is_err() {
                    return Ok(());
                }
                continue;
            }
            State::Sound | State::Slow(_) | State::HalfClosed => bytes.len(),
        };
        let count = tokio::select! {
            read = from.read(&mut bytes[..most]) => read?,
            changed = states.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return Ok(()),
            },
        };
        if count == 0 {
            return to.shutdown().await;
        }
        match state {
            State::Slow(delay) => sleep(delay).await,
            State::Narrow(_) => sleep(Duration::from_millis(1)).await,
            _ => {}
        }
        to.write_all(&bytes[..count]).await?;
    }
}
