//! Promises, and the jobs that they leave.

use super::*;

#[test]
fn an_await_at_the_top_is_waited_for() {
    assert_eq!(result("const a = await Promise.resolve(20);\nreturn a + 1"), json!(21));
    assert_eq!(result("await null; console.log('x')"), Value::Null);
    assert_eq!(result("return await (async () => 5)()"), json!(5));
}

#[test]
fn an_await_that_reads_as_a_call_is_an_await() {
    assert_eq!(result("const a = await (async () => 5)();\noutput('a', a)"), Value::Null);
    assert_eq!(run("const a = await (async () => 5)();\noutput('a', a)").output("a"), json!(5));
    assert_eq!(run("output('a', (await [1, 2]).length)").output("a"), json!(2));
}

#[test]
fn an_await_within_functions_leaves_the_last_expression_the_result() {
    assert_eq!(result("async function f() { return await 3 }\nf()"), json!(3));
}

#[test]
fn a_promise_is_what_it_comes_to() {
    assert_eq!(result("Promise.all([1, Promise.resolve(2), (async () => 3)()])"), json!([1, 2, 3]));
    assert_eq!(result("new Promise(resolve => resolve({ a: 1 })).then(value => value.a + 1)"), json!(2));
    assert_eq!(result("return Promise.any([Promise.reject(1), 2])"), json!(2));
}

#[test]
fn jobs_run_in_their_order_and_to_the_end() {
    let script = "
        Promise.resolve().then(() => console.log('second')).then(() => console.log('fourth'));
        Promise.resolve().then(() => console.log('third'));
        (async () => { for (let i = 0; i < 3; i++) await i; output('late', true) })();
        console.log('first')";
    let ended = run(script);
    assert_eq!(ended.stdout(), "first\nsecond\nthird\nfourth\n");
    assert_eq!(ended.output("late"), json!(true));
}

#[test]
fn asynchronous_generators_are_gone_through() {
    let script = "async function* g() { yield 1; yield await 2 }\nconst all = [];\nfor await (const n of g()) all.push(n);\nreturn all";
    assert_eq!(result(script), json!([1, 2]));
}

#[test]
fn a_promise_that_nothing_settles_is_an_error() {
    let expected = "the script waits for a promise that nothing is left to settle";
    assert_eq!(failed("new Promise(() => {})"), expected);
    assert_eq!(failed("await new Promise(() => {})"), expected);
    assert_eq!(result("new Promise(() => {}); 1"), json!(1), "one that nobody waits for is nobody's");
}

#[test]
fn a_rejection_is_the_scripts_failure() {
    assert_eq!(failed("\n  Promise.reject('no')"), "the script failed: no");
    assert_eq!(
        failed("const a = 1\nawait (async () => {\n  throw new RangeError('far')\n})()"),
        "the script failed at line 3, column 9: RangeError: far"
    );
    assert!(failed("async function f() { null.x }\nreturn f()").starts_with("the script failed at line 1, column "));
}

#[test]
fn a_rejection_that_nobody_handles_is_not_lost() {
    let message = failed("async function f() {\n  throw new Error('lost')\n}\nf();\n1");
    assert_eq!(message, "the script left a rejected promise unhandled at line 2, column 9: Error: lost");
    assert_eq!(result("Promise.reject(1).catch(() => {}); 2"), json!(2));
    let late = "const p = Promise.reject(1); Promise.resolve().then(() => p.catch(() => {})); 3";
    assert_eq!(result(late), json!(3), "handled before the end is handled");
}

#[test]
fn nothing_can_be_imported() {
    let message = failed("const fs = await import('fs')");
    assert!(message.ends_with("TypeError: `fs` cannot be imported: a script has no modules"), "{message}");
    assert!(faulty("import fs from 'fs'").starts_with("the script is faulty at line 1, column "));
}

#[test]
fn what_is_collected_is_not_waited_for() {
    assert_eq!(
        result("const r = new FinalizationRegistry(() => {}); r.register({}, 1); new WeakRef({}) instanceof WeakRef"),
        json!(true)
    );
}
