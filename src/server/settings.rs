//! Reads the settings from flags and environment variables. The doc comments of the fields are the text of `--help`.
//!
//! Flags are read strictly. Variables are often set by machines, so an empty variable counts as unset, and so does the
//! one that Kubernetes sets by itself.

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
    error::{ContextKind, ErrorKind},
    parser::ValueSource,
};
use tracing_subscriber::EnvFilter;

use super::{
    backplane::url::{BackplaneUrl, BackplaneUrlError, EngineAddress, flag},
    http::authority::{HostName, Origin},
};
use crate::feed::Tenant;

/// The environment variable of `--port`.
const PORT: &str = "EVENT_FEED_PORT";
/// The default of `--retain` (contract, "Data").
const RETAIN_DEFAULT: u32 = 1_000;
/// The maximum of `--retain`. A list of 10,000 events of 500 emoji has some 20 MB, and every live page reads all of it.
const RETAIN_MAX: i64 = 10_000;

/// A live event feed for two isolated tenants.
#[derive(Debug, Clone, Parser)]
#[command(name = "event-feed", version, max_term_width = 120)]
pub struct Settings {
    /// The IP address to listen on; 0.0.0.0 means every IPv4 address of the machine
    #[arg(long, env = "EVENT_FEED_HOST", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The port for HTTP and WebSocket; 0 takes any free port. If the port is in use, the server does not start
    #[arg(long, env = PORT, value_name = "PORT", default_value_t = 3000)]
    pub port: u16,

    /// How many events the server keeps of each tenant, at most 10000; older events are dropped
    #[arg(long, env = "EVENT_FEED_RETAIN", value_name = "EVENTS", default_value_t = RETAIN_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=RETAIN_MAX))]
    pub retain: u32,

    /// Maximum number of WebSocket connections of each tenant; further ones get 503. If the process may not open enough
    /// files, the server lowers the limit and logs a warning
    #[arg(long, env = "EVENT_FEED_MAX_CONNECTIONS", value_name = "CONNECTIONS", default_value_t = 9_750,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// Maximum time between two heartbeats on a connection, in milliseconds. A peer that sends nothing for two intervals
    /// is dropped
    #[arg(long, env = "EVENT_FEED_HEARTBEAT", value_name = "MILLISECONDS", default_value_t = 15_000,
        value_parser = clap::value_parser!(u32).range(100..=300_000))]
    pub heartbeat: u32,

    /// Maximum time for an orderly stop, in milliseconds: open requests are answered, and sockets are closed with 1001. A
    /// second signal stops the server at once
    #[arg(long, env = "EVENT_FEED_DRAIN", value_name = "MILLISECONDS", default_value_t = 4_000,
        value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub drain: u32,

    /// Another site whose pages may open WebSockets here, by its origin (http:// or https://, and a host). Other origins
    /// get 403. Separate several by commas, or repeat the flag
    #[arg(long, env = "EVENT_FEED_ALLOW_ORIGIN", value_name = "ORIGIN")]
    pub allow_origin: Vec<CommaList<Origin>>,

    /// A host name to answer for, next to localhost, *.localhost and IP addresses. Requests for other names get 421.
    /// Separate several by commas, or repeat the flag
    #[arg(long, env = "EVENT_FEED_ALLOW_HOST", value_name = "NAME")]
    pub allow_host: Vec<CommaList<HostName>>,

    /// The account of Tenant A in a NATS server that several event-feed servers share, as nats://USER:PASSWORD@HOST:PORT or
    /// with tls://. They then have one feed. It needs --backplane-b too, and a program built with --features nats. The
    /// variable keeps the password out of the list of processes
    #[arg(long, env = "EVENT_FEED_BACKPLANE_A", value_name = "URL", hide_env_values = true)]
    pub backplane_a: Option<BackplaneUrl>,

    /// The account of Tenant B, in the same NATS server or another one
    #[arg(long, env = "EVENT_FEED_BACKPLANE_B", value_name = "URL", hide_env_values = true)]
    pub backplane_b: Option<BackplaneUrl>,

    /// Remove the administrator's view, /isolation, and its server function
    #[arg(long, env = "EVENT_FEED_NO_ISOLATION", value_parser = BoolishValueParser::new())]
    pub no_isolation: bool,

    /// The log filter: a level (error, warn, info, debug), or directives such as event_feed=debug. The log goes to the
    /// error stream and never has the text of a message. Above 100 lines a second of one kind, further lines are only
    /// counted
    #[arg(long, env = "EVENT_FEED_LOG", value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,

    /// Check the health of the server that runs with these settings, and exit: with 0 if it serves, else with 1
    #[arg(long)]
    pub healthcheck: bool,
}

/// Checks that the log can parse a filter.
fn log_filter(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}

/// The values of one flag or one variable, separated by commas. Spaces around a value and empty values are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommaList<T>(Vec<T>);

/// A value of a list is invalid.
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
    /// The exit code of the process if there is nothing to serve: after `--help` or `--version`, or for an invalid
    /// setting, which one sentence on the error stream explains.
    pub fn read() -> Result<Self, ExitCode> {
        let command = Self::command().mut_args(|setting| {
            let unset = variable_of(&setting)
                .is_some_and(|(name, value)| value.is_empty() || (name == PORT && is_of_kubernetes(&value)));
            if unset { setting.env(Resettable::Reset) } else { setting }
        });
        let parsed = command.clone().try_get_matches_from(env::args_os()).and_then(|matches| {
            let settings = Self::from_arg_matches(&matches)?;
            if let Err(reason) = settings.engines() {
                return Err(command.clone().error(ErrorKind::ValueValidation, reason));
            }
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
                // Parsed again, because the help names every variable, and `command` lacks those that count as unset. A
                // closed pipe is not an error: its reader has read enough.
                let _ = Self::try_parse().map_err(|help| help.print());
                ExitCode::SUCCESS
            }
        })
    }

    /// The engines of Tenant A and Tenant B; `None` without a backplane.
    ///
    /// # Errors
    /// The reason, if a setting of the backplane is wrong. It does not have the setting's value.
    pub(crate) fn engines(&self) -> Result<Option<[EngineAddress; 2]>, String> {
        let parse = |tenant, url| {
            EngineAddress::parse(url).map_err(|error: BackplaneUrlError| format!("{}: {error}", flag(tenant)))
        };
        match (&self.backplane_a, &self.backplane_b) {
            (None, None) => Ok(None),
            _ if cfg!(not(feature = "nats")) => {
                Err(String::from("--backplane-a and --backplane-b need a program that was built with --features nats"))
            }
            (Some(a), Some(b)) => Ok(Some([parse(Tenant::A, a)?, parse(Tenant::B, b)?])),
            (Some(_), None) | (None, Some(_)) => {
                Err(String::from("--backplane-a and --backplane-b belong together: set both, or neither"))
            }
        }
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat.into())
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain.into())
    }
}

impl Default for Settings {
    /// The default of every setting. The command line and the environment are ignored.
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
            backplane_a: None,
            backplane_b: None,
            no_isolation: false,
            log: String::from("info"),
            healthcheck: false,
        }
    }
}

/// The environment variable of a setting, and its value; `None` if it is not set.
fn variable_of(setting: &Arg) -> Option<(&OsStr, OsString)> {
    let name = setting.get_env()?;
    Some((name, env::var_os(name)?))
}

/// Whether a value of [`PORT`] is the one that Kubernetes sets for a service named `event-feed`, such as
/// `tcp://10.96.0.7:3000`. Of the variables that it sets for a service, only this one has the name of a setting.
fn is_of_kubernetes(value: &OsStr) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.as_encoded_bytes().starts_with(scheme.as_bytes()))
}

/// Warns on the error stream that [`PORT`] is ignored, if Kubernetes has set it.
fn warn_of_kubernetes(port: u16) {
    if let Some(value) = env::var_os(PORT).filter(|value| is_of_kubernetes(value)) {
        eprintln!(
            "event-feed: warning: {PORT}={value:?} is ignored, because Kubernetes sets it for a service named event-feed: \
             the port is {port}, choose another with --port"
        );
    }
}

/// One sentence about an invalid setting. It names the variable if the value came from one.
fn sentence(error: &clap::Error, mut command: Command) -> String {
    command.build(); // arguments get their names here
    let text = error.render().to_string();
    let words: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    let words = words.join(" ");
    let sentence = words.trim_start_matches("error: ");
    let variable = command.get_arguments().find_map(|setting| {
        let (name, value) = variable_of(setting)?;
        let named = error.get(ContextKind::InvalidArg).map(ToString::to_string);
        // If a value is not UTF-8, clap names no argument.
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

    /// The table in the README: the help of every setting that has a flag and a variable.
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
    fn the_readme_has_the_text_of_the_help() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&table()), "put this table into README.md:\n\n{}", table());
    }

    #[test]
    fn the_default_settings_are_those_of_the_command_line() {
        let parsed = Settings::try_parse_from(["event-feed"]).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn an_invalid_setting_is_rejected() {
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
    fn a_list_may_have_spaces_and_a_trailing_comma() {
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
