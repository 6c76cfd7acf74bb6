//! Waits for the signals that stop the program: Ctrl-C, and SIGTERM on Unix. The first asks for an orderly stop, the
//! second ends the program at once.

use std::future::{Future, pending};

/// Ends when the process is asked to stop. Signals count from this call on, not from the first poll: one that came
/// between the two would end the process at once.
///
/// If one kind of signal cannot be listened for, it waits for the others.
pub fn stop() -> impl Future<Output = ()> {
    signals(1)
}

/// Ends when the process is asked to stop for the second time. It counts from this call on.
pub fn stop_at_once() -> impl Future<Output = ()> {
    signals(2)
}

/// Ends with this many signals, of whichever kinds.
#[cfg(unix)]
fn signals(count: usize) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let [mut interrupt, mut terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| {
        let listening = signal(kind);
        listening.inspect_err(|error| tracing::warn!(%error, ?kind, "a signal cannot be listened for")).ok()
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

/// Ends with this many signals. If they cannot be listened for, it never does.
#[cfg(not(unix))]
async fn signals(count: usize) {
    for _ in 0..count {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "Ctrl-C cannot be listened for");
            pending().await
        }
    }
}
