//! `pintle plugin`.

use anyhow::{Context as _, bail};
use pintle_core::plugin::{PluginLimits, Repeats, Staged};
use pintle_spec::CORE_ACTIONS;
use serde_json::Value;

use crate::args::{Output, Plugin};
use crate::context::{Context, say};
use crate::embedded;
use crate::failure::Exit;
use crate::render::style::{BOLD, DIM, Pen};
use crate::render::table;

/// Looks at plugins.
pub(crate) fn run(args: &Plugin, context: &Context) -> anyhow::Result<Exit> {
    let rows = embedded::known()?;
    match args {
        Plugin::List { output: Output::Json } => say(&serde_json::to_string(&rows)?),
        Plugin::List { output: Output::Text } => say(&table(&rows)),
        Plugin::Inspect { name, output } => {
            let row = find(&rows, name)?;
            match output {
                Output::Json => say(&serde_json::to_string(row)?),
                Output::Text => lines(row, context.out).iter().for_each(|line| say(line)),
            }
        }
    }
    Ok(Exit::Success)
}

fn table(rows: &[Staged]) -> String {
    let cells = |row: &Staged| {
        let actions: Vec<&str> = row.actions.iter().map(|action| action.name.as_str()).collect();
        let digest = row.digest.short().to_owned();
        [row.name.clone(), row.version.clone(), row.kind.clone(), digest, actions.join(", "), row.summary.clone()]
    };
    let core: Vec<&str> = CORE_ACTIONS.iter().map(|action| action.name).collect();
    let own = ["(pintle)", env!("CARGO_PKG_VERSION"), "core", "", &core.join(", "), "actions without a plugin"];
    let rows = rows.iter().map(cells).chain([own.map(str::to_owned)]);
    table::draw(["NAME", "VERSION", "KIND", "DIGEST", "ACTIONS", "SUMMARY"], rows, &[])
}

/// By name, by the beginning of a digest, or by an action.
fn find<'a>(rows: &'a [Staged], name: &str) -> anyhow::Result<&'a Staged> {
    let performs = |row: &&Staged| row.actions.iter().any(|action| action.name == name);
    let by_digest = |row: &&Staged| name.len() >= 6 && row.digest.as_str().starts_with(name);
    let found = rows.iter().find(|row| row.name == name);
    if let Some(row) = found.or_else(|| rows.iter().find(by_digest)).or_else(|| rows.iter().find(performs)) {
        return Ok(row);
    }
    match pintle_spec::nearest(name, rows.iter().map(|row| row.name.as_str())) {
        Some(known) => bail!("there is no plugin `{name}`; did you mean `{known}`?"),
        None => bail!("there is no plugin `{name}`; `pintle plugin list` shows those there are"),
    }
}

fn lines(row: &Staged, pen: Pen) -> Vec<String> {
    let mut lines = vec![
        format!("{} {}", pen.paint(BOLD, &row.name), row.version),
        row.summary.clone(),
        format!("kind:    {}", row.kind),
        format!("digest:  {}", row.digest),
        format!("limits:  {}", limits(row.limits)),
    ];
    for want in &row.wants {
        let need = if want.required { "required" } else { "optional" };
        lines.push(format!("wants:   {} ({need}): {}", want.capability, want.reason));
    }
    for import in &row.imports {
        lines.push(pen.paint(DIM, &format!("imports: {import}")));
    }
    for action in &row.actions {
        lines.push(String::new());
        let repeats = match action.repeats {
            Repeats::Pure => "pure",
            Repeats::Idempotent => "idempotent",
            Repeats::Keyed => "keyed",
            Repeats::UnsafeToRepeat => "unsafe to repeat",
        };
        lines.push(format!("{} ({repeats}): {}", pen.paint(BOLD, &action.name), action.summary));
        lines.extend(fields(&action.input_schema).into_iter().map(|field| format!("  {field}")));
    }
    lines
}

fn limits(limits: PluginLimits) -> String {
    if limits.memory_mib == 0 {
        return "those that a step's fields set".to_owned();
    }
    let wall = if limits.wall_ms == 0 { "the step's deadline".to_owned() } else { format!("{} ms", limits.wall_ms) };
    let output = if limits.output_kib == 0 { "the step's".to_owned() } else { format!("{} KiB", limits.output_kib) };
    format!(
        "memory {} MiB, cpu {} ms, wall {wall}, log {} KiB, output {output}",
        limits.memory_mib, limits.cpu_ms, limits.log_kib
    )
}

/// The fields of an object's schema, a line each: name, type, whether it must be there, what it is for.
fn fields(schema: &str) -> Vec<String> {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let field = |(name, field): (&String, &Value)| {
        let kind = match field.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            _ => "any".to_owned(),
        };
        let must = if required.contains(&name.as_str()) { ", required" } else { "" };
        let about = field.get("description").and_then(Value::as_str).and_then(|text| text.lines().next());
        let about = about.map(|text| format!(": {text}")).unwrap_or_default();
        format!("{name} ({kind}{must}){about}")
    };
    properties.iter().map(field).collect()
}

/// One row loads as the program needs it: for the doctor.
pub(crate) fn check() -> anyhow::Result<usize> {
    let rows = embedded::staged()?;
    for (row, plugin) in rows.iter().zip(embedded::EMBEDDED) {
        let digest = pintle_core::ids::Digest::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(plugin.wasm).into());
        if digest != row.digest {
            bail!(
                "the embedded plugin {} {} is not the one that its row describes; build pintle again",
                row.name,
                row.version
            );
        }
    }
    rows.len().checked_sub(1).map(|n| n + 1).context("this pintle was built without plugins")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_schema_are_listed() {
        let schema = r#"{"type":"object","required":["url"],"properties":{
            "url":{"type":"string","description":"Where to.\nMore."},"retries":{"type":["integer","null"]},"body":true}}"#;
        assert_eq!(fields(schema), ["url (string, required): Where to.", "retries (integer or null)", "body (any)"]);
        assert!(fields("").is_empty());
    }

    #[test]
    fn what_is_embedded_is_what_its_rows_describe() -> anyhow::Result<()> {
        assert!(check()? >= 4, "a first-party plugin is missing");
        let rows = embedded::known()?;
        for action in
            ["sqlite.query", "run", "exec", "http.request", "jq.filter", "template.render", "data.convert", "file.read"]
        {
            find(&rows, action)?;
        }
        let error = find(&rows, "exec-htp").map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(error, Err("there is no plugin `exec-htp`; did you mean `exec-http`?".to_owned()));
        Ok(())
    }
}
