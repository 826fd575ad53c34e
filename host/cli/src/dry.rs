//! `pintle dry`: what a DAG would do. Nothing runs, nothing is stored, and no data directory is made.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context as _;
use pintle_core::graph::Graph;
use pintle_core::ids::RunId;
use pintle_core::plan::{Child, Fan, Json, Plan, Role, StepIndex};
use pintle_core::plugin::Staged;
use pintle_spec::{BoundParams, Resolved, RunFacts, RunScope, StepFacts, resolve_prompt, resolve_step};
use serde_json::{Value, json};

use crate::args::{Dry, Output};
use crate::context::{Context, say};
use crate::dag::{self, Dag, World};
use crate::embedded;
use crate::failure::Exit;
use crate::home;
use crate::render::style::{BOLD, DIM, Pen};

/// Shows what a DAG would do.
pub(crate) fn run(args: &Dry, context: &Context) -> anyhow::Result<Exit> {
    let known = embedded::known()?;
    let Some(dag) = dag::open(&args.file, (false, Output::Text), context, &known)? else { return Ok(Exit::Failed) };
    let env = home::passed_env(std::env::vars_os());
    // Nothing runs: a computed default is shown as if no program could.
    let world = World { env: &env, sandbox: true };
    let params = dag::bind(&dag, &dag::given(&args.values, args.params.as_deref()), world)?;
    let run = RunId::new("dry-run")?;
    let (dotenv, _) =
        dag::dotenv((&dag.plan, &dag.dir), &params, &run, World { sandbox: context.settings.sandbox, ..world })?;
    let facts = RunFacts { run_id: run.to_string(), ..RunFacts::default() };
    let scope = RunScope::new(&dag.plan, &params, &env, &dotenv, &facts)?;
    let order = Graph::of(&dag.plan).order().context("the DAG has a cycle")?;
    let steps = order
        .into_iter()
        .map(|index| Ok((index, resolve(&dag.plan, index, &scope, &known)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    match args.output {
        Output::Json => say(&json(&dag.plan, &params, &steps).to_string()),
        Output::Text => text(&dag, &params, &steps, context.out).iter().for_each(|line| say(line)),
    }
    Ok(Exit::Success)
}

/// The step as it would be claimed before anything has run: references to outputs stay as they are written.
fn resolve(plan: &Plan, index: StepIndex, scope: &RunScope, known: &[Staged]) -> anyhow::Result<Resolved> {
    let results = HashMap::new();
    let scope = scope.step(plan, index, &results, &StepFacts::default())?;
    let mut resolved = resolve_step(plan, index, &scope, &known)?;
    // What it asks is all that it does.
    if plan.step(index).is_some_and(|step| step.action.task().is_some()) {
        resolved.action = "human.task".to_owned();
        resolved.input_json = json!({ "prompt": resolve_prompt(plan, index, &scope)? }).to_string();
    }
    Ok(resolved)
}

fn text(dag: &Dag, params: &BoundParams, steps: &[(StepIndex, Resolved)], pen: Pen) -> Vec<String> {
    let plan = &dag.plan;
    let count = if steps.len() == 1 { "1 step".to_owned() } else { format!("{} steps", steps.len()) };
    let mut lines = vec![format!("{}{}{count}", pen.paint(BOLD, &plan.name), pen.dot())];
    let words = params.to_words();
    if !words.is_empty() {
        lines.push(format!("parameters: {}", words.join(" ")));
    }
    for (place, (index, resolved)) in steps.iter().enumerate() {
        let Some(step) = plan.step(*index) else { continue };
        let behind: Vec<&str> =
            step.depends.iter().filter_map(|dep| plan.step(*dep)).map(|s| s.name.as_str()).collect();
        let after = if behind.is_empty() { String::new() } else { format!("  after {}", behind.join(", ")) };
        lines.push(format!(
            "{:>3}. {}  {}{}",
            place + 1,
            pen.paint(BOLD, &step.name),
            step.action.name(),
            pen.paint(DIM, &after)
        ));
        if let Some(dir) = &resolved.working_dir {
            lines.push(
                pen.paint(DIM, &format!("     in {}", dag.dir.join(dir).components().collect::<PathBuf>().display())),
            );
        }
        lines.extend(step.action.fan().map(|fan| format!("     {}", below(fan))));
        lines.extend(input(&resolved.input_json).lines().map(|line| format!("     {line}")));
    }
    lines
}

/// What a step runs below it, as it is written: what its texts come to is known when it runs.
fn below(fan: &Fan) -> String {
    let json = |json: &Json| match serde_json::from_str(&json.0) {
        Ok(Value::String(text)) => text,
        Ok(_) | Err(_) => json.0.clone(),
    };
    let mut line = match &fan.child {
        Child::Dag(dag) => format!("{} {}", if fan.queued { "queues" } else { "runs" }, dag.0),
        Child::Body(body) => {
            let main = body.steps.iter().filter(|step| step.role == Role::Main);
            format!("runs {}", main.map(|step| step.name.as_str()).collect::<Vec<_>>().join(", "))
        }
    };
    if let Some(params) = &fan.params {
        line.push_str(&format!(" with {}", json(params)));
    }
    if let Some(items) = &fan.items {
        line.push_str(&format!(" for each of {}", json(items)));
    }
    line.replace(['\n', '\r'], " ")
}

/// A command as it would be run, or the input of an action.
fn input(text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let body = value.get("body");
    let word = |key: &str| body.and_then(|body| body.get(key)).and_then(Value::as_str).map(str::to_owned);
    let commands = body
        .and_then(|body| body.get("commands"))
        .and_then(Value::as_array)
        .map(|commands| commands.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"));
    word("command").or_else(|| word("script")).or(commands).unwrap_or_else(|| match &value {
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    })
}

fn json(plan: &Plan, params: &BoundParams, steps: &[(StepIndex, Resolved)]) -> Value {
    let steps = steps.iter().filter_map(|(index, resolved)| {
        let step = plan.step(*index)?;
        let behind: Vec<&str> =
            step.depends.iter().filter_map(|dep| plan.step(*dep)).map(|s| s.name.as_str()).collect();
        Some(json!({
            "name": step.name, "action": step.action.name(), "depends": behind, "working_dir": resolved.working_dir,
            "input": serde_json::from_str::<Value>(&resolved.input_json).unwrap_or(Value::Null),
        }))
    });
    let params: Value = serde_json::from_str(&params.to_json()).unwrap_or(Value::Null);
    json!({ "dag": plan.name, "params": params, "steps": steps.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::input;

    #[test]
    fn commands_are_shown_as_they_are_typed() {
        assert_eq!(input(r#"{"body":{"command":"echo a"},"shell":null}"#), "echo a");
        assert_eq!(input(r#"{"body":{"commands":["a","b"]}}"#), "a\nb");
        assert_eq!(input(r#"{"body":{"script":"x\ny\n"}}"#), "x\ny\n");
        assert_eq!(input("{}"), "");
        assert_eq!(input(r#"{"url":"http://a"}"#), "{\n  \"url\": \"http://a\"\n}");
    }
}
