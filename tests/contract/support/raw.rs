//! A TCP stream and bytes as given: for what a well-kept client would not send, or would hide.

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
    within, within_limit,
};

/// The opcodes of RFC 6455, section 5.2.
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A client that keeps no rule by itself.
#[derive(Debug)]
pub(crate) struct Raw {
    tcp: TcpStream,
    /// What has come and was not read yet.
    bytes: Vec<u8>,
}

/// What a socket has said to a raw client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
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
        tcp.set_nodelay(true).unwrap(); // each write is a packet of its own
        Self { tcp, bytes: Vec::new() }
    }

    /// Connects with the smallest receive buffer that the system gives.
    pub(crate) async fn connect_narrow(server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        let tcp = within("a connection", socket.connect(server)).await.unwrap();
        Self { tcp, bytes: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within("room for what is sent", self.tcp.write_all(bytes.as_ref())).await.unwrap();
    }

    /// As [`Raw::write`], where the server may have had enough.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("room for what is sent", self.tcp.write_all(bytes.as_ref())).await
    }

    /// Sends no more. What comes is still read.
    pub(crate) async fn end(&mut self) {
        self.tcp.shutdown().await.unwrap();
    }

    /// Cuts the connection: the server sees a reset.
    pub(crate) fn cut(self) {
        self.will_be_reset();
    }

    /// Has the connection end by a reset, whenever it is dropped.
    pub(crate) fn will_be_reset(&self) {
        self.tcp.set_zero_linger().unwrap();
    }

    /// Ends when the server has reset the connection, which takes its patience. Nothing is read for it.
    pub(crate) async fn reset(&self) {
        within_limit(Duration::from_secs(40), "a reset", async {
            let error = self.tcp.ready(Interest::ERROR).await.unwrap();
            assert!(error.is_error());
        })
        .await;
    }

    /// One answer: its head, and as much body as its `Content-Length` says.
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

    /// Returns once the first bytes of an answer have come.
    pub(crate) async fn begun(&mut self) {
        if self.bytes.is_empty() {
            assert_ne!(self.more().await.unwrap(), 0, "the stream ended before an answer");
        }
    }

    /// One answer, read slowly: `step` bytes of its body at each tick of `pace`. Gives the body.
    pub(crate) async fn answer_slowly(&mut self, step: usize, pace: Duration) -> Vec<u8> {
        let end = self.find(b"\r\n\r\n").await;
        let head = String::from_utf8(self.bytes.drain(..end).collect()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().unwrap();
        let (mut body, mut ticks) = (Vec::with_capacity(length), interval(pace));
        while body.len() < length {
            ticks.tick().await;
            body.extend(self.take(step.min(length - body.len())).await.expect("the answer's body"));
        }
        body
    }

    /// One answer as it came: its head, and its body, with the frame of its one chunk where it came so.
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

    /// The status that a request gets, if it gets an answer at all.
    pub(crate) async fn try_status(&mut self, request: &Request) -> Option<u16> {
        self.try_write(request.head()).await.ok()?;
        self.status().await
    }

    /// The status of an answer that is still to be read.
    pub(crate) async fn status(&mut self) -> Option<u16> {
        while !self.bytes.windows(2).any(|window| window == b"\r\n") {
            self.more().await.ok().filter(|count| *count > 0)?;
        }
        String::from_utf8_lossy(&self.bytes).split(' ').nth(1)?.parse().ok()
    }

    /// Reads so many bytes a second, steadily, to the end of the stream, and gives all of them.
    pub(crate) async fn read_at(&mut self, bytes_per_second: usize) -> String {
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

    /// Passes over all that comes, and ends with the connection, whichever way that goes.
    pub(crate) async fn gone(&mut self) {
        self.bytes.clear();
        while let Ok(1..) = self.tcp.read_buf(&mut self.bytes).await {
            self.bytes.clear();
        }
    }

    /// Ends when something can be read, or the stream has ended.
    pub(crate) async fn readable(&self) {
        self.tcp.readable().await.unwrap();
    }

    /// Whether the stream ends here.
    pub(crate) async fn at_end(&mut self) -> bool {
        self.bytes.is_empty() && !matches!(self.more().await, Ok(1..))
    }

    /// The next frame, or how the stream has ended. A frame cut off in its middle fails, but for a reset.
    pub(crate) async fn hear(&mut self) -> Heard {
        match self.frame().await {
            Ok(Some((TEXT, payload))) => Heard::Text(String::from_utf8(payload).unwrap()),
            Ok(Some((PING, _))) => Heard::Ping,
            Ok(Some((PONG, payload))) => Heard::Pong(payload),
            Ok(Some((CLOSE, payload))) => Heard::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            Ok(Some((opcode, _))) => panic!("an opcode that the server has no use for: {opcode}"),
            Ok(None) => Heard::End,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Heard::Reset,
            Err(error) => panic!("{error}"),
        }
    }

    /// Passes over what is said before this.
    pub(crate) async fn hear_until(&mut self, mut wanted: impl FnMut(&Heard) -> bool) -> Heard {
        within("what is waited for", async {
            loop {
                match self.hear().await {
                    heard if wanted(&heard) => return heard,
                    Heard::End | Heard::Reset => panic!("the stream ended before it"),
                    _ => {}
                }
            }
        })
        .await
    }

    /// The code of the close frame, behind whatever else is said.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        match self.hear_until(|heard| matches!(heard, Heard::Close(_))).await {
            Heard::Close(code) => code,
            other => panic!("no close: {other:?}"),
        }
    }

    /// One whole frame as a server must send it: final, without extension, unmasked.
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
                panic!("the stream ended inside of something");
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

/// A frame as a client sends it, masked. `first` is its first byte: the bits and the opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    masked([7, 11, 13, 17], first, payload)
}

/// As [`frame`], with a mask of the test's choice.
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

/// A whole message of this opcode.
pub(crate) fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(0x80 | opcode, payload)
}
