//! What a tenant's subscribers receive (contract, "Data"): exactly four fields. How one comes into being is
//! `server::channel`'s.

use std::{fmt, ops::Range};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

/// The text is no timestamp as the wire has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp is written as 2026-11-23T08:00:00.000Z")]
pub struct TimestampError;

impl Timestamp {
    /// This moment, by the clock of the machine. A clock outside of the years 1970 to 9999 counts as the nearest moment in
    /// them: the wire has no other years, and an odd clock is not a reason to refuse events.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn now() -> Self {
        Self::clamped(std::time::SystemTime::now())
    }

    #[cfg(feature = "ssr")]
    fn clamped(time: std::time::SystemTime) -> Self {
        /// 9999-12-31T23:59:59.999Z.
        const LAST: i64 = 253_402_300_799_999;
        // An error says that the clock is before 1970.
        let since_1970 = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since_1970.as_millis()).map_or(LAST, |millis| millis.min(LAST));
        Self(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }

    /// Reads the one form that the wire has, and no other of RFC 3339. (chrono's reader of any form, and its writer, are 8
    /// kB of the client.)
    ///
    /// # Errors
    /// [`TimestampError`] where the text is another.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let number = |digits: Range<usize>| text.get(digits)?.parse::<u32>().ok();
        let read = || {
            let date = NaiveDate::from_ymd_opt(number(0..4)?.try_into().ok()?, number(5..7)?, number(8..10)?)?;
            let moment = date.and_hms_milli_opt(number(11..13)?, number(14..16)?, number(17..19)?, number(20..23)?)?;
            Some(Self(moment.and_utc()))
        };
        // What stands between the numbers, and in their place, is right if it would be written again.
        read().filter(|timestamp| timestamp.to_string() == text).ok_or(TimestampError)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, as a browser's `Date.now()` counts.
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
    fn a_timestamp_is_read_as_it_is_written_and_no_other_way() {
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
    fn a_clock_outside_of_1970_to_9999_counts_as_the_nearest_moment_in_them() {
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
    fn a_timestamp_counts_as_a_browser_does() {
        assert_eq!(Timestamp::parse("2026-11-23T08:00:00.123Z").map(Timestamp::millis), Ok(1_795_420_800_123));
    }

    #[test]
    fn a_timestamp_counts_as_a_browsers_clock_does() {
        assert_eq!(Timestamp::parse("1970-01-02T00:00:00.042Z").unwrap().millis(), 86_400_042);
    }
}
