//! Instants, days and lengths of time as documents write them.

use jiff::civil::Date;
use jiff::fmt::friendly::SpanParser;
use jiff::{SpanRelativeTo, Timestamp as Instant};
use pintle_core::schedule::Edge;
use pintle_core::time::{Span, Timestamp};

/// Milliseconds.
pub(super) const SECOND: u64 = 1000;

/// `2026-11-01T09:30:00+01:00`: whole seconds, since 1970.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let at: Instant = text.trim_ascii().parse().ok()?;
    (at.subsec_nanosecond() == 0).then(|| to_core(at))?
}

/// A day, or an instant.
pub(super) fn edge(text: &str) -> Option<Edge> {
    let text = text.trim_ascii();
    if text.len() == DAY.len() {
        return day(text).map(|day| Edge::Day(day.to_string()));
    }
    instant(text).map(Edge::At)
}

const DAY: &str = "2026-11-01";

/// `2026-11-01`.
pub(super) fn day(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (text.len() == DAY.len() && day.year() >= 1970).then_some(day)
}

/// `2d12h`, `90m`, `1h30m`: a day is 24 hours; months and years are of no fixed length.
pub(crate) fn span(text: &str) -> Option<Span> {
    let text = text.trim_ascii();
    // The library takes words, commas and a sign too; a document writes letters and numbers.
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'w' | b'd' | b'h' | b'm' | b's' | b'.'));
    if !plain {
        return None;
    }
    let span = SpanParser::new().parse_span(text).ok()?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    u64::try_from(length.as_millis()).ok().map(Span)
}

/// None before 1970.
pub(crate) fn to_core(at: Instant) -> Option<Timestamp> {
    u64::try_from(at.as_microsecond()).ok().map(Timestamp)
}

/// None beyond the calendar.
pub(super) fn from_core(at: Timestamp) -> Option<Instant> {
    i64::try_from(at.as_micros()).ok().and_then(|micros| Instant::from_microsecond(micros).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        let hour = 3600;
        for (text, seconds) in [
            ("2d12h", Some(60 * hour)),
            ("1w", Some(7 * 24 * hour)),
            ("90m", Some(90 * 60)),
            ("1h30m", Some(90 * 60)),
            ("1.5h", Some(90 * 60)),
            ("45s", Some(45)),
            ("", None),
            ("12", None),
            ("-1h", None),
            ("1h ago", None),
            ("1 hour", None),
            ("1y", None),
            ("PT1H", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(span(text), seconds.map(Span::from_secs), "{text}");
        }
    }

    #[test]
    fn instants_need_an_offset_and_whole_seconds() {
        let half_past_nine = Timestamp::from_millis(1_793_521_800_000);
        assert_eq!(instant("2026-11-01T09:30:00+01:00"), Some(Timestamp::from_millis(1_793_521_800_000)));
        assert_eq!(instant("2026-11-01T08:30Z"), Some(half_past_nine));
        for bad in ["2026-11-01T09:30:00", "2026-11-01", "2026-02-30T00:00Z", "1969-12-31T23:59Z", "soon"] {
            assert_eq!(instant(bad), None, "{bad}");
        }
        assert_eq!(instant("2026-11-01T08:30:00.5Z"), None);
    }

    #[test]
    fn edges_are_days_or_instants() {
        assert_eq!(edge("2026-11-01"), Some(Edge::Day("2026-11-01".to_owned())));
        assert!(matches!(edge("2026-11-01T00:00Z"), Some(Edge::At(_))));
        for bad in ["2026-13-01", "2026-11-31", "20261101", "01.11.2026", "2026-11-01T00:00"] {
            assert_eq!(edge(bad), None, "{bad}");
        }
    }
}
