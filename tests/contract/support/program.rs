//! The binary itself, as a person starts it.

use std::{ops::Deref, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use super::{server::Client, within};

/// A running server program. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    client: Client,
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// What it has logged so far.
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

    /// Runs it with these flags to its end.
    pub(crate) async fn run(flags: &[&str]) -> Exit {
        let output = Self::command().args(flags).kill_on_drop(true).output();
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
        let command = command.env("EVENT_FEED_PORT", "0").kill_on_drop(true);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut logged = String::new();
        let address = loop {
            let line = within("the address to open", log.next_line()).await.unwrap().expect("it runs on");
            logged.push_str(&line);
            logged.push('\n');
            if let Some((_, address)) = line.split_once("http://") {
                break address.trim_end_matches('/').parse().expect("an address");
            }
        };
        Self { client: Client { address }, child, log, logged }
    }

    /// Sends it a signal, and waits for its end.
    pub(crate) async fn end_with(mut self, signal: &str) -> Exit {
        let kill = format!("kill -s {signal} {}", self.child.id().expect("it runs"));
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success(), "{kill}");
        while let Some(line) = within("the rest of the log", self.log.next_line()).await.unwrap() {
            self.logged.push_str(&line);
            self.logged.push('\n');
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
