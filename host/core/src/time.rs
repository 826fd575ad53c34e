//! Instants and lengths of time. An instant is *store time* (I-9): there is one clock, the store's, and nobody here reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant of the store's clock, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub u64);

impl Timestamp {
    /// From whole milliseconds since 1970.
    #[must_use]
    pub fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// This instant and `span` more; saturates.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0.saturating_mul(1000)))
    }

    /// From `earlier` to here; nothing if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.micros_since(earlier) / 1000)
    }

    /// As [`Timestamp::since`], in microseconds.
    #[must_use]
    pub fn micros_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds; saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Span {
    /// `850ms`, `1.2s`, `3m05s`, `2h00m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0;
        let secs = ms / 1000;
        match secs {
            0 => write!(f, "{ms}ms"),
            1..=59 => write!(f, "{}.{}s", secs, ms % 1000 / 100),
            60..=3599 => write!(f, "{}m{:02}s", secs / 60, secs % 60),
            _ => write!(f, "{}h{:02}m", secs / 3600, secs % 3600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_print_as_people_say_them() {
        let shown: Vec<String> = [0, 850, 1_250, 59_999, 185_000, 7_200_000].map(|ms| Span(ms).to_string()).into();
        assert_eq!(shown, ["0ms", "850ms", "1.2s", "59.9s", "3m05s", "2h00m"]);
    }

    #[test]
    fn time_never_runs_backwards() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(late.since(early), Span(4));
        assert_eq!(early.since(late), Span::ZERO);
        assert_eq!(Timestamp(u64::MAX).plus(Span(1)), Timestamp(u64::MAX));
    }
}
