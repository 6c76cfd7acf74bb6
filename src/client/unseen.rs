//! Counts the events that arrive while nobody sees the page. Which events there are, `session` knows.

/// How many events had been accepted when the page was hidden; `None` while it can be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unseen(Option<u64>);

impl Unseen {
    /// The page can be seen, or not, from now on. A page that was hidden already counts on.
    pub fn see(&mut self, visible: bool, accepted: u64) {
        self.0 = if visible { None } else { self.0.or(Some(accepted)) };
    }

    /// How many of the events that were accepted nobody has seen.
    #[must_use]
    pub fn count(self, accepted: u64) -> u64 {
        self.0.map_or(0, |from| accepted.saturating_sub(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_arrives_at_a_hidden_page_counts() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.count(9), 0);
        unseen.see(false, 10);
        unseen.see(false, 11);
        assert_eq!(unseen.count(13), 3, "told twice, it counts on");
        unseen.see(true, 13);
        assert_eq!(unseen.count(20), 0);
    }
}
