//! Runs the binary in a process of its own, as a user starts it.

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
    /// The lines that the log task has read from the program, and that [`Program::wait_for_log`] has not read yet.
    log: mpsc::UnboundedReceiver<String>,
    /// The log task locks this for each line that it reads.
    reading: Arc<Mutex<()>>,
    /// All lines of the log up to the last one that a test has waited for.
    pub(crate) logged: String,
}

/// The exit code of a program, and its output.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// The path of the binary: the one that was built with the tests, or what `EVENT_FEED_BIN` names, such as an image.
    pub(crate) fn path() -> String {
        std::env::var("EVENT_FEED_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_event-feed").to_owned())
    }

    /// A command that runs the binary, without settings from the environment.
    pub(crate) fn command() -> Command {
        Self::command_of(&Self::path())
    }

    /// A command that runs the binary with at most 100 file descriptors. A shell lowers the limit, since the limit of
    /// the tests' own process cannot be raised again.
    pub(crate) fn command_with_few_files() -> Command {
        let mut command = Self::command_of("sh");
        command.args(["-c", "ulimit -n 100 && exec \"$0\"", &Self::path()]);
        command
    }

    fn command_of(program: &str) -> Command {
        let mut command = Command::new(program);
        let ours = std::env::vars().filter(|(name, _)| name.starts_with("EVENT_FEED_"));
        ours.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
    }

    /// Starts it with at most 100 file descriptors.
    pub(crate) async fn with_few_files() -> Self {
        Self::spawn(Self::command_with_few_files()).await
    }

    /// Runs it with these flags until it exits.
    pub(crate) async fn run(flags: &[&str]) -> Exit {
        let mut command = Self::command();
        command.args(flags);
        Self::run_to_end(command).await
    }

    /// Runs a command until it exits.
    pub(crate) async fn run_to_end(mut command: Command) -> Exit {
        let output = command.kill_on_drop(true).output();
        let output = within("the end of the program", output).await.unwrap();
        Exit {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts it on a free port, and returns once it has logged its address.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let mut command = Self::command();
        command.args(flags);
        Self::spawn(command).await
    }

    /// Starts a command that runs the binary, on a free port.
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
                // An error means that the test has dropped the program.
                let _ = write.send(line);
            }
        });
        let nowhere = Client::of(([0, 0, 0, 0], 0).into());
        let mut program = Self { client: nowhere, child, log, reading, logged: String::new() };
        let line = program.wait_for_log("http://").await;
        let (_, address) = line.split_once("http://").expect("an address");
        program.client = Client::of(address.trim_end_matches('/').parse().expect("an address"));
        program
    }

    /// Waits for a log line that contains `what`, and returns that line.
    pub(crate) async fn wait_for_log(&mut self, what: &str) -> String {
        loop {
            let line = within(what, self.log.recv()).await.expect("a running program");
            self.record(&line);
            if line.contains(what) {
                return line;
            }
        }
    }

    /// Stops reading the log until the returned guard is dropped.
    pub(crate) async fn pause_log_reader(&self) -> OwnedMutexGuard<()> {
        self.reading.clone().lock_owned().await
    }

    fn record(&mut self, line: &str) {
        self.logged.push_str(line);
        self.logged.push('\n');
    }

    /// Its resident memory in bytes. `None` if the system does not report it.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
    }

    /// How many file descriptors it has open. `None` if the system does not report it.
    pub(crate) fn open_files(&self) -> Option<usize> {
        Some(std::fs::read_dir(format!("/proc/{}/fd", self.child.id()?)).ok()?.count())
    }

    /// Lowers its limit of file descriptors to 1, so that it cannot open any further file.
    #[cfg(target_os = "linux")]
    pub(crate) fn may_open_no_more_files(&self) {
        let pid = self.child.id().expect("it runs").try_into().expect("a process id");
        rlimit::prlimit(pid, rlimit::Resource::NOFILE, Some((1, 1)), None).unwrap();
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, signal: &str) {
        send_signal(&self.child, signal).await;
    }

    /// Sends it a signal, and waits until it exits.
    pub(crate) async fn end_with(self, signal: &str) -> Exit {
        self.signal(signal).await;
        self.ended().await
    }

    /// Waits until it exits.
    pub(crate) async fn ended(mut self) -> Exit {
        while let Some(line) = within("the rest of the log", self.log.recv()).await {
            self.record(&line);
        }
        let status = within("the end of the program", self.child.wait()).await.unwrap();
        Exit { code: status.code(), stdout: String::new(), stderr: self.logged }
    }
}

/// Sends a process a signal, such as `TERM`, `STOP` and `CONT`.
pub(crate) async fn send_signal(process: &Child, signal: &str) {
    let kill = format!("kill -s {signal} {}", process.id().expect("it runs"));
    assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success(), "{kill}");
}

impl Deref for Program {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
