//! When to stop: Ctrl-C, or SIGTERM where there is one. How the server stops is `serve`'s.

use std::future::{Future, pending};

/// Ends when the process is asked to stop. It is listened for from this call on, not from the first poll: a signal that
/// comes right behind the line that says where to connect would find nobody, and end the process at once.
///
/// Where a signal cannot be listened for, it waits for the others.
#[cfg(unix)]
pub fn stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let [mut interrupt, mut terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| {
        let listening = signal(kind);
        listening.inspect_err(|error| tracing::warn!(%error, ?kind, "a signal cannot be listened for")).ok()
    });
    async move {
        tokio::select! {
            Some(()) = next(&mut interrupt) => {}
            Some(()) = next(&mut terminate) => {}
            else => pending().await,
        }
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) -> Option<()> {
    signal.as_mut()?.recv().await
}

/// Ends when the process is asked to stop. Where that cannot be listened for, it never does.
#[cfg(not(unix))]
pub fn stop() -> impl Future<Output = ()> {
    async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be listened for");
            pending().await
        }
    }
}
