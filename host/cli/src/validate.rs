//! `pintle validate`.

use std::collections::HashSet;

use pintle_core::plugin::Staged;
use pintle_spec::{Notices, Report};
use serde_json::{Value, json};

use crate::args::{Output, Validate};
use crate::context::{Context, remark, say};
use crate::dag::{Dag, Unfit};
use crate::embedded;
use crate::failure::{Exit, sentence};
use crate::render::json::finding;
use crate::render::style::BAD;

/// What became of one file.
struct Verdict {
    file: String,
    steps: Option<usize>,
    findings: Vec<Value>,
    said: Vec<String>,
    valid: bool,
}

/// Checks DAG files; runs nothing. Of what is valid nothing is said.
pub(crate) fn run(args: &Validate, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    let verdicts: Vec<Verdict> = args.files.iter().map(|file| check(file, args, &known, context)).collect();
    match args.output {
        Output::Json => {
            let objects = verdicts.iter().map(|verdict| {
                json!({
                    "file": verdict.file, "valid": verdict.valid, "steps": verdict.steps,
                    "findings": verdict.findings,
                })
            });
            say(&Value::Array(objects.collect()).to_string());
        }
        Output::Text => {
            let mut told = HashSet::new();
            verdicts.iter().for_each(|verdict| tell(verdict, &mut told, context));
        }
    }
    Ok(if verdicts.iter().all(|verdict| verdict.valid) { Exit::Success } else { Exit::Failed })
}

/// What several files have in common is told once.
fn tell<'a>(verdict: &'a Verdict, told: &mut HashSet<&'a str>, context: &Context) {
    verdict.said.iter().filter(|said| told.insert(said)).for_each(|said| remark(said));
    if !verdict.valid {
        say(&format!("{}: {}", verdict.file, context.out.paint(BAD, "not valid")));
    }
}

fn check(file: &std::path::Path, args: &Validate, known: &[Staged], context: &Context) -> Verdict {
    let colours = context.report_colours();
    let mut verdict =
        Verdict { file: file.display().to_string(), steps: None, findings: Vec::new(), said: Vec::new(), valid: false };
    let add = |verdict: &mut Verdict, report: &Report, level: &str| {
        let file = verdict.file.clone();
        verdict.findings.extend(report.findings().iter().map(|one| {
            let mut object = finding(one, level);
            // It may stand in another file: one that a step runs, or the one that all have in common.
            if let Some(object) = object.as_object_mut().filter(|_| report.file() != file) {
                object.insert("file".into(), report.file().into());
            }
            object
        }));
        verdict.said.push(report.render(colours));
    };
    // Whether a document stays valid over its notices.
    let taken = |verdict: &mut Verdict, notices: Notices| {
        if args.strict {
            return notices.into_faults().map_err(|faults| add(verdict, faults.report(), "error")).is_ok();
        }
        if !notices.is_empty() {
            add(verdict, notices.report(), "notice");
        }
        true
    };
    match Dag::load(file, known, &context.settings.home) {
        Err(Unfit::Unreadable(error)) => {
            let said = sentence(&error);
            verdict.findings.push(json!({ "level": "error", "message": said }));
            verdict.said.push(format!("error: {said}"));
        }
        Err(Unfit::Faulty(faults)) => add(&mut verdict, faults.report(), "error"),
        Ok(dag) => {
            verdict.steps = Some(dag.plan.steps.len());
            if !dag.common.is_none_or(|common| taken(&mut verdict, common)) {
                return verdict;
            }
            let unresolved = dag.notices.runtime_only();
            if args.show_unresolved && !unresolved.is_empty() {
                add(&mut verdict, unresolved, "info");
            }
            if let Some(faults) = dag.notices.refused().filter(|_| !args.strict) {
                add(&mut verdict, faults.report(), "error");
                return verdict;
            }
            verdict.valid = taken(&mut verdict, dag.notices);
        }
    }
    verdict
}
