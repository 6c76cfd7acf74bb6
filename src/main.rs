//! The server binary: settings in, a listener, and `serve` until a signal comes. No rule of the feed is here.

use std::{io::IsTerminal, net::SocketAddr, process::ExitCode};

use event_feed::server::{self, Settings, signal};
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::EnvFilter;

/// How many lines of the log wait for a reader that is behind; more are dropped.
const LOG_LINES: usize = 4_096;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    if settings.healthcheck {
        return match server::healthcheck(&settings).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("event-feed is not well: {error}");
                ExitCode::FAILURE
            }
        };
    }
    // Written by a thread of its own: clients cause lines, and who reads them may stand still. The guard flushes at the end.
    let (log, _guard) = NonBlockingBuilder::default().buffered_lines_limit(LOG_LINES).finish(std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&settings.log))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(log)
        .init();

    let address = SocketAddr::new(settings.host, settings.port);
    let served = match server::listen(address) {
        Ok(listener) => server::serve(listener, settings, signal::stop()).await,
        Err(error) => {
            eprintln!("event-feed cannot listen on {address}: {error}. Choose another with --host and --port.");
            return ExitCode::FAILURE;
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("event-feed had to stop: {error}");
            ExitCode::FAILURE
        }
    }
}
