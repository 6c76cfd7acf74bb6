//! A subscriber, over a well-kept WebSocket library: it answers pings and closes as a browser does.

use std::net::SocketAddr;

use event_feed::feed::Tenant;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{
    data::{Event, Frame, Hello},
    within,
};

/// A subscription that stands. Whatever it reads, it checks that `seq` rises by one with each event, and that a
/// heartbeat has the last one's.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    pub(crate) hello: Hello,
    seq: u64,
}

impl Socket {
    /// Returns once the server has said hello.
    pub(crate) async fn connect(server: SocketAddr, tenant: Tenant) -> Self {
        let tcp = within("a connection", TcpStream::connect(server)).await.unwrap();
        let target = format!("ws://{server}/ws?tenant={tenant}");
        let (mut stream, _) = within("a handshake", client_async(target, tcp)).await.expect("a socket");
        let hello = match read(&mut stream).await {
            Ok(Frame::ConnectionEstablished(hello)) => hello,
            other => panic!("no hello: {other:?}"),
        };
        assert_eq!(hello.tenant_id, tenant.id());
        let seq = hello.seq;
        Self { stream, hello, seq }
    }

    /// The next frame.
    pub(crate) async fn next_frame(&mut self) -> Frame {
        self.frame_or_close().await.unwrap_or_else(|code| panic!("closed with {code:?}"))
    }

    /// The next frame, or the code of the close in its place.
    async fn frame_or_close(&mut self) -> Result<Frame, Option<u16>> {
        let frame = read(&mut self.stream).await?;
        self.take(&frame);
        Ok(frame)
    }

    /// Checks a frame against those before it.
    fn take(&mut self, frame: &Frame) {
        match frame {
            Frame::EventCreated { seq, event } => {
                assert_eq!((*seq, &event.tenant_id), (self.seq + 1, &self.hello.tenant_id), "{frame:?}");
                self.seq = *seq;
            }
            Frame::Heartbeat { seq, .. } => assert_eq!(*seq, self.seq, "{frame:?}"),
            Frame::ConnectionEstablished(_) => panic!("a second hello"),
        }
    }

    /// The next event; heartbeats are passed over.
    pub(crate) async fn next_event(&mut self) -> Event {
        within("an event", async {
            loop {
                if let Frame::EventCreated { event, .. } = self.next_frame().await {
                    return event;
                }
            }
        })
        .await
    }

    /// The next events.
    pub(crate) async fn next_events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            events.push(self.next_event().await);
        }
        events
    }

    /// The `seq` of the last event read; the hello's before the first.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// The code that the server closes with, as the very next thing. Returns once the connection has ended.
    pub(crate) async fn next_close(&mut self) -> u16 {
        let code = match read(&mut self.stream).await {
            Err(code) => code.expect("a code"),
            Ok(frame) => panic!("no close: {frame:?}"),
        };
        self.ended().await;
        code
    }

    /// The events up to the close, and its code.
    pub(crate) async fn rest(mut self) -> (Vec<Event>, Option<u16>) {
        let mut events = Vec::new();
        loop {
            match self.frame_or_close().await {
                Ok(Frame::EventCreated { event, .. }) => events.push(event),
                Ok(_) => {}
                Err(code) => return (events, code),
            }
        }
    }

    /// Reads up to the event of this `seq`, or to the end of the connection, whichever way that comes. Says whether it
    /// has every event from its hello to that one; a gap fails.
    pub(crate) async fn has_all_up_to(mut self, seq: u64) -> bool {
        while self.seq < seq {
            match within("a frame or the end", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => self.take(&Frame::read(&text)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return false,
            }
        }
        true
    }

    /// Closes as a browser does that leaves a page, and returns once the connection has ended.
    pub(crate) async fn close(mut self) {
        let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
        self.stream.close(Some(frame)).await.unwrap();
        let code = loop {
            if let Err(code) = read(&mut self.stream).await {
                break code;
            }
        };
        assert_eq!(code, Some(CloseCode::Away.into()), "a close is echoed");
        self.ended().await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    async fn ended(&mut self) {
        let last = within("the end of the connection", self.stream.next()).await;
        assert!(!matches!(last, Some(Ok(_))), "something after the close: {last:?}");
    }
}

/// The next frame, or the code of the close in its place.
async fn read(stream: &mut WebSocketStream<TcpStream>) -> Result<Frame, Option<u16>> {
    loop {
        match within("a frame", stream.next()).await {
            Some(Ok(Message::Text(text))) => return Ok(Frame::read(&text)),
            Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("neither a text nor a control frame: {other:?}"),
        }
    }
}
