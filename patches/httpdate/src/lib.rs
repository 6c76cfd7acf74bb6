//! Formats and parses the dates of HTTP (RFC 9110, section 5.6.7), for hyper.
//!
//! It replaces the published crate of this name (`[patch]` in the root's `Cargo.toml`), which panics on times before 1970
//! and after the year 9999. hyper calls it whenever it polls a connection, even if it sends no `Date`. Here such a time
//! counts as the nearest one that can be written.

use std::{
    error, fmt, io,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST: u64 = 253_402_300_799;
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time in whole seconds, in the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpDate {
    /// Seconds since 1970, at most [`LAST`].
    seconds: u64,
}

/// The text is not a date of HTTP.
#[derive(Debug)]
pub struct Error(());

/// Parses a date in any of the three forms of HTTP.
///
/// # Errors
/// If the text has none of these forms.
pub fn parse_http_date(text: &str) -> Result<SystemTime, Error> {
    text.parse().map(|date: HttpDate| date.into())
}

/// Formats a date in the form that HTTP prefers.
#[must_use]
pub fn fmt_http_date(time: SystemTime) -> String {
    HttpDate::from(time).to_string()
}

impl From<SystemTime> for HttpDate {
    fn from(time: SystemTime) -> Self {
        // It fails if the time is before 1970, which then counts as 1970.
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: since_1970.as_secs().min(LAST) }
    }
}

impl From<HttpDate> for SystemTime {
    fn from(date: HttpDate) -> Self {
        UNIX_EPOCH + Duration::from_secs(date.seconds)
    }
}

impl HttpDate {
    fn utc(self) -> DateTime<Utc> {
        self.seconds.try_into().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default()
    }

    /// Whether `text` is this date in one of the two obsolete forms (`Sunday, 06-Nov-94 08:49:37 GMT`,
    /// `Sun Nov  6 08:49:37 1994`).
    fn is_obsolete(self, text: &str) -> bool {
        let (date, day, month) = self.named();
        let (year, number, time) = (date.year(), date.day(), date.time());
        text == format!("{day}, {number:02}-{month}-{:02} {time} GMT", year % 100)
            || text == format!("{} {month} {number:2} {time} {year}", &day[..3])
    }

    /// The date, and the names of its day and month.
    fn named(self) -> (DateTime<Utc>, &'static str, &'static str) {
        let date = self.utc();
        (date, DAYS[date.weekday().num_days_from_monday() as usize], MONTHS[date.month0() as usize])
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, day, month) = self.named();
        write!(f, "{}, {:02} {month} {:04} ", &day[..3], date.day(), date.year())?;
        write!(f, "{:02}:{:02}:{:02} GMT", date.hour(), date.minute(), date.second())
    }
}

impl FromStr for HttpDate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts: Vec<_> = text.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
        let (day, month, year, time) = match parts[..] {
            [_, day, month, year, time, "GMT"] | [_, month, day, time, year] => (day, month, year, time),
            _ => return Err(Error(())),
        };
        let date = read(day, month, year, time).ok_or(Error(()))?;
        // The separators and the name of the day are right if formatting the date gives the same text.
        if date.to_string() == text || date.is_obsolete(text) { Ok(date) } else { Err(Error(())) }
    }
}

fn read(day: &str, month: &str, year: &str, time: &str) -> Option<HttpDate> {
    let year = match (year.len(), year.parse().ok()?) {
        (2, year @ 70..) => 1900 + year,
        (2, year) => 2000 + year,
        (_, year) => year,
    };
    let month = MONTHS.iter().zip(1..).find(|(name, _)| **name == month)?.1;
    let mut time = time.split(':').map(|number| number.parse().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let date = NaiveDate::from_ymd_opt(year, month, day.parse().ok()?)?.and_hms_opt(hour, minute, second)?;
    let seconds = u64::try_from(date.and_utc().timestamp()).ok().filter(|seconds| *seconds <= LAST)?;
    Some(HttpDate { seconds })
}

impl error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a date of HTTP: write it as Sun, 06 Nov 1994 08:49:37 GMT")
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_formatted_in_the_preferred_form_and_parsed_in_all_three() {
        for (seconds, preferred, obsolete, asctime) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "Thursday, 01-Jan-70 00:00:00 GMT", "Thu Jan  1 00:00:00 1970"),
            (
                784_111_777,
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994",
            ),
            (
                951_827_696,
                "Tue, 29 Feb 2000 12:34:56 GMT",
                "Tuesday, 29-Feb-00 12:34:56 GMT",
                "Tue Feb 29 12:34:56 2000",
            ),
            (
                3_155_759_999,
                "Tue, 31 Dec 2069 23:59:59 GMT",
                "Tuesday, 31-Dec-69 23:59:59 GMT",
                "Tue Dec 31 23:59:59 2069",
            ),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(fmt_http_date(time), preferred);
            for text in [preferred, obsolete, asctime] {
                assert_eq!(parse_http_date(text).ok(), Some(time), "{text}");
            }
        }
    }

    #[test]
    fn a_time_that_cannot_be_written_counts_as_the_nearest_one() {
        let last = UNIX_EPOCH + Duration::from_secs(LAST);
        for (time, text) in [
            (UNIX_EPOCH.checked_sub(Duration::from_nanos(1)).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (UNIX_EPOCH.checked_sub(Duration::from_secs(LAST * 1_000)).unwrap(), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (last, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (last + Duration::from_secs(1), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (last.checked_add(Duration::from_secs(LAST * 1_000)).unwrap(), "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(fmt_http_date(time), text);
            assert!(parse_http_date(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not_a_date() {
        for text in [
            "",
            "GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sat, 01 Jan 10000 00:00:00 GMT",
            "Sun, 06 Nov 19\u{e9}4 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
        ] {
            assert!(parse_http_date(text).is_err(), "{text:?}");
        }
    }
}
