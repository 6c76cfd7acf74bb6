//! Runs the server binary: reads the settings, starts a listener, and serves until a signal arrives.

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
                eprintln!("event-feed: the health check failed: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let _log = log::start(&settings.log);

    let address = SocketAddr::new(settings.host, settings.port);
    let listener = match server::listen(address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!(
                "event-feed: cannot listen on {address}: {error}. Choose another address with --host and --port."
            );
            return ExitCode::FAILURE;
        }
    };
    let (stop, stop_at_once) = (signal::stop(), signal::stop_at_once());
    tokio::select! {
        served = server::serve(listener, settings, stop) => match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("event-feed: cannot serve: {error}");
                ExitCode::FAILURE
            }
        },
        () = stop_at_once => {
            // Logged, not printed: if the reader of the error stream has stopped, printing would block the process.
            tracing::error!("stopped at once by a second signal: open requests and connections were cut");
            ExitCode::FAILURE
        }
    }
}
