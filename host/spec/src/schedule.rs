//! Schedules: what a document says of them, and the instants that follow from it.
//!
//! The danger is the calendar: local times that do not come, local times that come twice, and expressions whose day
//! never comes at all. The rule: a document becomes plain data (`pintle_core::schedule`), checked when it is read, and
//! [`Timetable`] computes instants from that data, a time zone and an instant that is given. No clock is read, and time
//! zones come from the database that is built into the program, so one document names the same instants everywhere.
//!
//! ## What may be written
//!
//! | form | means |
//! |---|---|
//! | `0 9 * * mon-fri` | minute, hour, day of the month, month, day of the week; with six fields, seconds come first |
//! | `*`, `?`, `a`, `a-b`, `*/n`, `a-b/n`, `a/n`, lists of them | each field; `a/n` goes on to the field's end; 7 is Sunday too |
//! | `0 0 13 * fri` | a day that is the 13th **or** a Friday: with both named one is enough, as cron has always done it |
//! | `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually` | the expression that they stand for |
//! | `@every 90m` | each multiple of the length since 1970 in UTC, so that a restart moves nothing |
//! | `CRON_TZ=Europe/Berlin ...`, `TZ=...`, `zone:` | the zone of this schedule |
//! | `{kind: at, at: 2026-11-01T09:30:00+01:00}` | once |
//! | `start_date`, `end_date` | first and last day, or instant, of a schedule; both belong to it |
//!
//! ## When the clock is put forward or back
//!
//! | schedule | a local time that is skipped | a local time that comes twice |
//! |---|---|---|
//! | names hours (`30 2 * * *`, `0 2,14 * * *`, `*/15 2 * * *`) | starts at the instant at which the clock jumps, once however many were skipped | starts the first time only |
//! | every hour (`0 * * * *`, `*/5 * * * *`) | does not start: no hour of real time is without its start | starts both times |
//! | `@every`, `at` | are of real time, and know no local time | |
//!
//! So a daily schedule starts once on every day of the year. Zones that move by half an hour give an hourly schedule one
//! distance of 30 or 90 minutes: it follows the minute hand. `tests/schedule.rs` holds both rules for five zones.
//!
//! ## Libraries
//!
//! croner 4 finds the next date and time of a calendar that fit an expression. It was taken because it is kept (release
//! 4.0.3 mends what its users reported of clock changes), MIT, works on jiff's types and gives the two day fields their
//! documented meaning; `cron` 0.17 and `saffron` need chrono beside jiff, `jiff-cron` demands seconds, `cronexpr` knows
//! none. Only civil time is asked of it. What the zone makes of that is decided here: croner lets `30 2,14 * * *` lose
//! the start that falls into a skipped hour, and looks no more than two hours past one, which is too little for a day that
//! a zone left out (Pacific/Apia, 2011-12-30). Fields are read here too: a fault needs its place, and croner's own reading
//! replaces names wherever they stand. jiff knows the zones, with its bundled database, and reads instants and lengths
//! of time.

mod cron;
mod field;
mod instant;
mod read;
mod rule;
mod timetable;
mod zone;

pub use timetable::{ScheduleError, Timetable};
pub use zone::{UnknownZone, Zone};

pub(crate) use instant::{span, to_core};
pub(crate) use read::read_scheduling;
