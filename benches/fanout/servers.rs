//! Starts each server under test as a process of its own, and ends it when its handle is dropped.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use crate::{Options, Outcome, client::Client};

/// Maximum time for a start or a stop of a server.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// This project's server.
    Ours,
    /// The minimum work: one `write` of a ready-made frame for each connection and event.
    Limit,
    /// The usual design: axum's own WebSocket, and one task per connection on a broadcast channel.
    Naive,
    /// Express and ws.
    Node,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Limit => "limit",
            Self::Naive => "naive",
            Self::Node => "node",
        }
    }

    fn command(self, options: &Options, port: u16) -> io::Result<Command> {
        let port = port.to_string();
        Ok(match self {
            Self::Ours => {
                let mut command = Command::new(&options.server);
                command.args(["--port", &port, "--log", "error,async_nats=off"]);
                for (name, _) in std::env::vars_os() {
                    if name.to_string_lossy().starts_with("EVENT_FEED_") {
                        command.env_remove(name);
                    }
                }
                command
            }
            Self::Limit | Self::Naive => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["baseline", self.name(), &port]);
                command
            }
            Self::Node => {
                let mut command = Command::new("node");
                command.arg(node_directory().join("server.js")).arg(&port);
                command
            }
        })
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// The time from exec to the first `200`.
    pub(crate) started_in: Duration,
}

impl Server {
    pub(crate) fn start(kind: Kind, options: &Options) -> Outcome<Self> {
        Self::start_at(free_port()?, kind, options, &[])
    }

    /// Starts a server on this port, with these environment variables.
    pub(crate) fn start_at(port: u16, kind: Kind, options: &Options, variables: &[(&str, String)]) -> Outcome<Self> {
        let mut command = kind.command(options, port)?;
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut server = Self { child, port, started_in: Duration::ZERO };
        while !server.is_healthy() {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("the server ended early: {status}").into());
            }
            if begun.elapsed() > TIMEOUT {
                return Err("the server does not start".into());
            }
            thread::sleep(Duration::from_micros(200));
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn is_healthy(&self) -> bool {
        let ask = || -> io::Result<bool> {
            let mut socket = crate::client::connect(self.port)?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            let port = self.port;
            write!(socket, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
            let mut answer = [0; 12];
            socket.read_exact(&mut answer)?;
            Ok(answer == *b"HTTP/1.1 200")
        };
        ask().unwrap_or(false)
    }

    /// Stops the server with a signal. Returns how long the stop took.
    pub(crate) fn stop(mut self, client: &Client) -> Outcome<(Duration, ExitStatus)> {
        client.allow_closing();
        let begun = Instant::now();
        Command::new("kill").arg(self.pid().to_string()).status()?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((begun.elapsed(), status));
            }
            if begun.elapsed() > TIMEOUT {
                return Err("the server does not stop".into());
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody uses at the moment.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Prepares the Node baseline: installs its packages if they are missing.
///
/// # Errors
/// The reason why the baseline cannot run.
pub(crate) fn prepare_node() -> Result<(), String> {
    let runs = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !runs(Command::new("node").arg("--version")) {
        return Err(String::from("Node is not installed"));
    }
    let directory = node_directory();
    if directory.join("node_modules/.package-lock.json").exists() {
        return Ok(());
    }
    eprintln!("installing the npm packages of the Node baseline");
    if runs(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&directory)) {
        Ok(())
    } else {
        Err(String::from("its packages cannot be installed"))
    }
}

fn node_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/fanout/node")
}
