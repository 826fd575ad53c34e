//! The world around a document: `~~~ dag` is the document, `~~~ world` a JSON object with the environment, dotenv text,
//! given parameters, facts of run and step, and what finished steps left behind.

use std::collections::HashMap;

use pintle_core::plan::{Json, StepIndex};
use pintle_core::plugin::{ActionRow, Repeats};
use pintle_core::time::Timestamp;
use pintle_spec::eval::{Fan, ItemFacts, PushBackFact, PushBackFacts, StepValues};
use pintle_spec::{
    Binding, BoundParams, GivenParams, Plan, RunFacts, RunScope, Scope, SourceFile, StepFacts, bind_params, parse,
    parse_dotenv,
};
use serde_json::Value;

use crate::table::Case;

/// Actions as plugins perform them.
pub(crate) fn plugins() -> Vec<ActionRow> {
    let row = |name: &str, schema: &str| ActionRow {
        name: name.to_owned(),
        summary: String::new(),
        input_schema: schema.to_owned(),
        output_schema: String::new(),
        repeats: Repeats::UnsafeToRepeat,
    };
    let http = r#"{"type":"object","required":["url"],"properties":{"url":{"type":"string"},
        "timeout_ms":{"type":"integer"},"follow":{"type":"boolean"},"headers":{"type":"object",
        "additionalProperties":{"type":"string"}},"codes":{"type":"array","items":{"type":"integer"}},"body":{}}}"#;
    vec![row("exec", ""), row("http.request", http), row("free.form", "")]
}

pub(crate) fn plan(text: &str) -> Plan {
    let parsed = parse(&SourceFile::new("flow.yaml", text), &plugins());
    parsed.unwrap_or_else(|faults| panic!("{faults}\n{text}")).plan
}

/// Everything that evaluation takes.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) run: RunScope,
    pub(crate) results: HashMap<StepIndex, StepValues>,
    facts: StepFacts,
    item: Option<ItemFacts>,
}

impl World {
    pub(crate) fn of(case: &Case, document: &str) -> Result<Self, String> {
        let world: Value = match case.shared("world") {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        let plan = plan(document);
        let env = variables(&world["env"]);
        let dotenv = parse_dotenv(world["dotenv"].as_str().unwrap_or_default()).unwrap();
        let params = bound(&plan, &world["params"], &env);
        let run = RunScope::new(&plan, &params, &env, &dotenv, &run_facts(&world["run"])).map_err(|e| e.to_string())?;
        let results = results(&plan, &world["results"]);
        let file = |name: &str| text(&world["step"], name);
        let facts = StepFacts {
            stdout_file: file("stdout"),
            stderr_file: file("stderr"),
            output_file: file("output"),
            push_backs: push_backs(&world["push_backs"]),
        };
        Ok(Self { plan, run, results, facts, item: item(&world["item"]) })
    }

    /// What a step's texts see; `-` is the run.
    pub(crate) fn scope(&self, step: &str) -> Result<Scope<'_>, String> {
        let scope = match step {
            "-" => self.run.scope(&self.plan),
            name => {
                let index = self.plan.find(name).unwrap_or_else(|| panic!("no step `{name}`"));
                self.run.step(&self.plan, index, &self.results, &self.facts).map_err(|error| error.to_string())?
            }
        };
        Ok(match &self.item {
            Some(item) => scope.with_item(item),
            None => scope,
        })
    }
}

pub(crate) fn bound(plan: &Plan, given: &Value, env: &[(String, String)]) -> BoundParams {
    let words = given.as_array().map(|words| words.iter().map(|word| word.as_str().unwrap().to_owned()).collect());
    let given = words.map_or(GivenParams::None, GivenParams::Words);
    match bind_params(plan, &given, env).unwrap() {
        Binding::Bound(params) => params,
        Binding::Eval(pending) => panic!("`{}` needs a process", pending.param()),
    }
}

pub(crate) fn variables(object: &Value) -> Vec<(String, String)> {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

pub(crate) fn text(object: &Value, name: &str) -> Option<String> {
    object[name].as_str().map(str::to_owned)
}

pub(crate) fn run_facts(run: &Value) -> RunFacts {
    RunFacts {
        run_id: text(run, "id").unwrap_or_else(|| "run-1".to_owned()),
        root_name: text(run, "root_name"),
        root_id: text(run, "root_id"),
        attempt_id: text(run, "attempt"),
        attempt_started_at: text(run, "started_at"),
        scheduled_at: text(run, "scheduled_at"),
        status: text(run, "status"),
        waiting_steps: text(run, "waiting_steps"),
        trigger_type: text(run, "trigger"),
        trigger_actor: text(run, "actor"),
        log_file: text(run, "log_file"),
        work_dir: text(run, "work_dir"),
        artifacts_dir: text(run, "artifacts_dir"),
    }
}

pub(crate) fn results(plan: &Plan, results: &Value) -> HashMap<StepIndex, StepValues> {
    let fields = results.as_object().into_iter().flatten();
    let values = |left: &Value| StepValues {
        exit_code: left["exit_code"].as_i64().map(|code| i32::try_from(code).unwrap()),
        stdout_file: text(left, "stdout"),
        stderr_file: text(left, "stderr"),
        variable: text(left, "variable"),
        inputs: variables(&left["inputs"]),
        pushed_back: left["pushed_back"].as_u64().map(Timestamp::from_millis),
        outputs: left["outputs"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), Json(value.to_string())))
            .collect(),
    };
    // A world is shared: not every document has all of its steps.
    fields.filter_map(|(name, left)| Some((plan.find(name)?, values(left)))).collect()
}

/// A list of `{by, at, reason, inputs}`, and the log before the last of them.
fn push_backs(told: &Value) -> PushBackFacts {
    let fact = |fact: &Value| PushBackFact {
        by: text(fact, "by").unwrap(),
        at: Timestamp::from_millis(fact["at"].as_u64().unwrap()),
        reason: text(fact, "reason"),
        inputs: variables(&fact["inputs"]),
    };
    let history = told["history"].as_array().into_iter().flatten().map(fact).collect();
    PushBackFacts { history, previous_stdout_file: text(told, "stdout") }
}

fn item(item: &Value) -> Option<ItemFacts> {
    let fields = item.as_object()?;
    let index = usize::try_from(item["index"].as_u64().unwrap_or_default()).unwrap();
    let fan = match text(item, "key") {
        Some(key) => Fan::Foreach { key, alias: text(item, "as") },
        None => Fan::Parallel,
    };
    Some(ItemFacts { fan, index, value: fields["value"].clone() })
}
