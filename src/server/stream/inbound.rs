//! Parses the frames that a client sends. Clients must not send data, so the payload of a data frame is counted and
//! discarded.
//!
//! The parser is a state machine over bytes. It holds a few bytes, and only while a frame has not arrived whole.
//! tungstenite parses the frame headers.

use std::io::Cursor;

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{CloseCode, Control, Data, OpCode},
};

use crate::feed::protocol::FRAME_MAX;

/// Maximum payload of a control frame, in bytes (RFC 6455, section 5.5).
const CONTROL_MAX: u64 = 125;

/// The part of a client's frame that the server needs, or the rule that the frame breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientFrame {
    /// A ping. Its pong must have this payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// A close frame, with its code if it has one.
    Close(Option<u16>),
    /// The end of a data message.
    Data,
    /// A data frame without payload that does not end its message.
    EmptyFragment,
    /// A frame, or a message in fragments, above [`FRAME_MAX`].
    TooBig,
    /// A breach of the protocol. Nothing after it can be parsed.
    ProtocolError,
    /// A close frame whose reason is not UTF-8.
    InvalidUtf8,
}

impl ClientFrame {
    /// Whether the frame breaks the protocol, so that nothing after it can be parsed.
    pub(crate) const fn is_breach(&self) -> bool {
        matches!(self, Self::ProtocolError | Self::InvalidUtf8)
    }
}

/// The state of the parser between two reads.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Inbound {
    /// The start of a frame header, or of a control frame, that has not arrived whole.
    held: Vec<u8>,
    /// The rest of a data frame's payload that has not arrived yet, in bytes.
    to_skip: u64,
    /// Whether that frame ends its message.
    ends_message: bool,
    /// The size that the current message has announced so far, in bytes; `None` between messages.
    message: Option<u64>,
}

impl Inbound {
    /// Whether no frame is incomplete, so that this state may be dropped.
    pub(crate) fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// The number of held bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) const fn holds(&self) -> usize {
        self.held.len()
    }

    /// Parses bytes that have arrived, and passes each frame to `handle`, which returns whether to continue.
    pub(crate) fn read(&mut self, bytes: &[u8], mut handle: impl FnMut(ClientFrame) -> bool) {
        let mut held = std::mem::take(&mut self.held);
        let mut bytes = if held.is_empty() {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &held
        };
        while let Some(frame) = self.next(&mut bytes) {
            let is_breach = frame.is_breach();
            if !handle(frame) || is_breach {
                return; // the rest is dropped: nothing after a breach can be parsed
            }
        }
        self.held = bytes.to_vec();
    }

    /// Parses the next frame, and removes it from `bytes`; `None` if it has not arrived whole.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<ClientFrame> {
        loop {
            if self.to_skip > 0 {
                let here = usize::try_from(self.to_skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
                *bytes = &bytes[here..];
                self.to_skip -= here as u64;
                if self.to_skip > 0 {
                    return None;
                }
                if std::mem::take(&mut self.ends_message) {
                    self.message = None;
                    return Some(ClientFrame::Data);
                }
            }
            let mut cursor = Cursor::new(*bytes);
            let (header, length) = match FrameHeader::parse(&mut cursor) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => return None,
                Err(_) => return Some(ClientFrame::ProtocolError),
            };
            // RFC 6455, section 5.2: a length has 63 bits, in as few bytes as possible.
            if length >> 63 != 0 || cursor.position() != header.len(length) as u64 {
                return Some(ClientFrame::ProtocolError);
            }
            let payload = &bytes[usize::try_from(cursor.position()).ok()?.min(bytes.len())..];
            // RFC 6455: a client must mask its frames (5.1), and no extension was negotiated (5.2).
            let Some(mask) = header.mask.filter(|_| !(header.rsv1 || header.rsv2 || header.rsv3)) else {
                return Some(ClientFrame::ProtocolError);
            };
            match header.opcode {
                OpCode::Control(control) => {
                    if !header.is_final || length > CONTROL_MAX {
                        return Some(ClientFrame::ProtocolError);
                    }
                    let (payload, rest) = payload.split_at_checked(usize::try_from(length).ok()?)?;
                    *bytes = rest;
                    let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
                    return Some(control_frame(control, unmasked));
                }
                OpCode::Data(data) => {
                    let starts = match data {
                        Data::Text | Data::Binary => true,
                        Data::Continue => false,
                        Data::Reserved(_) => return Some(ClientFrame::ProtocolError),
                    };
                    if starts == self.message.is_some() {
                        return Some(ClientFrame::ProtocolError);
                    }
                    let message = self.message.unwrap_or(0).saturating_add(length);
                    *bytes = payload;
                    (self.message, self.to_skip, self.ends_message) = (Some(message), length, header.is_final);
                    if message > FRAME_MAX as u64 {
                        return Some(ClientFrame::TooBig); // its payload is skipped, to reach the close frame behind it
                    }
                    if length == 0 && std::mem::take(&mut self.ends_message) {
                        self.message = None;
                        return Some(ClientFrame::Data);
                    }
                    if length == 0 {
                        return Some(ClientFrame::EmptyFragment);
                    }
                }
            }
        }
    }
}

fn control_frame(control: Control, payload: Vec<u8>) -> ClientFrame {
    match (control, payload.as_slice()) {
        (Control::Ping, _) => ClientFrame::Ping(payload),
        (Control::Pong, _) => ClientFrame::Pong,
        (Control::Close, []) => ClientFrame::Close(None),
        (Control::Close, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            match (CloseCode::from(code).is_allowed(), std::str::from_utf8(reason)) {
                (true, Ok(_)) => ClientFrame::Close(Some(code)),
                (true, Err(_)) => ClientFrame::InvalidUtf8,
                (false, _) => ClientFrame::ProtocolError,
            }
        }
        (Control::Close, [_]) | (Control::Reserved(_), _) => ClientFrame::ProtocolError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: u8 = 0x1;
    const CONTINUE: u8 = 0x0;
    const CLOSE: u8 = 0x8;
    const PING: u8 = 0x9;
    const PONG: u8 = 0xa;

    /// A frame as a client sends it, masked.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
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
        let mask = [1, 2, 3, 4];
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn whole(opcode: u8, payload: &[u8]) -> Vec<u8> {
        frame(0x80 | opcode, payload)
    }

    /// The frames that are parsed if the bytes arrive in pieces of `step`.
    fn read_in_pieces(bytes: &[u8], step: usize) -> Vec<ClientFrame> {
        let (mut inbound, mut frames) = (Inbound::default(), Vec::new());
        for piece in bytes.chunks(step) {
            let mut is_last = false;
            inbound.read(piece, |one| {
                is_last = one == ClientFrame::TooBig || one.is_breach();
                frames.push(one);
                !is_last
            });
            if is_last {
                return frames;
            }
        }
        assert!(inbound.is_idle(), "state is left after whole frames: {inbound:?}");
        frames
    }

    fn check(frames: &[Vec<u8>], expected: &[ClientFrame]) {
        let bytes = frames.concat();
        for step in [1, 2, 3, 7, 1_000, usize::MAX >> 1] {
            assert_eq!(read_in_pieces(&bytes, step), expected, "in steps of {step}");
        }
    }

    #[test]
    fn pings_pongs_and_closes_are_parsed_whatever_the_pieces() {
        check(
            &[whole(PING, b"are you there"), whole(PONG, b""), whole(CLOSE, b"\x03\xe8bye"), whole(CLOSE, b"")],
            &[
                ClientFrame::Ping(b"are you there".to_vec()),
                ClientFrame::Pong,
                ClientFrame::Close(Some(1000)),
                ClientFrame::Close(None),
            ],
        );
    }

    #[test]
    fn a_data_message_is_reported_once_whole_or_in_fragments() {
        check(&[whole(TEXT, b"x")], &[ClientFrame::Data]);
        check(&[whole(TEXT, b"")], &[ClientFrame::Data]);
        check(&[whole(TEXT, &[b'x'; FRAME_MAX])], &[ClientFrame::Data]);
        check(
            &[frame(TEXT, b"a"), whole(PING, b""), frame(CONTINUE, b""), whole(CONTINUE, b"b"), whole(PONG, b"")],
            &[ClientFrame::Ping(Vec::new()), ClientFrame::EmptyFragment, ClientFrame::Data, ClientFrame::Pong],
        );
    }

    #[test]
    fn too_much_data_is_too_big_whole_or_in_fragments() {
        check(&[whole(TEXT, &[b'x'; FRAME_MAX + 1])], &[ClientFrame::TooBig]);
        check(&[frame(TEXT, &[b'x'; FRAME_MAX]), frame(CONTINUE, b"x")], &[ClientFrame::TooBig]);
        check(&[vec![0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]], &[ClientFrame::TooBig]);
    }

    #[test]
    fn breaches_of_the_protocol_are_reported() {
        for wrong in [
            vec![0x81, 0x01, b'x'],                                  // not masked
            vec![0x89, 0xfe, 0, 5, 0, 0, 0, 0],                      // a length in more bytes than needed
            vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // a length of 64 bits
            frame(0xc1, b"x"),                                       // a reserved bit
            frame(0x83, b"x"),                                       // a reserved opcode
            frame(0x8b, b""),                                        // a reserved control opcode
            frame(PING, b""),                                        // a fragmented control frame
            whole(PING, &[0; 126]),                                  // a long control frame
            whole(CONTINUE, b"x"),                                   // continues nothing
            whole(CLOSE, b"\x03"),                                   // half a close code
            whole(CLOSE, &1005_u16.to_be_bytes()),                   // a code that must not be sent
            whole(CLOSE, &999_u16.to_be_bytes()),
        ] {
            check(&[wrong], &[ClientFrame::ProtocolError]);
        }
        check(&[frame(TEXT, b"a"), frame(TEXT, b"b")], &[ClientFrame::ProtocolError]);
        check(&[whole(CLOSE, b"\x03\xe8\xff")], &[ClientFrame::InvalidUtf8]);
    }
}
