//! Puts moments into words. They are handed in: no clock is here.

/// How long ago a moment was. A clock that is ahead of the server's never puts an event into the future.
#[must_use]
pub fn ago(then: i64, now: i64) -> String {
    let seconds = now.saturating_sub(then).max(0) / 1000;
    match seconds {
        0..45 => String::from("just now"),
        45..3_570 => format!("{} min ago", (seconds + 30) / 60),
        3_570..84_600 => format!("{} h ago", (seconds + 1_800) / 3_600),
        _ => {
            let days = (seconds + 43_200) / 86_400;
            format!("{days} day{} ago", if days == 1 { "" } else { "s" })
        }
    }
}

/// A timestamp of the wire for people, to the second: `2026-11-23 08:00:00 UTC`.
#[must_use]
pub fn utc(timestamp: &str) -> String {
    let moment: String = timestamp.chars().take(19).collect();
    format!("{} UTC", moment.replace('T', " "))
}

/// The time of day in a timestamp of the wire, to the second: `08:00:00 UTC`.
#[must_use]
pub fn utc_time(timestamp: &str) -> String {
    format!("{} UTC", timestamp.get(11..19).unwrap_or_default())
}

/// A timestamp of the wire for people, in full: `2026-11-23 08:00:00.123Z`.
#[must_use]
pub fn exact(timestamp: &str) -> String {
    timestamp.replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_grow_coarser_and_never_tell_the_future() {
        for (seconds, words) in [
            (-180, "just now"),
            (44, "just now"),
            (45, "1 min ago"),
            (119, "2 min ago"),
            (3_569, "59 min ago"),
            (3_570, "1 h ago"),
            (84_599, "23 h ago"),
            (84_600, "1 day ago"),
            (200_000, "2 days ago"),
        ] {
            assert_eq!(ago(0, seconds * 1000), words, "{seconds} s");
        }
    }

    #[test]
    fn utc_is_said_to_be_utc() {
        assert_eq!(utc("2026-11-23T08:00:00.123Z"), "2026-11-23 08:00:00 UTC");
        assert_eq!(utc_time("2026-11-23T08:00:00.123Z"), "08:00:00 UTC");
        assert_eq!(exact("2026-11-23T08:00:00.123Z"), "2026-11-23 08:00:00.123Z");
    }
}
