//! Sends arbitrary bytes over TCP, and shows the exact answer. HTTP and WebSocket libraries refuse to send some requests,
//! and hide parts of the answers.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode, header::HeaderName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{TcpSocket, TcpStream},
    time::interval,
};

use super::{
    http::{Answer, Request},
    within, within_timeout,
};

/// The opcodes of RFC 6455, section 5.2.
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// The deadline for the reset of a peer that reads nothing: four times the 10 s after which the server must reset it
/// (contract, "Limits").
const RESET_TIMEOUT: Duration = Duration::from_secs(40);

/// A client that obeys no protocol by itself.
#[derive(Debug)]
pub(crate) struct Raw {
    tcp: TcpStream,
    /// Bytes that were received and not parsed yet.
    bytes: Vec<u8>,
}

/// A frame, or the end of the stream, that a raw client received on a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Received {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    /// A close frame, with its code.
    Close(Option<u16>),
    /// The end of the stream, after a whole frame.
    End,
    /// The connection was reset.
    Reset,
}

impl Raw {
    pub(crate) async fn connect(server: SocketAddr) -> Self {
        let tcp = within("a connection", TcpStream::connect(server)).await.unwrap();
        tcp.set_nodelay(true).unwrap(); // so that each write is sent at once, in a packet of its own
        Self { tcp, bytes: Vec::new() }
    }

    /// Connects with the smallest receive buffer that the system allows.
    pub(crate) async fn connect_narrow(server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        let tcp = within("a connection", socket.connect(server)).await.unwrap();
        Self { tcp, bytes: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("the end of a write", self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Like [`Raw::write`], if the server may have closed the connection.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("the end of a write", self.tcp.write_all(bytes.as_ref())).await
    }

    /// Writes these bytes again and again, and reads nothing, until the server has reset the connection.
    pub(crate) async fn write_until_reset(&mut self, bytes: &[u8]) {
        within_timeout(RESET_TIMEOUT, "a reset", async { while self.tcp.write_all(bytes).await.is_ok() {} }).await;
    }

    /// Ends the stream to the server; the other direction stays open.
    pub(crate) async fn finish_sending(&mut self) {
        self.tcp.shutdown().await.unwrap();
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.reset_on_drop();
    }

    /// Makes the connection end with a reset when this is dropped.
    pub(crate) fn reset_on_drop(&self) {
        self.tcp.set_zero_linger().unwrap();
    }

    /// Waits until the server has reset the connection. Reads nothing meanwhile.
    pub(crate) async fn wait_for_reset(&self) {
        within_timeout(RESET_TIMEOUT, "a reset", async {
            let error = self.tcp.ready(Interest::ERROR).await.unwrap();
            assert!(error.is_error());
        })
        .await;
    }

    /// Reads one answer: its head, and its body.
    pub(crate) async fn answer(&mut self) -> Answer {
        let (head, body) = self.answer_bytes().await;
        let mut lines = head.trim_end().lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status line");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.map(|line| line.split_once(": ").expect("a header line")) {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        Answer { status: StatusCode::from_bytes(status.as_bytes()).unwrap(), headers, body: Bytes::from(body) }
    }

    /// Waits for the first bytes of an answer.
    pub(crate) async fn answer_started(&mut self) {
        if self.bytes.is_empty() {
            assert_ne!(self.more().await.unwrap(), 0, "the stream ended before an answer");
        }
    }

    /// Reads one answer slowly, `step` bytes of its body in each `period`, and returns the body.
    pub(crate) async fn answer_slowly(&mut self, step: usize, period: Duration) -> Vec<u8> {
        let end = self.find(b"\r\n\r\n").await;
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().unwrap();
        let (mut body, mut ticks) = (Vec::with_capacity(length), interval(period));
        while body.len() < length {
            ticks.tick().await;
            body.extend(self.take(step.min(length - body.len())).await.expect("the answer's body"));
        }
        body
    }

    /// Reads one answer as it was sent: its head and its body. A chunked body includes the chunk headers.
    pub(crate) async fn answer_bytes(&mut self) -> (String, Vec<u8>) {
        let end = self.find(b"\r\n\r\n").await;
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = match (header("content-length:"), header("transfer-encoding:")) {
            (Some(length), _) => length.parse().unwrap(),
            (None, Some("chunked")) => self.find(b"\r\n0\r\n\r\n").await,
            (None, _) => 0,
        };
        let body = self.take(length).await.expect("the answer's body");
        (head, body)
    }

    /// Sends a request, and returns the status of the answer if there is one.
    pub(crate) async fn try_status(&mut self, request: &Request) -> Option<u16> {
        self.try_write(request.head()).await.ok()?;
        self.status().await
    }

    /// Waits for the status of the next answer, which can still be read afterwards. `None` if the stream ends first.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        while !self.bytes.windows(2).any(|window| window == b"\r\n") {
            self.more().await.ok().filter(|count| *count > 0)?;
        }
        String::from_utf8_lossy(&self.bytes).split(' ').nth(1)?.parse().ok()
    }

    /// Reads at a steady rate to the end of the stream, and returns all that was read.
    pub(crate) async fn read_at_rate(&mut self, bytes_per_second: usize) -> String {
        const PER_SECOND: usize = 20;
        let mut ticks = interval(Duration::from_secs(1) / PER_SECOND as u32);
        let mut piece = vec![0; bytes_per_second / PER_SECOND];
        let mut all = std::mem::take(&mut self.bytes);
        loop {
            ticks.tick().await;
            match self.tcp.read(&mut piece).await {
                Ok(count @ 1..) => all.extend_from_slice(&piece[..count]),
                _ => return String::from_utf8_lossy(&all).into_owned(),
            }
        }
    }

    /// Waits until the connection has ended, in whatever way, and discards what is received.
    pub(crate) async fn closed(&mut self) {
        self.bytes.clear();
        while let Ok(1..) = self.tcp.read_buf(&mut self.bytes).await {
            self.bytes.clear();
        }
    }

    /// Waits until something can be read, or the stream has ended.
    pub(crate) async fn readable(&self) {
        self.tcp.readable().await.unwrap();
    }

    /// Whether the stream ends without another byte.
    pub(crate) async fn at_end(&mut self) -> bool {
        self.bytes.is_empty() && !matches!(self.more().await, Ok(1..))
    }

    /// Receives the next frame, or the end of the stream. An end in the middle of a frame fails the test; a reset does
    /// not.
    pub(crate) async fn receive(&mut self) -> Received {
        match self.frame().await {
            Ok(Some((TEXT, payload))) => Received::Text(String::from_utf8(payload).unwrap()),
            Ok(Some((PING, _))) => Received::Ping,
            Ok(Some((PONG, payload))) => Received::Pong(payload),
            Ok(Some((CLOSE, payload))) => Received::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            Ok(Some((opcode, _))) => panic!("the server never sends this opcode: {opcode}"),
            Ok(None) => Received::End,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Received::Reset,
            Err(error) => panic!("{error}"),
        }
    }

    /// Receives until `wanted` accepts a frame, and returns that frame.
    pub(crate) async fn receive_until(&mut self, mut wanted: impl FnMut(&Received) -> bool) -> Received {
        within("what is waited for", async {
            loop {
                match self.receive().await {
                    received if wanted(&received) => return received,
                    Received::End | Received::Reset => panic!("the stream ended before it"),
                    _ => {}
                }
            }
        })
        .await
    }

    /// Receives until a close frame, and returns its code.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        match self.receive_until(|received| matches!(received, Received::Close(_))).await {
            Received::Close(code) => code,
            other => panic!("no close: {other:?}"),
        }
    }

    /// Reads one frame, and checks that it is as a server must send it: final, without extension, unmasked.
    async fn frame(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        if self.bytes.is_empty() && self.more().await? == 0 {
            return Ok(None);
        }
        let [first, second] = self.array().await?;
        assert_eq!((first & 0xf0, second & 0x80), (0x80, 0), "final, no extension, unmasked");
        let length = match second {
            126 => u16::from_be_bytes(self.array().await?).into(),
            127 => u64::from_be_bytes(self.array().await?),
            short => short.into(),
        };
        let shortest = match length {
            0..=125 => second < 126,
            126..=0xffff => second == 126,
            _ => second == 127,
        };
        assert!(shortest, "a length of {length} in more bytes than it needs");
        Ok(Some((first & 0x0f, self.take(usize::try_from(length).unwrap()).await?)))
    }

    async fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        Ok(self.take(N).await?.try_into().unwrap())
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.bytes.len() < length {
            if self.more().await? == 0 {
                panic!("the stream ended in the middle of a frame or a body");
            }
        }
        Ok(self.bytes.drain(..length).collect())
    }

    async fn find(&mut self, end: &[u8]) -> usize {
        loop {
            if let Some(at) = self.bytes.windows(end.len()).position(|window| window == end) {
                return at + end.len();
            }
            assert_ne!(self.more().await.unwrap(), 0, "the stream ended before an answer");
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        within("more bytes", self.tcp.read_buf(&mut self.bytes)).await
    }
}

/// A masked frame, as a client sends it. `first` is its first byte: FIN, reserved bits and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked([7, 11, 13, 17], first, payload)
}

/// Like [`frame`], with this mask.
pub(crate) fn masked(mask: [u8; 4], first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// A message in one frame, of this opcode.
pub(crate) fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | opcode, payload)
}
