//! The binary itself, as a person starts it.

use std::{ops::Deref, process::Stdio, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{Mutex, OwnedMutexGuard, mpsc},
};

use super::{server::Client, within};

/// A running server program. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    client: Client,
    child: Child,
    /// Its lines, read by a task of their own: what nobody reads is lost.
    log: mpsc::UnboundedReceiver<String>,
    /// Held while a line is taken up.
    reading: Arc<Mutex<()>>,
    /// What it has logged, as far as a test has waited for it.
    pub(crate) logged: String,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// Where the binary lies: the one that was built with the tests, or whatever `EVENT_FEED_BIN` names, such as an image.
    pub(crate) fn path() -> String {
        std::env::var("EVENT_FEED_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_event-feed").to_owned())
    }

    /// The binary, with no setting from the environment.
    pub(crate) fn command() -> Command {
        Self::command_by(&Self::path())
    }

    /// Another program that ends up as the binary.
    pub(crate) fn command_by(program: &str) -> Command {
        let mut command = Command::new(program);
        let ours = std::env::vars().filter(|(name, _)| name.starts_with("EVENT_FEED_"));
        ours.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
    }

    /// Starts it where it may have 100 files open.
    pub(crate) async fn with_few_files() -> Self {
        let mut command = Self::command_by("sh");
        command.args(["-c", "ulimit -n 100 && exec \"$0\"", &Self::path()]);
        Self::spawn(command).await
    }

    /// Runs it with these flags to its end.
    pub(crate) async fn run(flags: &[&str]) -> Exit {
        let mut command = Self::command();
        command.args(flags);
        Self::run_to_end(command).await
    }

    /// Runs a command to its end.
    pub(crate) async fn run_to_end(mut command: Command) -> Exit {
        let output = command.kill_on_drop(true).output();
        let output = within("the end of the program", output).await.unwrap();
        Exit {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts it on a free port, and returns once it has said where it listens.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let mut command = Self::command();
        command.args(flags);
        Self::spawn(command).await
    }

    /// Starts a command that ends up as the binary.
    pub(crate) async fn spawn(mut command: Command) -> Self {
        command.env("EVENT_FEED_PORT", "0");
        let mut child = command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (write, log) = mpsc::unbounded_channel();
        let reading = Arc::new(Mutex::new(()));
        let may_read = reading.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _reading = may_read.lock().await;
                // Where the test is over, nobody reads on.
                let _ = write.send(line);
            }
        });
        let nowhere = Client { address: ([0, 0, 0, 0], 0).into() };
        let mut program = Self { client: nowhere, child, log, reading, logged: String::new() };
        let line = program.says("http://").await;
        let (_, address) = line.split_once("http://").expect("an address");
        program.client.address = address.trim_end_matches('/').parse().expect("an address");
        program
    }

    /// Waits until it logs a line that holds this, and gives that line.
    pub(crate) async fn says(&mut self, what: &str) -> String {
        loop {
            let line = within(what, self.log.recv()).await.expect("it runs on");
            self.note(&line);
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Nobody reads its log until what this returns is dropped.
    pub(crate) async fn leave_the_log_unread(&self) -> OwnedMutexGuard<()> {
        self.reading.clone().lock_owned().await
    }

    fn note(&mut self, line: &str) {
        self.logged.push_str(line);
        self.logged.push('\n');
    }

    /// How much memory it holds, in bytes. `None` where the system does not tell.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    }

    /// How many files it has open. `None` where the system does not tell.
    pub(crate) fn open_files(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()?)).ok()?.count())
    }

    /// Lets it open no file more, whatever it has open now.
    #[cfg(target_os = "linux")]
    pub(crate) fn may_open_no_more_files(&self) {
        let pid = self.child.id().expect("it runs").try_into().expect("a process id");
        rlimit::prlimit(pid, rlimit::Resource::NOFILE, Some((1, 1)), None).unwrap();
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} {}", self.child.id().expect("it runs"));
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success(), "{kill}");
    }

    /// Sends it a signal, and waits for its end.
    pub(crate) async fn end_with(self, signal: &str) -> Exit {
        self.signal(signal).await;
        self.ended().await
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Exit {
        while let Some(line) = within("the rest of the log", self.log.recv()).await {
            self.note(&line);
        }
        let status = within("the end of the program", self.child.wait()).await.unwrap();
        Exit { code: status.code(), stdout: String::new(), stderr: self.logged }
    }
}

impl Deref for Program {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
