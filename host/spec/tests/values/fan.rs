//! Fan-out: the children of a document's last step, what a body sees, and what finished children amount to.

use std::collections::HashMap;

use pintle_core::plan::{Fan, FanForm, StepIndex};
use pintle_core::run::RunStatus;
use pintle_spec::eval::{ItemFacts, StepValues};
use pintle_spec::{
    Aggregate, BoundParams, FanItem, ItemEnd, Outer, Plan, RunScope, Scope, StepFacts, aggregate, collect, expand,
    run_outputs,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::evaluate::read;
use crate::table::Case;
use crate::world::{World, bound, plan, results, run_facts, variables};

/// `~~~ dag` and the input are a document: the children of its last step, one line of JSON each. Behind them, after
/// `=`, what `@ given` asks for: the parameters of each child, as its DAG binds them.
pub(crate) fn expanded(case: &Case) -> String {
    let document = format!("{}\n{}", case.input, case.shared("dag"));
    let children = World::of(case, &document).and_then(|world| {
        let (index, step) = last(&world.plan);
        let scope = world.scope(&step)?;
        let children = expand(&world.plan, index, &scope).map_err(|error| error.to_string())?;
        let show = |item: &FanItem| match case.how(0) {
            "given" => {
                let child = world.plan.dag(item.dag.as_deref().unwrap()).unwrap();
                let binding =
                    pintle_spec::bind_params(&child, &item.given(), &[]).map_err(|error| error.to_string())?;
                let pintle_spec::Binding::Bound(params) = binding else { panic!("{case}") };
                Ok(params.to_json())
            }
            _ => Ok(again(item).0),
        };
        children.iter().map(show).collect::<Result<Vec<String>, String>>()
    });
    match children {
        Ok(children) if children.is_empty() => "none".to_owned(),
        Ok(children) => children.join("\n"),
        Err(error) => format!("error: {error}"),
    }
}

fn last(plan: &Plan) -> (StepIndex, String) {
    let (index, step) = plan.indexed().last().unwrap();
    (index, step.name.clone())
}

/// A value as it is stored, and as it is read again.
fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) -> (String, T) {
    let stored = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&stored).unwrap();
    assert_eq!(&read, value, "{stored}");
    (stored, read)
}

/// `@ each/2/inner/0/step expanded`: the input in the scope of a step of a body, which is child 0 of `inner` in child 2
/// of `each`. `-` in place of the step is the finished body, `collect` what it collects. Results of bodies stand in the
/// world under `bodies`, by the name of their step.
pub(crate) fn body(case: &Case) -> String {
    let world: Value = serde_json::from_str(case.shared("world")).unwrap();
    let plan = plan(case.shared("dag"));
    let env = variables(&world["env"]);
    let params = bound(&plan, &world["params"], &env);
    let path: Vec<&str> = case.how(0).split('/').collect();
    let level = Level { case, world: &world, env: &env, params: &params };
    level
        .read(&plan, &results(&plan, &world["results"]), Around::default(), &path)
        .unwrap_or_else(|e| format!("error: {e}"))
}

struct Level<'l> {
    case: &'l Case,
    world: &'l Value,
    env: &'l [(String, String)],
    params: &'l BoundParams,
}

#[derive(Default)]
struct Around<'a> {
    outer: Option<&'a Outer>,
    item: Option<&'a ItemFacts>,
    fan: Option<&'a Fan>,
}

impl Level<'_> {
    fn read(
        &self,
        plan: &Plan,
        results_here: &HashMap<StepIndex, StepValues>,
        around: Around<'_>,
        path: &[&str],
    ) -> Result<String, String> {
        let run = RunScope::new(plan, self.params, self.env, &[], &run_facts(&self.world["run"]));
        let run = run.map_err(|error| error.to_string())?;
        let scope = match path[0] {
            "-" | "collect" => run.after(plan, results_here),
            name => {
                let index = plan.find(name).unwrap_or_else(|| panic!("{}: no step `{name}`", self.case));
                let facts = StepFacts { output_file: Some("/tmp/o".to_owned()), ..StepFacts::default() };
                run.step(plan, index, results_here, &facts).map_err(|error| error.to_string())?
            }
        };
        // As the coordinator does it: the scope of the claim, then what is around the run.
        match (around.item, around.outer) {
            (Some(item), Some(outer)) => self.within(&scope.with_item(item).with_outer(outer), around.fan, path),
            _ => self.within(&scope, around.fan, path),
        }
    }

    fn within(&self, scope: &Scope<'_>, around: Option<&Fan>, path: &[&str]) -> Result<String, String> {
        match path {
            ["collect"] => {
                let collected = collect(around.unwrap(), scope).map_err(|error| error.to_string())?;
                Ok(Value::Object(collected).to_string())
            }
            [_] => read(self.case, scope),
            [name, child, rest @ ..] => {
                let plan = scope.plan();
                let index = plan.find(name).unwrap();
                let fan = plan.step(index).unwrap().action.fan().unwrap();
                let items = expand(plan, index, scope).map_err(|error| error.to_string())?;
                let at: usize = child.parse().unwrap();
                let item = again(&items[at]).1;
                let (_, outer) = again(&Outer::of(scope));
                let facts = item.facts(fan, at).unwrap();
                let body = item.plan(plan, fan).unwrap();
                let left = results(&body, &self.world["bodies"][name]);
                let around = Around { outer: Some(&outer), item: Some(&facts), fan: Some(fan) };
                self.read(&body, &left, around, rest)
            }
            [] => panic!("{}: no path", self.case),
        }
    }
}

/// Finished children, one line of JSON each, as the step of `~~~ dag` has them as its result; or `@ outputs`, what the
/// run of `~~~ dag` and `~~~ world` leaves.
pub(crate) fn result(case: &Case) -> String {
    if case.how(0) == "outputs" {
        let world = World::of(case, case.shared("dag")).unwrap();
        return Value::Object(run_outputs(&world.plan, &world.results)).to_string();
    }
    let plan = plan(case.shared("dag"));
    let fan = plan.steps.last().unwrap().action.fan().unwrap();
    let ends: Vec<(FanItem, Value)> = case
        .input
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let end: Value = serde_json::from_str(line).unwrap();
            (serde_json::from_value(end["item"].clone()).unwrap(), end)
        })
        .collect();
    let status = |end: &Value| {
        let word = end["status"].as_str().unwrap();
        RunStatus::ALL.into_iter().find(|status| status.as_str() == word).unwrap()
    };
    let ends: Vec<ItemEnd<'_>> = ends
        .iter()
        .map(|(item, end)| ItemEnd {
            item,
            run: end["run"].as_str().unwrap().to_owned(),
            status: status(end),
            outputs: end["outputs"].as_object().cloned().unwrap_or_default(),
            error: end["error"].as_str().map(str::to_owned),
        })
        .collect();
    let Aggregate { text, outputs } = aggregate(fan, &ends);
    let whole: Value = serde_json::from_str(&text).unwrap();
    let parts = if fan.form == FanForm::Dag && !fan.queued { &whole["outputs"] } else { &whole };
    let outputs = outputs.into_iter().map(|(name, json)| (name, serde_json::from_str(&json.0).unwrap()));
    let outputs: Map<String, Value> = outputs.collect();
    assert_eq!(&outputs, parts.as_object().unwrap_or(&Map::new()), "the outputs are the parts of the text");
    text
}
