//! Remembers which idempotency key made which event, so that a retry does not post twice (contract, "HTTP"). Keys are
//! read from requests in `http::post`, and `channel` decides the answer to a retry.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::feed::{Event, Message, Timestamp, protocol::IDEMPOTENCY_KEY_MAX};

/// The time for which a key is remembered (contract, "HTTP").
const REMEMBERED: Duration = Duration::from_secs(120);
/// Maximum number of keys of a tenant. Above it the oldest is forgotten early (contract, "HTTP"). Each takes about 110
/// bytes.
const KEYS_MAX: usize = 100_000;
/// Maximum number of expired keys that are dropped with each new key. With two, expired keys become fewer, and no post
/// spends time on many.
const DROPPED_AT_ONCE: usize = 2;

/// A validated key: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Validates a key; `None` if it breaks a rule.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let fits = (1..=IDEMPOTENCY_KEY_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        fits.then(|| String::from_utf8(bytes.to_vec()).ok().map(Self)).flatten()
    }

    /// The key's text.
    #[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane needs it"))]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The part of a key's event that is remembered. The retry brings the message again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RememberedEvent {
    pub(crate) id: Uuid,
    pub(crate) timestamp: Timestamp,
    message: Fingerprint,
    since: Instant,
}

/// The first post with a key, compared with a retry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FirstPost {
    /// It had the same message.
    Same(RememberedEvent),
    /// It had another message.
    Other,
}

/// The keys of one tenant. Keys and messages are kept as fingerprints, so the memory does not depend on their lengths.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    fingerprints: Fingerprints,
    events: HashMap<Fingerprint, RememberedEvent>,
    /// The time when each key was used, the oldest first. A key that is used again after it has expired is in here twice.
    by_age: VecDeque<(Fingerprint, Instant)>,
}

/// A keyed hash of 128 bits. Nobody can find two texts with the same fingerprint, and two will not have one by chance.
type Fingerprint = (u64, u64);

/// Makes fingerprints, with hash keys that are random in each process.
#[derive(Debug, Default)]
struct Fingerprints(RandomState, RandomState);

impl Fingerprints {
    fn of(&self, text: &str) -> Fingerprint {
        (self.0.hash_one(text), self.1.hash_one(text))
    }
}

impl Keys {
    /// Finds the post that was first made with this key, if it is remembered.
    pub(crate) fn first_post(&self, key: &IdempotencyKey, message: &Message) -> Option<FirstPost> {
        let event = self.events.get(&self.fingerprints.of(&key.0)).filter(|event| !event.is_expired())?;
        let is_same = event.message == self.fingerprints.of(message.as_str());
        Some(if is_same { FirstPost::Same(*event) } else { FirstPost::Other })
    }

    /// Remembers which event `key` made, `age` ago.
    pub(crate) fn remember(&mut self, key: &IdempotencyKey, event: &Event, age: Duration) {
        let message = self.fingerprints.of(event.message.as_str());
        // The clock of the process may not reach back as far as the age.
        let since = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
        let (key, id, timestamp) = (self.fingerprints.of(&key.0), event.id, event.timestamp);
        self.events.insert(key, RememberedEvent { id, timestamp, message, since });
        self.by_age.push_back((key, since));
        for _ in 0..DROPPED_AT_ONCE {
            self.drop_oldest();
        }
    }

    /// Drops the oldest key if it has expired, or if there are too many.
    fn drop_oldest(&mut self) {
        let too_many = self.by_age.len() > KEYS_MAX;
        let oldest = self.by_age.pop_front_if(|(_, since)| too_many || since.elapsed() >= REMEMBERED);
        let Some((key, since)) = oldest else { return };
        // A key that was used again has a younger entry, which stays.
        if self.events.get(&key).is_some_and(|event| event.since == since) {
            self.events.remove(&key);
        }
    }
}

impl RememberedEvent {
    fn is_expired(&self) -> bool {
        self.since.elapsed() >= REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::feed::Tenant;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text.as_bytes()).unwrap()
    }

    fn message(text: &str) -> Message {
        Message::parse(text).unwrap()
    }

    fn use_key(keys: &mut Keys, text: &str) -> Uuid {
        let event =
            Event { id: Uuid::new_v4(), tenant_id: Tenant::A, message: message(text), timestamp: Timestamp::now() };
        keys.remember(&key(text), &event, Duration::ZERO);
        event.id
    }

    /// The event of a key that was used with its own text as the message.
    fn found(keys: &Keys, text: &str) -> Option<Uuid> {
        match keys.first_post(&key(text), &message(text))? {
            FirstPost::Same(event) => Some(event.id),
            FirstPost::Other => panic!("another message"),
        }
    }

    #[test]
    fn a_key_is_1_to_128_visible_ascii_characters() {
        for right in [&b"~!x"[..], b"k", &[b'k'; 128]] {
            assert!(IdempotencyKey::parse(right).is_some());
        }
        for wrong in [&b""[..], &[b'k'; 129], b"a b", "é".as_bytes(), b"a\n"] {
            assert_eq!(IdempotencyKey::parse(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_remembered_for_two_minutes() {
        let mut keys = Keys::default();
        let id = use_key(&mut keys, "one");
        advance(REMEMBERED - Duration::from_millis(1)).await;
        assert_eq!(found(&keys, "one"), Some(id));
        assert!(matches!(keys.first_post(&key("one"), &message("two")), Some(FirstPost::Other)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(found(&keys, "one"), None);
        let again = use_key(&mut keys, "one");
        use_key(&mut keys, "two");
        use_key(&mut keys, "three");
        assert_eq!(found(&keys, "one"), Some(again), "only the entry of its first use was dropped");
        assert_eq!((keys.events.len(), keys.by_age.len()), (3, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_of_more_than_100_000_keys_is_forgotten() {
        let mut keys = Keys::default();
        for n in 0..=KEYS_MAX {
            use_key(&mut keys, &n.to_string());
        }
        assert_eq!((keys.events.len(), keys.by_age.len()), (KEYS_MAX, KEYS_MAX));
        assert_eq!(found(&keys, "0"), None);
        assert!(found(&keys, "1").is_some());
        // An entry of the map takes a key, an event and one byte. The map and the queue are at most half empty: times 2.
        let entry = size_of::<(Fingerprint, RememberedEvent)>() + 1;
        let bytes = 2 * KEYS_MAX * (entry + size_of::<(Fingerprint, Instant)>());
        assert!(bytes <= 30_000_000, "{bytes}");
    }
}
