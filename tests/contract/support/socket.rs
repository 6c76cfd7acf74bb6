//! Subscribes with a WebSocket library, which answers pings and closes as a browser does.

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

/// A subscriber that has received its hello. It checks that `seq` rises by one with each event, and that a heartbeat
/// carries the `seq` of the last event.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    pub(crate) hello: Hello,
    seq: u64,
}

impl Socket {
    /// Connects, and reads the hello.
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

    /// Reads the next frame.
    pub(crate) async fn next_frame(&mut self) -> Frame {
        self.frame_or_close().await.unwrap_or_else(|code| panic!("closed with {code:?}"))
    }

    /// Reads the next frame, or the close and its code.
    pub(crate) async fn frame_or_close(&mut self) -> Result<Frame, Option<u16>> {
        let frame = read(&mut self.stream).await?;
        self.check_seq(&frame);
        Ok(frame)
    }

    /// Checks the `seq` of a frame against the frames before it.
    fn check_seq(&mut self, frame: &Frame) {
        match frame {
            Frame::EventCreated { seq, event } => {
                assert_eq!((*seq, &event.tenant_id), (self.seq + 1, &self.hello.tenant_id), "{frame:?}");
                self.seq = *seq;
            }
            Frame::Heartbeat { seq, .. } => assert_eq!(*seq, self.seq, "{frame:?}"),
            Frame::ConnectionEstablished(_) => panic!("a second hello"),
        }
    }

    /// Reads up to the next event, and skips heartbeats.
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

    /// Reads up to a heartbeat with this number of connections.
    pub(crate) async fn next_heartbeat_with(&mut self, expected: u64) {
        within("a heartbeat with the number of connections", async {
            while !matches!(self.next_frame().await, Frame::Heartbeat { connections, .. } if connections == expected) {}
        })
        .await;
    }

    /// Reads this many events.
    pub(crate) async fn next_events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            events.push(self.next_event().await);
        }
        events
    }

    /// The `seq` of the last event read, or of the hello if there was none.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Checks that a close comes next and then the end of the connection, and returns the code.
    pub(crate) async fn next_close(&mut self) -> u16 {
        let code = match read(&mut self.stream).await {
            Err(code) => code.expect("a code"),
            Ok(frame) => panic!("no close: {frame:?}"),
        };
        self.ended().await;
        code
    }

    /// Reads up to the close, and returns the events and the code.
    pub(crate) async fn read_to_close(mut self) -> (Vec<Event>, Option<u16>) {
        let mut events = Vec::new();
        loop {
            match self.frame_or_close().await {
                Ok(Frame::EventCreated { event, .. }) => events.push(event),
                Ok(_) => {}
                Err(code) => return (events, code),
            }
        }
    }

    /// Reads up to the event with this `seq`, or to the end of the connection, in whatever way that comes. Returns
    /// whether it received every event from its hello to that one. A gap fails the test.
    pub(crate) async fn has_all_up_to(mut self, seq: u64) -> bool {
        while self.seq < seq {
            match within("a frame or the end", self.stream.next()).await {
                Some(Ok(Message::Text(text))) => self.check_seq(&Frame::read(&text)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return false,
            }
        }
        true
    }

    /// Closes with 1001, as a browser does when its user leaves the page, and waits until the connection has ended.
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
        assert!(!matches!(last, Some(Ok(_))), "received after the close: {last:?}");
    }
}

/// Reads the next frame, or the close and its code.
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
