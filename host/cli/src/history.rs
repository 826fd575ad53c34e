//! `pintle history`.

use anyhow::Context as _;
use pintle_core::plan::Json;
use pintle_core::time::{Span, Timestamp};
use pintle_spec::BoundParams;
use pintle_store::{RunFilter, RunRow, Runs as _};
use serde_json::Value;

use crate::args::{Format, History};
use crate::context::{Context, remark, say};
use crate::failure::{Exit, Failure};
use crate::join::House;
use crate::render::json::instant;
use crate::render::style::words;
use crate::render::table;
use crate::render::tree::bare;
use crate::start::one_thread;

/// Parameters and messages are cut here in the table.
const CELL: usize = 48;

/// Lists runs, newest first.
pub(crate) fn run(args: &History, context: &Context) -> anyhow::Result<Exit> {
    if !context.has_store() {
        print(args.format, &[], Timestamp::default())?;
        return Ok(Exit::Success);
    }
    one_thread()?.block_on(async {
        let house = House::open(&context.settings, Vec::new())?;
        house.recover_dead().await?;
        let now = house.now();
        let filter = RunFilter { statuses: args.status.clone(), dag: args.name.clone(), since: since(args, now)? };
        let limit = usize::try_from(args.limit)?;
        let rows = house.store.list(&filter, None, limit).await?.rows;
        print(args.format, &rows, now)?;
        Ok(Exit::Success)
    })
}

fn print(format: Format, rows: &[RunRow], now: Timestamp) -> anyhow::Result<()> {
    match format {
        Format::Table if rows.is_empty() => remark("no runs: `pintle start FILE` makes one"),
        Format::Table => say(&table(rows, now)),
        Format::Json => say(&json(rows)),
        Format::Csv => say(csv(rows)?.trim_end()),
    }
    Ok(())
}

fn since(args: &History, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
    if let Some(text) = &args.last {
        let span =
            span(text).ok_or_else(|| Failure::usage(format!("`--last {text}` is not a span; use 30m, 12h or 7d")))?;
        return Ok(Some(Timestamp(now.0.saturating_sub(span.0.saturating_mul(1000)))));
    }
    let Some(text) = &args.from else { return Ok(None) };
    let wrong = || Failure::usage(format!("`--from {text}` is not a time; use 2026-11-01 or 2026-11-01T08:00:00Z"));
    let at = match text.parse::<jiff::Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let date: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
            date.to_zoned(jiff::tz::TimeZone::system()).map_err(|_| wrong())?.timestamp()
        }
    };
    Ok(Some(Timestamp(u64::try_from(at.as_microsecond()).unwrap_or(0))))
}

/// `30s`, `30m`, `12h`, `7d`, `2w`.
fn span(text: &str) -> Option<Span> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(at)?;
    let secs: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(secs).map(Span::from_secs)
}

/// For people.
pub(crate) fn table(rows: &[RunRow], now: Timestamp) -> String {
    let cells = |row: &RunRow| {
        [
            words(row.status.as_str()),
            bare(&row.dag),
            row.id.to_string(),
            local(row.started_at.unwrap_or(row.submitted_at)),
            took(row, now).map(|span| span.to_string()).unwrap_or_default(),
            cut(&given(&row.params)),
            cut(&note(row)),
        ]
    };
    let header = ["STATUS", "DAG", "RUN", "STARTED", "TOOK", "PARAMS", "NOTE"];
    table::draw(header, rows.iter().map(cells), &[4])
}

fn note(row: &RunRow) -> String {
    row.message.clone().or_else(|| row.waiting.clone()).unwrap_or_default()
}

fn took(row: &RunRow, now: Timestamp) -> Option<Span> {
    Some(row.finished_at.unwrap_or(now).since(row.started_at?))
}

fn cut(text: &str) -> String {
    let text = bare(text);
    if text.chars().count() <= CELL {
        return text;
    }
    text.chars().take(CELL - 1).chain(['…']).collect()
}

/// Where the machine is, without a zone's name.
pub(crate) fn local(at: Timestamp) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_microsecond(micros).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

fn bound(params: &Json) -> Option<BoundParams> {
    serde_json::from_str(&params.0).ok()
}

fn given(params: &Json) -> String {
    if let Some(bound) = bound(params) {
        return bound.to_words().join(" ");
    }
    let Ok(Value::Object(values)) = serde_json::from_str(&params.0) else { return String::new() };
    let word = |(name, value): (&String, &Value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    };
    values.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Parameters as an object of name and value.
pub(crate) fn params(params: &Json) -> Value {
    let text = bound(params).map_or_else(|| params.0.clone(), |bound| bound.to_json());
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// An array of objects.
pub(crate) fn json(rows: &[RunRow]) -> String {
    let objects = rows.iter().map(|row| {
        serde_json::json!({
            "run": row.id,
            "dag": row.dag,
            "status": row.status,
            "attempt": row.attempt,
            "submitted_at": instant(row.submitted_at),
            "started_at": row.started_at.map(instant),
            "finished_at": row.finished_at.map(instant),
            "took_ms": row.finished_at.zip(row.started_at).map(|(end, start)| end.since(start).as_millis()),
            "params": params(&row.params),
            "trigger": row.trigger.as_str(),
            "waiting": row.waiting,
            "message": row.message,
            "source": row.source,
        })
    });
    Value::Array(objects.collect()).to_string()
}

fn csv(rows: &[RunRow]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "run",
        "dag",
        "status",
        "attempt",
        "submitted_at",
        "started_at",
        "finished_at",
        "params",
        "message",
    ])?;
    for row in rows {
        writer.write_record([
            row.id.to_string(),
            row.dag.clone(),
            row.status.to_string(),
            row.attempt.to_string(),
            instant(row.submitted_at),
            row.started_at.map(instant).unwrap_or_default(),
            row.finished_at.map(instant).unwrap_or_default(),
            params(&row.params).to_string(),
            note(row),
        ])?;
    }
    let bytes = writer.into_inner().context("the table cannot be written")?;
    Ok(String::from_utf8(bytes)?)
}

#[cfg(test)]
mod tests {
    use pintle_core::counter::{RunAttempt, Version};
    use pintle_core::ids::{Digest, RunId, TenantId};
    use pintle_core::run::RunStatus;
    use pintle_store::Trigger;

    use super::*;

    fn row() -> anyhow::Result<RunRow> {
        let second = |n: u64| Timestamp::from_millis(1_700_000_000_000 + n * 1000);
        Ok(RunRow {
            id: RunId::new("r-1")?,
            tenant: TenantId::default_tenant(),
            dag: "etl, \"nightly\"".into(),
            status: RunStatus::PartiallySucceeded,
            attempt: RunAttempt(2),
            version: Version(9),
            params: Json(r#"[{"name":"DAY","text":"monday","json":"monday"}]"#.into()),
            trigger: Trigger::Start,
            home: None,
            pid: None,
            submitted_at: second(0),
            started_at: Some(second(1)),
            finished_at: Some(second(4)),
            waiting: None,
            message: Some(format!("step `a`: {}\x1b[2J", "x".repeat(80))),
            plan: Digest::from_bytes([0; 32]),
            source: None,
            parent: None,
        })
    }

    #[test]
    fn three_formats_say_the_same() -> anyhow::Result<()> {
        let rows = [row()?];
        let table = table(&rows, Timestamp::default());
        for wanted in ["partially succeeded", "r-1", "DAY=monday", "3.0s", "…"] {
            assert!(table.contains(wanted), "{wanted} is missing in\n{table}");
        }
        assert!(!table.contains('\u{1b}'), "{table:?}");
        let parsed: Value = serde_json::from_str(&json(&rows))?;
        assert_eq!(parsed.pointer("/0/params/DAY"), Some(&Value::from("monday")));
        assert_eq!(parsed.pointer("/0/took_ms"), Some(&Value::from(3000)));
        let text = csv(&rows)?;
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().context("no record")??;
        assert_eq!(record.get(1), Some("etl, \"nightly\""));
        assert_eq!(record.get(4), Some("2023-11-14T22:13:20.000000Z"));
        Ok(())
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(span("90s"), Some(Span(90_000)));
        assert_eq!(span("7d"), Some(Span(604_800_000)));
        for bad in ["", "7", "d", "7y", "-1d", "1h30m", "99999999999999999999d"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
