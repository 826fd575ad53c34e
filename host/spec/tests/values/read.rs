//! Texts that are read as a whole: output files, dotenv files, documents.

use pintle_core::plan::{DeclaredOutput, OutputKind};
use pintle_spec::{Finding, SourceFile, parse, parse_dotenv, parse_output_file};

use crate::table::Case;
use crate::world::plugins;

/// `@ NAME:string NAME:json` declares. `\r` at the end of a line is a carriage return.
pub(crate) fn output_file(case: &Case) -> String {
    let declared: Vec<DeclaredOutput> = case
        .how
        .iter()
        .filter_map(|word| word.split_once(':'))
        .map(|(name, kind)| {
            let kind = if kind == "json" { OutputKind::Json } else { OutputKind::String };
            DeclaredOutput { name: name.to_owned(), kind }
        })
        .collect();
    let text = case.input.replace("\\r", "\r").replace("\\u{feff}", "\u{feff}");
    let lines: Vec<String> = match parse_output_file(text.as_bytes(), &declared) {
        Ok(values) => values.into_iter().map(|(name, json)| format!("{name}: {}", json.0)).collect(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    lines.join("\n")
}

pub(crate) fn dotenv(case: &Case) -> String {
    match parse_dotenv(&case.input.replace("\\r", "\r").replace("\\u{feff}", "\u{feff}")) {
        Ok(all) => all.iter().map(|(name, value)| format!("{name}|{}", value.0)).collect::<Vec<_>>().join("\n"),
        Err(error) => format!("error: {error}"),
    }
}

/// Line, column, path and sentence of each fault; steps are added where there are none.
pub(crate) fn faults(case: &Case) -> String {
    match parse(&SourceFile::new("flow.yaml", with_steps(&case.input)), &plugins()) {
        Ok(_) => "taken".to_owned(),
        Err(faults) => shown(faults.report().findings(), |finding| finding.message.clone()),
    }
}

/// Line, column, path and reason of each notice, or with `@ words` its sentence; those that only the run can decide begin
/// with `?`.
pub(crate) fn notices(case: &Case) -> String {
    let parsed = parse(&SourceFile::new("flow.yaml", with_steps(&case.input)), &plugins());
    let notices = parsed.unwrap_or_else(|faults| panic!("{case}\n{faults}")).notices;
    let words = case.how(0) == "words";
    let reason = |finding: &Finding| match finding.reason {
        Some(reason) if !words => reason.to_owned(),
        Some(_) | None => finding.message.clone(),
    };
    let defects = shown(notices.report().findings(), reason);
    let runtime = shown(notices.runtime_only().findings(), reason);
    let runtime: Vec<String> = runtime.lines().map(|line| format!("? {line}")).collect();
    let all: Vec<&str> = defects.lines().chain(runtime.iter().map(String::as_str)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("\n") }
}

/// The DAGs that a file does not hold.
pub(crate) fn needs(case: &Case) -> String {
    let parsed = parse(&SourceFile::new("flow.yaml", case.input.as_str()), &plugins());
    let needs = parsed.unwrap_or_else(|faults| panic!("{case}\n{faults}")).needs;
    if needs.is_empty() { "none".to_owned() } else { needs.join("\n") }
}

pub(crate) fn with_steps(document: &str) -> String {
    let has_steps = document.lines().any(|line| line.starts_with("steps:"));
    if has_steps { document.to_owned() } else { format!("{document}\nsteps: [{{action: noop}}]") }
}

fn shown(findings: &[Finding], what: impl Fn(&Finding) -> String) -> String {
    let line = |finding: &Finding| format!("{}:{} {}: {}", finding.line, finding.column, finding.path, what(finding));
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}
