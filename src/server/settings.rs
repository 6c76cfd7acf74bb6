//! What can be set, by flag or by environment variable. The doc comments are the text of `--help`. None takes effect
//! here.
//!
//! Flags are read strictly. Variables are often set by machines: an empty one counts as unset, and so does the one that
//! Kubernetes sets by itself.

use std::{
    env,
    ffi::{OsStr, OsString},
    net::IpAddr,
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use clap::{
    Arg, Command, CommandFactory, FromArgMatches, Parser,
    builder::{BoolishValueParser, Resettable},
    error::ContextKind,
    parser::ValueSource,
};
use tracing_subscriber::EnvFilter;

use super::http::authority::{HostName, Origin};

/// The variable of `--port`.
const PORT: &str = "EVENT_FEED_PORT";
/// The default of `--retain` (contract, "Data").
const RETAIN_DEFAULT: u32 = 1_000;
/// The maximum of `--retain`. A list of 100,000 events takes 200 MB, and every page reads the whole list.
const RETAIN_MAX: i64 = 10_000;

/// A real-time event feed for two tenants that never meet.
#[derive(Debug, Clone, Parser)]
#[command(name = "event-feed", version, max_term_width = 120)]
pub struct Settings {
    /// The IP address to listen on; 0.0.0.0 is every IPv4 address of the machine
    #[arg(long, env = "EVENT_FEED_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The port to listen on, for HTTP and WebSocket alike; 0 takes a free one, and a taken one ends the start
    #[arg(long, env = PORT, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// How many events are kept of each tenant, the newest, up to 10000; an older one is forgotten
    #[arg(long, env = "EVENT_FEED_RETAIN", value_name = "EVENTS", default_value_t = RETAIN_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=RETAIN_MAX))]
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

    /// How long, in milliseconds, a stop may take: requests under way end, their answers are sent, and sockets are
    /// closed with 1001. A second signal ends the program at once
    #[arg(long, env = "EVENT_FEED_DRAIN", value_name = "MILLISECONDS", default_value_t = 4_000,
        value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub drain: u32,

    /// Another site, by its origin (https:// or http://, and a host), whose pages may open WebSockets here; those of
    /// any other get 403. A comma or another flag adds one more
    #[arg(long, env = "EVENT_FEED_ALLOW_ORIGIN", value_name = "ORIGIN")]
    pub allow_origin: Vec<CommaList<Origin>>,

    /// A host name to answer for, beside localhost, *.localhost and IP addresses; requests for any other get 421. A
    /// comma or another flag adds one more
    #[arg(long, env = "EVENT_FEED_ALLOW_HOST", value_name = "NAME")]
    pub allow_host: Vec<CommaList<HostName>>,

    /// Take away the administrator's view, /isolation, and what it asks the server
    #[arg(long, env = "EVENT_FEED_NO_ISOLATION", value_parser = BoolishValueParser::new())]
    pub no_isolation: bool,

    /// What is logged, to the error stream and never with a message's text: a level (error, warn, info, debug), or a
    /// filter such as event_feed=debug. Above 100 lines a second of one kind, the others are counted
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

/// Values separated by commas, as one flag or one variable gives them. Spaces around a value, and values that are
/// empty, do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommaList<T>(Vec<T>);

/// A value of a list is not right.
#[derive(Debug, thiserror::Error)]
#[error("{value:?}: {reason}")]
pub struct CommaListError<E> {
    value: String,
    reason: E,
}

impl<T: PartialEq> CommaList<T> {
    pub(crate) fn contains(&self, value: &T) -> bool {
        self.0.contains(value)
    }
}

impl<T: FromStr> FromStr for CommaList<T> {
    type Err = CommaListError<T::Err>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
        let parse = |value: &str| value.parse().map_err(|reason| CommaListError { value: value.to_owned(), reason });
        Ok(Self(values.map(parse).collect::<Result<_, _>>()?))
    }
}

impl Settings {
    /// Reads the command line and the environment.
    ///
    /// # Errors
    /// How the process should end, where there is nothing to serve: `--help`, `--version`, or a bad setting, which is
    /// told in one sentence.
    pub fn read() -> Result<Self, ExitCode> {
        let command = Self::command().mut_args(|setting| {
            let unset = variable_of(&setting)
                .is_some_and(|(name, value)| value.is_empty() || (name == PORT && is_of_kubernetes(&value)));
            if unset { setting.env(Resettable::Reset) } else { setting }
        });
        let parsed = command.clone().try_get_matches_from(env::args_os()).and_then(|matches| {
            let settings = Self::from_arg_matches(&matches)?;
            if !settings.healthcheck && matches.value_source("port") == Some(ValueSource::DefaultValue) {
                warn_of_kubernetes(settings.port);
            }
            Ok(settings)
        });
        parsed.map_err(|error| {
            if error.use_stderr() {
                eprintln!("event-feed: {}", sentence(&error, command));
                ExitCode::from(2)
            } else {
                // The help names every variable, those that count as unset too. A closed pipe is not a reason to fail:
                // whoever asked for the help has stopped reading.
                let _ = Self::try_parse().map_err(|help| help.print());
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
            retain: RETAIN_DEFAULT,
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

/// The environment variable of a setting, and its value.
fn variable_of(setting: &Arg) -> Option<(&OsStr, OsString)> {
    let name = setting.get_env()?;
    Some((name, env::var_os(name)?))
}

/// Whether a value of [`PORT`] is the one that Kubernetes sets for a service named `event-feed`, such as
/// `tcp://10.96.0.7:3000`. Of the variables that it sets for a service, only this one has the name of a setting.
fn is_of_kubernetes(value: &OsStr) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.as_encoded_bytes().starts_with(scheme.as_bytes()))
}

/// Says on the error stream that the port is not the one that Kubernetes has set, if it has set one.
fn warn_of_kubernetes(port: u16) {
    if let Some(value) = env::var_os(PORT).filter(|value| is_of_kubernetes(value)) {
        eprintln!(
            "event-feed: warning: {PORT}={value:?} is ignored, because Kubernetes sets it for a service named event-feed: \
             the port is {port}, choose another with --port"
        );
    }
}

/// One sentence that says what is wrong with a setting. It names the variable if the value came from one.
fn sentence(error: &clap::Error, mut command: Command) -> String {
    command.build(); // an argument has no name before
    let text = error.render().to_string();
    let words: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    let words = words.join(" ");
    let sentence = words.trim_start_matches("error: ");
    let variable = command.get_arguments().find_map(|setting| {
        let (name, value) = variable_of(setting)?;
        let named = error.get(ContextKind::InvalidArg).map(ToString::to_string);
        // clap does not say which argument is not UTF-8.
        let is_meant = named.map_or(value.to_str().is_none(), |named| named == setting.to_string());
        is_meant.then(|| name.display().to_string())
    });
    let flags_alone = command.mut_args(|setting| setting.env(Resettable::Reset));
    match variable {
        Some(variable) if flags_alone.try_get_matches_from(env::args_os()).is_ok() => format!("{variable}: {sentence}"),
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
            "--retain=10001",
            "--heartbeat=1",
            "--host=nowhere",
            "--allow-origin=x",
            "--allow-host=a/b",
            "--log=a=b=c",
        ] {
            assert!(Settings::try_parse_from(["event-feed", flag]).is_err(), "{flag}");
        }
    }

    #[test]
    fn a_list_takes_spaces_and_a_trailing_comma() {
        let names = ["a", "b"].map(|name| name.parse::<HostName>().unwrap());
        for text in ["a,b", "a, b,", " a ,, b ", ",a\t,b"] {
            assert_eq!(text.parse::<CommaList<HostName>>().unwrap().0, names, "{text:?}");
        }
        for text in ["", " ", ",", " , "] {
            assert_eq!(text.parse::<CommaList<HostName>>().unwrap().0, [], "{text:?}");
        }
        for text in ["a b", "a;b", "a, b/"] {
            assert!(text.parse::<CommaList<HostName>>().is_err(), "{text:?}");
        }
    }
}
