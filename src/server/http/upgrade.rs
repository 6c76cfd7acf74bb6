//! Answers `GET /ws`: checks the handshake, upgrades the connection, and takes its TCP stream back from hyper. The
//! connection is then served by `stream::connection`.

use std::sync::Arc;

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tungstenite::handshake::derive_accept_key;

use super::{
    super::{
        Server,
        stream::{
            channel::{Channel, ConnectionPermit},
            connection::Connection,
        },
    },
    authority::{self, Authority},
    credential,
    problem::Refusal,
    write_timeout::WriteTimeout,
};

/// Subscribes a client to the feed of the tenant that the address names.
///
/// # Errors
/// In the contract's order: `405` if the request is not a `GET`, `403` for the `Origin`, `401` for the tenant, `426` and
/// `400` for the handshake, `503` if the backplane is out of reach or the tenant is at its limit. The connection is not
/// upgraded then.
pub(crate) async fn subscribe(State(server): State<Arc<Server>>, mut request: Request) -> Result<Response, Refusal> {
    // axum's `get` would also accept a HEAD, but a handshake is a GET (RFC 6455, section 4.1).
    if request.method() != Method::GET {
        return Err(Refusal::MethodNotAllowed { allow: String::from("GET") });
    }
    let host = request.extensions().get::<Authority>().ok_or(Refusal::MalformedHost)?;
    if !authority::origin_passes(request.headers(), host, &server.settings.allow_origin) {
        server.refused.origin.add(1);
        return Err(Refusal::OriginNotAllowed);
    }
    let tenant = credential::of_socket(request.uri())?;
    let accept = check_handshake(request.version(), request.headers())?;
    if !request.body().is_end_stream() {
        return Err(Refusal::WrongHandshake("send it without a body")); // a body would be parsed as frames
    }
    let feed = server.feeds.of(tenant);
    feed.check_live()?;
    let channel = Arc::clone(feed.channel());
    let permit = channel.permit().ok_or(Refusal::TenantFull)?;
    tokio::spawn(connect(hyper::upgrade::on(&mut request), channel, permit));

    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// Waits until hyper has released the TCP stream, and starts the connection's own task, which is smaller than this one.
async fn connect(upgrade: OnUpgrade, channel: Arc<Channel>, permit: ConnectionPermit) {
    let parts = match upgrade.await {
        Ok(upgraded) => upgraded.downcast::<TokioIo<WriteTimeout>>(),
        Err(error) => return tracing::debug!(%error, "a peer closed the connection before its upgrade"),
    };
    let Ok(parts) = parts else { return tracing::error!("an upgraded connection is not a TCP stream") };
    match parts.io.into_inner().into_inner() {
        Some(tcp) => drop(tokio::spawn(Connection::new(tcp, &parts.read_buf, channel, permit))),
        None => tracing::error!("an upgraded connection is still in use"),
    }
}

/// Checks a handshake (RFC 6455, section 4.2.1). Returns the value of `Sec-WebSocket-Accept`.
///
/// # Errors
/// `426` if the client asks for no upgrade to WebSocket, else `400`.
fn check_handshake(version: Version, headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(Refusal::UpgradeRequired);
    }
    let wrong = |what| Err(Refusal::WrongHandshake(what));
    if version != Version::HTTP_11 {
        return wrong("use HTTP/1.1");
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return wrong("send Connection: Upgrade");
    }
    if !matches!(one(headers, &header::SEC_WEBSOCKET_VERSION), Some(b"13")) {
        return wrong("send one Sec-WebSocket-Version: 13");
    }
    let key = one(headers, &header::SEC_WEBSOCKET_KEY).filter(|key| is_base64_of_16_bytes(key));
    let Some(key) = key else { return wrong("send one Sec-WebSocket-Key: 16 bytes in base64") };
    HeaderValue::from_str(&derive_accept_key(key)).or_else(|_| wrong("send another Sec-WebSocket-Key"))
}

/// Whether a header has this token in its comma-separated list, which may span several lines.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// The value of a header; `None` if the header is absent or repeated.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none()).map(HeaderValue::as_bytes)
}

/// Whether `key` is 16 bytes in base64: 22 digits and two characters of padding. The last digit has four unused bits,
/// which must be zero.
fn is_base64_of_16_bytes(key: &[u8]) -> bool {
    let Some((b"==", digits)) = key.split_last_chunk().map(|(digits, padding)| (padding, digits)) else { return false };
    let in_alphabet = digits.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    digits.len() == 22 && in_alphabet && matches!(digits.last(), Some(b'A' | b'Q' | b'g' | b'w'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_16_bytes_in_base64() {
        assert!(is_base64_of_16_bytes(b"dGhlIHNhbXBsZSBub25jZQ=="));
        for key in [
            "",
            "==",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25j!Q==",
            "dGhlIHNhbXBsZSBub25jZQo=",
        ] {
            assert!(!is_base64_of_16_bytes(key.as_bytes()), "{key}");
        }
    }
}
