//! What is said when a script fails.

use super::*;

#[test]
fn an_error_is_told_with_its_kind_message_line_and_column() {
    assert_eq!(
        failed("const a = 1;\n\n  throw new Error('broken')"),
        "the script failed at line 3, column 9: Error: broken"
    );
    assert_eq!(
        failed("return 1 + missing"),
        "the script failed at line 1, column 12: ReferenceError: missing is not defined"
    );
    let deep = failed("function f(x) {\n  return x.name.first;\n}\n[{}].map(f)");
    assert!(deep.starts_with("the script failed at line 2, column ") && deep.contains(": TypeError: "), "{deep}");
}

#[test]
fn lines_are_the_authors_whatever_the_shape() {
    let script = failed("// one\n// two\nnull.x");
    let body = failed("// one\n// two\nawait null.x");
    assert!(script.starts_with("the script failed at line 3, column "), "{script}");
    assert!(body.starts_with("the script failed at line 3, column "), "{body}");
}

#[test]
fn a_name_that_is_not_defined_is_told_where_it_is_used() {
    assert_eq!(
        failed("const a = 1;\na +\n  missing"),
        "the script failed at line 3, column 3: ReferenceError: missing is not defined"
    );
    let within = failed("async function f() {\n  await null;\n  if (true) missing()\n}\nawait f()");
    assert_eq!(within, "the script failed at line 3, column 13: ReferenceError: missing is not defined");
    assert_eq!(failed("globalThis.eval('missing')"), "the script failed: ReferenceError: missing is not defined");
}

#[test]
fn an_operator_that_fails_is_told_with_its_function() {
    let message = failed("const one = 1n;\nfunction add(a) {\n  return one + a\n}\nadd(2)");
    assert!(message.starts_with("the script failed in the function at line 2, column 17: TypeError: "), "{message}");
}

#[test]
fn an_error_of_the_scripts_own_keeps_its_name() {
    let script = "class TooFew extends Error { constructor(n) { super(`only ${n}`); this.name = 'TooFew' } }\nthrow new TooFew(2)";
    let message = failed(script);
    assert!(message.starts_with("the script failed at line ") && message.ends_with(": TooFew: only 2"), "{message}");
}

#[test]
fn anything_can_be_thrown() {
    assert_eq!(failed("throw 'just text'"), "the script failed at line 1, column 7: just text");
    assert_eq!(failed("throw { code: 7 }"), r#"the script failed at line 1, column 7: {"code":7}"#);
    assert_eq!(failed("throw undefined"), "the script failed at line 1, column 7: undefined");
}

#[test]
fn an_error_that_is_caught_is_no_failure() {
    assert_eq!(
        result("try { null.x } catch (error) { error.constructor.name } finally { console.log('done') }"),
        json!("TypeError")
    );
}

#[test]
fn a_text_that_is_no_script_is_told_with_its_place() {
    let message = faulty("const a = 1;\nconst b = ;\n");
    assert!(message.starts_with("the script is faulty at line 2, column 11: "), "{message}");
    assert!(!message.contains(" at line 2, col 11"), "the place is said once: {message}");
    assert!(
        faulty("let a; let a;").starts_with("the script is faulty at line 1, column "),
        "{}",
        faulty("let a; let a;")
    );
}

#[test]
fn of_two_readings_the_one_that_gets_further_is_told() {
    let message = faulty("if (input) return 1;\nconst b = ];\n");
    assert!(message.starts_with("the script is faulty at line 2, column 11: "), "{message}");
    let message = faulty("const a = await input;\nlet = = 2;");
    assert!(message.starts_with("the script is faulty at line 2, column "), "{message}");
}

#[test]
fn a_text_that_ends_too_early_is_told_so() {
    let expected =
        "the script is faulty at its end: a bracket, a quote or a comment is not closed, or closed once too often";
    assert_eq!(faulty("function f() {\n  return 1;\n"), expected);
    assert_eq!(faulty("return [1,\n"), expected);
    assert_eq!(faulty("console.log(1"), expected);
    assert_eq!(faulty("'open"), expected);
    assert_eq!(faulty("return 1 }"), expected);
}

#[test]
fn a_body_cannot_be_left_by_its_brackets() {
    let message = faulty("return 1 })(); (() => {");
    assert!(message.starts_with("the script is faulty at "), "{message}");
}

#[test]
fn endless_recursion_is_an_error_of_the_script() {
    let expected = format!("functions call each other deeper than {CALL_DEPTH} levels");
    for script in [
        "function f() { return f() }\nf()",
        "const f = () => [1].map(f)\nf()",
        "const o = { get x() { return this.x } }\no.x",
        "function f(n) { return Reflect.apply(f, null, [n]) }\nf(1)",
        "const p = new Proxy({}, { get: (t, k, r) => r[k] })\np.x",
        "const a = {}; a.toJSON = () => JSON.stringify(a)\nJSON.stringify(a)",
        "function F() { return new F() }\nnew F()",
        "async function f() { return f() }\nf()",
        "function f() { try { f() } catch { return 0 } }\nf()",
    ] {
        let message = failed(script);
        assert!(
            message.starts_with("the script failed at line ") && message.ends_with(&expected),
            "{script}: {message}"
        );
    }
}

#[test]
fn recursion_within_the_bound_is_none_of_its_business() {
    let depth = CALL_DEPTH - 10;
    assert_eq!(result(&format!("const f = n => n ? 1 + f(n - 1) : 0; f({depth})")), json!(depth));
    assert_eq!(result("Math.max(...Array.from({ length: 100000 }, (_, i) => i))"), json!(99_999));
}

#[test]
fn a_loop_has_no_bound_of_its_own() {
    assert_eq!(result("let n = 0; while (n < 300000) n++; n"), json!(300_000));
}
