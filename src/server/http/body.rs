//! The bodies of requests: read within limits where they are wanted, and read and thrown away where a refusal came
//! first, so that its answer arrives (a socket that is closed with unread bytes takes its last answer with it). What
//! they say is `post`'s.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;

use super::problem::Refusal;
use crate::feed::protocol::FRAME_MAX;

/// How long a body that is wanted may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an unwanted body is read, in bytes (contract, "HTTP") …
const DISCARD_MAX: usize = 2 * 1024 * 1024;
/// … and for how long.
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);

/// Reads a JSON object of at most [`FRAME_MAX`] bytes, and gives it back beside what it means.
///
/// # Errors
/// In the contract's order: `415`, `413`, `400`, and `422` with the words of `shape`. `408` where it does not come.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    shape: &'static str,
) -> Result<(T, Bytes), Refusal> {
    if !is_json(headers) {
        return Err(Refusal::NotJsonType);
    }
    let bytes = collect(body, PATIENCE).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::NotUtf8)?;
    // Two steps: read at once into its shape, a wrong field would hide that the rest is no JSON, which comes first.
    let not_json = |error: serde_json::Error| Refusal::NotJson { line: error.line(), column: error.column() };
    serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
    // serde would read a struct from an array too.
    let is_object = text.trim_ascii_start().starts_with('{');
    let parsed = serde_json::from_str(text).ok().filter(|_| is_object);
    Ok((parsed.ok_or(Refusal::WrongShape(shape))?, bytes))
}

/// Reads a body of at most [`FRAME_MAX`] bytes to its end, for as long as `patience`.
async fn collect<B>(body: B, patience: Duration) -> Result<Bytes, Refusal>
where
    B: HttpBody<Error: Into<axum::BoxError>>,
{
    match timeout(patience, Limited::new(body, FRAME_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
        Ok(Err(_)) => Err(Refusal::BodyCut),
        Err(_) => Err(Refusal::BodyTooSlow { limit: patience }),
    }
}

/// Whether the one `Content-Type` is `application/json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else { return false };
    let essence = kind.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// A request's body on loan to a handler, which may drop it unread.
#[derive(Debug, Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    body: Incoming,
    begun: bool,
}

impl SharedBody {
    /// Lends `body`: the first is for the handler, the second for whoever wants the rest.
    pub(crate) fn of(body: Incoming) -> (Body, Self) {
        let loan = Self(Arc::new(Mutex::new(Shared { body, begun: false })));
        (Body::new(loan.clone()), loan)
    }

    /// Reads what a handler left unread, as one that wants no body does.
    ///
    /// # Errors
    /// Where it is not within the limit of every request, does not come, or ends early.
    pub(crate) async fn fits(&self) -> Result<(), Refusal> {
        if self.is_end_stream() {
            return Ok(());
        }
        if self.size_hint().lower() > FRAME_MAX as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        collect(self.clone(), DISCARD_PATIENCE).await.map(|_| ())
    }

    /// Reads and throws away what the handler left, within limits. Says whether all of it came.
    ///
    /// A client that waits to be told to go on (`Expect: 100-continue`) is not told: it has its answer, and sends nothing.
    pub(crate) async fn discard(mut self, waits_to_go_on: bool) -> bool {
        if self.is_end_stream() {
            return true;
        }
        if waits_to_go_on && !self.0.lock().begun {
            return false;
        }
        let rest = async {
            let mut left = DISCARD_MAX;
            while let Some(frame) = self.frame().await {
                let Ok(frame) = frame else { return false };
                let length = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => return false,
                }
            }
            true
        };
        timeout(DISCARD_PATIENCE, rest).await.unwrap_or(false)
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut lent = self.0.lock();
        lent.begun = true;
        Pin::new(&mut lent.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
