//! From a schedule and an instant to the next instant.

use croner::Cron;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp as Instant};
use pintle_core::schedule::{Edge, Schedule, When};
use pintle_core::time::{Span, Timestamp};

use super::cron::Expression;
use super::instant::{SECOND, day, from_core, to_core};
use super::rule::Said;
use super::zone::{UnknownZone, Zone};
use crate::limits::SCHEDULE_HORIZON_DAYS;

/// Microseconds.
const MILLISECOND: u64 = 1000;

/// Why a schedule out of a stored plan is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The program that wrote the plan knew a zone that this one does not.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// An expression that this version does not read.
    #[error("the schedule `{expression}` cannot be read: {reason}; validate the DAG again")]
    Expression {
        /// As it stands in the plan.
        expression: String,
        /// What is wrong.
        reason: String,
    },
    /// A day that the calendar does not have.
    #[error("`{0}` is not a day; validate the DAG again")]
    Day(String),
}

/// A schedule, ready to be asked for instants.
#[derive(Debug, Clone)]
pub struct Timetable {
    rule: Rule,
    zone: Zone,
    first: Option<Instant>,
    last: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Rule {
    /// Names hours: each local time once a day.
    Daily(Cron),
    /// Every hour: whenever the clock shows it.
    Hourly(Cron),
    Every(Span),
    At(Timestamp),
}

impl Timetable {
    /// The timetable of a schedule; `home` is the zone of one that names none.
    pub fn new(schedule: &Schedule, home: &Zone) -> Result<Self, ScheduleError> {
        let zone = schedule.zone.as_deref().map_or_else(|| Ok(home.clone()), Zone::named)?;
        let rule = match &schedule.when {
            When::Cron(text) => cron(text)?,
            When::Every(span) => Rule::Every(*span),
            When::At(at) => Rule::At(*at),
        };
        let first = schedule.first.as_ref().map(|edge| begin(edge, &zone.rules)).transpose()?;
        let last = schedule.last.as_ref().map(|edge| end(edge, &zone.rules)).transpose()?;
        Ok(Self { rule, zone, first, last })
    }

    /// The zone that it is read in.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The first instant behind `after`; none if there is none, or none within [`SCHEDULE_HORIZON_DAYS`].
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let mut after = from_core(after)?;
        if let Some(first) = self.first {
            after = after.max(first.checked_sub(SignedDuration::from_nanos(1)).ok()?);
        }
        let zone = &self.zone.rules;
        let next = match &self.rule {
            Rule::Daily(cron) => next_daily(cron, zone, after)?,
            Rule::Hourly(cron) => next_hourly(cron, zone, after)?,
            Rule::Every(span) => next_multiple(*span, after)?,
            Rule::At(at) => from_core(*at).filter(|at| *at > after)?,
        };
        if self.last.is_some_and(|last| next > last) {
            return None;
        }
        to_core(next)
    }

    /// All instants behind `after`, in order.
    pub fn after(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at))
    }
}

fn cron(text: &str) -> Result<Rule, ScheduleError> {
    let wrong = |reason: String| ScheduleError::Expression { expression: text.to_owned(), reason };
    let mut said = Said::default();
    let Some(expression) = Expression::read(text, 0, &mut said) else { return Err(wrong(said.to_string())) };
    let cron: Cron = expression.text.parse().map_err(|error: croner::errors::CronError| wrong(error.to_string()))?;
    Ok(if expression.is_hourly() { Rule::Hourly(cron) } else { Rule::Daily(cron) })
}

/// The first instant that belongs to an edge.
fn begin(edge: &Edge, zone: &TimeZone) -> Result<Instant, ScheduleError> {
    let wrong = || ScheduleError::Day(shown(edge));
    match edge {
        Edge::At(at) => from_core(*at).ok_or_else(wrong),
        Edge::Day(text) => {
            let day = day(text).ok_or_else(wrong)?;
            Ok(day.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp())
        }
    }
}

/// The last instant that belongs to an edge.
fn end(edge: &Edge, zone: &TimeZone) -> Result<Instant, ScheduleError> {
    let wrong = || ScheduleError::Day(shown(edge));
    match edge {
        Edge::At(at) => from_core(*at).ok_or_else(wrong),
        Edge::Day(text) => {
            let tomorrow = day(text).and_then(|day| day.tomorrow().ok()).ok_or_else(wrong)?;
            let midnight = tomorrow.to_zoned(zone.clone()).map_err(|_| wrong())?.timestamp();
            midnight.checked_sub(SignedDuration::from_nanos(1)).map_err(|_| wrong())
        }
    }
}

fn shown(edge: &Edge) -> String {
    match edge {
        Edge::Day(text) => text.clone(),
        Edge::At(at) => at.as_micros().to_string(),
    }
}

/// Every local time once: [`first_showing`] never decreases, so the first local time whose instant is later is the next.
fn next_daily(cron: &Cron, zone: &TimeZone, after: Instant) -> Option<Instant> {
    let horizon = horizon(after);
    let mut local = zone.to_datetime(after);
    loop {
        local = cron.find_next_occurrence(&local, false).ok()?;
        let at = first_showing(zone, local)?;
        if at > horizon {
            return None;
        }
        // In the second passage of a repeated hour the local times of the first are behind us.
        if at > after {
            return Some(at);
        }
    }
}

/// When the zone's clocks first show a local time, or jump past it.
fn first_showing(zone: &TimeZone, local: DateTime) -> Option<Instant> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local).ok()
        }
        AmbiguousOffset::Gap { after, .. } => {
            // Read with the offset behind the jump it lies before the jump, by less than the jump is wide.
            let before_jump = after.to_timestamp(local).ok()?;
            zone.following(before_jump).next().map(|jump| jump.timestamp())
        }
    }
}

/// Whenever the clock shows it: between two changes of the clock local time and real time go side by side.
fn next_hourly(cron: &Cron, zone: &TimeZone, after: Instant) -> Option<Instant> {
    let horizon = horizon(after);
    let (mut from, mut inclusive) = (after, false);
    while from <= horizon {
        let offset = zone.to_offset(from);
        let local = cron.find_next_occurrence(&offset.to_datetime(from), inclusive).ok()?;
        let at = offset.to_timestamp(local).ok()?;
        match zone.following(from).next().map(|change| change.timestamp()) {
            Some(change) if change <= at => (from, inclusive) = (change, true),
            _ => return Some(at).filter(|at| *at <= horizon),
        }
    }
    None
}

fn next_multiple(span: Span, after: Instant) -> Option<Instant> {
    let step = span.as_millis().max(SECOND).saturating_mul(MILLISECOND);
    let passed = to_core(after)?.as_micros() / step;
    from_core(Timestamp(passed.checked_add(1)?.checked_mul(step)?))
}

fn horizon(after: Instant) -> Instant {
    after.saturating_add(SignedDuration::from_hours(24 * SCHEDULE_HORIZON_DAYS)).unwrap_or(Instant::MAX)
}
