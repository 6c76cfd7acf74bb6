//! Decides between which rows the list has a divider: where another day begins, where the reader left, and where the events of
//! the server's current process end. `app::words` has the texts.

use uuid::Uuid;

use super::{calendar::Day, unread::UnreadLine, visible_list::Row};

/// A divider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divider {
    /// The event of the row below it.
    pub row: Uuid,
    /// The reason for it.
    pub kind: Kind,
}

/// The reason for a divider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rows below are of this day.
    Day(Day),
    /// The rows above came during an absence.
    Unread(UnreadLine),
    /// The server no longer has the rows below.
    Restart,
}

impl Kind {
    /// Its name in the page's markup.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Day(_) => "day",
            Self::Unread(_) => "unread",
            Self::Restart => "restart",
        }
    }
}

/// The dividers of a list, from the top. `today` has none, `epoch` names the server's current process, and `day_of` finds the
/// day of a moment: it is called once for each day in the list.
#[must_use]
pub fn dividers(
    rows: &[Row],
    today: Day,
    epoch: Option<Uuid>,
    unread: Option<UnreadLine>,
    day_of: impl Fn(i64) -> Day,
) -> Vec<Divider> {
    let mut found = vec![];
    let mut day = today;
    let mut unread = unread.filter(|line| rows.first().is_some_and(|row| row.number > line.after));
    let mut current = epoch;
    for row in rows {
        let mut add = |kind| found.push(Divider { row: row.entry.event.id, kind });
        if let Some(line) = unread.take_if(|line| row.number <= line.after) {
            add(Kind::Unread(line));
        }
        if current.take_if(|epoch| row.epoch != *epoch).is_some() {
            add(Kind::Restart);
        }
        // An event from the future is of today: the page's clock is late, or the server's was set back.
        let millis = row.entry.event.timestamp.millis().min(today.end - 1);
        if !day.contains(millis) {
            day = day_of(millis);
            add(Kind::Day(day));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::feed::{Entry, Event, Message, Tenant, Timestamp};

    const HOUR: i64 = 3_600_000;

    fn day_of(millis: i64) -> Day {
        let start = millis - millis.rem_euclid(24 * HOUR);
        Day { start, end: start + 24 * HOUR, date: (1970, 1, (start / HOUR / 24) as u32 + 1) }
    }

    fn row(epoch: u128, number: u64, hour: i64) -> Row {
        let event = Event {
            id: Uuid::from_u128(number.into()),
            tenant_id: Tenant::A,
            message: Message::parse("x").unwrap(),
            timestamp: Timestamp::parse(&format!("1970-01-{:02}T{:02}:00:00.000Z", hour / 24 + 1, hour % 24)).unwrap(),
        };
        let entry = Entry { seq: number, event: Arc::new(event) };
        Row { epoch: Uuid::from_u128(epoch), entry, number, arrived: None, moves: false }
    }

    fn shown(rows: &[Row], unread: Option<UnreadLine>) -> Vec<(u128, &'static str)> {
        let found = dividers(rows, day_of(72 * HOUR), Some(Uuid::from_u128(2)), unread, day_of);
        found.iter().map(|divider| (divider.row.as_u128(), divider.kind.slug())).collect()
    }

    #[test]
    fn each_other_day_has_a_divider_and_today_has_none() {
        let rows = [row(2, 5, 75), row(2, 4, 72), row(2, 3, 71), row(2, 2, 50), row(2, 1, 1)];
        assert_eq!(shown(&rows, None), [(3, "day"), (1, "day")]);
        assert_eq!(shown(&rows[2..], None), [(3, "day"), (1, "day")], "a list without today's events");
        assert_eq!(shown(&[], None), []);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_a_divider_too() {
        assert_eq!(shown(&[row(2, 3, 72), row(2, 2, 20), row(2, 1, 73)], None), [(2, "day"), (1, "day")]);
    }

    #[test]
    fn an_event_of_tomorrow_has_no_divider() {
        assert_eq!(shown(&[row(2, 3, 96), row(2, 2, 100), row(2, 1, 75)], None), []);
        assert_eq!(shown(&[row(2, 2, 96), row(2, 1, 71)], None), [(1, "day")]);
    }

    #[test]
    fn the_unread_line_is_below_what_is_new() {
        let rows = [row(2, 5, 75), row(2, 4, 75), row(2, 3, 75)];
        let line = |after| Some(UnreadLine { after, count: 1, since: 0 });
        assert_eq!(shown(&rows, line(4)), [(4, "unread")]);
        assert_eq!(shown(&rows, line(5)), [], "nothing new has a row yet");
        assert_eq!(shown(&rows, line(2)), [], "all rows are new");
    }

    #[test]
    fn one_divider_marks_what_the_server_no_longer_has() {
        let rows = [row(2, 9, 75), row(1, 8, 75), row(1, 7, 1), row(0, 6, 1)];
        let line = Some(UnreadLine { after: 8, count: 1, since: 0 });
        assert_eq!(shown(&rows, line), [(8, "unread"), (8, "restart"), (7, "day")]);
    }
}
