//! `pintle scheduler`: which instants follow from the schedules of DAGs. Nothing is started, and no data directory is
//! made.

use std::path::Path;

use pintle_core::plugin::Staged;
use pintle_core::schedule::{Act, Schedule, When};
use pintle_core::time::Timestamp;
use pintle_spec::schedule::{Timetable, Zone};
use serde_json::{Value, json};

use crate::args::{Output, Preview, Scheduler};
use crate::context::{Context, remark, say};
use crate::dag::{Dag, Unfit};
use crate::embedded;
use crate::failure::{Exit, Failure, sentence};
use crate::render::table;
use crate::render::words::bare;

/// Looks at schedules.
pub(crate) fn run(args: &Scheduler, context: &Context) -> anyhow::Result<Exit> {
    match args {
        Scheduler::Preview(args) => preview(args, context),
    }
}

/// An instant at which something happens.
#[derive(Debug, Clone)]
struct Slot {
    at: Timestamp,
    dag: String,
    act: Act,
    profile: Option<String>,
    rule: String,
    zone: Zone,
}

fn preview(args: &Preview, context: &Context) -> anyhow::Result<Exit> {
    let home = home_zone(args.zone.as_deref())?;
    let from = begin(args.from.as_deref(), &home)?;
    let count = usize::try_from(args.count)?;
    let known = embedded::known()?;
    let (mut slots, mut exit) = (Vec::new(), Exit::Success);
    for file in &args.files {
        match load(file, &known, context)? {
            Some(dag) => slots.extend(upcoming(&dag, &home, from, count)?),
            None => exit = Exit::Failed,
        }
    }
    slots.sort_by(|a, b| (a.at, &a.dag, a.act).cmp(&(b.at, &b.dag, b.act)));
    slots.truncate(count);
    match args.output {
        Output::Json => say(&Value::Array(slots.iter().map(object).collect()).to_string()),
        Output::Text if slots.is_empty() => {
            remark(&format!("no schedule names an instant behind {}", shown(&home, from)))
        }
        Output::Text => say(&lines(&slots)),
    }
    Ok(exit)
}

/// The zone that was asked for, or the machine's; UTC where the machine's has no name.
fn home_zone(asked: Option<&str>) -> anyhow::Result<Zone> {
    if let Some(name) = asked {
        return Zone::named(name).map_err(|error| Failure::usage(format!("`--zone`: {error}")));
    }
    let machine = jiff::tz::TimeZone::system();
    Ok(machine.iana_name().and_then(|name| Zone::named(name).ok()).unwrap_or_else(Zone::utc))
}

fn begin(asked: Option<&str>, home: &Zone) -> anyhow::Result<Timestamp> {
    let Some(text) = asked else {
        let now = jiff::Timestamp::now().as_microsecond();
        return Ok(Timestamp(u64::try_from(now).unwrap_or(0)));
    };
    home.instant(text).ok_or_else(|| {
        Failure::usage(format!(
            "`--from {text}` is not a time since 1970; use 2026-03-28, 2026-03-28T08:00 or 2026-03-28T08:00:00Z"
        ))
    })
}

/// A DAG; none if its file is not valid, and then that is said.
fn load(file: &Path, known: &[Staged], context: &Context) -> anyhow::Result<Option<Dag>> {
    match Dag::load(file, known, &context.settings.home) {
        Ok(dag) => {
            if dag.plan.scheduling.as_ref().is_none_or(|scheduling| scheduling.schedules.is_empty()) {
                remark(&format!("{}: has no schedule", file.display()));
            }
            Ok(Some(dag))
        }
        Err(Unfit::Unreadable(error)) => {
            remark(&format!("error: {}", sentence(&error)));
            Ok(None)
        }
        Err(Unfit::Faulty(faults)) => {
            remark(&faults.render(context.report_colours()));
            Ok(None)
        }
    }
}

/// The first instants of a DAG's schedules, each schedule by itself.
fn upcoming(dag: &Dag, home: &Zone, from: Timestamp, count: usize) -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    for schedule in dag.plan.scheduling.iter().flat_map(|scheduling| &scheduling.schedules) {
        let timetable = Timetable::new(schedule, home)?;
        slots.extend(timetable.after(from).take(count).map(|at| Slot {
            at,
            dag: dag.plan.name.clone(),
            act: schedule.act,
            profile: schedule.profile.clone(),
            rule: rule(schedule),
            zone: timetable.zone().clone(),
        }));
    }
    Ok(slots)
}

/// As a document would say it.
fn rule(schedule: &Schedule) -> String {
    match &schedule.when {
        When::Cron(text) => text.clone(),
        When::Every(span) => format!("@every {}s", span.as_millis() / 1000),
        When::At(_) => "at".to_owned(),
    }
}

fn lines(slots: &[Slot]) -> String {
    let cells = |slot: &Slot| {
        let profile = slot.profile.as_ref().map(|profile| format!(" (profile {})", bare(profile)));
        [
            shown(&slot.zone, slot.at),
            slot.zone.name().to_owned(),
            format!("{}{}", slot.act, profile.unwrap_or_default()),
            bare(&slot.dag),
            slot.rule.clone(),
        ]
    };
    table::draw(["WHEN", "ZONE", "WHAT", "DAG", "SCHEDULE"], slots.iter().map(cells), &[])
}

fn object(slot: &Slot) -> Value {
    json!({
        "at": Zone::utc().local(slot.at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        "local": slot.zone.local(slot.at).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
        "zone": slot.zone.name(),
        "what": slot.act,
        "dag": slot.dag,
        "schedule": slot.rule,
        "profile": slot.profile,
    })
}

/// `Sun 2026-03-29 03:00:00 +02:00`.
fn shown(zone: &Zone, at: Timestamp) -> String {
    zone.local(at).map(|at| at.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()).unwrap_or_default()
}
