//! Request bodies: reads a wanted body within limits, and discards what a refused request still sends, so that its
//! answer arrives (a socket that is closed with unread bytes takes its last answer with it). The JSON of a post is read
//! in `post`.

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

/// How long a body may take to arrive (contract, "HTTP").
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a refused request's body is discarded, in bytes (contract, "HTTP").
pub(crate) const DISCARD_MAX: usize = 2 * 1024 * 1024;
/// How long it is discarded (contract, "HTTP").
pub(crate) const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads a JSON object of at most [`FRAME_MAX`] bytes, and gives it back beside what it means.
///
/// # Errors
/// In the contract's order: `415`, `413`, `400`, and `422` with the words of `shape`. `408` if it does not arrive in
/// time.
pub(crate) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    shape: &'static str,
) -> Result<(T, Bytes), Refusal> {
    if !is_json(headers) {
        return Err(Refusal::NotJsonType);
    }
    if !is_plain(headers) {
        return Err(Refusal::ContentCoding);
    }
    let mut bytes = Vec::new();
    read(body, |data| bytes.extend_from_slice(data)).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::NotUtf8)?;
    // Two steps: read at once into its shape, a wrong field would hide that the rest is not JSON, which comes first.
    let not_json = |error: serde_json::Error| Refusal::NotJson { line: error.line(), column: error.column() };
    serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
    // serde would read a struct from an array too.
    let is_object = text.trim_ascii_start().starts_with('{');
    let parsed = serde_json::from_str(text).ok().filter(|_| is_object);
    Ok((parsed.ok_or(Refusal::WrongShape(shape))?, bytes.into()))
}

/// Reads a body of at most [`FRAME_MAX`] bytes to its end, and hands over its data as it arrives: a body in many small
/// chunks costs no more than its bytes.
///
/// # Errors
/// `413` at once if the body announces more, or as soon as more has come; `408` if it does not arrive within
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

/// Whether the body is sent as it is: no content coding, or `identity`, which says the same (RFC 9110, section 8.4).
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

/// A request's body that a handler reads, and that can still be read when the handler has dropped it.
#[derive(Debug, Clone)]
pub(crate) struct SharedBody(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    body: Incoming,
    begun: bool,
}

impl SharedBody {
    /// Shares `body`: the first is for the handler, the second for what is left of it.
    pub(crate) fn of(body: Incoming) -> (Body, Self) {
        let shared = Self(Arc::new(Mutex::new(Shared { body, begun: false })));
        (Body::new(shared.clone()), shared)
    }

    /// Reads what a handler left unread, as one that wants no body does.
    ///
    /// # Errors
    /// If it is above the limit of every request, does not arrive in time, or ends early.
    pub(crate) async fn read_rest(&self) -> Result<(), Refusal> {
        if self.is_end_stream() {
            return Ok(());
        }
        read(self.clone(), |_| {}).await
    }

    /// Reads and discards what the handler left, within limits, while the answer is sent. Says whether the connection
    /// can take another request after that.
    ///
    /// A client that waits to be told to go on (`Expect: 100-continue`) is not told: it has its answer, and sends
    /// nothing.
    pub(crate) fn discard(mut self, waits_to_go_on: bool) -> bool {
        if self.is_end_stream() {
            return true;
        }
        if waits_to_go_on && !self.0.lock().begun {
            return false;
        }
        let is_small = self.size_hint().lower() <= DISCARD_MAX as u64;
        tokio::spawn(timeout(DISCARD_TIMEOUT, async move {
            let mut left = DISCARD_MAX;
            while let Some(Ok(frame)) = self.frame().await {
                let length = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => return, // the connection is closed with the rest unread
                }
            }
        }));
        is_small
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
