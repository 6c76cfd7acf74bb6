//! Tells the answer to the last request from the answers to earlier ones, which nobody wants any more.

/// Numbers the requests of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastRequest(u32);

impl LastRequest {
    /// The number of a new request. Answers to earlier ones are not wanted from now on.
    pub const fn begin(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(1);
        self.0
    }

    /// No answer is wanted, until another request is made.
    pub const fn cancel(&mut self) {
        self.begin();
    }

    /// Whether the answer to this request is wanted.
    #[must_use]
    pub const fn wants(self, number: u32) -> bool {
        self.0 == number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_requests_answer_is_wanted() {
        let mut last = LastRequest::default();
        let first = last.begin();
        assert!(last.wants(first));
        let second = last.begin();
        assert_eq!((last.wants(first), last.wants(second)), (false, true));
        last.cancel();
        assert!(!last.wants(second));
    }
}
