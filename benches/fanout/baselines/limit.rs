//! Does the minimum that a server must do: one thread reads a post, makes its frame, and writes it once to each of the
//! tenant's sockets. It keeps no events, checks almost nothing, and closes a socket that does not accept a whole frame.

use std::{cell::RefCell, io, rc::Rc};

use event_feed::feed::{Message, Tenant, protocol::Outgoing};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::LocalSet,
};
use tungstenite::{
    handshake::derive_accept_key,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

/// One tenant's sockets, and the number of its last event.
#[derive(Debug, Default)]
struct Channel {
    seq: u64,
    sockets: Vec<TcpStream>,
}

type Channels = Rc<[RefCell<Channel>; 2]>;

#[derive(Deserialize)]
struct Body {
    message: String,
}

pub(super) fn serve(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = listen(port)?;
        let channels = Channels::default();
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::task::spawn_local(converse(socket, Rc::clone(&channels)));
        }
    })
}

pub(super) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(4096)
}

/// Answers requests until one upgrades the connection to a WebSocket, or the peer closes it.
async fn converse(mut socket: TcpStream, channels: Channels) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if socket.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if bytes.len() < end + length {
            continue;
        }
        let body: Vec<u8> = bytes.drain(..end + length).skip(end).collect();
        let tenant = Tenant::ALL.into_iter().find(|tenant| {
            header(&head, "x-tenant-id") == Some(tenant.id()) || head.starts_with(&format!("GET /ws?tenant={tenant} "))
        });
        match tenant {
            Some(tenant) if head.starts_with("POST ") => {
                let json = publish(tenant, &body, &channels)?;
                let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{json}", json.len());
                socket.write_all(head.as_bytes()).await?;
            }
            Some(tenant) => {
                let accept = derive_accept_key(header(&head, "sec-websocket-key").unwrap_or_default().as_bytes());
                let mut answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-accept: {accept}\r\n\r\n"
                )
                .into_bytes();
                let mut channel = channels[tenant as usize].borrow_mut();
                answer.extend(frame(&super::hello(tenant, channel.seq))?);
                socket.try_write(&answer)?;
                channel.sockets.push(socket);
                return Ok(());
            }
            None => socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?,
        }
    }
}

/// Writes an event to all of the tenant's sockets. Returns its JSON.
fn publish(tenant: Tenant, body: &[u8], channels: &Channels) -> io::Result<String> {
    let Body { message } = serde_json::from_slice(body)?;
    let event = super::event(tenant, Message::parse(&message).map_err(io::Error::other)?);
    let mut channel = channels[tenant as usize].borrow_mut();
    channel.seq += 1;
    let frame = frame(&Outgoing::EventCreated { seq: channel.seq, event: &event }.encode())?;
    // A socket that accepts less is closed, and its client notices.
    channel.sockets.retain(|socket| socket.try_write(&frame).is_ok_and(|written| written == frame.len()));
    Ok(serde_json::to_string(&event)?)
}

fn frame(text: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let frame = Frame::message(text.as_bytes().to_vec(), OpCode::Data(Data::Text), true);
    frame.format(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}
