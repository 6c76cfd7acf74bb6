//! Verifies the one stream that every connection of a tenant must receive, byte for byte.
//!
//! The connection that is furthest ahead appends its bytes to the stream. They are parsed and checked: `seq` rises by one,
//! the tenant is right, and each message was posted and arrives once. The bytes of all other connections are compared with
//! the stream, which costs little and proves the same.

use event_feed::feed::protocol::Incoming;

use super::ledger::{Ledger, Phase};

/// A violation that makes a run void, in words.
pub(crate) type Violation = String;

/// A frame of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Text(&'a str),
    Ping,
    Close,
}

/// The first frame in `bytes`, and its length; `None` if it has not arrived whole.
pub(crate) fn first_frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Violation> {
    let (start, length) = match bytes {
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, 126, ..] | [] | [_] => return Ok(None),
        [_, long, ..] if *long > 126 => return Err(String::from("a frame that is masked, or far too long")),
        [_, short, ..] => (2, usize::from(*short)),
    };
    let end = start + length;
    let Some(payload) = bytes.get(start..end) else { return Ok(None) };
    let frame = match bytes[0] {
        0x81 => Frame::Text(std::str::from_utf8(payload).map_err(|_| String::from("a text frame that is not UTF-8"))?),
        0x88 => Frame::Close,
        0x89 => Frame::Ping,
        other => return Err(format!("an unexpected frame: {other:#x}")),
    };
    Ok(Some((frame, end)))
}

/// An event in the stream: the offset of its end, its phase, and the time of its post.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) end: u64,
    pub(crate) phase: Phase,
    pub(crate) sent: u64,
}

/// A frame that a client must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Ping,
    Close,
}

/// The stream. It starts with the frame behind the marking event.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    bytes: Vec<u8>,
    read: usize,
    seq: Option<u64>,
    seen: Vec<u64>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) calls: Vec<(u64, Call)>,
}

impl Stream {
    /// Notes that a connection has received the marking event with this `seq`.
    pub(crate) fn starts_behind(&mut self, seq: u64) -> Result<(), Violation> {
        if *self.seq.get_or_insert(seq) == seq || !self.bytes.is_empty() {
            Ok(())
        } else {
            Err(String::from("connections disagree on the seq of one event"))
        }
    }

    /// Notes that a connection that has received the stream up to `at` has received `bytes` after it.
    pub(crate) fn take(&mut self, at: u64, bytes: &[u8], ledger: &Ledger) -> Result<(), Violation> {
        let at = usize::try_from(at).map_err(|_| String::from("too long a stream"))?;
        let known = &self.bytes[at..];
        let both = known.len().min(bytes.len());
        if known[..both] != bytes[..both] {
            return Err(String::from(
                "a connection received other bytes than its tenant's others: an event lost, doubled or leaked",
            ));
        }
        if both < bytes.len() {
            self.bytes.extend_from_slice(&bytes[both..]);
            self.read(ledger)?;
        }
        Ok(())
    }

    fn read(&mut self, ledger: &Ledger) -> Result<(), Violation> {
        while let Some((frame, length)) = first_frame(&self.bytes[self.read..])? {
            let end = (self.read + length) as u64;
            match frame {
                Frame::Ping => self.calls.push((end, Call::Ping)),
                Frame::Close => self.calls.push((end, Call::Close)),
                Frame::Text(text) => match Incoming::decode(text) {
                    Ok(Incoming::EventCreated { seq, event }) => {
                        let expected = self.seq.unwrap_or(0) + 1;
                        if seq != expected {
                            return Err(format!("seq {seq} came where {expected} was due"));
                        }
                        if event.tenant_id != ledger.tenant {
                            return Err(format!("an event of {} reached {}", event.tenant_id, ledger.tenant));
                        }
                        let Some((index, phase, sent)) = ledger.recognise(event.message.as_str()) else {
                            return Err(String::from("an event that was never posted"));
                        };
                        if !first_time(&mut self.seen, index) {
                            return Err(format!("post {index} came twice"));
                        }
                        self.seq = Some(seq);
                        self.marks.push(Mark { end, phase, sent });
                    }
                    Ok(Incoming::Heartbeat { seq, .. }) if Some(seq) == self.seq => {}
                    other => return Err(format!("an unexpected frame: {other:?}")),
                },
            }
            self.read += length;
        }
        Ok(())
    }
}

fn first_time(seen: &mut Vec<u64>, index: usize) -> bool {
    let (word, bit) = (index / 64, 1 << (index % 64));
    if seen.len() <= word {
        seen.resize(word + 1, 0);
    }
    let first = seen[word] & bit == 0;
    seen[word] |= bit;
    first
}
