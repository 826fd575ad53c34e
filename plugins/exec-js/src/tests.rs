use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::{Executor as _, Task};
use pintle_guest::testing::{Ended, FakeHost};
use serde_json::{Value, json};

use crate::ExecJs;
use crate::engine::CALL_DEPTH;

mod console;
mod faults;
mod promises;
mod values;
mod with;

fn run_with(script: &str, input: Value) -> Ended {
    let task = Task::new("script.js", json!({ "script": script, "input": input }));
    FakeHost::new().run::<ExecJs>(&task.var("REGION", "us").var("REGION", "eu"))
}

fn run(script: &str) -> Ended {
    run_with(script, Value::Null)
}

/// What a script comes to.
#[track_caller]
fn result(script: &str) -> Value {
    run(script).output("result")
}

/// Why a script fails.
#[track_caller]
fn failed(script: &str) -> String {
    let error = run(script).error().clone();
    assert_eq!(error.fault, Fault::Failed, "{}", error.message);
    error.message
}

/// Why a text is no script.
#[track_caller]
fn faulty(script: &str) -> String {
    let error = run(script).error().clone();
    assert_eq!(error.fault, Fault::Invalid, "{}", error.message);
    error.message
}

#[test]
fn the_action_describes_its_input() {
    let actions = ExecJs::actions();
    let [action] = actions.as_slice() else { unreachable!("{actions:?}") };
    assert_eq!((action.name.as_str(), action.repeats), ("script.js", pintle_guest::executor::Repeats::Pure));
    let schema: Value = serde_json::from_str(&action.input_schema).unwrap_or_default();
    assert_eq!(schema.pointer("/required"), Some(&json!(["script"])));
    assert_eq!(schema.pointer("/additionalProperties"), Some(&json!(false)));
    assert_eq!(schema.pointer("/properties/script/contentMediaType"), Some(&json!("text/javascript")));
}

#[test]
fn a_script_is_needed_and_other_keys_are_refused() {
    let error = |input: Value| FakeHost::new().run::<ExecJs>(&Task::new("script.js", input)).error().message.clone();
    assert!(error(json!({})).ends_with("missing field `script`"), "{}", error(json!({})));
    let unknown = error(json!({ "script": "1", "args": [] }));
    assert!(unknown.contains("unknown field `args`, expected `script` or `input`"), "{unknown}");
    let other = FakeHost::new().run::<ExecJs>(&Task::new("script.py", json!({ "script": "1" })));
    assert_eq!(other.error(), &Error::unsupported("this plugin performs no action `script.py`"));
}
