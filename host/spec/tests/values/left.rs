//! What remains of a step: its outputs as the plan holds them, notices, or faults.

use std::fmt::Write as _;

use pintle_core::plan::{Decode, OutputField, OutputFrom, OutputSource};
use pintle_spec::{Finding, SourceFile, parse};

use crate::table::Case;
use crate::world::plugins;

/// The input is the fields of a step `x`, which prints `hello` where it says nothing else.
pub(crate) fn answer(case: &Case) -> String {
    let fields: Vec<String> = case.input.lines().map(|line| format!("    {line}")).collect();
    let runs = case.input.lines().any(|line| ["run:", "action:", "call:"].iter().any(|key| line.starts_with(key)));
    let run = if runs || case.how(0) == "bare" { "" } else { "    run: echo hello\n" };
    let id = if case.how(0) == "nameless" { "  - name: x" } else { "  - id: x" };
    let document = format!("steps:\n{id}\n{run}{}\n", fields.join("\n"));
    let shown = |finding: &Finding| format!("{}: {}", finding.path, finding.message);
    let parsed = match parse(&SourceFile::new("flow.yaml", document), &plugins()) {
        Ok(parsed) => parsed,
        Err(faults) => return faults.report().findings().iter().map(shown).collect::<Vec<_>>().join("\n"),
    };
    let step = &parsed.plan.steps[0];
    let output = step.output.iter().flat_map(|output| output.fields().iter().map(line).collect::<Vec<_>>());
    let variable = step.output.iter().filter_map(|output| output.variable()).map(|name| format!("variable {name}"));
    let published = step.published.iter().map(|field| format!("published {}", line(field)));
    let streams = [("stdout", &step.stdout_artifact), ("stderr", &step.stderr_artifact)];
    let streams = streams.into_iter().filter_map(|(name, path)| Some(format!("{name} artifact {}", path.as_ref()?.0)));
    let notices = parsed.notices.report();
    let notices = notices.findings().iter().map(|finding| format!("notice {}", shown(finding)));
    variable.chain(output).chain(published).chain(streams).chain(notices).collect::<Vec<_>>().join("\n")
}

fn line(field: &OutputField) -> String {
    let mut line = field.name.clone().unwrap_or_else(|| "*".to_owned());
    match &field.source {
        OutputSource::Value(json) => write!(line, " = {}", json.0).unwrap(),
        OutputSource::Read(read) => {
            let from = match &read.from {
                OutputFrom::Stdout => "stdout".to_owned(),
                OutputFrom::Stderr => "stderr".to_owned(),
                OutputFrom::File(path) => format!("file {}", path.0),
            };
            let decode = match read.decode {
                Decode::Text => "text",
                Decode::Json => "json",
                Decode::Yaml => "yaml",
            };
            write!(line, " < {from} as {decode}").unwrap();
            if let Some(select) = &read.select {
                write!(line, " | {select}").unwrap();
            }
        }
    }
    line
}
