//! What a script prints.

use super::*;

#[test]
fn what_is_logged_goes_to_standard_output_and_what_is_wrong_to_standard_error() {
    let ended = run("console.log('a'); console.warn('b'); console.info('c'); console.error('d'); console.debug('e')");
    assert_eq!((ended.stdout().as_str(), ended.stderr().as_str()), ("a\nc\ne\n", "b\nd\n"));
}

#[test]
fn what_was_logged_before_a_failure_stays() {
    let ended = run("console.log('before'); throw new Error('x')");
    assert_eq!((ended.stdout().as_str(), ended.result.is_err()), ("before\n", true));
}

#[test]
fn the_result_is_not_printed() {
    assert_eq!(run("42").stdout(), "");
}

#[test]
fn text_is_shown_as_it_is_and_data_as_json() {
    for (value, shown) in [
        ("", ""),
        ("'a\\nb', 'c'", "a\nb c"),
        ("1, -0.5, 1e21, NaN", "1 -0.5 1e+21 NaN"),
        ("true, null, undefined", "true null undefined"),
        ("[1, 'x', { a: [] }]", r#"[1,"x",{"a":[]}]"#),
        ("{ a: { b: { c: { d: 1 } } } }", r#"{"a":{"b":{"c":{"d":1}}}}"#),
        ("Object.create(null)", "{}"),
        ("new TypeError('bad')", "TypeError: bad"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("/a+/g", "/a+/g"),
        ("12n", "12n"),
        ("function f() {}", "[Function: f]"),
        ("Symbol('s')", "Symbol(s)"),
    ] {
        assert_eq!(run(&format!("console.log({value})")).stdout(), format!("{shown}\n"), "{value}");
    }
}

#[test]
fn what_json_cannot_hold_is_shown_all_the_same() {
    for (value, part) in [
        ("new Map([['k', 1]])", "\"k\""),
        ("new Set([7])", "7"),
        ("(() => { const a = {}; a.a = a; return a })()", "[Cycle]"),
        ("[1n]", "1n"),
    ] {
        let shown = run(&format!("console.log({value})")).stdout();
        assert!(shown.contains(part), "{value}: {shown}");
    }
}

#[test]
fn an_error_that_cannot_be_told_does_not_hide_itself() {
    let ended = run("class Odd extends Error { toString() { throw 1 } } console.error(new Odd('why'))");
    assert!(ended.stderr().contains("why"), "{}", ended.stderr());
}
