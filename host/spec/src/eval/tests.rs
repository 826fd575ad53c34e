#![expect(clippy::unwrap_used, reason = "tests end where something is not as it must be")]

use std::collections::HashMap;

use pintle_core::plan::{Json, Plan, StepIndex};
use pintle_core::plugin::ActionRow;

use super::*;
use crate::bind::{Binding, BoundParams, GivenParams, bind_params};
use crate::{SourceFile, parse};

const DAG: &str = r#"
name: flow
params: one NAME=value REGION=eu
consts:
  - port: 8080
  - host: example.org
env:
  - BASE: /srv/${consts.host}
  - FULL: $BASE/${params.NAME}
  - REGION: us
  - DAG_NAME: mine
steps:
  - id: first
    action: noop
    output: FOUND
    outputs: [{name: count}, {name: list, type: json}]
  - id: other
    action: noop
    output: FOUND
  - id: last
    depends: middle
    action: noop
    env: {OWN: "${FULL}!", FOUND_TWICE: $FOUND$FOUND}
  - id: middle
    depends: first
    action: noop
handler_on:
  exit: {id: tidy, action: noop}
"#;

fn plan() -> Plan {
    let none: Vec<ActionRow> = Vec::new();
    parse(&SourceFile::new("flow.yaml", DAG), &none).unwrap().plan
}

fn params(plan: &Plan) -> BoundParams {
    match bind_params(plan, &GivenParams::None, &[]).unwrap() {
        Binding::Bound(params) => params,
        Binding::Eval(_) => BoundParams::default(),
    }
}

fn results() -> HashMap<StepIndex, StepValues> {
    let values = |variable: &str| StepValues {
        exit_code: Some(3),
        stdout_file: Some("/logs/out".to_owned()),
        variable: Some(variable.to_owned()),
        outputs: vec![
            ("count".to_owned(), Json("\"7 ${params.NAME}\"".to_owned())),
            ("list".to_owned(), Json("[1,2]".to_owned())),
        ],
        ..StepValues::default()
    };
    HashMap::from([(StepIndex(0), values("found")), (StepIndex(1), values("unseen"))])
}

fn facts() -> RunFacts {
    RunFacts {
        run_id: "run-1".to_owned(),
        status: Some("failed".to_owned()),
        work_dir: Some("/work".to_owned()),
        ..RunFacts::default()
    }
}

fn run_scope(plan: &Plan) -> RunScope {
    let env = [
        ("PATH", "/bin"),
        ("EMPTY", ""),
        ("FILE", "/a/b.tar.gz"),
        ("REGION", "from outside"),
        ("EVIL", "${params.NAME} $PATH"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let dotenv = crate::parse_dotenv("DOT=$BASE/dot\nRAW='$BASE'\nDAG_RUN_ID=x").unwrap();
    RunScope::new(plan, &params(plan), &env, &dotenv, &facts()).unwrap()
}

fn each(step: &str, table: &[(&str, Field, &str)]) {
    let plan = plan();
    let run = run_scope(&plan);
    let results = results();
    let facts = StepFacts { output_file: Some("/tmp/o".to_owned()), ..StepFacts::default() };
    let scope = run.step(&plan, plan.find(step).unwrap(), &results, &facts).unwrap();
    for (text, field, wanted) in table {
        assert_eq!(resolve(&Template((*text).to_owned()), &scope, *field).unwrap(), *wanted, "{text}");
    }
}

use Field::{Expanded, Shell};

#[test]
fn qualified_references_stand_for_values_everywhere() {
    each(
        "last",
        &[
            ("${consts.host}:${consts.port}", Shell, "example.org:8080"),
            ("${params.NAME} ${params.1} ${params.nope}", Shell, "value one ${params.nope}"),
            ("${params}", Shell, r#"{"1":"one","NAME":"value","REGION":"eu"}"#),
            ("${env.FULL} ${env.NOPE}", Shell, "/srv/example.org/value ${env.NOPE}"),
            ("${steps.first.outputs.count}", Shell, "7 ${params.NAME}"),
            ("${steps.first.outputs.list}", Expanded, "[1,2]"),
            (
                "${steps.first.outputs.nope} ${steps.first.outputs.list.x}",
                Shell,
                "${steps.first.outputs.nope} ${steps.first.outputs.list.x}",
            ),
            (
                "${steps.other.outputs.count} ${steps.last.outputs.count}",
                Shell,
                "${steps.other.outputs.count} ${steps.last.outputs.count}",
            ),
            (
                "${context.dag.name} ${context.run.id} ${context.run.root_id} ${context.step.id}",
                Shell,
                "flow run-1 run-1 last",
            ),
            (
                "${context.paths.work_dir} ${context.paths.step_output_file} ${context.trigger.type}",
                Shell,
                "/work /tmp/o ${context.trigger.type}",
            ),
            ("${dag.name} ${run.id} ${step.name}", Shell, "flow run-1 last"),
            (
                "${first.exit_code} ${first.stdout} ${first.outputs.list} ${first.output.list}",
                Shell,
                "3 /logs/out [1,2] [1,2]",
            ),
            (
                "${first.stderr} ${other.stdout} ${nobody.stdout}",
                Shell,
                "${first.stderr} ${other.stdout} ${nobody.stdout}",
            ),
        ],
    );
}

#[test]
fn unqualified_names_belong_to_the_shell_or_are_expanded() {
    each(
        "last",
        &[
            ("$PATH ${PATH} ${PATH:-x} ${#PATH}", Shell, "$PATH ${PATH} ${PATH:-x} ${#PATH}"),
            ("$PATH:${PATH}", Expanded, "/bin:/bin"),
            ("$NOPE ${NOPE} $", Expanded, "$NOPE ${NOPE} $"),
            ("$1 ${1} $2 ${10}", Shell, "one one $2 ${10}"),
            ("$1-$2", Expanded, "one-$2"),
            ("$EVIL", Expanded, "${params.NAME} $PATH"),
            ("$(date) `date`", Expanded, "$(date) `date`"),
            ("${FOUND} $OWN", Expanded, "found /srv/example.org/value!"),
            ("$FOUND_TWICE $DOT $RAW", Expanded, "foundfound /srv/example.org/dot $BASE"),
            ("$REGION $DAG_NAME $PINTLE_DAG_NAME", Expanded, "us flow flow"),
            ("$DAG_RUN_ID $PINTLE_RUN_ID $DAG_RUN_STATUS", Expanded, "run-1 run-1 failed"),
            ("$DAG_RUN_STEP_NAME $DAGU_OUTPUT_FILE $PINTLE_OUTPUT_FILE", Expanded, "last /tmp/o /tmp/o"),
            ("$DAG_PARAMS_JSON", Expanded, r#"{"1":"one","NAME":"value","REGION":"eu"}"#),
        ],
    );
}

#[test]
fn operators_are_those_of_posix() {
    each(
        "last",
        &[
            ("${EMPTY:-a} ${EMPTY-a} ${NOPE-a} ${PATH:-a}", Expanded, "a  a /bin"),
            ("${EMPTY:+a}|${EMPTY+a}|${NOPE+a}|${PATH:+a}", Expanded, "|a||a"),
            ("${NOPE:-${PATH}/x} ${NOPE:-${params.NAME}}", Expanded, "/bin/x value"),
            ("${FILE##*/} ${FILE%%.*} ${FILE%.*} ${FILE#*/}", Expanded, "b.tar.gz /a/b /a/b.tar a/b.tar.gz"),
            ("${FILE:1:1} ${FILE: -2} ${#FILE} ${#NOPE}", Expanded, "a gz 11 ${#NOPE}"),
            ("${PATH:=x} ok", Expanded, "/bin ok"),
            ("$PATH ${NOPE:=x}", Expanded, "$PATH ${NOPE:=x}"),
            ("$PATH ${NOPE:-${NOPE=x}}", Expanded, "$PATH ${NOPE:-${NOPE=x}}"),
            (
                "${NOPE:?gone} ${NOPE@Q} ${NOPE/x/y} ${NOPE%x}",
                Expanded,
                "${NOPE:?gone} ${NOPE@Q} ${NOPE/x/y} ${NOPE%x}",
            ),
            ("${NOPE:-", Expanded, "${NOPE:-"),
        ],
    );
}

#[test]
fn a_backslash_takes_the_meaning_of_a_dollar_sign() {
    each(
        "last",
        &[
            (r"\$PATH \${params.NAME} \\$PATH \\\$PATH", Expanded, r"$PATH ${params.NAME} \/bin \$PATH"),
            (r"\$PATH \${params.NAME} \\${params.NAME}", Shell, r"\$PATH \${params.NAME} \\value"),
            (r"C:\dir \\ \\$ \n", Expanded, r"C:\dir \\ \\$ \n"),
        ],
    );
}

#[test]
fn a_handler_sees_no_steps() {
    each(
        "tidy",
        &[
            (
                "${steps.first.outputs.count} ${first.exit_code} ${NAME}",
                Expanded,
                "${steps.first.outputs.count} ${first.exit_code} value",
            ),
            ("$FOUND $DAG_RUN_STATUS ${context.run.status}", Expanded, "$FOUND failed failed"),
        ],
    );
}

#[test]
fn a_step_sees_its_own_values_once_it_has_run() {
    let plan = plan();
    let run = run_scope(&plan);
    let text = Template("$FOUND ${steps.first.outputs.list}".to_owned());
    let seen = |results: &HashMap<StepIndex, StepValues>| {
        let scope = run.step(&plan, StepIndex(0), results, &StepFacts::default()).unwrap();
        resolve(&text, &scope, Expanded).unwrap()
    };
    assert_eq!(seen(&HashMap::new()), text.0);
    assert_eq!(seen(&results()), "found [1,2]");
}

#[test]
fn json_keeps_its_shape_and_takes_types_from_the_schema() {
    let plan = plan();
    let run = run_scope(&plan);
    let results = results();
    let scope = run.step(&plan, StepIndex(2), &results, &StepFacts::default()).unwrap();
    let schema = r#"{"type":"object","properties":{"port":{"type":"integer"},"text":{"type":"string"},
        "list":{"type":"array","items":{"type":"integer"}},"on":{"type":"boolean"},"any":{}}}"#;
    let table = [
        (r#"{"port":"${consts.port}"}"#, r#"{"port":8080}"#),
        (r#"{"port":"${consts.port}0"}"#, r#"{"port":"80800"}"#),
        (r#"{"port":"${params.NAME}"}"#, r#"{"port":"value"}"#),
        (r#"{"text":"${consts.port}"}"#, r#"{"text":"8080"}"#),
        (r#"{"any":"${consts.port}"}"#, r#"{"any":"8080"}"#),
        (r#"{"list":"${steps.first.outputs.list}"}"#, r#"{"list":[1,2]}"#),
        (r#"{"list":["${consts.port}", 5]}"#, r#"{"list":[8080,5]}"#),
        (r#"{"${consts.port}":"\"$PATH\""}"#, r#"{"${consts.port}":"\"/bin\""}"#),
        (r#"{"on":true}"#, r#"{"on":true}"#),
    ];
    for (json, wanted) in table {
        let resolved = resolve_json(&Json(json.to_owned()), &scope, Some(schema));
        assert_eq!(resolved, Ok(Json(wanted.to_owned())), "{json}");
    }
    let broken = resolve_json(&Json("{$".to_owned()), &scope, None);
    assert!(matches!(broken, Err(EvalError::NotJson(_))));
}

#[test]
fn values_that_multiply_are_bounded() {
    let plan = plan();
    let env = [("BIG".to_owned(), "x".repeat(1024 * 1024))];
    let run = RunScope::new(&plan, &params(&plan), &env, &[], &facts()).unwrap();
    let text = Template("$BIG".repeat(100));
    assert_eq!(resolve(&text, &run.scope(&plan), Expanded), Err(EvalError::TooLarge));
}

#[test]
fn texts_of_nothing_but_signs_end_in_time() {
    let plan = plan();
    let run = run_scope(&plan);
    for sign in ["${", "$", "}", "\\$", "${a:-", "$(", "${NOPE##*", "\\"] {
        let text = sign.repeat(300_000);
        let resolved = resolve(&Template(text.clone()), &run.scope(&plan), Shell).unwrap();
        assert_eq!(resolved.len(), text.len(), "{sign}");
        resolve(&Template(text.clone()), &run.scope(&plan), Expanded).unwrap();
        let _ = Substitution::parse(&text);
    }
}

#[test]
fn deep_defaults_end() {
    let plan = plan();
    let run = run_scope(&plan);
    let text = format!("{}x{}", "${NOPE:-".repeat(1000), "}".repeat(1000));
    let resolved = resolve(&Template(text), &run.scope(&plan), Expanded).unwrap();
    assert!(resolved.starts_with("${NOPE:-") && resolved.len() < 10_000, "{}", resolved.len());
}

#[test]
fn each_reason_is_a_sentence() {
    for (error, wanted) in [
        (EvalError::TooLarge, "the value would be longer than 16777216 bytes; refer to files instead of large outputs"),
        (
            EvalError::TooMuchWork,
            "the text takes too much work to evaluate; use fewer `${NAME...}` on large values, or a step of its own",
        ),
        (EvalError::NotJson("x".to_owned()), "the step's input is not JSON: x; submit the DAG again"),
    ] {
        assert_eq!(error.to_string(), wanted);
        let routing = crate::route::RouteError::Eval { step: "pick".to_owned(), source: error };
        assert_eq!(routing.to_string(), format!("`with.value` of the step `pick`: {wanted}"));
    }
    assert_eq!(Substitution::parse("a\0").unwrap_err().to_string(), "the text holds a NUL character; remove it");
}
