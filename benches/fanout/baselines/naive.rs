//! Serves with the usual design: axum's own WebSocket, and one task per connection with a receiver of its tenant's
//! broadcast channel. A task empties its receiver before it flushes.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{
        RawQuery, State,
        ws::{Message as Frame, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use event_feed::feed::{Message, Tenant, protocol::Outgoing};
use futures_util::SinkExt;
use serde::Deserialize;
use tokio::sync::broadcast;

/// Maximum number of events that a receiver may lag behind. It is larger than a burst, so no event is lost.
const CAPACITY: usize = 16 * 1024;
/// The size of the read buffer, in bytes. This is the only setting that differs from axum's default of 128 KiB. That buffer
/// is cleared at every poll of the socket, and the benchmark would measure mostly that.
const READ_BUFFER: usize = 4 * 1024;

#[derive(Debug)]
struct Channel {
    seq: Mutex<u64>,
    frames: broadcast::Sender<Utf8Bytes>,
}

type Channels = Arc<[Channel; 2]>;

#[derive(Deserialize)]
struct Body {
    message: String,
}

pub(super) fn serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let channel = || Channel { seq: Mutex::new(0), frames: broadcast::channel(CAPACITY).0 };
        let channels: Channels = Arc::new([channel(), channel()]);
        let router = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/events", post(publish))
            .route("/ws", get(subscribe))
            .with_state(channels);
        // Without this, frames would wait for the acknowledgement of earlier ones.
        let listener = super::limit::listen(port)?.tap_io(|socket| {
            let _ = socket.set_nodelay(true);
        });
        axum::serve(listener, router).await
    })
}

async fn publish(State(channels): State<Channels>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let tenant = headers.get("x-tenant-id").and_then(|value| value.to_str().ok()?.parse::<Tenant>().ok());
    let (Some(tenant), Ok(message)) = (tenant, Message::parse(&body.message)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let event = super::event(tenant, message);
    let channel = &channels[tenant as usize];
    let mut seq = channel.seq.lock().unwrap_or_else(PoisonError::into_inner);
    *seq += 1;
    // It fails if the tenant has no connection.
    let _ = channel.frames.send(Outgoing::EventCreated { seq: *seq, event: &event }.encode().into());
    drop(seq);
    (StatusCode::CREATED, Json(event)).into_response()
}

async fn subscribe(State(channels): State<Channels>, query: RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let tenant = query.0.as_deref().and_then(|query| query.strip_prefix("tenant=")?.parse::<Tenant>().ok());
    let Some(tenant) = tenant else { return StatusCode::UNAUTHORIZED.into_response() };
    upgrade.read_buffer_size(READ_BUFFER).on_upgrade(async move |socket| {
        let channel = &channels[tenant as usize];
        let (receiver, seq) = {
            let seq = channel.seq.lock().unwrap_or_else(PoisonError::into_inner);
            (channel.frames.subscribe(), *seq)
        };
        // If the peer has left or lags, the connection ends, and its client notices.
        let _ = forward(socket, receiver, super::hello(tenant, seq)).await;
    })
}

async fn forward(
    mut socket: WebSocket,
    mut frames: broadcast::Receiver<Utf8Bytes>,
    hello: String,
) -> Result<(), axum::Error> {
    socket.send(Frame::Text(hello.into())).await?;
    loop {
        tokio::select! {
            frame = frames.recv() => {
                let Ok(frame) = frame else { return Ok(()) };
                socket.feed(Frame::Text(frame)).await?;
                while let Ok(frame) = frames.try_recv() {
                    socket.feed(Frame::Text(frame)).await?;
                }
                socket.flush().await?;
            }
            said = socket.recv() => {
                let Some(Ok(_)) = said else { return Ok(()) };
            }
        }
    }
}
