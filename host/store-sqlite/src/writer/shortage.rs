//! A disk without room, told of once when writes begin to wait for it and once when they no longer do.
//!
//! The danger is a run that writes again and again while the disk is full: it would say so several times a second. The
//! rule: the first refusal is nobody's business but the caller's, who may give up and say it himself; the second shows
//! that somebody waits, and that is said; those that follow say nothing.

/// Refusals for want of room, in a row.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    refused: u32,
}

impl Shortage {
    /// One more refusal: whether it is to be told of.
    pub(super) fn is_worth_a_word(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.refused == 2
    }

    /// A write was taken: whether that ends a shortage that was told of.
    pub(super) fn ended(&mut self) -> bool {
        std::mem::take(&mut self.refused) >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_told_of_once_and_its_end_once() {
        let mut shortage = Shortage::default();
        let told =
            |shortage: &mut Shortage, refusals: usize| (0..refusals).filter(|_| shortage.is_worth_a_word()).count();
        assert_eq!((told(&mut shortage, 1), shortage.ended()), (0, false), "who asked once says it himself");
        assert_eq!((told(&mut shortage, 100), shortage.ended()), (1, true));
        assert!(!shortage.ended(), "the end is told once");
        assert_eq!((told(&mut shortage, 2), shortage.ended()), (1, true), "the next shortage is another");
    }
}
