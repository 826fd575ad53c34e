//! What a script is given, and what it gives.

use super::*;

#[test]
fn the_last_expression_is_the_result() {
    assert_eq!(result("const a = 3; a * 14"), json!(42));
    assert_eq!(result("let n = 0; for (const i of [1, 2, 3]) { n += i }"), json!(6));
    assert_eq!(result("if (true) { 'yes' } else { 'no' }"), json!("yes"));
}

#[test]
fn a_return_gives_the_result_wherever_it_stands() {
    assert_eq!(result("if (1 > 0) {\n  return { big: true };\n}\nreturn null"), json!({ "big": true }));
    assert_eq!(result("const a = 1\nreturn a + 1 // the end"), json!(2));
}

#[test]
fn a_script_without_a_value_comes_to_null() {
    for script in ["", "// nothing", "const a = 1;", "return;", "undefined", "(() => 1)", "Symbol('x')"] {
        assert_eq!(result(script), Value::Null, "{script}");
        assert!(run(script).done().outputs().iter().any(|(name, _)| name == "result"), "{script}");
    }
}

#[test]
fn every_kind_of_json_comes_out_as_it_went_in() {
    let input = json!({
        "text": "ä \"quoted\" \u{1F600}", "whole": 42, "large": 9_007_199_254_740_991_i64, "part": 0.1, "minus": -7,
        "truth": [true, false, null], "deep": { "a": { "b": [[], {}] } }, "10": "a name of digits"
    });
    assert_eq!(run_with("input", input.clone()).output("result"), input);
    assert_eq!(run_with("typeof input", Value::Null).output("result"), json!("object"));
}

#[test]
fn values_are_written_as_json_writes_them() {
    assert_eq!(result("new Date(0)"), json!("1970-01-01T00:00:00.000Z"));
    assert_eq!(
        result("({ a: undefined, b: () => 1, c: NaN, d: [undefined], e: 1e21 })"),
        json!({ "c": null, "d": [null], "e": 1e21 })
    );
    assert_eq!(result("({ toJSON() { return { kind: 'own' } } })"), json!({ "kind": "own" }));
}

#[test]
fn a_result_that_is_not_json_is_told_to_be_none() {
    let cycle = failed("const a = {}; a.self = a; a");
    assert!(
        cycle.starts_with(
            "the script's result (what it returns, or its last expression) does not fit into JSON: TypeError: "
        ),
        "{cycle}"
    );
    assert!(failed("10n").contains("does not fit into JSON: TypeError: "), "{}", failed("10n"));
    let deep = failed("let a = 1; for (let i = 0; i < 200; i++) a = [a]; a");
    assert!(deep.contains("does not fit into JSON: ") && deep.contains("recursion limit"), "{deep}");
}

#[test]
fn named_outputs_stand_beside_the_result() {
    let ended = run("output('count', 2); output('rows', [{ a: 1 }]); output('none'); output('count', 3); 'end'");
    let expected =
        [("result", json!("end")), ("count", json!(3)), ("rows", json!([{ "a": 1 }])), ("none", Value::Null)];
    assert_eq!(ended.done().outputs(), expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn an_output_has_a_name_that_references_can_say() {
    for name in ["''", "'a-b'", "'1a'", "'a b'", "3", "undefined", "'ä'"] {
        let message = failed(&format!("output({name}, 1)"));
        assert!(
            message.contains("line 1, column ") && message.contains("the name of an output is letters"),
            "{message}"
        );
    }
    let taken = failed("output('result', 1)");
    assert!(
        taken.ends_with("TypeError: the output `result` is what the script returns: name this one differently"),
        "{taken}"
    );
    assert!(failed("output('a', 1n)").contains("TypeError"), "a BigInt is no JSON");
}

#[test]
fn a_script_that_fails_gives_no_output() {
    assert!(run("output('a', 1); throw new Error('late')").result.is_err());
}

#[test]
fn the_environment_is_that_of_the_step() {
    assert_eq!(result("env.REGION"), json!("eu"));
    assert_eq!(result("Object.keys(env)"), json!(["REGION"]));
    assert_eq!(result("env.HOME"), Value::Null);
    assert_eq!(result("typeof process"), json!("undefined"));
}

#[test]
fn a_script_may_name_its_own_values_as_the_given_ones() {
    assert_eq!(run_with("const env = input.env; env", json!({ "env": 1 })).output("result"), json!(1));
    assert_eq!(run_with("var input = 2; input", json!(1)).output("result"), json!(2));
}

#[test]
fn json_is_parsed_with_and_without_a_reviver() {
    assert_eq!(
        result(r#"JSON.parse('{"a": [1, 2.5, "x\\u00e4", null], "a2": true}')"#),
        json!({ "a": [1, 2.5, "xä", null], "a2": true })
    );
    assert_eq!(
        result(r#"JSON.parse('[1, 2]', (key, value) => typeof value === 'number' ? value * 2 : value)"#),
        json!([2, 4])
    );
    assert_eq!(result("JSON.parse('9007199254740993') === 9007199254740992"), json!(true));
    let message = failed("JSON.parse('{')");
    assert!(message.contains("line 1, column ") && message.contains("SyntaxError: this is not JSON: "), "{message}");
    assert_eq!(result("try { JSON.parse('{') } catch (error) { error instanceof SyntaxError }"), json!(true));
    assert_eq!(result("JSON.parse(JSON.stringify({ toString: 1 })).toString"), json!(1));
}

#[test]
fn what_a_script_changes_of_json_does_not_change_its_outputs() {
    assert_eq!(result("JSON.stringify = () => '\"mine\"'; JSON.parse = null; ({ a: 1 })"), json!({ "a": 1 }));
}

#[test]
fn time_is_the_hosts_and_utc() {
    assert_eq!(result("Date.now()"), json!(1_767_225_600_000_i64));
    assert_eq!(result("new Date().toISOString()"), json!("2026-01-01T00:00:00.000Z"));
    assert_eq!(result("new Date().getTimezoneOffset()"), json!(0));
    assert_eq!(result("new Date(2024, 1, 29, 12).toISOString()"), json!("2024-02-29T12:00:00.000Z"));
}

#[test]
fn chance_is_the_hosts() {
    let drawn = result("[Math.random(), Math.random(), Math.random()]");
    assert_eq!(
        drawn,
        result("[Math.random(), Math.random(), Math.random()]"),
        "the fake host's chance can be repeated"
    );
    let drawn: Vec<f64> = drawn.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    assert!(
        matches!(drawn.as_slice(), [a, b, c] if a != b && b != c && drawn.iter().all(|x| (0.0..1.0).contains(x))),
        "{drawn:?}"
    );
    let mean = result("let sum = 0; for (let i = 0; i < 2000; i++) sum += Math.random(); sum / 2000");
    assert!(mean.as_f64().is_some_and(|mean| (0.45..0.55).contains(&mean)), "{mean}");
}

#[test]
fn a_script_has_no_way_out() {
    for name in [
        "process",
        "require",
        "fetch",
        "XMLHttpRequest",
        "Deno",
        "setTimeout",
        "setInterval",
        "Atomics",
        "SharedArrayBuffer",
        "WebAssembly",
    ] {
        assert_eq!(result(&format!("typeof {name}")), json!("undefined"), "{name}");
    }
}

#[test]
fn the_language_is_a_current_one() {
    for (script, expected) in [
        ("[3, 1, 2].toSorted().at(-1)", json!(3)),
        ("Object.groupBy([1, 2, 3], n => n % 2 ? 'odd' : 'even')", json!({ "odd": [1, 3], "even": [2] })),
        ("const { a, ...rest } = { a: 1, b: 2 }; rest", json!({ "b": 2 })),
        ("class A { #x = 1; static make() { return new A() } get x() { return this.#x } } A.make().x", json!(1)),
        ("'2024-02-29'.match(/(?<year>\\d+)-(?<month>\\d+)/u).groups.month", json!("02")),
        ("null?.a ?? 'none'", json!("none")),
        ("function* g() { yield 1; yield 2 } [...g()]", json!([1, 2])),
        ("new Set([1, 2]).union(new Set([3])).size", json!(3)),
        ("[...new Map([['a', 1]])]", json!([["a", 1]])),
        ("(2n ** 64n).toString()", json!("18446744073709551616")),
        ("'e\\u0301'.normalize('NFC').length", json!(1)),
        ("'abc'.substr(1, 1)", json!("b")),
        ("label: for (;;) { for (;;) break label } 'out'", json!("out")),
        ("`${1 + 1} ${'x'.padStart(2)}`", json!("2  x")),
        ("parseFloat('0.1') + 0.2", json!(0.300_000_000_000_000_04)),
        ("encodeURIComponent('a b')", json!("a%20b")),
        ("eval('1 + 1') + new Function('return 1')()", json!(3)),
    ] {
        assert_eq!(result(script), expected, "{script}");
    }
}
