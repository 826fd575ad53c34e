//! Any text evaluated in a world of any values. The first byte chooses the step and the way; what follows is cut at
//! NUL bytes: the text, then values of a variable, a parameter, an output, an item, and what the caller typed.

use std::collections::HashMap;
use std::sync::LazyLock;

use pintle_core::plan::{Json, Template};
use pintle_spec::eval::{Fan, ItemFacts, Substitution, resolve, resolve_json};
use pintle_spec::limits::MAX_VALUE_BYTES;
use pintle_spec::{Binding, Field, GivenParams, Plan, RunFacts, RunScope, SourceFile, StepFacts, StepValues};
use pintle_spec::{bind_params, parse};
use serde_json::Value;

use crate::plugins::plugins;

const DAG: &str = "
params: P=1 Q
consts: [{region: eu}, {n: 5}]
env: [{A: '${env.SEEN}x'}, {B: '${env.A:-none}'}]
steps:
  - {id: one, run: x, output: OUT, outputs: [{name: text}, {name: json, type: json}]}
  - {id: two, run: x, depends: one, env: {C: '${steps.one.outputs.text}'}}
  - {id: other, run: x}
handler_on: {exit: {run: x}}
";

static PLAN: LazyLock<Plan> = LazyLock::new(|| parse(&SourceFile::new("flow.yaml", DAG), &plugins()).unwrap().plan);

/// Panics if a promise is broken.
pub(crate) fn check(data: &[u8]) {
    let Some((way, rest)) = data.split_first() else { return };
    let mut texts = rest.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let text = texts.next().unwrap_or_default();
    let mut next = || texts.next().unwrap_or_default();
    let (seen, param, output, item, typed) = (next(), next(), next(), next(), next());
    let _ = Substitution::parse(&text);
    let plan = &*PLAN;
    let env = [("SEEN".to_owned(), seen.clone())];
    let _ = bind_params(plan, &GivenParams::Text(typed), &env);
    let given = GivenParams::Words(vec![format!("P={param}")]);
    let Ok(Binding::Bound(params)) = bind_params(plan, &given, &env) else { return };
    let Ok(run) = RunScope::new(plan, &params, &env, &[], &RunFacts::default()) else { return };
    let results = results(plan, &output);
    let facts = StepFacts::default();
    let step = plan.find(["one", "two", "other", "on_exit"][usize::from(way & 3)]);
    let Some(Ok(scope)) = step.map(|step| run.step(plan, step, &results, &facts)) else { return };
    let value = serde_json::from_str(&item).unwrap_or(Value::String(item));
    let fan = if way & 4 == 0 { Fan::Parallel } else { Fan::Foreach { key: param, alias: Some("it".to_owned()) } };
    let item = ItemFacts { fan, index: usize::from(*way), value };
    let scope = if way & 8 == 0 { scope } else { scope.with_item(&item) };
    for field in [Field::Expanded, Field::Shell] {
        if let Ok(value) = resolve(&Template(text.clone()), &scope, field) {
            assert!(value.len() <= MAX_VALUE_BYTES, "a value of {} bytes", value.len());
            assert!(text.contains('$') || value == text, "changed without a reference");
        }
        // One pass: what a reference stands for is not read again, whatever it holds.
        let once = resolve(&Template("<${env.SEEN}>".to_owned()), &scope, field);
        assert!(once.as_ref().is_err() || once == Ok(format!("<{seen}>")), "{once:?} is not <{seen}>");
    }
    let json = Json(serde_json::json!({"a": [text]}).to_string());
    if let Ok(resolved) = resolve_json(&json, &scope, None) {
        assert!(serde_json::from_str::<Value>(&resolved.0).is_ok(), "no JSON any more: {}", resolved.0);
    }
    let _ = scope.env();
}

fn results(plan: &Plan, output: &str) -> HashMap<pintle_core::plan::StepIndex, StepValues> {
    let json = Json(Value::from(output).to_string());
    let whole = serde_json::from_str::<Value>(output).map_or_else(|_| json.clone(), |value| Json(value.to_string()));
    let values = StepValues {
        exit_code: Some(0),
        stdout_file: Some("/tmp/out".to_owned()),
        stderr_file: None,
        variable: Some(output.to_owned()),
        inputs: vec![],
        outputs: vec![("text".to_owned(), json), ("json".to_owned(), whole)],
        pushed_back: None,
    };
    plan.find("one").map(|step| (step, values)).into_iter().collect()
}
