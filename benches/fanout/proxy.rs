//! Passes TCP connections on to another port, and can hold all data for a time: a network that fails silently.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use crate::client::connect;

/// A proxy. Dropping it closes all connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    valve: Arc<Valve>,
}

/// Whether data passes.
#[derive(Debug, Default)]
struct Valve {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    has_ended: bool,
    /// Both ends of all connections.
    sockets: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy in front of the server on port `to`.
    pub(crate) fn start(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (port, valve) = (listener.local_addr()?.port(), Arc::new(Valve::default()));
        let accepting = Arc::clone(&valve);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // An error is the end of this connection only: its client sees it.
                if let Ok(server) = connect(to)
                    && !accepting.join(client, server).unwrap_or(true)
                {
                    return;
                }
            }
        });
        Ok(Self { port, valve })
    }

    /// Holds all data from now on, also that of new connections. All connections stay open.
    pub(crate) fn hold(&self) {
        self.valve.change(|state| state.is_held = true);
    }

    /// Lets all data pass, first what was held.
    pub(crate) fn heal(&self) {
        self.valve.change(|state| state.is_held = false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.valve.change(|state| {
            (state.is_held, state.has_ended) = (false, true);
            for socket in state.sockets.drain(..) {
                let _ = socket.shutdown(Shutdown::Both); // an error means that it is closed
            }
        });
        let _ = connect(self.port); // wakes the thread that accepts
    }
}

impl Valve {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Passes data between two sockets in both directions. Returns false if the proxy has ended.
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) -> io::Result<bool> {
        let copies = [client.try_clone()?, server.try_clone()?];
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.has_ended {
            return Ok(false);
        }
        state.sockets.extend(copies);
        drop(state);
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            to.set_nodelay(true)?;
            let valve = Arc::clone(self);
            thread::spawn(move || valve.pass(from, to));
        }
        Ok(true)
    }

    /// Passes data in one direction until one end is closed, then the close.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = from.read(&mut buffer).unwrap_or(0);
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.changed.wait_while(state, |state| state.is_held));
            if count == 0 || to.write_all(&buffer[..count]).is_err() {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}
