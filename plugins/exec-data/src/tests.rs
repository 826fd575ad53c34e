use pintle_guest::error::{Error, Fault};
use pintle_guest::executor::{Executor as _, Task};
use pintle_guest::testing::{Ended, FakeHost};
use serde_json::{Value, json};

use crate::ExecData;

mod sentences;
mod with;

fn run(action: &str, input: Value) -> Ended {
    FakeHost::new().run::<ExecData>(&Task::new(action, input).var("REGION", "eu"))
}

fn printed(action: &str, input: Value) -> String {
    let ended = run(action, input);
    assert!(ended.result.is_ok(), "{:?}", ended.result);
    ended.stdout()
}

fn refused(action: &str, input: Value) -> Error {
    let error = run(action, input).error().clone();
    assert_eq!(error.fault, Fault::Invalid, "{}", error.message);
    error
}

fn convert(from: &str, to: &str, data: impl Into<Value>) -> String {
    printed("data.convert", json!({ "from": from, "to": to, "data": data.into() }))
}

#[test]
fn jq_filters_values_and_text() {
    let data = json!({ "items": [{ "n": 1 }, { "n": 22 }] });
    let filter = |data: Value| printed("jq.filter", json!({ "filter": ".items[].n", "data": data }));
    assert_eq!(filter(data.clone()), "1\n22\n");
    assert_eq!(filter(json!(data.to_string())), "1\n22\n");
    assert_eq!(printed("jq.filter", json!({ "query": ".n", "input": "{\"n\":1}\n{\"n\":2}" })), "1\n2\n");
}

#[test]
fn jq_results_are_outputs() {
    let outputs = |filter: &str| {
        let ended = run("jq.filter", json!({ "filter": filter, "data": [3, 4] }));
        (ended.output("result"), ended.output("count"))
    };
    assert_eq!(outputs("add"), (json!(7), json!(1)));
    assert_eq!(outputs(".[]"), (json!([3, 4]), json!(2)));
    assert_eq!(outputs("empty"), (Value::Null, json!(0)));
    assert_eq!(outputs("map({k: tostring})"), (json!([{ "k": "3" }, { "k": "4" }]), json!(1)));
}

#[test]
fn jq_prints_text_raw_when_asked() {
    let filter = |raw: bool, filter: &str| printed("jq.filter", json!({ "filter": filter, "data": null, "raw": raw }));
    assert_eq!(
        (filter(false, "\"a\\\"b\""), filter(true, "\"a\\\"b\"")),
        ("\"a\\\"b\"\n".to_owned(), "a\"b\n".to_owned())
    );
    assert_eq!((filter(false, "."), filter(true, ".")), ("null\n".to_owned(), "\n".to_owned()));
}

#[test]
fn jq_knows_variables_environment_and_time() {
    let args = json!({ "filter": "[$low, $region.name, $ENV.REGION, env.REGION]", "data": null,
                       "args": { "low": 3, "$region": { "name": "north" } } });
    assert_eq!(printed("jq.filter", args), "[3,\"north\",\"eu\",\"eu\"]\n");
    assert_eq!(printed("jq.filter", json!({ "filter": "now | todate", "data": null })), "\"2026-01-01T00:00:00Z\"\n");
    let twice = json!({ "filter": ".", "data": null, "args": { "a": 1, "$a": 2 } });
    assert!(refused("jq.filter", twice).message.contains("`$a` twice"));
}

#[test]
fn jq_has_its_usual_functions() {
    for (filter, result) in [
        ("[.[] | select(. > 1)] | length", "2"),
        ("group_by(. % 2) | map(length)", "[1,2]"),
        ("map(. * 1.5) | add", "9.0"),
        ("[.[] | tostring] | join(\"-\")", "\"1-2-3\""),
        ("\"a,b\" | split(\",\")", "[\"a\",\"b\"]"),
        ("\"x1y22\" | [scan(\"[0-9]+\")]", "[\"1\",\"22\"]"),
        ("\"2024-02-29T00:00:00Z\" | fromdate", "1709164800"),
        ("\"hi\" | @base64", "\"aGk=\""),
        ("[1, null, true, \"a\\\"b\"] | @csv | length", "14"),
        ("[1, \"a\\tb\"] | @tsv", "\"1\\ta\\\\tb\""),
        ("try ([[1]] | @csv) catch .", "\"[1] does not fit into a row\""),
        ("reduce .[] as $x (0; . + $x)", "6"),
        ("try error(\"bad\") catch .", "\"bad\""),
        ("[limit(2; .[])]", "[1,2]"),
        ("{a: 1} | to_entries | from_entries", "{\"a\":1}"),
        ("pow(2; 10) | floor", "1024"),
    ] {
        assert_eq!(
            printed("jq.filter", json!({ "filter": filter, "data": [1, 2, 3] })),
            format!("{result}\n"),
            "{filter}"
        );
    }
}

#[test]
fn jq_debug_goes_to_standard_error() {
    let ended = run("jq.filter", json!({ "filter": ".[] | debug", "data": [1] }));
    assert_eq!((ended.stdout().as_str(), ended.stderr().as_str()), ("1\n", "[\"DEBUG:\",1]\n"));
}

#[test]
fn jq_faults_name_their_place_in_the_program() {
    let fault = |filter: &str| refused("jq.filter", json!({ "filter": filter, "data": [1] })).message;
    assert_eq!(
        fault(".a |\n  nosuch(1)"),
        "the jq program is faulty at line 2, column 3: undefined filter, found `nosuch`"
    );
    assert_eq!(fault(".a | $x"), "the jq program is faulty at line 1, column 6: undefined variable, found `$x`");
    assert_eq!(
        fault("[1, "),
        "the jq program is faulty at line 1, column 5: expected closing bracket, found the end of the program"
    );
    assert!(
        fault(".a | | .b").starts_with("the jq program is faulty at line 1, column 6: expected "),
        "{}",
        fault(".a | | .b")
    );
    assert!(fault(".a").starts_with("the jq program failed: cannot index"), "{}", fault(".a"));
    assert!(fault("nan").starts_with("the jq program's result is not JSON"), "{}", fault("nan"));
}

#[test]
fn jq_may_halt() {
    assert_eq!(
        printed("jq.filter", json!({ "filter": ".[] | if . == 2 then halt else . end", "data": [1, 2, 3] })),
        "1\n"
    );
    let ended = run("jq.filter", json!({ "filter": "halt(3)", "data": null }));
    assert_eq!(ended.error().fault, Fault::Failed);
}

#[test]
fn data_is_given_once_and_is_no_file() {
    let message = |input: Value| run("jq.filter", input).error().message.clone();
    assert_eq!(message(json!({ "filter": "." })), "there is no data: give `data`");
    assert!(message(json!({ "filter": ".", "data": 1, "input": 2 })).starts_with("both `data` and `input`"));
    assert!(message(json!({ "filter": ".", "input": "orders.json" })).contains("read it with `file.read`"));
    assert!(message(json!({ "filter": ".", "data": "file:///a.json" })).contains("`file.read`"));
    assert!(message(json!({ "data": 1 })).starts_with("there is no `filter`"));
}

#[test]
fn converting_quietly_gives_an_output_alone() {
    for (to, result) in [("json", json!([{ "a": "1" }])), ("tsv", json!("a\n1\n"))] {
        let ended = run("data.convert", json!({ "from": "csv", "to": to, "data": "a\n1\n", "quiet": true }));
        assert_eq!((ended.output("result"), ended.stdout()), (result, String::new()), "{to}");
    }
}

#[test]
fn formats_convert_into_each_other() {
    let value = json!({ "name": "ada", "age": 36, "tags": ["x", "y"] });
    assert_eq!(convert("json", "yaml", value.to_string()), "name: ada\nage: 36\ntags:\n- x\n- \"y\"\n");
    let yaml = convert("json", "yaml", value.clone());
    let toml = convert("yaml", "toml", yaml);
    let json = convert("toml", "json", toml);
    assert_eq!(serde_json::from_str::<Value>(&json).expect("it is JSON again"), value);
}

#[test]
fn rows_are_objects_by_their_names() {
    let csv = "id,name\n1,\"Ada, Countess\"\n2,Alan\n";
    let ended = run("data.convert", json!({ "from": "csv", "to": "json", "input": csv }));
    assert_eq!(ended.output("result"), json!([{ "id": "1", "name": "Ada, Countess" }, { "id": "2", "name": "Alan" }]));
    assert_eq!(convert("json", "csv", ended.output("result")), csv);
    assert_eq!(convert("csv", "tsv", csv), "id\tname\n1\tAda, Countess\n2\tAlan\n");
}

#[test]
fn rows_may_lack_names_or_be_given_them() {
    let rows = |headers: Value, from: &str, to: &str, data: Value| {
        printed("data.convert", json!({ "from": from, "to": to, "data": data, "headers": headers, "delimiter": ";" }))
    };
    assert_eq!(rows(json!(false), "csv", "text", json!("1;2\n")), "[[\"1\",\"2\"]]");
    assert_eq!(rows(json!(["a", "b"]), "csv", "text", json!("1;2\n")), "[{\"a\":\"1\",\"b\":\"2\"}]");
    assert_eq!(rows(json!(["b", "a"]), "json", "csv", json!([{ "a": 1, "b": null }])), "b;a\n;1\n");
    assert_eq!(convert("json", "csv", json!([{ "a": 1 }, { "b": [2] }])), "a,b\n1,\n,[2]\n");
}

#[test]
fn several_documents_become_a_list() {
    assert_eq!(convert("yaml", "text", "a: 1\n---\nb: 2\n"), "[{\"a\":1},{\"b\":2}]");
    assert_eq!(convert("json", "text", "1 2"), "[1,2]");
}

#[test]
fn text_is_kept_as_it_is() {
    assert_eq!(convert("text", "json", "a\"b"), "\"a\\\"b\"\n");
    assert_eq!(convert("json", "text", "\"a\""), "a");
    assert_eq!(convert("json", "text", "null"), "");
}

#[test]
fn toml_dates_become_text() {
    assert_eq!(convert("toml", "text", "at = 2024-02-29T00:00:00Z\n"), "{\"at\":\"2024-02-29T00:00:00Z\"}");
}

#[test]
fn toml_has_tables_lists_and_every_scalar() {
    let text = "n = -1\nx = 2.5\non = true\nat = 10:30:00\nnone = nan\n[t.u]\ntext = \"\"\"a\nb\"\"\"\n[[row]]\ni = 1\n[[row]]\ni = 2\n";
    let value = json!({ "n": -1, "x": 2.5, "on": true, "at": "10:30:00", "none": null, "t": { "u": { "text": "a\nb" } },
                        "row": [{ "i": 1 }, { "i": 2 }] });
    assert_eq!(run("data.convert", json!({ "from": "toml", "to": "json", "data": text })).output("result"), value);
    let value = json!({ "a": 9_223_372_036_854_775_807_u64, "b": { "c": [1, "x"] }, "row": [{ "i": 1 }] });
    let written = convert("json", "toml", value.clone());
    assert_eq!(written, "a = 9223372036854775807\n\n[b]\nc = [\n    1,\n    \"x\",\n]\n\n[[row]]\ni = 1\n");
    assert_eq!(run("data.convert", json!({ "from": "toml", "to": "json", "data": written })).output("result"), value);
}

#[test]
fn conversion_faults_name_the_format() {
    let fault = |from: &str, to: &str, data: &str| {
        refused("data.convert", json!({ "from": from, "to": to, "data": data })).message
    };
    assert!(fault("json", "yaml", "{").starts_with("the data is not JSON: "));
    assert!(fault("yaml", "json", "a: [1").starts_with("the data is not YAML: "));
    assert!(fault("toml", "json", "a =").starts_with("the data is not TOML: "));
    assert!(fault("csv", "json", "a,b\n1\n").starts_with("the data is not CSV: "));
    assert!(fault("json", "toml", "[1]").starts_with("this cannot be written as TOML: "));
    assert!(fault("json", "csv", "3").starts_with("this cannot be written as CSV: "));
    let unknown = refused("data.convert", json!({ "from": "xml", "to": "json", "data": "" })).message;
    assert!(unknown.contains("`from`: unknown variant `xml`, expected one of `json`"), "{unknown}");
    let comma = json!({ "from": "csv", "to": "json", "data": "", "delimiter": "::" });
    assert!(refused("data.convert", comma).message.contains("not one plain character"));
}

#[test]
fn a_yaml_bomb_is_refused_in_bounded_memory() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, of) in "bcdefghijk".chars().zip("abcdefghij".chars()) {
        bomb.push_str(&format!("{name}: &{name} [*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of}]\n"));
    }
    let error = refused("data.convert", json!({ "from": "yaml", "to": "json", "data": bomb }));
    assert!(error.message.starts_with("the data is not YAML: "), "{}", error.message);
}

#[test]
fn picking_takes_one_many_or_named_values() {
    let pick = |select: Value, raw: bool| {
        let data = "user:\n  name: ada\n  ids: [1, 2]\n";
        run("data.pick", json!({ "from": "yaml", "data": data, "select": select, "raw": raw }))
    };
    let one = pick(json!(".user.name"), true);
    assert_eq!((one.stdout().as_str(), one.output("result")), ("ada\n", json!("ada")));
    assert_eq!(pick(json!(".user.none"), true).stdout(), "\n");
    assert_eq!(pick(json!(".user.ids[]"), false).output("result"), json!([1, 2]));
    assert_eq!(pick(json!([".user.name", ".user.ids"]), false).stdout(), "\"ada\"\n[1,2]\n");
    let named = pick(json!({ "who": ".user.name", "first": ".user.ids[0]" }), false);
    assert_eq!((named.output("who"), named.output("first")), (json!("ada"), json!(1)));
    assert_eq!(named.stdout(), "{\"first\":1,\"who\":\"ada\"}\n");
}

#[test]
fn templates_render_with_loops_filters_and_their_last_line_break() {
    let template = "# {{ title | upper }}\n{% for row in rows %}- {{ row.n }}: {{ row | tojson }}\n{% endfor %}";
    let data = json!({ "title": "report", "rows": [{ "n": 1 }, { "n": 2 }] });
    let expected = "# REPORT\n- 1: {\"n\": 1}\n- 2: {\"n\": 2}\n";
    assert_eq!(printed("template.render", json!({ "template": template, "data": data })), expected);
    assert_eq!(printed("template.render", json!({ "template": template, "data": data.to_string() })), expected);
    assert_eq!(printed("template.render", json!({ "template": "<{{ '&' }}>\n" })), "<&>\n");
}

#[test]
fn templates_take_names_with_a_dot_before_them() {
    let data = json!({ "a": { "b": 1 }, "name": "x" });
    let shown = |template: &str| printed("template.render", json!({ "template": template, "data": data }));
    assert_eq!(shown("{{ .name }}, {{.a.b}}, {{- .name -}} , {{ a.b }}, {{ 0.5 }}\n"), "x, 1,x, 1, 0.5\n");
    assert_eq!(shown("{{ name }} {{ '.name' }} }} .name\n"), "x .name }} .name\n");
    assert_eq!(shown("{% raw %}{{ .Values.name }}{% endraw %}\n"), "{{ .Values.name }}\n");
    let fault = |template: &str| refused("template.render", json!({ "template": template, "data": data })).message;
    for other in ["{{ range .a }}{{ end }}", "{{ .name | trunc 3 }}", "{{ if .name }}y{{ end }}"] {
        assert!(fault(other).ends_with("of Go's language only `{{ .name }}` is understood"), "{}", fault(other));
    }
    assert!(!fault("{{ missing }}").contains("Go's"), "{}", fault("{{ missing }}"));
}

#[test]
fn template_faults_name_their_line() {
    let fault = |template: &str| refused("template.render", json!({ "template": template, "data": {} })).message;
    assert!(
        fault("a\n{{ missing }}").starts_with("the template is faulty at line 2: undefined value"),
        "{}",
        fault("{{ missing }}")
    );
    assert!(
        fault("a\nb\n{% for %}").starts_with("the template is faulty at line 3: syntax error: "),
        "{}",
        fault("{% for %}")
    );
    let list = refused("template.render", json!({ "template": "", "data": [1] }));
    assert_eq!(list.message, "`data` is not a mapping: give each value a name");
}

#[test]
fn schemas_are_strict() {
    for action in ExecData::actions() {
        let schema: Value = serde_json::from_str(&action.input_schema).expect("a schema is JSON");
        assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{}", action.name);
    }
}
