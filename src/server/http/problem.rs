//! Defines every refusal: its status, its text and its headers (contract, "Errors"). A refused request has changed nothing,
//! except perhaps after a `504`.
//! The checks are in the handlers.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{super::tenant_feed::Unreachable, authority::HostName, list_limiter::WAIT_MAX};
use crate::feed::{
    Message, MessageError, Problem,
    protocol::{FRAME_MAX, IDEMPOTENCY_KEY_MAX},
};

/// The media type of a problem.
const MEDIA_TYPE: &str = "application/problem+json";
/// The wait that the server asks of a refused client, if waiting helps.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request was refused. The variants are in the order of the checks: the first that applies is the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the server has too many connections: try again in {} s", RETRY_AFTER.as_secs())]
    TooManyConnections,
    #[error("malformed request target: send a path, or a URL that starts with http://")]
    MalformedTarget,
    #[error("malformed Host header: send exactly one, with a host name or an IP address, and optionally a port")]
    MalformedHost,
    #[error("this server does not answer for the host {0}: to allow it, start the server with --allow-host {0}")]
    HostNotAllowed(HostName),
    #[error("the server is stopping: try again in {} s", RETRY_AFTER.as_secs())]
    Stopping,
    #[error("there is nothing at this address: check the path")]
    NotFound,
    #[error("this address does not allow the method: use one of {allow}")]
    MethodNotAllowed { allow: String },
    #[error("a page of another site may not connect: to allow it, start the server with --allow-origin")]
    OriginNotAllowed,
    #[error("no valid tenant: send one X-Tenant-ID header with tenant_a or tenant_b")]
    NoTenantHeader,
    #[error("no valid tenant: add ?tenant=tenant_a or ?tenant=tenant_b to the address")]
    NoTenantParameter,
    #[error("this address is for WebSocket only: send an upgrade request")]
    UpgradeRequired,
    #[error("the WebSocket handshake is wrong: {0}")]
    WrongHandshake(&'static str),
    #[error("this tenant is at its limit of connections: try again in {} s", RETRY_AFTER.as_secs())]
    TenantFull,
    #[error("too many lists and pages are waiting: try again in {} s", WAIT_MAX.as_secs())]
    TooManyReads,
    #[error("invalid Idempotency-Key: send at most one, of 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters")]
    WrongIdempotencyKey,
    #[error("the Content-Type is not JSON: send the body as application/json")]
    NotJsonType,
    #[error("the body has a content coding: send it without Content-Encoding")]
    ContentCoding,
    #[error("the body is too large: send at most {} bytes", FRAME_MAX)]
    BodyTooLarge,
    #[error("the body took too long: send it within {} s", .limit.as_secs())]
    BodyTooSlow { limit: Duration },
    #[error("the body ended early: send all of it")]
    BodyCut,
    #[error("the body is not UTF-8: send JSON in UTF-8")]
    NotUtf8,
    #[error("the body is not JSON: see line {line}, column {column}")]
    NotJson { line: usize, column: usize },
    #[error("{0}")]
    WrongShape(&'static str),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("this Idempotency-Key was used with another message: use a new key for each message")]
    KeyReused,
    #[error("too many posts of this tenant are waiting: try again in {} s", RETRY_AFTER.as_secs())]
    Busy,
    #[error("this server cannot read or extend the feed right now: try again in {} s", RETRY_AFTER.as_secs())]
    Unreachable,
    #[error(
        "the backplane did not answer, so the message may be posted or not: send it again with the same Idempotency-Key, \
         or look for it in the list"
    )]
    Unsettled,
}

impl From<Unreachable> for Refusal {
    fn from(Unreachable: Unreachable) -> Self {
        Self::Unreachable
    }
}

impl Refusal {
    /// The status, the name and the title of the kind of problem. There is no `_` arm, so each new variant needs its own.
    const fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::TooManyConnections => (S::SERVICE_UNAVAILABLE, "no-place", "No place"),
            Self::MalformedTarget => (S::BAD_REQUEST, "malformed-target", "Malformed target"),
            Self::MalformedHost => (S::BAD_REQUEST, "malformed-host", "Malformed Host"),
            Self::HostNotAllowed(_) => (S::MISDIRECTED_REQUEST, "host-not-allowed", "Host not allowed"),
            Self::Stopping => (S::SERVICE_UNAVAILABLE, "stopping", "Stopping"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed { .. } => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::OriginNotAllowed => (S::FORBIDDEN, "origin-not-allowed", "Origin not allowed"),
            Self::NoTenantHeader | Self::NoTenantParameter => (S::UNAUTHORIZED, "no-tenant", "No tenant"),
            Self::UpgradeRequired => (S::UPGRADE_REQUIRED, "upgrade-required", "Upgrade required"),
            Self::WrongHandshake(_) => (S::BAD_REQUEST, "wrong-handshake", "Wrong WebSocket handshake"),
            Self::TenantFull => (S::SERVICE_UNAVAILABLE, "full", "Full"),
            Self::TooManyReads => (S::SERVICE_UNAVAILABLE, "too-many-reads", "Too many reads"),
            Self::WrongIdempotencyKey => (S::BAD_REQUEST, "wrong-idempotency-key", "Wrong Idempotency-Key"),
            Self::NotJsonType => (S::UNSUPPORTED_MEDIA_TYPE, "not-json-type", "Unsupported media type"),
            Self::ContentCoding => (S::UNSUPPORTED_MEDIA_TYPE, "content-coding", "Unsupported content coding"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::BodyTooSlow { .. } => (S::REQUEST_TIMEOUT, "body-too-slow", "Body too slow"),
            Self::BodyCut => (S::BAD_REQUEST, "body-cut", "Body cut"),
            Self::NotUtf8 => (S::BAD_REQUEST, "not-utf-8", "Not UTF-8"),
            Self::NotJson { .. } => (S::BAD_REQUEST, "not-json", "Not JSON"),
            Self::WrongShape(_) => (S::UNPROCESSABLE_ENTITY, "wrong-shape", "Wrong shape"),
            Self::Message(MessageError::Empty) => (S::UNPROCESSABLE_ENTITY, "empty-message", "Empty message"),
            Self::Message(MessageError::TooLong { .. }) => {
                (S::UNPROCESSABLE_ENTITY, "message-too-long", "Message too long")
            }
            Self::Message(MessageError::Control { .. }) => {
                (S::UNPROCESSABLE_ENTITY, "control-character", "Control character")
            }
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency-Key reused"),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Busy"),
            Self::Unreachable => (S::SERVICE_UNAVAILABLE, "unreachable", "Unreachable"),
            Self::Unsettled => (S::GATEWAY_TIMEOUT, "unsettled", "Unsettled"),
        }
    }

    /// The body of the answer (RFC 9457, section 3.1). Its `type` is a URN that ends with the name of the kind.
    pub(crate) fn problem(&self) -> Problem {
        let (status, kind, title) = self.kind();
        Problem {
            kind: format!("urn:event-feed:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
        }
    }

    /// The header that this refusal needs in addition to those of every problem.
    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::TooManyConnections | Self::Stopping | Self::TenantFull | Self::Busy | Self::Unreachable => {
                Some((header::RETRY_AFTER, RETRY_AFTER.as_secs().into()))
            }
            Self::TooManyReads => Some((header::RETRY_AFTER, WAIT_MAX.as_secs().into())), // the queue is empty by then
            // RFC 9110, section 15.5.16: a 415 for the coding lists the accepted codings.
            Self::ContentCoding => Some((header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
            Self::MethodNotAllowed { allow } => Some((header::ALLOW, allow.parse().ok()?)),
            // RFC 9110, section 15.5.2: a 401 names the credential that is needed.
            Self::NoTenantHeader | Self::NoTenantParameter => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Tenant header=\"X-Tenant-ID\"")))
            }
            Self::UpgradeRequired => Some((header::UPGRADE, HeaderValue::from_static("websocket"))),
            Self::WrongHandshake(_) => Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            _ => None,
        }
    }
}

/// An extension of a refusal's response, for the log.
#[derive(Debug, Clone)]
pub(crate) struct RefusalRecord {
    /// The name of the kind of problem.
    pub(crate) problem: &'static str,
    /// Advice for the administrator, if a setting would help.
    pub(crate) advice: Option<String>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, kind, _) = self.kind();
        let mut response = Response::new(Body::from(problem_json(&self.problem())));
        *response.status_mut() = status;
        let advice = matches!(self, Self::HostNotAllowed(_)).then(|| self.to_string());
        response.extensions_mut().insert(RefusalRecord { problem: kind, advice });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, value);
        }
        response
    }
}

/// A refusal that a person sees instead of a page: HTML with a link to try again.
#[derive(Debug)]
pub(crate) struct RefusedPage(pub(crate) Refusal);

impl IntoResponse for RefusedPage {
    fn into_response(self) -> Response {
        let Problem { title, detail, .. } = self.0.problem();
        let mut response = self.0.into_response();
        // The refusals of a page contain nothing that a client has sent, and no markup, so they need no escaping. An empty
        // link leads to the page's own address.
        *response.body_mut() = Body::from(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title} · event-feed</title>\n<h1>This page can't be shown right now</h1>\n\
             <p>The reason: {detail}.</p>\n<p><a href=\"\">Try again</a></p>\n</html>\n"
        ));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        response
    }
}

fn problem_json(problem: &Problem) -> String {
    serde_json::to_string(problem).expect("four fields, three strings and a number, always serialise")
}

const _: () = assert!(Message::MAX * 4 < FRAME_MAX, "every message fits into a body");
