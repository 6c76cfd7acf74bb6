//! Follows what arrives while the reader is away: while the page cannot be seen, or the list does not follow the stream.
//!
//! Which events there are, `session` knows. Numbers of events are those of [`Session::accepted`](super::session::Session::accepted).

use super::clock::Millis;

/// The events that came during an absence. Their line is where the reader left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadLine {
    /// The number of the last event before the reader left.
    pub after: u64,
    /// How many events of others came until the reader was back.
    pub count: u64,
    /// When the reader left, by the server's clock, in milliseconds since 1970.
    pub since: i64,
}

/// The moment at which the reader left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    after: u64,
    since: i64,
}

/// Keeps the line, and the start of an absence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Unread {
    left: Option<Left>,
    line: Option<UnreadLine>,
    /// Since when the line has been in view, as the time for which the page has been visible.
    in_view: Option<Millis>,
}

impl Unread {
    /// How long the line stays in view before it goes.
    const SEEN: Millis = 5_000.0;

    /// The reader is away, or not, from now on. `accepted` is the number of the newest event, `now` the time, and `others`
    /// counts the events of others after a number.
    pub fn look(&mut self, away: bool, accepted: u64, now: i64, others: impl Fn(u64) -> u64) {
        if away {
            self.left.get_or_insert(Left { after: accepted, since: now });
        } else if let Some(Left { after, since }) = self.left.take() {
            let count = others(after);
            if count > 0 {
                self.line = Some(UnreadLine { after, count, since });
                self.in_view = None;
            }
        }
    }

    /// The line is in view, or not. `visible` is for how long the page has been visible.
    pub fn see(&mut self, in_view: bool, visible: Millis) {
        if !in_view {
            self.in_view = None;
        } else if visible - *self.in_view.get_or_insert(visible) >= Self::SEEN {
            self.line = None;
        }
    }

    /// The reader posts, and so has read all there is.
    pub const fn posted(&mut self) {
        self.line = None;
    }

    /// The number of the last event before the reader left; `None` while the reader is here.
    #[must_use]
    pub fn left_after(&self) -> Option<u64> {
        self.left.map(|left| left.after)
    }

    /// The line to show.
    #[must_use]
    pub const fn line(&self) -> Option<UnreadLine> {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All events are of others, and so many were accepted.
    fn look(unread: &mut Unread, away: bool, accepted: u64, now: i64) {
        unread.look(away, accepted, now, |after| accepted - after);
    }

    #[test]
    fn the_line_is_where_the_reader_left_and_counts_until_the_return() {
        let mut unread = Unread::default();
        look(&mut unread, false, 9, 100);
        assert_eq!(unread.line(), None);
        look(&mut unread, true, 10, 200);
        look(&mut unread, true, 12, 300);
        assert_eq!((unread.left_after(), unread.line()), (Some(10), None), "told twice, it counts on");
        look(&mut unread, false, 17, 400);
        look(&mut unread, false, 20, 500);
        assert_eq!(unread.left_after(), None);
        assert_eq!(unread.line(), Some(UnreadLine { after: 10, count: 7, since: 200 }));
    }

    #[test]
    fn an_absence_without_news_changes_nothing() {
        let mut unread = Unread::default();
        for (away, accepted) in [(true, 1), (false, 3), (true, 3), (false, 3)] {
            look(&mut unread, away, accepted, 0);
        }
        assert_eq!(unread.line(), Some(UnreadLine { after: 1, count: 2, since: 0 }));
        unread.look(true, 3, 0, |_| 0);
        unread.look(false, 4, 0, |_| 0); // an own post
        assert_eq!(unread.line().map(|line| line.after), Some(1));
    }

    #[test]
    fn the_line_goes_after_it_was_in_view_for_five_seconds_on_end() {
        let mut unread = Unread::default();
        look(&mut unread, true, 1, 0);
        look(&mut unread, false, 2, 0);
        for (in_view, visible) in [(true, 0.0), (true, 4_999.0), (false, 5_000.0), (true, 6_000.0), (true, 10_999.0)] {
            unread.see(in_view, visible);
            assert!(unread.line().is_some(), "{visible}");
        }
        unread.see(true, 11_000.0);
        assert_eq!(unread.line(), None);
    }

    #[test]
    fn the_line_goes_when_the_reader_posts() {
        let mut unread = Unread::default();
        look(&mut unread, true, 1, 0);
        look(&mut unread, false, 2, 0);
        unread.posted();
        assert_eq!(unread.line(), None);
    }
}
