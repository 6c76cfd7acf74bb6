//! Runs a real nats-server, with an account for each tenant, on a port of its own.
//!
//! `script/setup` installs one. `EVENT_FEED_NATS_SERVER` names another, or else it is the `nats-server` on the path. Without
//! one, a test is skipped on a person's machine, and fails if `CI` is set.

use std::{
    env, fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_nats::jetstream;
use event_feed::{feed::Tenant, server::Settings};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};
use uuid::Uuid;

use crate::support::{send_signal, until, within};

/// The name of the stream in each tenant's account.
pub(crate) const STREAM: &str = "event-feed";

/// The number of servers that a test starts as one.
pub(crate) const SERVERS: usize = 2;

/// A running nats-server. It is killed, and its files are removed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    child: Option<Child>,
    /// The engine of the other tenant, if this is that of one tenant.
    other: Option<Box<Engine>>,
}

impl Engine {
    /// The program. Without one, ends the whole run: with success on a person's machine.
    fn program() -> PathBuf {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nats/bin/nats-server");
        let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
        let named = env::var_os("EVENT_FEED_NATS_SERVER").map(PathBuf::from);
        let mut candidates =
            named.into_iter().chain([installed]).chain(on_path.map(|folder| folder.join("nats-server")));
        candidates.find(|path| path.is_file()).unwrap_or_else(|| {
            let _ = writeln!(io::stderr(), "skipped: no nats-server (script/setup installs one)");
            std::process::exit(i32::from(env::var_os("CI").is_some()))
        })
    }

    /// Starts it, and names it in the settings.
    pub(crate) async fn start(settings: &mut Settings) -> Self {
        let engine = Self::alone().await;
        engine.name_in(settings);
        engine
    }

    /// Starts one for each tenant, and names them in the settings.
    pub(crate) async fn start_apart(settings: &mut Settings) -> Self {
        let [mut a, b] = [Self::alone().await, Self::alone().await];
        settings.backplane_a = a.url(Tenant::A).parse().ok();
        settings.backplane_b = b.url(Tenant::B).parse().ok();
        a.other = Some(Box::new(b));
        a
    }

    /// Starts it.
    pub(crate) async fn alone() -> Self {
        Self::with(|conf| conf).await
    }

    /// Starts it with a changed configuration file.
    pub(crate) async fn with(change: impl FnOnce(String) -> String) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let folder = env::temp_dir().join(format!("event-feed-nats-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let address = {
            let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
            free.local_addr().unwrap()
        };
        let account = |tenant: Tenant| {
            let [user, password] = login(tenant);
            format!(
                "{}: {{ jetstream: {{ max_mem: 64MB, max_file: 0, max_streams: 1 }}, \
                 users: [{{ user: {user}, password: {password} }}] }}",
                user.to_uppercase(),
            )
        };
        let conf = format!(
            "listen: \"{address}\"\njetstream {{ store_dir: \"{}\", max_mem: 256MB, max_file: 1MB }}\n\
             accounts {{ {}, {} }}\n",
            folder.display(),
            account(Tenant::A),
            account(Tenant::B),
        );
        fs::write(folder.join("nats.conf"), change(conf)).unwrap();
        let mut engine = Self { address, folder, child: None, other: None };
        engine.run().await;
        engine
    }

    /// Starts it again after [`Engine::kill`], at the same address, and without the events.
    pub(crate) async fn run(&mut self) {
        let mut command = Command::new(Self::program());
        command.arg("--config").arg(self.folder.join("nats.conf")).kill_on_drop(true);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        within("a nats-server that is ready", async {
            let mut log = String::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains("Server is ready") {
                    return;
                }
                log.push_str(&line);
                log.push('\n');
            }
            panic!("the nats-server has ended:\n{log}");
        })
        .await;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.child = Some(child);
    }

    /// Kills it. Its memory is gone.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.unwrap();
        }
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    pub(crate) async fn signal(&self, signal: &str) {
        send_signal(self.child.as_ref().expect("it runs"), signal).await;
    }

    /// The URL of a tenant's account, reached at this address.
    pub(crate) fn url_at(address: SocketAddr, tenant: Tenant) -> String {
        let [user, password] = login(tenant);
        format!("nats://{user}:{password}@{address}")
    }

    /// The URL of a tenant's account.
    pub(crate) fn url(&self, tenant: Tenant) -> String {
        Self::url_at(self.address, tenant)
    }

    /// Names both accounts in the settings.
    pub(crate) fn name_in(&self, settings: &mut Settings) {
        Self::name_at(self.address, settings);
    }

    /// Names both accounts in the settings, reached at this address.
    pub(crate) fn name_at(address: SocketAddr, settings: &mut Settings) {
        settings.backplane_a = Self::url_at(address, Tenant::A).parse().ok();
        settings.backplane_b = Self::url_at(address, Tenant::B).parse().ok();
    }

    /// Logs in to a tenant's account with a client of the engine's makers.
    pub(crate) async fn log_in(&self, tenant: Tenant) -> async_nats::Client {
        let [user, password] = login(tenant);
        let options = async_nats::ConnectOptions::with_user_and_password(user, password);
        options.connect(self.address.to_string()).await.unwrap()
    }
}

/// Adds events to a tenant's stream, as a server does, without one. Returns the number of the last one.
pub(crate) async fn add_events(engine: &Engine, tenant: Tenant, count: u64) -> u64 {
    let client = engine.log_in(tenant).await;
    let mut stream = jetstream::new(client.clone()).get_stream(STREAM).await.unwrap();
    let epoch = stream.cached_info().config.metadata["epoch"].clone();
    let last = stream.cached_info().state.last_sequence + count;
    for n in 0..count {
        let id = Uuid::new_v4();
        let payload = json!({ "id": id, "message": format!("added {n}"), "floor": 0 }).to_string();
        client.publish(format!("feed.{epoch}.e.{id}"), payload.into()).await.unwrap();
    }
    client.flush().await.unwrap();
    until("the last added event", async || stream.info().await.unwrap().state.last_sequence >= last).await;
    last
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The folder is in the system's folder for temporary files, so an error only leaves it there.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The user and the password of a tenant's account.
pub(crate) fn login(tenant: Tenant) -> [String; 2] {
    [tenant.to_string(), format!("password-of-{tenant}")]
}
