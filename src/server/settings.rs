//! What can be set, by flag or by environment variable. The doc comments are the text of `--help`. None takes effect
//! here.

use std::{net::IpAddr, process::ExitCode, time::Duration};

use clap::Parser;
use tracing_subscriber::EnvFilter;

use super::http::authority::{HostName, Origin};
use crate::feed::DEFAULT_RETAIN;

/// A real-time event feed for two tenants that never meet.
#[derive(Debug, Clone, Parser)]
#[command(name = "event-feed", version, max_term_width = 120)]
pub struct Settings {
    /// The IP address to listen on; 0.0.0.0 is every IPv4 address of the machine
    #[arg(long, env = "EVENT_FEED_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The port to listen on, for HTTP and WebSocket alike; 0 takes a free one, and a taken one ends the start
    #[arg(long, env = "EVENT_FEED_PORT", value_name = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// How many events are kept of each tenant, the newest; an older one is forgotten
    #[arg(long, env = "EVENT_FEED_RETAIN", value_name = "EVENTS", default_value_t = DEFAULT_RETAIN as u32,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub retain: u32,

    /// How many WebSocket connections each tenant may have; one more is answered with 503. Lowered, with a line in the
    /// log, where the process may not open as many files
    #[arg(long, env = "EVENT_FEED_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = 9_750,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// How often, in milliseconds, every connection gets a heartbeat at least; a peer silent for two is dropped
    #[arg(long, env = "EVENT_FEED_HEARTBEAT", value_name = "MILLISECONDS", default_value_t = 15_000,
        value_parser = clap::value_parser!(u32).range(100..=300_000))]
    pub heartbeat: u32,

    /// How long, in milliseconds, a stop may take: requests under way end, sockets are closed with 1001
    #[arg(long, env = "EVENT_FEED_DRAIN", value_name = "MILLISECONDS", default_value_t = 4_000,
        value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub drain: u32,

    /// Another site, by its origin (https:// or http://, and a host), whose pages may open WebSockets here; those of any
    /// other get 403. A comma or another flag adds one more
    #[arg(long, env = "EVENT_FEED_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<Origin>,

    /// A host name to answer for, beside localhost, *.localhost and IP addresses; requests for any other get 421. A comma
    /// or another flag adds one more
    #[arg(long, env = "EVENT_FEED_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<HostName>,

    /// Take away the administrator's view, /isolation, and what it asks the server
    #[arg(long, env = "EVENT_FEED_NO_ISOLATION")]
    pub no_isolation: bool,

    /// What is logged, to the error stream and never with a message's text: a level (error, warn, info, debug), or a
    /// filter such as event_feed=debug
    #[arg(long, env = "EVENT_FEED_LOG", value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,

    /// Ask the server that runs with these settings whether it serves, and end: with 0 if it does, else with 1
    #[arg(long)]
    pub healthcheck: bool,
}

/// Passes a filter that the log will take.
fn log_filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

impl Settings {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// How the process should end, where there is nothing to serve: `--help`, `--version`, or a bad setting, which is
    /// told in one sentence.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            if error.use_stderr() {
                let text = error.render().to_string();
                let sentence = text.split("\n\n").next().unwrap_or_default().split_whitespace();
                eprintln!("event-feed: {}", sentence.collect::<Vec<_>>().join(" ").trim_start_matches("error: "));
                ExitCode::from(2)
            } else {
                // A closed pipe is no reason to fail: whoever asked for the help has stopped reading.
                let _ = error.print();
                ExitCode::SUCCESS
            }
        })
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat.into())
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain.into())
    }
}

impl Default for Settings {
    /// Every setting at its default, whatever the command line and the environment say.
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 3000,
            retain: DEFAULT_RETAIN as u32,
            max_connections: 9_750,
            heartbeat: 15_000,
            drain: 4_000,
            allow_origin: Vec::new(),
            allow_host: Vec::new(),
            no_isolation: false,
            log: String::from("info"),
            healthcheck: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The README's table: what `--help` says of all that can be set by flag and by variable.
    fn table() -> String {
        let command = Settings::command();
        let settings = command.get_arguments().filter(|setting| setting.get_env().is_some());
        let rows = settings.map(|setting| {
            let flag = setting.get_long().unwrap();
            let variable = format!("EVENT_FEED_{}", flag.replace('-', "_").to_uppercase());
            assert_eq!(setting.get_env().unwrap(), variable.as_str());
            let (value, default) = if setting.get_action().takes_values() {
                let default = setting.get_default_values().first().map(|default| format!("`{}`", default.display()));
                (format!(" {}", setting.get_value_names().unwrap().join(" ")), default.unwrap_or("none".to_owned()))
            } else {
                (String::new(), "off".to_owned())
            };
            let help = setting.get_help().unwrap().to_string().replace('*', "\\*");
            format!("| `--{flag}{value}` | {default} | {help} |\n")
        });
        ["| setting | default | what it does |\n| --- | --- | --- |\n".to_owned()].into_iter().chain(rows).collect()
    }

    #[test]
    fn the_readme_tells_what_the_help_tells() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "put this table into README.md:\n\n{}", table());
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let parsed = Settings::try_parse_from(["event-feed"]).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn a_setting_out_of_range_is_refused() {
        for flag in [
            "--port=70000",
            "--retain=0",
            "--heartbeat=1",
            "--host=nowhere",
            "--allow-origin=x",
            "--allow-host=a/b",
            "--log=a=b=c",
        ] {
            assert!(Settings::try_parse_from(["event-feed", flag]).is_err(), "{flag}");
        }
    }
}
