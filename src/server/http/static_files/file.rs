//! Answers requests for one file, which is in memory in each of its codings.

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    super::{
        compression, etag,
        negotiation::{self, Coding},
    },
    build,
};

/// The `Cache-Control` of a fingerprinted file, which never changes under its name.
const FOR_A_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// The `Cache-Control` of other files: a client keeps them, and checks their tag at each use.
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of a site.
#[derive(Debug)]
pub(super) struct File {
    media_type: HeaderValue,
    cache_control: HeaderValue,
    plain: Representation,
    coded: Vec<(Coding, Representation)>,
}

/// The content of a file in one coding.
#[derive(Debug)]
struct Representation {
    body: Bytes,
    etag: HeaderValue,
}

impl File {
    /// Makes the file with this address and content.
    pub(super) fn new(address: &str, content: Bytes) -> Self {
        let media_type = mime_guess::from_path(address).first_raw().unwrap_or("application/octet-stream");
        Self {
            media_type: HeaderValue::from_static(media_type),
            cache_control: if build::fingerprint(address).is_some() { FOR_A_YEAR } else { ASK_FIRST },
            plain: Representation::new(content, None),
            coded: Vec::new(),
        }
    }

    /// Adds the file's content in a coding.
    pub(super) fn add(&mut self, coding: Coding, content: Bytes) {
        self.coded.push((coding, Representation::new(content, Some(coding))));
    }

    /// The content as text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.plain.body)
    }

    /// Compresses the content in each coding that makes it smaller and was not added.
    pub(super) fn compress(&mut self) {
        for coding in compression::worthwhile(self.plain.body.len()) {
            if self.coded.iter().any(|(at_hand, _)| at_hand == coding) {
                continue;
            }
            let content = compression::compress_blocking(*coding, &self.plain.body);
            if content.len() < self.plain.body.len() {
                self.add(*coding, content.into());
            }
        }
    }

    /// Answers a `GET` with the content in the coding that the client prefers, or with `304` if the client
    /// has it in any coding.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let coding = negotiation::preferred(request, self.coded.iter().map(|(coding, _)| *coding));
        let in_coding = self.coded.iter().find(|(in_coding, _)| Some(*in_coding) == coding);
        let Representation { body, etag } = in_coding.map_or(&self.plain, |(_, content)| content);
        let coded = self.coded.iter().map(|(_, content)| content);
        let known = etag::known(request, [&self.plain].into_iter().chain(coded).map(|content| &content.etag));
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::ETAG, known.unwrap_or(etag).clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        if known.is_some() {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, self.media_type.clone());
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(coding) = coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        *response.body_mut() = Body::from(body.clone());
        response
    }
}

impl Representation {
    /// Makes a representation. Its strong tag has the content's hash and length, and the coding (RFC 9110, section
    /// 8.8.3.3).
    ///
    /// 64 bits of hash suffice: only the project makes the files, so nobody tries to make two with the same hash. If a
    /// new version of the standard library hashes in another way, clients load each file once more.
    fn new(body: Bytes, coding: Option<Coding>) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let (hash, length) = (hasher.finish(), body.len());
        let coding = coding.map_or("", Coding::ending);
        let etag = HeaderValue::try_from(format!("\"{hash:016x}-{length:x}{coding}\""));
        Self { body, etag: etag.expect("digits, letters, dots and quotes are visible ASCII") }
    }
}
