//! The server binary: settings in, a listener, and `serve` until a signal comes. No rule of the feed is here.

use std::{net::SocketAddr, process::ExitCode};

use event_feed::server::{self, Settings, log, signal};

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
    let _log = log::start(&settings.log);

    let address = SocketAddr::new(settings.host, settings.port);
    let listener = match server::listen(address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("event-feed cannot listen on {address}: {error}. Choose another with --host and --port.");
            return ExitCode::FAILURE;
        }
    };
    let (stop, stop_at_once) = (signal::stop(), signal::stop_at_once());
    tokio::select! {
        served = server::serve(listener, settings, stop) => match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("event-feed cannot serve: {error}");
                ExitCode::FAILURE
            }
        },
        () = stop_at_once => {
            // Logged, not printed: a reader of the error stream that has stopped must not keep the process.
            tracing::error!("ended at once by a second signal: what was under way is cut");
            ExitCode::FAILURE
        }
    }
}
