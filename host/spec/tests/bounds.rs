//! Values of people who mean no good: any text is evaluated, any file is read, in bounded time and memory.
#![expect(clippy::unwrap_used, reason = "a test whose document is refused has failed")]

#[path = "bounds/in_time.rs"]
mod in_time;

use std::collections::HashMap;

use pintle_core::plan::{DeclaredOutput, Json, OutputKind, StepIndex, Template};
use pintle_core::plugin::ActionRow;
use pintle_spec::eval::{EvalError, StepValues, Substitution, resolve, resolve_json};
use pintle_spec::{
    BoundParams, Field, Plan, RunFacts, RunScope, Scope, SourceFile, StepFacts, parse, parse_dotenv, parse_output_file,
};
use proptest::prelude::*;

use in_time::in_time;

const MEBIBYTE: usize = 1 << 20;

const DAG: &str = "consts: [{c: x}]
env: {EMPTY: ''}
steps:
  - {id: a, action: noop, outputs: [{name: o, type: json}]}
  - {id: b, action: noop, depends: a}
";

/// A run in which `$BIG` is long, and a step whose output is.
struct Stage {
    plan: Plan,
    run: RunScope,
    results: HashMap<StepIndex, StepValues>,
}

impl Stage {
    fn new(big: String) -> Self {
        let known: Vec<ActionRow> = Vec::new();
        let plan = parse(&SourceFile::new("x.yaml", DAG), &known).unwrap().plan;
        let outputs = vec![("o".to_owned(), Json(serde_json::Value::from(big.as_str()).to_string()))];
        let results = HashMap::from([(StepIndex(0), StepValues { outputs, ..StepValues::default() })]);
        let env = [("BIG".to_owned(), big), ("A".to_owned(), "a.b".to_owned()), ("Q".to_owned(), "'$(x)`".to_owned())];
        let run = RunScope::new(&plan, &BoundParams::default(), &env, &[], &RunFacts::default()).unwrap();
        Self { plan, run, results }
    }

    fn scope(&self) -> Scope<'_> {
        self.run.step(&self.plan, StepIndex(1), &self.results, &StepFacts::default()).unwrap()
    }

    fn evaluate(&self, text: &str, field: Field) -> Result<String, EvalError> {
        resolve(&Template(text.to_owned()), &self.scope(), field)
    }
}

fn filled(part: &str) -> String {
    part.repeat(MEBIBYTE / part.len())
}

#[test]
fn what_a_step_of_a_long_chain_sees_costs_what_that_of_a_short_one_costs() {
    let known: Vec<ActionRow> = Vec::new();
    let steps: String = (1..10_000).map(|n| format!("  - {{id: s{n}, action: noop, depends: s{}}}\n", n - 1)).collect();
    let text = format!("steps:\n  - {{id: s0, action: noop}}\n{steps}");
    let plan = parse(&SourceFile::new("x.yaml", text), &known).unwrap().plan;
    let run = RunScope::new(&plan, &BoundParams::default(), &[], &[], &RunFacts::default()).unwrap();
    let results = HashMap::new();
    in_time("laying what each step sees", || {
        for (index, _) in (0..20).flat_map(|_| plan.indexed()) {
            run.step(&plan, index, &results, &StepFacts::default()).unwrap();
        }
    });
}

#[test]
fn a_mebibyte_of_one_sign_is_evaluated_in_seconds() {
    let stage = Stage::new("ab".repeat(32 * 1024));
    let signs = [
        "$",
        "${",
        "}",
        "\\",
        "\\$",
        "${}",
        "$(",
        "`",
        "${A:-",
        "${N:-x}",
        "$A",
        "${consts.c}",
        "${consts.nope}",
        "${steps.a.outputs.nope}",
        "${steps.b.outputs.o}",
        "${a.b.c.d}",
        "${A:1:1}",
        "${N:=",
    ];
    for sign in signs {
        let text = filled(sign);
        let kept = in_time(sign, || stage.evaluate(&text, Field::Shell)).unwrap();
        assert!(sign.contains("consts.c") || kept == text, "{sign}");
        in_time(sign, || stage.evaluate(&text, Field::Expanded)).unwrap();
        let _ = in_time(sign, || Substitution::parse(&text));
    }
}

#[test]
fn a_mebibyte_of_operators_on_a_large_value_is_evaluated_or_refused_in_seconds() {
    let stage = Stage::new("ab".repeat(32 * 1024));
    for part in ["${#BIG}", "${BIG##*b}", "${BIG%%a*}", "${BIG#?}", "${BIG%[!x]}", "${BIG:0:1}", "${BIG%b*a}"] {
        let refused = in_time(part, || stage.evaluate(&filled(part), Field::Expanded));
        assert!(matches!(refused, Err(EvalError::TooMuchWork | EvalError::TooLarge)), "{part}");
    }
    for part in ["${A##*.}", "${A%%.*}", "${A#[a]}"] {
        let refused = in_time(part, || stage.evaluate(&filled(part), Field::Expanded));
        assert_eq!(refused, Err(EvalError::TooMuchWork), "{part}");
    }
    for part in ["$BIG", "${steps.a.outputs.o}", "${BIG:+$BIG}"] {
        let refused = in_time(part, || stage.evaluate(&filled(part), Field::Expanded));
        assert_eq!(refused, Err(EvalError::TooLarge), "{part}");
    }
}

#[test]
fn a_mebibyte_of_pattern_is_no_pattern_and_one_of_depth_ends() {
    let stage = Stage::new("a".repeat(MEBIBYTE));
    for part in ["*a", "?", "[a]", "\\*", "["] {
        let text = format!("${{BIG##{}}}", filled(part));
        assert_eq!(in_time(part, || stage.evaluate(&text, Field::Expanded)).as_ref(), Ok(&text), "{part}");
    }
    let hard = format!("${{BIG%%{}x}}", "*a".repeat(200));
    assert_eq!(in_time("stars", || stage.evaluate(&hard, Field::Expanded)).unwrap().len(), MEBIBYTE);
    let count = MEBIBYTE / 6;
    let nested = |count| format!("{}x{}", "${N:-".repeat(count), "}".repeat(count));
    let left = in_time("depth", || stage.evaluate(&nested(count), Field::Expanded)).unwrap();
    assert!(left == nested(count - 16), "what is nested deeper than 16 stays as it is");
}

#[test]
fn a_mebibyte_of_json_is_evaluated_in_seconds() {
    let stage = Stage::new("x".to_owned());
    let text = format!("[{}1]", "\"$A\",".repeat(MEBIBYTE / 5));
    let schema = r#"{"type":"array","items":{"type":"integer"}}"#;
    assert!(in_time("list", || resolve_json(&Json(text), &stage.scope(), Some(schema))).is_ok());
    let deep = Json(format!("{}\"$A\"{}", "[".repeat(MEBIBYTE / 2), "]".repeat(MEBIBYTE / 2)));
    let refused = in_time("depth", || resolve_json(&deep, &stage.scope(), None));
    assert!(matches!(refused, Err(EvalError::NotJson(_))));
}

#[test]
fn a_mebibyte_of_an_output_file_is_read_or_refused_in_seconds() {
    let kinds = |kind| move |n: usize| DeclaredOutput { name: format!("o{n}"), kind };
    let few: Vec<DeclaredOutput> = (0..2).map(kinds(OutputKind::Json)).collect();
    for part in ["\n", "=", "a=1\n", "o0=1\n", "o0<<E\n", "o0<<E\nE\n", "<<", "o0<<\n", "\r", "é", "o0=[", "[[", "\r\n"]
    {
        let refused = in_time(part, || parse_output_file(filled(part).as_bytes(), &few));
        assert!(refused.is_err_and(|faults| !faults.is_empty() && faults.len() < 200), "{part:?}");
    }
    let nested = format!("o0={}\no1=1", "[".repeat(MEBIBYTE));
    assert!(in_time("nested", || parse_output_file(nested.as_bytes(), &few)).is_err());
    let many: Vec<DeclaredOutput> = (0..80_000).map(kinds(OutputKind::String)).collect();
    let file: String = (0..80_000).rev().map(|n| format!("o{n}=some text\n")).collect();
    assert!(file.len() > MEBIBYTE);
    assert_eq!(in_time("many", || parse_output_file(file.as_bytes(), &many)).unwrap().len(), 80_000);
}

#[test]
fn a_mebibyte_of_dotenv_is_read_or_refused_in_seconds() {
    for part in ["\n", "A=1\n", "A='\n", "A=\"\\\n", "#", "'", "A=$\n", "A='$\n'\n", "\\"] {
        let _ = in_time(part, || parse_dotenv(&filled(part)));
    }
    assert_eq!(in_time("lines", || parse_dotenv(&filled("A=1\n"))).unwrap().len(), MEBIBYTE / 4);
}

/// Text that is nearly all signs of the evaluator.
const SIGNS: &str = r"(\$|\{|\}|\\|:|-|\+|=|#|%|\*|\?|\[|\]|!|A|N|BIG|1|0| |\.|`|\(|\)|'|é|\$\{|\$\{A|\$\{consts\.c\}|\$\{steps\.a\.outputs\.o\}){0,40}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_evaluated(text in SIGNS) {
        let stage = Stage::new("value".to_owned());
        for field in [Field::Expanded, Field::Shell] {
            prop_assert!(stage.evaluate(&text, field).is_ok());
        }
    }

    #[test]
    fn a_shells_text_only_changes_where_a_qualified_reference_stands(text in SIGNS) {
        let stage = Stage::new("value".to_owned());
        let plain = text.replace("consts.c", "consts.no").replace("steps.a", "steps.no");
        prop_assert_eq!(stage.evaluate(&plain, Field::Shell), Ok(plain));
    }

    #[test]
    fn what_is_escaped_comes_out_as_it_was(text in "[a-zA{}:.#%*' é-]{0,30}") {
        let stage = Stage::new("value".to_owned());
        prop_assert_eq!(stage.evaluate(&format!(r"\${text}"), Field::Expanded), Ok(format!("${text}")));
    }

    #[test]
    fn what_a_variable_holds_is_never_read_again(value in SIGNS) {
        let stage = Stage::new(value.clone());
        prop_assert_eq!(stage.evaluate("${env.BIG}", Field::Shell), Ok(value.clone()));
        prop_assert_eq!(stage.evaluate("$BIG-${NOPE:-$BIG}", Field::Expanded), Ok(format!("{value}-{value}")));
        prop_assert_eq!(stage.evaluate("${steps.a.outputs.o}", Field::Expanded), Ok(value));
    }

    #[test]
    fn no_value_brings_a_command(value in SIGNS) {
        let stage = Stage::new(value.clone());
        let text = Substitution::parse("${env.BIG}$BIG${steps.a.outputs.o}").unwrap();
        prop_assert_eq!(text.resolve(&stage.scope()).unwrap().literal(), Some(value.repeat(3)));
    }

    #[test]
    fn any_text_with_commands_is_cut(text in SIGNS) {
        let stage = Stage::new("value".to_owned());
        if let Ok(cut) = Substitution::parse(&text) {
            prop_assert!(cut.resolve(&stage.scope()).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_an_output_file_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let declared = [DeclaredOutput { name: "a".to_owned(), kind: OutputKind::Json }];
        if let Err(faults) = parse_output_file(&bytes, &declared) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn what_is_written_between_delimiters_is_read_back(value in "[a-z=<$ \"\n]{0,40}", line in "[a-z=<$ \"]{0,20}") {
        let declared = ["long", "short"].map(|name| DeclaredOutput { name: name.to_owned(), kind: OutputKind::String });
        let file = format!("short={line}\nlong<<END-1\n{value}\nEND-1\n");
        let read = parse_output_file(file.as_bytes(), &declared).unwrap();
        let wanted = [("long", &value), ("short", &line)];
        let wanted = wanted.map(|(name, text)| (name.to_owned(), Json(serde_json::Value::from(text.as_str()).to_string())));
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn lines_that_look_like_outputs_get_an_answer(text in "(a|b|=|<<|E|\n|\r\n| |\\{\\}|1|é){0,40}") {
        let declared = ["a", "b"].map(|name| DeclaredOutput { name: name.to_owned(), kind: OutputKind::Json });
        match parse_output_file(text.as_bytes(), &declared) {
            Ok(values) => prop_assert_eq!(values.len(), 2),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn any_text_is_a_dotenv_file_or_refused(text in "(A|B=|'|\"|\\\\|\n|\r\n| |#|\\$|export |é){0,40}") {
        let _ = parse_dotenv(&text);
    }
}
