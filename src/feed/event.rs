//! Defines an event: exactly four fields (contract, "Data"). Events are made in `server::stream::channel`.

use std::{fmt, ops::Range};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::{Message, Tenant};

/// An accepted event. On the server only a channel makes one. Its number in the tenant's order, `seq`, is not a field.
///
/// The message and the tenant have types of their own, so neither can be a text that was not validated:
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
    /// Identifies the event. It is random (version 4), so it does not order events.
    pub id: Uuid,
    /// The tenant that the event belongs to.
    pub tenant_id: Tenant,
    /// The message that was posted.
    pub message: Message,
    /// The time of acceptance, by the server's clock. Within a tenant it never decreases, and two events may have the same.
    pub timestamp: Timestamp,
}

/// A moment in UTC, to the millisecond. It is written as RFC 3339 with three decimals and `Z`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

/// The text is not a timestamp in the one form that the contract allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp: write it as 2026-11-23T08:00:00.000Z")]
pub struct TimestampError;

impl Timestamp {
    /// The current time, by the clock of the machine. A clock outside of the years 1970 to 9999 counts as the nearest
    /// moment in them: no other year can be written, and a wrong clock is not a reason to reject events.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn now() -> Self {
        Self::clamped(std::time::SystemTime::now())
    }

    #[cfg(feature = "ssr")]
    fn clamped(time: std::time::SystemTime) -> Self {
        // It fails if the clock is before 1970, which then counts as 1970.
        let since_1970 = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }

    /// The moment so many milliseconds after 1970-01-01T00:00:00Z, or the nearest one in the years 1970 to 9999.
    #[cfg(feature = "ssr")]
    pub(crate) fn from_millis(millis: i64) -> Self {
        /// 9999-12-31T23:59:59.999Z.
        const LAST: i64 = 253_402_300_799_999;
        Self(DateTime::from_timestamp_millis(millis.clamp(0, LAST)).unwrap_or_default())
    }

    /// Parses the one form that the contract allows, and no other form of RFC 3339. (chrono's own parser and formatter would
    /// add 8 kB to the client.)
    ///
    /// # Errors
    /// [`TimestampError`] if the text has another form, or is not a date and time.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let number = |digits: Range<usize>| text.get(digits)?.parse::<u32>().ok();
        let read = || {
            let date = NaiveDate::from_ymd_opt(number(0..4)?.try_into().ok()?, number(5..7)?, number(8..10)?)?;
            let moment = date.and_hms_milli_opt(number(11..13)?, number(14..16)?, number(17..19)?, number(20..23)?)?;
            Some(Self(moment.and_utc()))
        };
        // The separators and the digits are right if formatting the result gives the same text.
        read().filter(|timestamp| timestamp.to_string() == text).ok_or(TimestampError)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, as in a browser's `Date.now()`.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date_naive(), self.0.time());
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())?;
        write!(f, "T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
        write!(f, ".{:03}Z", self.0.timestamp_subsec_millis())
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
    fn a_timestamp_has_exactly_one_form() {
        for text in ["2026-11-23T08:00:00.000Z", "2024-02-29T23:59:59.999Z", "1970-01-01T00:00:00.001Z"] {
            assert_eq!(Timestamp::parse(text).map(|timestamp| timestamp.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "yesterday",
            "2026-11-23T08:00:00Z",
            "2026-11-23T09:00:00.000+01:00",
            "2026-11-23 08:00:00.000Z",
            "2026-11-23T08:00:00.000Z ",
            "2026-11-23T+8:00:00.000Z",
            "2026-02-29T08:00:00.000Z",
            "2026-11-23T24:00:00.000Z",
            "2026-11-23T08:00:00.00éZ",
        ] {
            assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
        }
    }

    #[cfg(feature = "ssr")]
    #[test]
    fn a_clock_outside_of_1970_to_9999_counts_as_the_nearest_moment() {
        use std::time::{Duration, SystemTime, UNIX_EPOCH};

        let before = |duration: Duration| UNIX_EPOCH.checked_sub(duration).unwrap();
        let after = |duration: Duration| UNIX_EPOCH.checked_add(duration).unwrap();
        let year_10000 = Duration::from_secs(253_402_300_800);
        for (time, text) in [
            (before(Duration::from_nanos(1)), "1970-01-01T00:00:00.000Z"),
            (before(year_10000 * 1_000), "1970-01-01T00:00:00.000Z"),
            (UNIX_EPOCH, "1970-01-01T00:00:00.000Z"),
            (after(Duration::from_micros(1_999)), "1970-01-01T00:00:00.001Z"),
            (after(year_10000 - Duration::from_nanos(1)), "9999-12-31T23:59:59.999Z"),
            (after(year_10000), "9999-12-31T23:59:59.999Z"),
            (after(Duration::from_secs(i64::MAX.unsigned_abs())), "9999-12-31T23:59:59.999Z"),
        ] {
            let timestamp = Timestamp::clamped(time);
            assert_eq!(timestamp.to_string(), text);
            assert_eq!(Timestamp::parse(text), Ok(timestamp), "a client can read it");
        }
        assert!(Timestamp::clamped(SystemTime::now()).millis() > 1_700_000_000_000);
    }

    #[test]
    fn a_timestamp_counts_milliseconds_since_1970() {
        for (text, millis) in
            [("1970-01-02T00:00:00.042Z", 86_400_042), ("2026-11-23T08:00:00.123Z", 1_795_420_800_123)]
        {
            assert_eq!(Timestamp::parse(text).map(Timestamp::millis), Ok(millis), "{text}");
        }
    }
}
