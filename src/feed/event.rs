//! What a tenant's subscribers receive (contract, "Data"): exactly four fields.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::{Message, Tenant};

/// An accepted event. On the server only a channel makes one; its place in the order stands beside it, as `seq`.
///
/// What it says has passed the rules, and whose it is was parsed: neither can be a text.
///
/// ```
/// # use event_feed::feed::*;
/// # fn stamp(id: uuid::Uuid, tenant_id: Tenant, timestamp: Timestamp, message: Message) -> Event {
/// Event { id, tenant_id, timestamp, message }
/// # }
/// ```
/// ```compile_fail,E0308
/// # use event_feed::feed::*;
/// # fn stamp(id: uuid::Uuid, tenant_id: Tenant, timestamp: Timestamp, message: String) -> Event {
/// Event { id, tenant_id, timestamp, message }
/// # }
/// ```
/// ```compile_fail,E0308
/// # use event_feed::feed::*;
/// # fn stamp(id: uuid::Uuid, tenant_id: String, timestamp: Timestamp, message: Message) -> Event {
/// Event { id, tenant_id, timestamp, message }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Random (version 4): it names the event and orders nothing.
    pub id: Uuid,
    /// Whose event it is.
    pub tenant_id: Tenant,
    /// What was written.
    pub message: Message,
    /// When it was accepted, by the server's clock. Within a tenant it never decreases; it may tie.
    pub timestamp: Timestamp,
}

/// A moment in UTC, to the millisecond. On the wire: RFC 3339, always three decimals and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

/// The text is no RFC 3339 date and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp is an RFC 3339 date and time")]
pub struct TimestampError;

impl Timestamp {
    /// This moment, by the clock of the machine.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn now() -> Self {
        Self(Utc::now().trunc_subsecs(3))
    }

    /// Reads any RFC 3339 text; an offset is turned into UTC, and what is finer than a millisecond is cut.
    ///
    /// # Errors
    /// [`TimestampError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| TimestampError)?;
        Ok(Self(moment.to_utc().trunc_subsecs(3)))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, as a browser's `Date.now()` counts.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"id":"6f9619ff-8b86-4011-b42d-00c04fc964ff","tenant_id":"tenant_a","message":"hello","timestamp":"2026-11-23T08:00:00.000Z"}"#;

    #[test]
    fn an_event_is_exactly_four_fields() {
        let event: Event = serde_json::from_str(JSON).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), JSON);
    }

    #[test]
    fn a_timestamp_always_has_milliseconds_and_z() {
        for (text, shown) in [
            ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00.000Z"),
            ("2026-11-23T09:00:00.5+01:00", "2026-11-23T08:00:00.500Z"),
            ("2026-11-23T08:00:00.123987Z", "2026-11-23T08:00:00.123Z"),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(Timestamp::parse("yesterday"), Err(TimestampError));
    }

    #[test]
    fn a_timestamp_counts_as_a_browsers_clock_does() {
        assert_eq!(Timestamp::parse("1970-01-02T00:00:00.042Z").unwrap().millis(), 86_400_042);
    }
}
