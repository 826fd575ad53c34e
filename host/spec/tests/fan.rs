//! Fan-outs of people who mean no good: many items, large items, bodies in bodies: bounded before the first child.
#![expect(clippy::unwrap_used, reason = "a test whose document is refused has failed")]

#[path = "bounds/in_time.rs"]
mod in_time;

use std::collections::HashMap;
use std::fmt::Write as _;

use pintle_core::plan::{Json, Plan, StepIndex};
use pintle_core::plugin::ActionRow;
use pintle_core::run::RunStatus;
use pintle_spec::eval::{EvalError, StepValues};
use pintle_spec::{
    Aggregate, BoundParams, FanError, FanItem, ItemEnd, Outer, RunFacts, RunScope, SourceFile, StepFacts, aggregate,
    collect, expand, parse,
};
use serde_json::Value;

use in_time::in_time;

fn plan(text: &str) -> Plan {
    let known: Vec<ActionRow> = Vec::new();
    parse(&SourceFile::new("x.yaml", text), &known).unwrap().plan
}

fn refusal(text: &str) -> String {
    let known: Vec<ActionRow> = Vec::new();
    in_time("a refusal", || parse(&SourceFile::new("x.yaml", text), &known).unwrap_err().to_string())
}

/// The children of the second step; the first left `o`.
fn children(document: &str, o: &Value) -> Result<Vec<FanItem>, FanError> {
    let plan = plan(&format!("steps:\n- {{id: a, action: noop}}\n{document}"));
    let outputs = vec![("o".to_owned(), Json(o.to_string()))];
    let results = HashMap::from([(StepIndex(0), StepValues { outputs, ..StepValues::default() })]);
    let run = RunScope::new(&plan, &BoundParams::default(), &[], &[], &RunFacts::default()).unwrap();
    let scope = run.step(&plan, StepIndex(1), &results, &StepFacts::default()).unwrap();
    in_time("an expansion", || expand(&plan, StepIndex(1), &scope))
}

const EACH: &str =
    "- {depends: a, foreach: {items: '${steps.a.outputs.o}', key: 'k-${foreach.item}', steps: [{action: noop}]}}\n";
const PARALLEL: &str = "- {depends: a, action: dag.run, with: {dag: b, params: {A: '${ITEM}'}}, parallel: '${steps.a.outputs.o}'}\n---\nname: b\nsteps: [{action: noop}]\n";

fn numbers(count: usize) -> Value {
    (0..count).collect()
}

#[test]
fn a_hundred_thousand_items_are_taken_and_one_more_is_refused() {
    let made = children(EACH, &numbers(100_000)).unwrap();
    assert_eq!((made.len(), made.last().unwrap().key.as_str()), (100_000, "k-99999"));
    let refused = children(EACH, &numbers(100_001)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`foreach` of the step `step_2` has 100001 items and may have 100000; split the list"
    );
}

#[test]
fn a_thousand_items_of_parallel_are_taken_and_one_more_is_refused() {
    assert_eq!(children(PARALLEL, &numbers(1_000)).unwrap().len(), 1_000);
    let refused = children(PARALLEL, &numbers(1_001)).unwrap_err();
    assert_eq!(refused.to_string(), "`parallel` of the step `step_2` has 1001 items and may have 1000; split the list");
    let list = "x, ".repeat(1_001);
    let refused = refusal(&format!("steps: [{{action: dag.run, with: {{dag: '${{ITEM}}'}}, parallel: [{list}]}}]"));
    assert!(refused.contains("`parallel` has 1001 items and may have 1000; split it"), "{refused}");
    let refused =
        refusal(&format!("steps: [{{foreach: {{items: [{}], steps: [{{action: noop}}]}}}}]", "x, ".repeat(100_001)));
    assert!(refused.contains("`items` has 100001 items and may have 100000; split it"), "{refused}");
}

#[test]
fn what_is_made_of_each_item_is_bounded_in_all() {
    let big: Value = "x".repeat(1 << 20).into();
    let many = "- {depends: a, action: dag.run, with: {dag: b, params: ['${steps.a.outputs.o}', '${ITEM}']}, parallel: [ITEMS]}\n---\nname: b\nsteps: [{action: noop}]\n"
        .replace("ITEMS", &(0..1_000).map(|n| format!("{n}, ")).collect::<String>());
    assert_eq!(children(&many, &big).unwrap_err(), FanError::TooLarge("step_2".to_owned()));
    assert_eq!(
        children(&many, &big).unwrap_err().to_string(),
        "the items and parameters of the step `step_2` have more than 16777216 bytes in all; pass names of files"
    );
    let one =
        "- {depends: a, action: dag.run, with: {dag: b, params: [PARAMS]}}\n---\nname: b\nsteps: [{action: noop}]\n"
            .replace("PARAMS", &"'${steps.a.outputs.o}', ".repeat(100));
    assert_eq!(children(&one, &big).unwrap_err(), FanError::TooLarge("step_2".to_owned()));
    let one = one.replace("'${steps", "'${steps.a.outputs.o}${steps").replace("b, params", "b,  params");
    let refused = children(&one, &big).unwrap_err();
    assert!(
        matches!(refused, FanError::Eval { field: "with.params", source: EvalError::TooMuchWork, .. }),
        "{refused}"
    );
    let items = "- {depends: a, foreach: {items: [ITEMS], steps: [{action: noop}]}}\n"
        .replace("ITEMS", &"'${steps.a.outputs.o}', ".repeat(1_000));
    let refused = children(&items, &big).unwrap_err();
    assert!(matches!(refused, FanError::Eval { field: "foreach.items", .. }), "{refused}");
}

#[test]
fn work_on_all_items_is_bounded_in_all() {
    let keys = "- {depends: a, env: {BIG: '${steps.a.outputs.o}'}, foreach: {items: [ITEMS], key: '${foreach.index}${#BIG}${BIG##*y}', steps: [{action: noop}]}}\n"
        .replace("ITEMS", &"x, ".repeat(50_000));
    let refused = children(&keys, &"x".repeat(1 << 19).into()).unwrap_err();
    assert!(matches!(refused, FanError::BadKey { .. } | FanError::Eval { .. }), "{refused}");
    let keys = keys.replace("${BIG##*y}", "${BIG%%x*}");
    let refused = children(&keys, &"x".repeat(1 << 19).into()).unwrap_err();
    assert!(
        matches!(refused, FanError::Eval { field: "foreach.key", source: EvalError::TooMuchWork, .. }),
        "{refused}"
    );
}

#[test]
fn keys_are_short() {
    let refused = children(EACH, &Value::from(vec!["x".repeat(1_025)])).unwrap_err();
    assert_eq!(refused.to_string(), "the key of item 0 in the step `step_2` has 1027 bytes and may have 1 to 1024");
}

#[test]
fn what_bodies_take_over_is_bounded() {
    let body = "- {foreach: {items: [1], steps: [{action: noop}]}}\n".repeat(1_000);
    let refused = refusal(&format!("env: {{A: {}}}\nsteps:\n{body}", "x".repeat(500_000)));
    assert!(refused.contains("1000 bodies of `foreach` take over `env`, `params` and `consts`"), "{refused}");
    let steps = "{action: noop}, ".repeat(5_000);
    let refused = refusal(&format!(
        "defaults: {{env: {{A: {}}}}}\nsteps: [{{foreach: {{items: [1], steps: [{steps}]}}}}]",
        "x".repeat(100_000)
    ));
    assert!(refused.contains("`defaults` is copied into 5001 steps"), "{refused}");
}

#[test]
fn steps_of_a_body_are_bounded_and_the_bound_is_named() {
    let steps = "{action: noop}, ".repeat(10_001);
    let refused = refusal(&format!("steps: [{{foreach: {{items: [1], steps: [{steps}]}}}}]"));
    assert!(refused.contains("the body of a `foreach` has 10001 steps and may have 10000; split it"), "{refused}");
}

#[test]
fn bodies_that_multiply_through_aliases_are_refused() {
    let mut text = "a0: &a0 [{action: noop}]\n".to_owned();
    for level in 1..9 {
        let foreach = format!("{{foreach: {{items: [1], steps: *a{}}}}}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![foreach; 9].join(", "));
    }
    assert!(refusal(&text).contains("more than 200000 values"));
}

#[test]
fn documents_are_counted() {
    let refused = refusal(&format!("steps: [{{run: x}}]\n{}", "---\nname: a\nsteps: [{run: x}]\n".repeat(1_000)));
    assert!(refused.contains("a file may have 1000 documents; move some into files of their own"), "{refused}");
    let refused = refusal(&"---\n".repeat(100_000));
    assert!(refused.contains("a file may have 1000 documents"), "{refused}");
}

#[test]
fn a_thousand_dags_and_their_needs_are_read_in_time() {
    let dags: String = (1..1_000)
        .map(|n| format!("---\nname: d{n}\nsteps: [{{action: dag.run, with: {{dag: d{}}}}}]\n", n + 1))
        .collect();
    let text = format!("steps: [{{action: dag.run, with: {{dag: d1}}}}]\n{dags}");
    let known: Vec<ActionRow> = Vec::new();
    let parsed = in_time("a file", || parse(&SourceFile::new("x.yaml", text), &known).unwrap());
    assert_eq!((parsed.plan.dags.len(), parsed.needs), (999, vec!["d1000".to_owned()]));
}

#[test]
fn the_result_of_a_hundred_thousand_items_is_made_in_time() {
    let plan = plan("steps: [{foreach: {items: [1], collect: {n: '${foreach.item}'}, steps: [{action: noop}]}}]");
    let fan = plan.steps.first().and_then(|step| step.action.fan()).unwrap();
    let items: Vec<FanItem> =
        (0..100_000).map(|n: u32| FanItem { key: n.to_string(), value: n.into(), dag: None, params: None }).collect();
    let run = RunScope::new(&plan, &BoundParams::default(), &[], &[], &RunFacts::default()).unwrap();
    let outer = Outer::default();
    let results = HashMap::new();
    in_time("a result", || {
        let ends: Vec<ItemEnd<'_>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let facts = item.facts(fan, index).unwrap();
                let scope = run.after(&plan, &results).with_item(&facts).with_outer(&outer);
                let outputs = collect(fan, &scope).unwrap();
                ItemEnd { item, run: index.to_string(), status: RunStatus::Succeeded, outputs, error: None }
            })
            .collect();
        let Aggregate { text, outputs } = aggregate(fan, &ends);
        assert_eq!(outputs.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["summary", "items", "outputs"]);
        assert!(text.starts_with(r#"{"summary":{"total":100000,"succeeded":100000,"failed":0},"items":[{"index":0,"#));
        assert!(text.ends_with(r#"{"n":99998},{"n":99999}]}"#));
    });
}

#[test]
fn a_step_whose_environment_grows_with_its_item_is_refused() {
    let text = format!(
        "steps: [{{foreach: {{items: [1], steps: [{{run: x, env: {{A: '{}'}}}}]}}}}]",
        "${foreach.item}".repeat(20)
    );
    let plan = plan(&text);
    let fan = plan.steps.first().and_then(|step| step.action.fan()).unwrap();
    let item = FanItem { key: "0".to_owned(), value: "x".repeat(1 << 20).into(), dag: None, params: None };
    let (body, facts) = (item.plan(&plan, fan).unwrap(), item.facts(fan, 0).unwrap());
    let run = RunScope::new(&body, &BoundParams::default(), &[], &[], &RunFacts::default()).unwrap();
    let results = HashMap::new();
    let scope = run.step(&body, StepIndex(0), &results, &StepFacts::default()).unwrap().with_item(&facts);
    let known: Vec<ActionRow> = Vec::new();
    let refused = pintle_spec::resolve_step(&body, StepIndex(0), &scope, &known).unwrap_err();
    assert!(refused.to_string().starts_with("`env` of the step `step_1`: the value would be longer than"), "{refused}");
}
