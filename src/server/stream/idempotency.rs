//! The keys that make a retry safe (contract, "HTTP"): within the kept events, a key stands for the event it made. What
//! a retry is answered is `channel`'s.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::http::HeaderMap;

use super::super::http::problem::Refusal;
use crate::feed::protocol::{IDEMPOTENCY_HEADER, IDEMPOTENCY_KEY_MAX};

/// 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// The key of a request, if it has one.
    ///
    /// # Errors
    /// [`Refusal::WrongIdempotencyKey`] where it has several, or one outside the rules.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let mut values = headers.get_all(IDEMPOTENCY_HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let visible =
            (1..=IDEMPOTENCY_KEY_MAX).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
        match value.to_str() {
            Ok(text) if visible && values.next().is_none() => Ok(Some(Self(text.into()))),
            _ => Err(Refusal::WrongIdempotencyKey),
        }
    }
}

/// Which event each key made, for the events that are kept.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    seqs: HashMap<IdempotencyKey, u64>,
    in_order: VecDeque<(u64, IdempotencyKey)>,
}

impl Keys {
    pub(crate) fn seq_of(&self, key: &IdempotencyKey) -> Option<u64> {
        self.seqs.get(key).copied()
    }

    /// Notes that `key` made event `seq`, the newest.
    pub(crate) fn remember(&mut self, key: IdempotencyKey, seq: u64) {
        self.in_order.push_back((seq, key.clone()));
        self.seqs.insert(key, seq);
    }

    /// Forgets the keys of the events before `oldest`: they are no longer kept.
    pub(crate) fn forget_before(&mut self, oldest: u64) {
        while let Some((_, key)) = self.in_order.pop_front_if(|(seq, _)| *seq < oldest) {
            self.seqs.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey(text.into())
    }

    #[test]
    fn a_key_is_visible_ascii_and_comes_once() {
        let of = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_HEADER, axum::http::HeaderValue::from_bytes(value).unwrap());
            }
            IdempotencyKey::of(&headers)
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"~!x"]), Ok(Some(key("~!x"))));
        assert!(of(&[&[b'k'; 128]]).is_ok());
        for wrong in [&[&b""[..]][..], &[&[b'k'; 129]], &[b"a b"], &["é".as_bytes()], &[b"a", b"a"]] {
            assert_eq!(of(wrong), Err(Refusal::WrongIdempotencyKey), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_is_forgotten_with_its_event() {
        let mut keys = Keys::default();
        keys.remember(key("one"), 1);
        keys.remember(key("three"), 3);
        keys.forget_before(3);
        assert_eq!((keys.seq_of(&key("one")), keys.seq_of(&key("three"))), (None, Some(3)));
    }
}
