//! Encodes the WebSocket frames that the server sends (RFC 6455, section 5): whole and unmasked. Frames of clients are
//! parsed in `inbound`.

use tungstenite::protocol::{
    CloseFrame,
    frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

/// Appends a text frame.
pub(crate) fn push_text(buffer: &mut Vec<u8>, text: &str) {
    push(buffer, Frame::message(text.as_bytes().to_vec(), OpCode::Data(Data::Text), true));
}

/// Appends an empty ping. The peer must answer it.
pub(crate) fn push_ping(buffer: &mut Vec<u8>) {
    push(buffer, Frame::ping(Vec::new()));
}

/// Appends a pong, the answer to a ping.
pub(crate) fn push_pong(buffer: &mut Vec<u8>, payload: &[u8]) {
    push(buffer, Frame::pong(payload.to_vec()));
}

/// Appends a close frame with a code and a reason, or an empty one if `code` is `None`.
pub(crate) fn push_close(buffer: &mut Vec<u8>, code: Option<u16>, reason: &str) {
    push(buffer, Frame::close(code.map(|code| CloseFrame { code: code.into(), reason: reason.into() })));
}

fn push(buffer: &mut Vec<u8>, frame: Frame) {
    frame.format(buffer).expect("writing to a Vec does not fail");
}

/// The end of the frame that byte `at` is in, in a buffer of frames that this module has encoded. If a frame starts at
/// `at`, returns `at`.
pub(crate) fn end_of_frame(buffer: &[u8], at: usize) -> usize {
    let mut end = 0;
    while end < at {
        let length = |bytes: &[u8]| bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let rest = buffer.get(end..).unwrap_or_default();
        end += match rest {
            [_, 126, high, low, ..] => 4 + length(&[*high, *low]),
            [_, 127, long @ ..] => 10 + length(long.get(..8).unwrap_or_default()),
            [_, short, ..] => 2 + usize::from(*short),
            _ => return buffer.len(),
        };
    }
    end.min(buffer.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_frame_is_found_from_any_byte_in_it() {
        let mut buffer = Vec::new();
        let mut ends = vec![0];
        for length in [0, 1, 125, 126, 2_000, 65_535, 65_536] {
            push_text(&mut buffer, &"x".repeat(length));
            ends.push(buffer.len());
        }
        push_ping(&mut buffer);
        ends.push(buffer.len());
        for pair in ends.windows(2) {
            assert_eq!(end_of_frame(&buffer, pair[0]), pair[0]);
            for at in [pair[0] + 1, pair[1] - 1, pair[1]] {
                assert_eq!(end_of_frame(&buffer, at), pair[1], "{at}");
            }
        }
    }
}
