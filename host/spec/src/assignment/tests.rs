#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where something is not as it must be")]

use std::collections::HashMap;

use pintle_core::plugin::{ActionRow, Repeats};

use super::*;
use crate::bind::{Binding, BoundParams, GivenParams, bind_params};
use crate::eval::{RunFacts, RunScope, StepFacts, StepValues};
use crate::{SourceFile, parse};

fn known() -> Vec<ActionRow> {
    let row = |name: &str, input_schema: &str| ActionRow {
        name: name.to_owned(),
        summary: String::new(),
        input_schema: input_schema.to_owned(),
        output_schema: String::new(),
        repeats: Repeats::UnsafeToRepeat,
    };
    vec![
        row("exec", ""),
        row(
            "http.request",
            r#"{"type":"object","properties":{"url":{"type":"string"},"timeout_ms":{"type":"integer"}}}"#,
        ),
    ]
}

fn resolved(steps: &str) -> Vec<Result<Resolved, ResolveError>> {
    let params = "params: {NAME: value, T: 250, LINES: \"a\\n  b\"}";
    let text = format!("name: flow\n{params}\n{steps}");
    let plan = parse(&SourceFile::new("flow.yaml", text), &known()).unwrap().plan;
    let params = match bind_params(&plan, &GivenParams::None, &[]).unwrap() {
        Binding::Bound(params) => params,
        Binding::Eval(_) => BoundParams::default(),
    };
    let run = RunScope::new(&plan, &params, &[("HOME".into(), "/home/me".into())], &[], &RunFacts::default()).unwrap();
    let results =
        HashMap::from([(StepIndex(0), StepValues { variable: Some("done".into()), ..StepValues::default() })]);
    plan.indexed()
        .map(|(index, _)| {
            let scope = run.step(&plan, index, &results, &StepFacts::default()).unwrap();
            resolve_step(&plan, index, &scope, &known())
        })
        .collect()
}

fn inputs(steps: &str) -> Vec<String> {
    let input = |step: Result<Resolved, ResolveError>| match step {
        Ok(step) => step.input_json,
        Err(error) => error.to_string(),
    };
    resolved(steps).into_iter().map(input).collect()
}

#[test]
fn a_steps_directory_begins_at_the_dags() {
    let dirs = |plans: &str, own: &str| {
        let root = if plans.is_empty() { String::new() } else { format!("working_dir: '{plans}'\n") };
        let own = if own.is_empty() { String::new() } else { format!(", working_dir: '{own}'") };
        let text = format!("{root}steps:\n  - {{run: pwd{own}}}\n");
        resolved(&text)[0].as_ref().map(|step| step.working_dir.clone()).unwrap()
    };
    let table: [(&str, &str, Option<&str>); 12] = [
        ("", "", None),
        ("src", "", Some("src")),
        ("", "sub", Some("sub")),
        ("src", "sub", Some("src/sub")),
        ("src/", "./sub", Some("src/./sub")),
        ("/", "sub", Some("/sub")),
        ("/srv", "../sub", Some("/srv/../sub")),
        ("~/src", "sub", Some("~/src/sub")),
        ("src", "/abs", Some("/abs")),
        ("src", "~/sub", Some("~/sub")),
        ("${NAME}", "${params.NAME}", Some("value/value")),
        ("src", "$HOME/sub", Some("/home/me/sub")),
    ];
    for (plans, own, wanted) in table {
        assert_eq!(dirs(plans, own).as_deref(), wanted, "{plans:?} and {own:?}");
    }
}

#[test]
fn every_form_of_run_becomes_one_input() {
    let got = inputs(
        "shell: bash -e
max_clean_up_time_sec: 2
steps:
  - {run: 'echo ${params.NAME} $HOME', signal_on_stop: INT}
  - {run: ['a $1', b], with: {shell: [python3, $HOME]}}
  - run: |
      echo one
      echo ${params.LINES}
  - {run: 'echo ${params.LINES}'}
",
    );
    assert_eq!(
        got,
        [
            r#"{"body":{"command":"echo value $HOME"},"shell":["bash","-e"],"shell_explicit":false,"kill_grace_ms":2000,"stop_signal":"SIGINT"}"#,
            r#"{"body":{"commands":["a $1","b"]},"shell":["python3","/home/me"],"shell_explicit":true,"kill_grace_ms":2000,"stop_signal":null}"#,
            r#"{"body":{"script":"echo one\necho a\n  b\n"},"shell":["bash","-e"],"shell_explicit":false,"kill_grace_ms":2000,"stop_signal":null}"#,
            "the command of the step `step_4` has a line break after its references were replaced; set the value in `env:` and write the variable's name here, or make it a script of several lines",
        ]
    );
}

#[test]
fn actions_get_their_input_resolved() {
    let got = inputs(
        "steps:
  - {action: exec, with: {command: ls, args: ['${params.NAME}', $HOME]}, signal_on_stop: HUP}
  - {action: exec, with: {command: ls, kill_grace_ms: 7}}
  - {action: http.request, with: {url: 'http://x/${params.NAME}', timeout_ms: '${params.T}'}}
  - {action: noop}
",
    );
    assert_eq!(
        got,
        [
            r#"{"command":"ls","args":["value","/home/me"],"kill_grace_ms":5000,"stop_signal":"SIGHUP"}"#,
            r#"{"command":"ls","kill_grace_ms":7,"stop_signal":null}"#,
            r#"{"url":"http://x/value","timeout_ms":250}"#,
            "{}",
        ]
    );
}

#[test]
fn paths_and_environment_are_resolved() {
    let all = resolved(
        "working_dir: $HOME/flow
env: {A: '${params.NAME}'}
steps:
  - {action: noop, stdout: '$HOME/${params.NAME}.log', stderr: err, working_dir: 'sub/$A'}
  - {action: noop, env: {B: $A$A}}
",
    );
    let first = all[0].as_ref().unwrap();
    assert_eq!(first.working_dir.as_deref(), Some("/home/me/flow/sub/value"));
    assert_eq!((first.stdout.as_deref(), first.stderr.as_deref()), (Some("/home/me/value.log"), Some("err")));
    let second = all[1].as_ref().unwrap();
    assert_eq!(second.working_dir.as_deref(), Some("/home/me/flow"));
    let value = |name: &str| second.env.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!((value("A"), value("B"), value("NAME")), (Some("value"), Some("valuevalue"), Some("value")));
    assert_eq!((value("DAG_NAME"), value("PINTLE_STEP_NAME")), (Some("flow"), Some("step_2")));
}

#[test]
fn conditions_are_decided_or_become_probes() {
    let all = resolved(
        "shell: bash
steps:
  - action: noop
    preconditions:
      - test -d $HOME/${params.NAME}
      - {condition: '${params.NAME}', expected: value}
      - {condition: '$HOME', expected: 're:^/root', negate: true}
      - {condition: 'a $(b)', expected: 'a x'}
      - {eval: 'it is $(date) for ${params.NAME}', expected: 're:now'}
      - {eval: plain, expected: plain, negate: true}
",
    );
    let conditions = &all[0].as_ref().unwrap().conditions;
    let known = |condition: &ResolvedCondition| match condition {
        ResolvedCondition::Known { text, met } => Some((text.clone(), met.clone())),
        ResolvedCondition::Probe(_) => None,
    };
    let probe = |condition: &ResolvedCondition| match condition {
        ResolvedCondition::Probe(probe) => Some(probe.clone()),
        ResolvedCondition::Known { .. } => None,
    };
    let command = probe(&conditions[0]).unwrap();
    assert_eq!(
        (command.text.as_str(), command.expected, command.negate),
        ("test -d $HOME/${params.NAME}", None, false)
    );
    assert_eq!(
        command.input_json,
        r#"{"body":{"command":"test -d $HOME/value"},"shell":["bash"],"shell_explicit":false,"kill_grace_ms":5000,"stop_signal":null}"#
    );
    assert_eq!(known(&conditions[1]), Some(("${params.NAME} = value".to_owned(), Ok(true))));
    assert_eq!(known(&conditions[2]), Some(("$HOME = re:^/root".to_owned(), Ok(true))));
    assert_eq!(known(&conditions[3]), Some(("a $(b) = a x".to_owned(), Ok(false))));
    let eval = probe(&conditions[4]).unwrap();
    assert_eq!(eval.expected.as_deref(), Some("re:now"));
    let input: Value = serde_json::from_str(&eval.input_json).unwrap();
    assert_eq!(
        input["body"]["script"],
        "pintle_1=$(date) || exit $?; printf '%s\\n' 'it is '\"$pintle_1\"' for value'\n"
    );
    assert_eq!((&input["shell"], &input["shell_explicit"]), (&json!(["sh"]), &json!(true)));
    assert_eq!(known(&conditions[5]), Some(("plain = plain".to_owned(), Ok(false))));
}

#[test]
fn repeat_conditions_are_probed_or_read_from_results() {
    let steps = "steps:
  - {id: a, action: noop, output: STATE, repeat_policy: {repeat: until, condition: $STATE, expected: done}}
  - {id: b, action: noop, depends: a, repeat_policy: {repeat: while, condition: test -f lock}}
";
    let all = resolved(steps);
    assert_eq!(all[0].as_ref().unwrap().repeat, None);
    assert_eq!(all[1].as_ref().unwrap().repeat.as_ref().map(|probe| probe.text.as_str()), Some("test -f lock"));
}
