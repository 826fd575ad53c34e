//! Instants, for programs and for people.

use pintle_core::time::Timestamp;

/// RFC 3339, in UTC, with microseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| at.as_micros().to_string(), |at| format!("{at:.6}"))
}

/// Where the machine is, without a zone's name.
pub(crate) fn local(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
