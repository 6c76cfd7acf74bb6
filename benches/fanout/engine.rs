//! Runs a nats-server with an account for each tenant: the engine of several servers with one feed (docs/deploying.md).

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use event_feed::feed::Tenant;

use crate::{Outcome, servers::free_port};

/// The passwords of the accounts. Only this machine can reach the engine, and only for the time of a run.
const PASSWORD: &str = "benchmark";

/// A running nats-server. It is killed, and its files are removed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

/// Why the scenarios with an engine cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    #[error("built without --features nats")]
    Feature,
    #[error("no nats-server (script/setup installs one)")]
    Program,
}

impl Engine {
    /// The program. `EVENT_FEED_NATS_SERVER` names one, or `script/setup` has installed it, or it is on the path.
    pub(crate) fn program() -> Result<PathBuf, Missing> {
        if cfg!(not(feature = "nats")) {
            return Err(Missing::Feature);
        }
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nats/bin/nats-server");
        let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
        let named = env::var_os("EVENT_FEED_NATS_SERVER").map(PathBuf::from);
        let mut candidates =
            named.into_iter().chain([installed]).chain(on_path.map(|folder| folder.join("nats-server")));
        candidates.find(|path| path.is_file()).ok_or(Missing::Program)
    }

    /// Starts it, and waits until it is ready.
    pub(crate) fn start() -> Outcome<Self> {
        let port = free_port()?;
        let folder = env::temp_dir().join(format!("event-feed-bench-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let account = |tenant: Tenant| {
            format!(
                "{0}: {{ jetstream: {{ max_mem: 64MB, max_file: 0, max_streams: 1 }}, \
                 users: [{{ user: {0}, password: {PASSWORD} }}] }}",
                tenant
            )
        };
        let conf = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", max_mem: 256MB, max_file: 1MB }}\n\
             accounts {{ {}, {} }}\n",
            folder.display(),
            account(Tenant::A),
            account(Tenant::B),
        );
        fs::write(folder.join("nats.conf"), conf)?;
        let mut engine = Self { port, folder, child: None };
        engine.run()?;
        Ok(engine)
    }

    /// Starts it again after [`Engine::kill`], on the same port and without the events. Returns once it is ready.
    pub(crate) fn run(&mut self) -> Outcome<()> {
        let mut command = Command::new(Self::program()?);
        command.arg("--config").arg(self.folder.join("nats.conf"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let lines = child.stderr.take().map(BufReader::new).ok_or("a nats-server without an error stream")?;
        self.child = Some(child);
        let mut lines = lines.lines().map_while(Result::ok);
        let mut log = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line.contains("Server is ready") => break,
                Some(line) => log.push(line),
                None => return Err(format!("the nats-server has ended:\n{}", log.join("\n")).into()),
            }
        }
        thread::spawn(|| lines.for_each(drop)); // its log must not fill the pipe
        Ok(())
    }

    /// Kills it with SIGKILL. Its memory is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// The environment variables of a server that reaches the engine on this port.
    pub(crate) fn variables(port: u16) -> [(&'static str, String); 2] {
        let url = |tenant: Tenant| format!("nats://{tenant}:{PASSWORD}@127.0.0.1:{port}");
        [("EVENT_FEED_BACKPLANE_A", url(Tenant::A)), ("EVENT_FEED_BACKPLANE_B", url(Tenant::B))]
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
        // The folder is in the system's folder for temporary files, so an error only leaves it there.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
