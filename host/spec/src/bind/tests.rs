#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end where something is not as it must be")]

use super::*;
use crate::known::KnownActions;
use crate::{SourceFile, parse};
use pintle_core::plugin::ActionRow;

fn plan(params: &str) -> Plan {
    let none: Vec<ActionRow> = Vec::new();
    let known: &dyn KnownActions = &none;
    let source = SourceFile::new("x.yaml", format!("{params}\nsteps: [{{action: noop}}]\n"));
    parse(&source, known).unwrap().plan
}

fn words(words: &[&str]) -> GivenParams {
    GivenParams::Words(words.iter().map(|word| (*word).to_owned()).collect())
}

fn bound(plan: &Plan, given: &GivenParams) -> String {
    match bind_params(plan, given, &[("HOME".to_owned(), "/home/me".to_owned())]) {
        Ok(Binding::Bound(params)) => params.to_json(),
        Ok(Binding::Eval(pending)) => format!("needs {}: {}", pending.param(), pending.command()),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn untyped_parameters_take_what_comes() {
    let plan = plan("params: one A=1 two");
    let table = [
        (GivenParams::None, r#"{"1":"one","A":"1","2":"two"}"#),
        (words(&["x"]), r#"{"1":"x","A":"1","2":"two"}"#),
        (words(&["x", "y z", "A=$(rm -rf /)", "w", "N=5"]), r#"{"1":"x","A":"$(rm -rf /)","2":"y z","3":"w","N":"5"}"#),
        (GivenParams::Text("'x y' A=\"b c\"".into()), r#"{"1":"x y","A":"b c","2":"two"}"#),
        (GivenParams::Text(r#"{"A": 7, "B": [1]}"#.into()), r#"{"1":"one","A":"7","2":"two","B":"[1]"}"#),
        (GivenParams::Text("'x".into()), "the parameters: a quote ' is opened and never closed; close it"),
        (words(&["A=1", "A=2"]), "the parameter `A` is given twice; give it once"),
    ];
    for (given, wanted) in table {
        assert_eq!(bound(&plan, &given), wanted, "{given:?}");
    }
}

const TYPED: &str = "params:
  - {name: n, type: integer, minimum: 1, maximum: 9, default: 3}
  - {name: r, type: number, required: true}
  - {name: b, type: boolean, default: false}
  - {name: s, enum: [eu, us], default: eu}
  - {name: p, pattern: '^v[0-9]+$', min_length: 2, max_length: 4}
  - {name: d, default: '${env.HOME}/${params.s}-$HOME'}";

#[test]
fn typed_parameters_are_checked() {
    let plan = plan(TYPED);
    let table: [(&[&str], &str); 12] = [
        (&["r=1.50"], r#"{"n":3,"r":1.5,"b":false,"s":"eu","d":"/home/me/eu-/home/me"}"#),
        (&["2", "7"], r#"{"n":2,"r":7,"b":false,"s":"eu","d":"/home/me/eu-/home/me"}"#),
        (&["r=1", "b=true", "s=us", "p=v12", "d=$HOME"], r#"{"n":3,"r":1,"b":true,"s":"us","p":"v12","d":"$HOME"}"#),
        (&[], "the parameter `r` is required; give it as `r=VALUE`"),
        (&["r=x"], "the value `x` of the parameter `r` is refused: it must be a number"),
        (&["r=1", "n=0"], "the value `0` of the parameter `n` is refused: it must be 1 or more"),
        (&["r=1", "n=1.5"], "the value `1.5` of the parameter `n` is refused: it must be a whole number"),
        (&["r=1", "b=yes"], "the value `yes` of the parameter `b` is refused: it must be `true` or `false`"),
        (&["r=1", "s=asia"], "the value `asia` of the parameter `s` is refused: it may be `eu`, `us`"),
        (&["r=1", "p=v"], "the value `v` of the parameter `p` is refused: it has 1 characters and must have 2 or more"),
        (&["r=1", "p=xx"], "the value `xx` of the parameter `p` is refused: it does not match `^v[0-9]+$`"),
        (
            &["rr=1", "n=77"],
            "the DAG has no parameter `rr`; `params` of the DAG lists those there are\n\
             the value `77` of the parameter `n` is refused: it must be 9 or less\n\
             the parameter `r` is required; give it as `r=VALUE`",
        ),
    ];
    for (given, wanted) in table {
        assert_eq!(bound(&plan, &words(given)), wanted, "{given:?}");
    }
}

const COMPUTED: &str = "params:
  - {name: day, default: monday}
  - {name: a, eval: '$(date -d ${params.day})', default: none}
  - {name: b, eval: 'x-`id`', type: integer}";

fn pending(binding: Binding) -> Box<Pending> {
    match binding {
        Binding::Eval(pending) => pending,
        Binding::Bound(params) => panic!("bound already: {}", params.to_json()),
    }
}

#[test]
fn computed_parameters_are_asked_for_one_by_one() {
    let plan = plan(COMPUTED);
    let first = pending(bind_params(&plan, &GivenParams::None, &[]).unwrap());
    assert_eq!(first.param(), "a");
    assert_eq!(first.command(), "pintle_1=$(date -d monday) || exit $?; printf '%s\\n' \"$pintle_1\"");
    let second = pending(first.answer(Ok(" Mon \n".to_owned())).unwrap());
    assert_eq!(second.command(), "pintle_1=$(id) || exit $?; printf '%s\\n' 'x-'\"$pintle_1\"");
    match second.answer(Ok("7".to_owned())) {
        Ok(Binding::Bound(params)) => assert_eq!(params.to_json(), r#"{"day":"monday","a":"Mon","b":7}"#),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_command_leaves_the_default_or_fails() {
    let plan = plan(COMPUTED);
    let first = pending(bind_params(&plan, &words(&["day=x"]), &[]).unwrap());
    let second = pending(first.answer(Err("exit code 1".to_owned())).unwrap());
    assert_eq!(
        second.answer(Err("exit code 3".to_owned())).unwrap_err().to_string(),
        "params: eval failed for `b`, which has no default: exit code 3; give it as `b=VALUE`"
    );
    let given = words(&["a=1", "b=2"]);
    assert_eq!(bound(&plan, &given), r#"{"day":"monday","a":"1","b":2}"#);
}

#[test]
fn bound_parameters_survive_being_stored() {
    let plan = plan("params: one A=1");
    let Binding::Bound(params) = bind_params(&plan, &GivenParams::None, &[]).unwrap() else { panic!("not bound") };
    let stored = serde_json::to_string(&params).unwrap();
    assert_eq!(serde_json::from_str::<BoundParams>(&stored).unwrap(), params);
    assert_eq!(params.to_words(), ["one", "A=1"]);
}

#[test]
fn a_default_that_grows_without_end_names_its_parameter() {
    let (text, many) = ("x".repeat(600 << 10), "${params.a}".repeat(40));
    let plan = plan(&format!("params: [{{name: a, default: {text}}}, {{name: b, default: \"{many}\"}}]"));
    let said = bound(&plan, &GivenParams::None);
    assert!(
        said.starts_with("the default of the parameter `b`: the value would be longer than 16777216 bytes"),
        "{}",
        said.get(..200).unwrap_or(&said)
    );
}
