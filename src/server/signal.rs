//! Waits for the signals that stop the program: Ctrl-C, and SIGTERM on Unix.

use std::future::{Future, pending};

/// Ends with the first signal, which asks for an orderly stop.
///
/// On Unix this call installs the handlers, not the first poll: a signal between the two would end the process at once. If
/// the handler of one kind of signal cannot be installed, only the other kind counts.
pub fn stop() -> impl Future<Output = ()> {
    signals(1)
}

/// Ends with the second signal after this call, which asks to stop at once.
pub fn stop_at_once() -> impl Future<Output = ()> {
    signals(2)
}

/// Ends after `count` signals of any kind.
#[cfg(unix)]
fn signals(count: usize) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let [mut interrupt, mut terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| {
        let listening = signal(kind);
        listening.inspect_err(|error| tracing::warn!(%error, ?kind, "cannot install a signal handler")).ok()
    });
    async move {
        for _ in 0..count {
            tokio::select! {
                Some(()) = next(&mut interrupt) => {}
                Some(()) = next(&mut terminate) => {}
                else => pending().await,
            }
        }
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// Ends after `count` times Ctrl-C. Never ends if the handler cannot be installed.
#[cfg(not(unix))]
async fn signals(count: usize) {
    for _ in 0..count {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot install a handler for Ctrl-C");
            pending().await
        }
    }
}
