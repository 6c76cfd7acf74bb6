//! Makes an answer once for all the clients that wait for it, and compresses it once in each content coding.
//!
//! A client needs an answer that is at least as new as its request. When the server starts to make an answer, the answer is
//! new enough for all clients that wait at that moment. So the server makes one answer at a time, for any number of clients
//! and of changes. After each answer it pauses, so that this work takes at most a third of one processor.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until, timeout},
};

use super::{
    compression,
    list_limiter::{ListLimiter, TooManyReads, WAIT_MAX},
    negotiation::{self, Coding},
};

/// The length of the pause after some work, as a multiple of that work's time.
const PAUSE: u32 = 2;

/// An answer that many clients read. `V` is its version: a higher one is newer.
#[derive(Debug)]
pub(crate) struct SharedAnswer<V>(Mutex<Newest<V>>);

/// The newest answer. It is locked while the next one is made or compressed.
#[derive(Debug)]
struct Newest<V> {
    made: Option<Made<V>>,
    /// When the next work may start.
    next: Instant,
}

/// An answer of one version.
#[derive(Debug)]
struct Made<V> {
    version: V,
    plain: Coded,
    /// The answer in the codings that were asked for so far.
    compressed: Vec<Coded>,
}

/// Work under way. Dropping it sets the pause after the work, even if the client has gone before the work was complete.
struct Work<'a> {
    next: &'a mut Instant,
    start: Instant,
}

/// An answer in one content coding, or plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coded {
    /// `None` if it is plain.
    pub(super) coding: Option<Coding>,
    pub(super) body: Bytes,
}

impl<V: PartialOrd + Copy> SharedAnswer<V> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Newest { made: None, next: Instant::now() }))
    }

    /// Returns the answer to a request with these headers, and its version, which is at least `needed`. Waits for a turn
    /// of `limiter`. If the newest answer is older, makes a new one with `make`.
    ///
    /// # Errors
    /// [`TooManyReads`] if the read waited for [`WAIT_MAX`], or if the answers that are being sent take too much memory.
    ///
    /// # Cancel safety
    /// If the future is dropped, the next client that waits continues with the last complete step.
    pub(super) async fn read(
        &self,
        needed: V,
        request: &HeaderMap,
        limiter: &ListLimiter,
        make: impl AsyncFnOnce() -> (V, Vec<u8>),
    ) -> Result<(V, Coded), TooManyReads> {
        let read = async {
            limiter.wait().await;
            let mut newest = self.0.lock().await;
            let Newest { made, next } = &mut *newest;
            let is_fresh = |made: &Made<V>| made.version >= needed;
            if let Some(made) = made.as_ref().filter(|made| is_fresh(made))
                && let Some(ready) = made.ready(made.preferred(request))
            {
                return Ok((made.version, ready));
            }
            let _work = Work::start(next).await;
            let made = match made {
                Some(made) if is_fresh(made) => made,
                old => {
                    *old = None; // frees its memory before the new one is made
                    let (version, plain) = make().await;
                    old.insert(Made::new(version, limiter.hold(plain)?))
                }
            };
            Ok((made.version, made.coded(request, limiter).await?))
        };
        timeout(WAIT_MAX, read).await.unwrap_or(Err(TooManyReads))
    }
}

impl<V> Made<V> {
    fn new(version: V, plain: Bytes) -> Self {
        Self { version, plain: Coded { coding: None, body: plain }, compressed: Vec::new() }
    }

    /// The coding for a client whose request has these headers.
    fn preferred(&self, request: &HeaderMap) -> Option<Coding> {
        negotiation::preferred(request, compression::worthwhile(self.plain.body.len()).iter().copied())
    }

    /// The answer in a coding; `None` if it was not compressed yet.
    fn ready(&self, coding: Option<Coding>) -> Option<Coded> {
        [&self.plain].into_iter().chain(&self.compressed).find(|coded| coded.coding == coding).cloned()
    }

    /// The answer for a client whose request has these headers. Compresses it, unless that was done before.
    async fn coded(&mut self, request: &HeaderMap, limiter: &ListLimiter) -> Result<Coded, TooManyReads> {
        let Some(coding) = self.preferred(request) else { return Ok(self.plain.clone()) };
        if let Some(ready) = self.ready(Some(coding)) {
            return Ok(ready);
        }
        let body = limiter.hold(compression::compress(coding, &self.plain.body).await)?;
        let coded = Coded { coding: Some(coding), body };
        self.compressed.push(coded.clone());
        Ok(coded)
    }
}

impl<'a> Work<'a> {
    /// Waits for the end of the last work's pause.
    async fn start(next: &'a mut Instant) -> Self {
        sleep_until(*next).await;
        Self { next, start: Instant::now() }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        *self.next = now + PAUSE * (now - self.start);
    }
}

impl Coded {
    /// Makes this the body of an answer, and names its coding in the answer's headers.
    pub(super) fn fill(self, response: &mut Response) {
        if let Some(coding) = self.coding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        *response.body_mut() = Body::from(self.body);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use futures_util::{future::join_all, poll};
    use tokio::time::advance;

    use super::*;

    /// A text long enough to be compressed.
    const TEXT: &[u8] = &[b'x'; 4_000];
    const MAKING: Duration = Duration::from_millis(10);

    fn accepting(codings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(codings))])
    }

    /// Makes answers: each takes 10 ms, and its version is the number of answers made before it.
    struct Source {
        shared: SharedAnswer<u32>,
        limiter: ListLimiter,
        made: Cell<u32>,
    }

    impl Source {
        fn new() -> Self {
            Self { shared: SharedAnswer::new(), limiter: ListLimiter::new(), made: Cell::new(0) }
        }

        async fn read(&self, needed: u32, codings: &'static str) -> Result<(u32, Coded), TooManyReads> {
            let make = async || {
                let version = self.made.replace(self.made.get() + 1);
                tokio::time::sleep(MAKING).await;
                (version, TEXT.to_vec())
            };
            self.shared.read(needed, &accepting(codings), &self.limiter, make).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_made_once_for_all_that_wait_and_again_if_a_newer_one_is_needed() {
        let source = Source::new();
        let answers = join_all((0..100).map(|_| source.read(0, "br"))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|(version, _)| *version == 0)));
        assert_eq!(source.made.get(), 1);
        let answers = join_all((0..100).map(|_| source.read(1, "br"))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|(version, _)| *version == 1)));
        assert_eq!(source.made.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn each_client_gets_the_coding_that_it_prefers() {
        let source = Source::new();
        for (codings, coding) in [("gzip", Some(Coding::Gzip)), ("br, gzip", Some(Coding::Brotli)), ("", None)] {
            let (_, answer) = source.read(0, codings).await.unwrap();
            assert_eq!(answer.coding, coding);
            assert_eq!(answer.body.len() == TEXT.len(), coding.is_none());
        }
        assert_eq!(source.made.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn making_takes_at_most_a_third_of_the_time() {
        let source = Source::new();
        let start = Instant::now();
        for needed in 0..10 {
            source.read(needed, "").await.unwrap();
        }
        assert_eq!(start.elapsed(), MAKING * 10 + MAKING * PAUSE * 9);
    }

    #[tokio::test(start_paused = true)]
    async fn if_a_client_leaves_while_its_answer_is_made_the_next_client_makes_it_after_a_pause() {
        let source = Source::new();
        let start = Instant::now();
        let mut abandoned = Box::pin(source.read(0, ""));
        assert!(poll!(&mut abandoned).is_pending());
        advance(MAKING / 2).await;
        drop(abandoned);
        let (version, _) = source.read(0, "").await.unwrap();
        assert_eq!((version, source.made.get()), (1, 2));
        assert_eq!(start.elapsed(), MAKING / 2 * (1 + PAUSE) + MAKING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_waits_for_eight_seconds_is_refused() {
        let shared = SharedAnswer::new();
        let limiter = ListLimiter::new();
        let (start, request) = (Instant::now(), accepting(""));
        let read = shared.read(0, &request, &limiter, async || std::future::pending().await);
        assert_eq!(read.await, Err(TooManyReads));
        assert_eq!(start.elapsed(), WAIT_MAX);
    }
}
