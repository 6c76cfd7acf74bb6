//! Waits until a replica has every event that the tenant's stream had at a moment. One question to the engine serves all
//! who wait when it is asked.

use std::convert::Infallible;

use tokio::sync::{mpsc, oneshot, watch};

use super::engine::{Engine, EngineError};

/// Somebody who waits: the sender is used once the replica has caught up, and dropped if it cannot.
pub(super) type Waiting = oneshot::Sender<()>;

/// Answers those who come from `arrivals`, until the engine does not answer.
///
/// # Errors
/// Always: the reason of the end.
pub(super) async fn serve(
    engine: &Engine,
    mut arrivals: mpsc::UnboundedReceiver<Waiting>,
    mut applied: watch::Receiver<u64>,
) -> Result<Infallible, EngineError> {
    let ended = || EngineError::Unreachable(String::from("the session has ended"));
    loop {
        let mut waiting = vec![arrivals.recv().await.ok_or_else(ended)?];
        waiting.extend(std::iter::from_fn(|| arrivals.try_recv().ok()));
        // Asked after all of them came, so the answer is new enough for each.
        let last_seq = engine.state().await?.last_seq;
        applied.wait_for(|applied| *applied >= last_seq).await.map_err(|_| ended())?;
        for one in waiting {
            let _ = one.send(()); // an error means that it no longer waits
        }
    }
}
