//! Runs as rows: a table for people, JSON and CSV for programs.

use anyhow::Context as _;
use pintle_core::plan::Json;
use pintle_core::time::{Span, Timestamp};
use pintle_spec::BoundParams;
use pintle_store::RunRow;
use serde_json::Value;

use super::table;
use super::time::{instant, local};
use super::words::{bare, status_words};

/// Parameters and messages are cut here in the table.
const CELL: usize = 48;

/// For people.
pub(crate) fn table(rows: &[RunRow], now: Timestamp) -> String {
    let cells = |row: &RunRow| {
        [
            status_words(row.status.as_str()),
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

/// A table for other programs.
pub(crate) fn csv(rows: &[RunRow]) -> anyhow::Result<String> {
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

/// Parameters as an object of name and value.
pub(crate) fn params(params: &Json) -> Value {
    let text = bound(params).map_or_else(|| params.0.clone(), |bound| bound.to_json());
    serde_json::from_str(&text).unwrap_or(Value::Null)
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
}
