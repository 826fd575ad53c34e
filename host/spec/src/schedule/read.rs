//! `schedule` and the fields beside it.

use pintle_core::schedule::{Act, Edge, Overlap, Schedule, Scheduling, When};

use super::instant::{edge, instant, span};
use super::rule::{self, Rule, Said, Word};
use super::zone::Zone;
use crate::fields::{SCHEDULE, SCHEDULES};
use crate::limits::MAX_SCHEDULES;
use crate::nearest::did_you_mean;
use crate::reader::{At, Reader};
use crate::source::Place;

const ACTS: [Act; 3] = [Act::Start, Act::Stop, Act::Restart];

/// All that the document says of schedules; none if it says nothing.
pub(crate) fn read_scheduling(reader: &mut Reader<'_>, dag: &At<'_>) -> Option<Scheduling> {
    let scheduling = Scheduling {
        schedules: read_schedules(reader, dag),
        overlap: read_overlap(reader, dag).unwrap_or_default(),
        catchup_window: dag.get("catchup_window").and_then(|at| {
            let window = at.scalar().and_then(|scalar| span(&scalar.as_text()));
            if window.is_none() {
                reader.mismatch(&at, "a length of time such as `2d12h`, `90m` or `45s`");
            }
            window
        }),
        skip_if_successful: reader.boolean_field(dag, "skip_if_successful").unwrap_or(false),
    };
    (scheduling != Scheduling::default()).then_some(scheduling)
}

fn read_overlap(reader: &mut Reader<'_>, dag: &At<'_>) -> Option<Overlap> {
    let at = dag.get("overlap_policy")?;
    match reader.word(&at)?.as_str() {
        "skip" => Some(Overlap::Skip),
        "all" => Some(Overlap::All),
        "latest" => Some(Overlap::Latest),
        other => {
            let hint = did_you_mean(other, ["skip", "all", "latest"], "use `skip`, `all` or `latest`");
            reader.fault(&at, format!("`overlap_policy` does not know `{other}`; {hint}"));
            None
        }
    }
}

fn read_schedules(reader: &mut Reader<'_>, dag: &At<'_>) -> Vec<Schedule> {
    let mut schedules = Vec::new();
    let Some(all) = dag.get("schedule") else { return schedules };
    // A map of acts, unless it is a schedule that stands alone.
    if all.is_map() && !["kind", "expression", "at"].iter().any(|key| all.entry(key).is_some()) {
        reader.check_fields(&all, &SCHEDULES);
        for act in ACTS {
            if let Some(at) = all.get(act.as_str()) {
                read_list(reader, &at, act, &mut schedules);
            }
        }
    } else {
        read_list(reader, &all, Act::Start, &mut schedules);
    }
    schedules
}

fn read_list(reader: &mut Reader<'_>, at: &At<'_>, act: Act, schedules: &mut Vec<Schedule>) {
    for item in at.items() {
        if schedules.len() >= MAX_SCHEDULES {
            reader
                .fault(&item, format!("a DAG may have {MAX_SCHEDULES} schedules; use fewer, or lists in their fields"));
            return;
        }
        let Some(schedule) = read_schedule(reader, &item, act) else { continue };
        if schedules.contains(&schedule) {
            reader.notice(&item, "this schedule stands above already and counts once; remove it");
        } else {
            schedules.push(schedule);
        }
    }
}

fn read_schedule(reader: &mut Reader<'_>, item: &At<'_>, act: Act) -> Option<Schedule> {
    if !item.is_map() {
        let Rule { when, zone } = read_rule(reader, item)?;
        return Some(Schedule { act, zone, ..Schedule::starting(when) });
    }
    reader.check_fields(item, &SCHEDULE);
    let profile = reader.word_field(item, "profile");
    let zone = item.get("zone").and_then(|at| read_zone(reader, &at));
    let (first, last) = read_edges(reader, item);
    let rule = if is_once(reader, item)? { read_once(reader, item, act) } else { read_expression(reader, item) }?;
    if zone.is_some() && rule.zone.is_some() {
        reader.fault_key(item, "zone", "the expression names its zone already; keep one of the two");
    }
    if matches!(rule.when, When::At(_)) {
        for key in ["start_date", "end_date"].into_iter().filter(|key| item.get(key).is_some()) {
            reader.fault_key(item, key, format!("`{key}` belongs to an expression; an instant comes once; remove it"));
        }
    }
    Some(Schedule { act, when: rule.when, zone: rule.zone.or(zone), profile, first, last })
}

/// Whether the schedule is a single instant: by its `kind`, or by what stands there.
fn is_once(reader: &mut Reader<'_>, item: &At<'_>) -> Option<bool> {
    let Some(kind) = item.get("kind") else {
        return Some(item.get("at").is_some() && item.get("expression").is_none());
    };
    match reader.word(&kind)?.as_str() {
        "cron" => Some(false),
        "at" => Some(true),
        other => {
            let hint = did_you_mean(other, ["cron", "at"], "use `cron` or `at`");
            reader.fault(&kind, format!("`{other}` is not a kind of schedule; {hint}"));
            None
        }
    }
}

fn read_expression(reader: &mut Reader<'_>, item: &At<'_>) -> Option<Rule> {
    if item.get("at").is_some() {
        reader.fault_key(item, "at", "`at` belongs to `kind: at`; remove it, or change the kind");
    }
    let Some(expression) = item.get("expression") else {
        reader.fault(item, "the schedule has no `expression:`; write one such as `0 9 * * *`");
        return None;
    };
    read_rule(reader, &expression)
}

fn read_once(reader: &mut Reader<'_>, item: &At<'_>, act: Act) -> Option<Rule> {
    if item.get("expression").is_some() {
        reader.fault_key(item, "expression", "`expression` belongs to `kind: cron`; remove it, or change the kind");
    }
    if act != Act::Start {
        reader.fault(item, format!("`{act}` is not done at a single instant; give it a cron expression"));
    }
    let Some(at) = item.get("at") else {
        reader.fault(item, "the schedule has no `at:`; write an instant such as `2026-11-01T09:30:00+01:00`");
        return None;
    };
    let once = at.scalar().and_then(|scalar| instant(&scalar.as_text()));
    if once.is_none() {
        reader.mismatch(&at, "an instant since 1970 with its offset, such as `2026-11-01T09:30:00+01:00`");
    }
    Some(Rule { when: When::At(once?), zone: None })
}

fn read_zone(reader: &mut Reader<'_>, at: &At<'_>) -> Option<String> {
    match Zone::named(reader.word(at)?.trim()) {
        Ok(zone) => Some(zone.name().to_owned()),
        Err(error) => {
            reader.fault(at, error.to_string());
            None
        }
    }
}

fn read_edges(reader: &mut Reader<'_>, item: &At<'_>) -> (Option<Edge>, Option<Edge>) {
    let mut read = |key: &str| {
        let at = item.get(key)?;
        let found = at.scalar().and_then(|scalar| edge(&scalar.as_text()));
        if found.is_none() {
            reader.mismatch(&at, "a day such as `2026-11-01`, or an instant such as `2026-11-01T09:30:00+01:00`");
        }
        found
    };
    let (first, last) = (read("start_date"), read("end_date"));
    let backwards = match (&first, &last) {
        (Some(Edge::Day(first)), Some(Edge::Day(last))) => first > last,
        (Some(Edge::At(first)), Some(Edge::At(last))) => first > last,
        // Which comes first is for the zone to say; an end before the beginning then names no instant.
        (Some(Edge::Day(_) | Edge::At(_)) | None, _) => false,
    };
    if backwards {
        reader.fault_key(item, "end_date", "the schedule ends before it begins; correct `start_date` or `end_date`");
    }
    (first, last)
}

fn read_rule(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Rule> {
    let text = reader.word(at)?;
    let mut said = Said::default();
    let rule = rule::read(&text, &mut said);
    let whole = reader.place_of(at.place(), &text);
    let place = |word: &Word| {
        let start = whole.start as usize + word.start;
        // Escapes and folded lines are written otherwise than they read: then the value as a whole is marked.
        let exact = whole.end as usize - whole.start as usize == text.len();
        if exact { Place::new(start, start + word.len) } else { at.place() }
    };
    for word in &said.wrong {
        reader.findings.fault(place(word), at.path.to_string(), word.message.clone());
    }
    for word in &said.odd {
        reader.findings.notice(place(word), at.path.to_string(), word.message.clone());
    }
    rule
}
