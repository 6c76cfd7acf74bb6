//! Reads request bodies within limits, and discards the rest of a refused request's body.
//!
//! The rest is discarded so that the answer arrives: if a socket is closed while it has unread bytes, the kernel sends a
//! reset, and the peer may lose the answer. The fields of a post are checked in `post`.

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
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::timeout;

use super::problem::Refusal;
use crate::feed::protocol::FRAME_MAX;

/// Maximum time until a body has arrived (contract, "HTTP").
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a refused request's body that is read and discarded, in bytes (contract, "HTTP").
pub(crate) const DISCARD_MAX: usize = 2 * 1024 * 1024;
/// Maximum time for which a refused request's body is read and discarded (contract, "HTTP").
pub(crate) const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads and parses a JSON object of at most [`FRAME_MAX`] bytes.
///
/// # Errors
/// In the contract's order: `415`, `413`, `400`, and `422` with `shape` as its detail; `408` if the body does not arrive
/// in time.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    shape: &'static str,
) -> Result<T, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::NotJsonType);
    }
    if !is_plain(headers) {
        return Err(Refusal::ContentCoding);
    }
    let mut bytes = Vec::new();
    read(body, |data| bytes.extend_from_slice(data)).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::NotUtf8)?;
    // Two steps, because `400` comes before `422`: parsed in one step, a wrong field would hide a syntax error behind it.
    let not_json = |error: serde_json::Error| Refusal::NotJson { line: error.line(), column: error.column() };
    serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
    // serde also accepts an array for a struct.
    let is_object = text.trim_ascii_start().starts_with('{');
    let parsed = serde_json::from_str(text).ok().filter(|_| is_object);
    parsed.ok_or(Refusal::WrongShape(shape))
}

/// Reads a body of at most [`FRAME_MAX`] bytes to its end, and passes its data to `take` as it arrives. A body in many
/// small chunks needs no more memory than its bytes.
///
/// # Errors
/// `413` at once if the body announces more, or as soon as more has arrived; `408` if it does not arrive within
/// [`BODY_TIMEOUT`]; `400` if it ends early.
async fn read<B>(mut body: B, mut take: impl FnMut(&[u8])) -> Result<(), Refusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut left = FRAME_MAX;
    if body.size_hint().lower() > left as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let all = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(Refusal::BodyCut) };
            let data = frame.data_ref().map_or(&[][..], |data| data);
            left = left.checked_sub(data.len()).ok_or(Refusal::BodyTooLarge)?;
            take(data);
        }
        Ok(())
    };
    timeout(BODY_TIMEOUT, all).await.unwrap_or(Err(Refusal::BodyTooSlow { limit: BODY_TIMEOUT }))
}

/// Whether the body has no content coding. `identity` means the same as none (RFC 9110, section 8.4).
fn is_plain(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONTENT_ENCODING).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).all(|coding| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    })
}

/// Whether the one `Content-Type` is `application/json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else { return false };
    let essence = kind.to_str().ok().and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// A request's body that a handler reads. The part that the handler leaves can be read or discarded afterwards.
#[derive(Debug, Clone)]
pub(crate) struct SharedBody(Arc<Mutex<BodyState>>);

#[derive(Debug)]
struct BodyState {
    body: Incoming,
    begun: bool,
}

impl SharedBody {
    /// Shares `body`. The handler reads the first value; the second reads what the handler leaves.
    pub(crate) fn of(body: Incoming) -> (Body, Self) {
        let shared = Self(Arc::new(Mutex::new(BodyState { body, begun: false })));
        (Body::new(shared.clone()), shared)
    }

    /// Reads what the handler left, within the limits of every body. A handler that needs no body leaves all of it.
    ///
    /// # Errors
    /// If the body is too large, does not arrive in time, or ends early.
    pub(crate) async fn read_rest(&self) -> Result<(), Refusal> {
        if self.is_end_stream() {
            return Ok(());
        }
        read(self.clone(), |_| {}).await
    }

    /// Discards what the handler left, within limits, while the answer is sent. Returns whether the connection can serve
    /// another request afterwards.
    ///
    /// Two kinds of body are not read here, and the connection ends after the answer: a body that announces more than the
    /// limit, and one whose client waits for `100 Continue` (`awaits_continue`), if the handler has read nothing. Reading
    /// the latter would send `100 Continue`, and the client would send a body that nobody needs. If a client sends such a
    /// body all the same, `listener` discards it, within the same limits.
    pub(crate) fn discard(mut self, awaits_continue: bool) -> bool {
        if self.is_end_stream() {
            return true;
        }
        let is_large = self.size_hint().lower() > DISCARD_MAX as u64;
        if is_large || (awaits_continue && !self.0.lock().begun) {
            return false;
        }
        tokio::spawn(timeout(DISCARD_TIMEOUT, async move {
            let mut left = DISCARD_MAX;
            while let Some(Ok(frame)) = self.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => return, // hyper then closes the connection with the rest unread
                }
            }
        }));
        true
    }
}

impl HttpBody for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut shared = self.0.lock();
        shared.begun = true;
        Pin::new(&mut shared.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
