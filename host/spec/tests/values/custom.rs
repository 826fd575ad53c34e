//! Actions that a document describes itself: `~~~ dag` is the document, the input the steps below it. The wanted lines
//! are what each step runs, notices, or faults with the place that explains them.

use pintle_core::plan::{Action, RunBody};
use pintle_spec::{Finding, SourceFile, parse};

use crate::table::Case;
use crate::world::plugins;

pub(crate) fn answer(case: &Case) -> String {
    let document = format!("{}\n{}", case.shared("dag"), case.input);
    let shown = |finding: &Finding| {
        let also = finding.explanation().map(|words| format!(" ({words})")).unwrap_or_default();
        format!("{}: {}{also}", finding.path, finding.message)
    };
    let parsed = match parse(&SourceFile::new("flow.yaml", document), &plugins()) {
        Ok(parsed) => parsed,
        Err(faults) => return faults.report().findings().iter().map(shown).collect::<Vec<_>>().join("\n"),
    };
    let mut lines: Vec<String> = Vec::new();
    for step in &parsed.plan.steps {
        let what = match &step.action {
            Action::Run { body: RunBody::Command(text) | RunBody::Script(text), .. } => format!("run {:?}", text.0),
            Action::Run { body: RunBody::Commands(lines), .. } => format!("runs {lines:?}"),
            Action::Call { name, with } => format!("{name} {}", with.0),
            Action::Task(task) => format!("human.task {}", task.prompt.0),
            Action::Route(route) => format!("routes by {:?}", route.value.0),
            Action::Wait(wait) => format!("{} {:?}", wait.name(), wait.text().0),
            Action::Fan(fan) => format!("fan {:?} {:?}", fan.form, fan.params.as_ref().map(|params| &params.0)),
        };
        let mut line = format!("{}: {what}", step.name);
        for word in &case.how {
            let value = match word.as_str() {
                "description" => step.description.clone().unwrap_or_default(),
                "timeout" => step.timeout.map(|span| span.to_string()).unwrap_or_default(),
                "depends" => format!("{:?}", step.depends.iter().map(|index| index.0).collect::<Vec<_>>()),
                "env" => format!(
                    "{:?}",
                    step.env.iter().map(|(name, text)| format!("{name}={}", text.0)).collect::<Vec<_>>()
                ),
                "retry" => step.retry.as_ref().map(|retry| retry.limit.to_string()).unwrap_or_default(),
                "schema" => step.output_schema.as_ref().map(|schema| schema.0.clone()).unwrap_or_default(),
                other => panic!("{case}: no word `{other}`"),
            };
            line.push_str(&format!(" {word}={value}"));
        }
        lines.push(line);
    }
    let notices = parsed.notices.report();
    lines.extend(notices.findings().iter().map(|finding| format!("notice {}", shown(finding))));
    lines.join("\n")
}
