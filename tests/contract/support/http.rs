//! Sends requests, valid or not, and checks the answers.

use std::{
    convert::Infallible,
    fmt::Write as _,
    io::{self, Read as _},
    net::SocketAddr,
};

use bytes::Bytes;
use event_feed::feed::Tenant;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::Frame,
    client::conn::http1::{SendRequest, handshake},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    data::{Event, List, Problem},
    within,
};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A request that a test may make invalid before it sends it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    server: SocketAddr,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    chunked: bool,
}

impl Request {
    pub(crate) fn new(server: SocketAddr, method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Self {
            server,
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            chunked: false,
        };
        request.header("host", server.to_string())
    }

    /// Adds a header line. It does not replace another one of the same name.
    pub(crate) fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.add(name, value);
        self
    }

    /// As [`Request::header`].
    pub(crate) fn add(&mut self, name: &'static str, value: impl AsRef<[u8]>) {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers.append(HeaderName::from_static(name), value);
    }

    /// Replaces all header lines of this name by one.
    pub(crate) fn set(&mut self, name: &'static str, value: impl AsRef<[u8]>) {
        self.headers.remove(name);
        self.add(name, value);
    }

    /// The same request, for another path.
    pub(crate) fn at(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn tenant(self, tenant: Tenant) -> Self {
        self.header("x-tenant-id", tenant.id())
    }

    pub(crate) fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the body in chunks, without a `Content-Length`.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Adds the headers of a WebSocket handshake, with the key of RFC 6455, section 1.3.
    pub(crate) fn upgrade(self) -> Self {
        self.header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    /// Sends it on a new connection.
    pub(crate) async fn send(self) -> Answer {
        Connection::open(self.server).await.send(self).await
    }

    /// The bytes of its head, for a test that writes the request in pieces.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target());
        for (name, value) in &self.headers {
            write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn target(&self) -> String {
        let question = if self.query.is_empty() { "" } else { "?" };
        format!("{}{question}{}", self.path, self.query)
    }

    fn into_hyper(self) -> hyper::Request<Body> {
        let target = self.target();
        let mut request = hyper::Request::new(if self.chunked {
            let pieces: Vec<_> = self.body.chunks(1_000).map(|piece| Ok(Frame::data(piece.to_vec().into()))).collect();
            StreamBody::new(stream::iter(pieces)).boxed_unsync()
        } else {
            http_body_util::Full::from(self.body).boxed_unsync()
        });
        *request.method_mut() = self.method;
        *request.uri_mut() = target.parse().expect("a target");
        *request.headers_mut() = self.headers;
        request
    }
}

/// A connection that stays open from request to request.
#[derive(Debug)]
pub(crate) struct Connection(SendRequest<Body>);

impl Connection {
    pub(crate) async fn open(server: SocketAddr) -> Self {
        Self::try_open(server).await.expect("the server listens")
    }

    /// Like [`Connection::open`], if the server may have ended.
    pub(crate) async fn try_open(server: SocketAddr) -> io::Result<Self> {
        let tcp = within("a connection", TcpStream::connect(server)).await?;
        let (sender, driver) = handshake(TokioIo::new(tcp)).await.expect("a client");
        tokio::spawn(driver.with_upgrades());
        Ok(Self(sender))
    }

    pub(crate) async fn send(&mut self, request: Request) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// Like [`Connection::send`], if the server may have closed the connection.
    pub(crate) async fn try_send(&mut self, request: Request) -> hyper::Result<Answer> {
        let what = format!("the answer to {} {}", request.method, request.target());
        let answer = within(&what, async {
            self.0.ready().await?;
            let (head, body) = self.0.send_request(request.into_hyper()).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        });
        answer.await
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The value of a header that must occur exactly once.
    #[track_caller]
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        let mut lines = self.headers.get_all(name).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { panic!("not one such line: {:?}", self.headers) };
        line.to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The content coding; `None` if the answer is plain.
    pub(crate) fn coding(&self) -> Option<&str> {
        self.headers.get(header::CONTENT_ENCODING).map(|coding| coding.to_str().expect("ASCII"))
    }

    /// The body without its content coding.
    pub(crate) fn decoded(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = match self.coding() {
            None => return self.body.to_vec(),
            Some("br") => brotli::Decompressor::new(&self.body[..], 4_096).read_to_end(&mut plain),
            Some("gzip") => flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut plain),
            Some(other) => panic!("an unknown coding: {other}"),
        };
        read.expect("valid compressed data");
        plain
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn is(self, status: StatusCode) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Checks for a `201`, and returns its event.
    #[track_caller]
    pub(crate) fn created(self) -> Event {
        let answer = self.is(StatusCode::CREATED);
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        let event: Event = serde_json::from_slice(&answer.body).unwrap();
        event.checked()
    }

    /// Checks for a `200`, and returns its list.
    #[track_caller]
    pub(crate) fn list(self) -> List {
        let answer = self.is(StatusCode::OK);
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
        List::new(answer.header("feed-position"), serde_json::from_slice(&answer.body).unwrap())
    }

    /// Checks for a `503` that is a page, with a link to try again, and returns its HTML.
    #[track_caller]
    pub(crate) fn refused_page(self) -> String {
        let answer = self.is(StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.header(header::RETRY_AFTER).parse::<u32>().unwrap() > 0);
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
        assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"));
        assert!(answer.header(header::CONTENT_SECURITY_POLICY).contains("default-src 'none'"));
        let text = answer.text().to_owned();
        assert!(text.contains(r#"<a href="">Try again</a>"#), "{text}");
        text
    }

    /// Checks for a refusal with this status and the headers that the status requires, and returns its problem.
    #[track_caller]
    pub(crate) fn refused(self, status: u16) -> Problem {
        let answer = self.is(StatusCode::from_u16(status).unwrap());
        assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
        let problem: Problem = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem.status, status, "{problem:?}");
        assert!(problem.kind.contains(':') && !problem.kind.contains(' '), "a URI: {problem:?}");
        assert!(!problem.title.is_empty() && problem.detail.contains(' '), "plain words: {problem:?}");
        match status {
            405 => assert!(!answer.header(header::ALLOW).is_empty()),
            503 => assert!(answer.header(header::RETRY_AFTER).parse::<u32>().unwrap() > 0),
            _ => {}
        }
        problem
    }
}
