//! Documents of people who mean no good: any text gets an answer, in bounded time and memory.
#![expect(clippy::unwrap_used, reason = "a test that finds no fault where one must be has failed")]

#[path = "bounds/in_time.rs"]
mod in_time;

use pintle_core::plugin::ActionRow;
use pintle_spec::{SourceFile, parse};
use proptest::prelude::*;

use in_time::in_time;

fn refusal(text: impl Into<String>) -> String {
    let known: Vec<ActionRow> = Vec::new();
    in_time("a refusal", || parse(&SourceFile::new("x.yaml", text), &known).unwrap_err().to_string())
}

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..40 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refusal(text).contains("more than 200000 values"));
}

#[test]
fn text_that_multiplies_is_refused() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(50));
    assert!(refusal(text).contains("longer than 8388608 bytes"));
}

#[test]
fn depth_that_grows_through_aliases_is_refused() {
    let mut text = format!("a0: &a0 {}x{}\n", "[".repeat(40), "]".repeat(40));
    for level in 1..20 {
        text.push_str(&format!("a{level}: &a{level} {}*a{}{}\n", "[".repeat(40), level - 1, "]".repeat(40)));
    }
    assert!(refusal(text).contains("more than 64 deep"));
}

#[test]
fn anchors_in_anchors_are_counted() {
    let items = "x, ".repeat(10_000);
    let open: String = (0..50).map(|n| format!("&n{n} [")).collect();
    let text = format!("a: {open}{items}{}\n", "]".repeat(50));
    assert!(refusal(text).contains("more than 200000 values"));
}

#[test]
fn large_documents_are_refused_unread() {
    assert!(refusal("#".repeat(1024 * 1024 + 1)).contains("the document has more than 1048576 bytes; "));
    let deep = refusal(format!("steps: {}", "[".repeat(1024 * 1024 - 10)));
    assert!(deep.starts_with("error: "), "{deep}");
}

#[test]
fn calls_that_multiply_are_refused() {
    let body = "x".repeat(20_000);
    let actions = format!("actions: {{a: {{input_schema: {{type: object}}, template: {{run: '{body}'}}}}}}\n");
    let text = format!("{actions}steps: [{}]", "{action: a}, ".repeat(9_000));
    assert!(refusal(text).contains("the calls of the document's actions are too large in all"));
    let input = format!("with: {{t: '{}'}}", "x".repeat(100_000));
    let template = "{{ .input.t }}".repeat(1_000);
    let actions = format!("actions: {{a: {{input_schema: {{type: object}}, template: {{run: '{template}'}}}}}}\n");
    let text = format!("{actions}steps: [{{action: a, {input}}}]");
    assert!(refusal(text).contains("too large in all"));
}

#[test]
fn documents_that_are_large_and_odd_end_in_time() {
    refusal("a: b\n".repeat(100_000));
    refusal(format!("steps: [{}]", "{run: x}, ".repeat(90_000)));
    refusal(format!("steps:\n{}", "- {id: x, depends: [x, y]}\n".repeat(30_000)));
    refusal(format!("x: \"{}", "ä".repeat(500_000)));
    refusal(format!("{}: 1", "k".repeat(1_000_000)));
    refusal(format!("{{steps: [{{run: x}}], {}}}", (0..60_000).map(|n| format!("k{n}: 1, ")).collect::<String>()));
    let lost: String =
        (0..3_000).map(|n| format!("- {{id: step{n}, depends: [a{n}, b{n}, c{n}], run: x}}\n")).collect();
    refusal(format!("steps:\n{lost}"));
    refusal(format!(
        "consts: [{}]\nsteps: [{{rum: x}}]",
        (0..40_000).map(|n| format!("k{n}: 1, ")).collect::<String>()
    ));
}

#[test]
fn what_is_copied_or_compiled_is_bounded() {
    let many = "- {action: noop}\n".repeat(5_000);
    let env = "x".repeat(100_000);
    assert!(refusal(format!("defaults: {{env: {{A: {env}}}}}\nsteps:\n{many}")).contains("copied into 5000 steps"));
    let conditions = "{condition: a, expected: 're:(\\w{90}){90}x'}, ".repeat(5_000);
    refusal(format!("steps: [{{run: x, preconditions: [{conditions}]}}]"));
    let conditions = "{condition: a, expected: 're:x'}, ".repeat(5_000);
    assert!(
        refusal(format!("steps: [{{run: x, preconditions: [{conditions}]}}]"))
            .contains("may have 500 regular expressions")
    );
}

#[test]
fn what_is_counted_is_bounded_and_the_bound_is_named() {
    let steps = "- {action: noop}\n".repeat(10_001);
    assert!(refusal(format!("steps:\n{steps}")).contains("the DAG has 10001 steps and may have 10000; split it"));
    let params = "- {name: p, default: x}\n".repeat(1_001);
    let refused = refusal(format!("params:\n{params}\nsteps: [{{run: x}}]"));
    assert!(refused.contains("a DAG may have 1000 parameters; pass a file instead"), "{refused}");
}

#[test]
fn a_chain_of_ten_thousand_steps_is_taken_and_a_ring_of_them_refused() {
    let steps: String = (1..10_000).map(|n| format!("- {{id: s{n}, depends: s{}, action: noop}}\n", n - 1)).collect();
    let known: Vec<ActionRow> = Vec::new();
    let chain = SourceFile::new("x.yaml", format!("steps:\n- {{id: s0, action: noop}}\n{steps}"));
    assert_eq!(parse(&chain, &known).unwrap().plan.steps.len(), 10_000);
    let ring = refusal(format!("steps:\n- {{id: s0, depends: s9999, action: noop}}\n{steps}"));
    assert!(ring.contains("wait for each other"), "{ring}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_gets_an_answer(text in "\\PC{0,200}") {
        answer(&text);
    }

    #[test]
    fn arbitrary_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(source) = SourceFile::from_bytes("x.yaml", &bytes) {
            answer(&source.text);
        }
    }

    #[test]
    fn text_that_looks_like_yaml_gets_an_answer(text in "([a-z]{1,3}|steps|run|&a|\\*a|<<|!!str|\\||>|: |- |\\? |\n|\n  |\n    |\\[|\\]|\\{|\\}|, |\"|'|#|\t|\r|---|%|ä|~|@|`|\\$\\{x\\}){0,60}") {
        answer(&text);
        answer(&format!("steps:\n  - run: x\n    env: {text}"));
    }

    #[test]
    fn fields_of_any_type_get_an_answer(
        field in prop::sample::select(vec![
            "params", "consts", "env", "dotenv", "shell", "type", "steps", "handler_on", "defaults", "preconditions",
            "depends", "run", "with", "foreach", "parallel", "call", "continue_on", "retry_policy", "repeat_policy", "output", "outputs", "id", "stdout",
        ]),
        value in prop::sample::select(vec![
            "", "x", "5", "-1.5", "true", "[]", "{}", "[[]]", "[{}]", "{a: [b]}", "[a, 1, null]", "{limit: {}}", "'$('",
            "{repeat: until}", "[{name: [a]}]", "[{eval: '$('}]", "\"\\0\"", "'${'", "{condition: a, expected: 're:('}",
            "{items: [1], steps: [{run: x}]}", "{items: '${x}', as: [a], collect: {a: []}}", "{dag: x, params: [[]]}",
        ]),
    ) {
        answer(&format!("{field}: {value}\nsteps: [{{run: x}}]"));
        answer(&format!("steps:\n  - action: noop\n    {field}: {value}"));
        answer(&format!("steps:\n  - foreach:\n      items: [1]\n      steps: [{{run: x}}]\n      {field}: {value}"));
        answer(&format!("steps:\n  - action: dag.run\n    with: {{dag: x}}\n    {field}: {value}"));
        answer(&format!("steps:\n  - {field}: {value}\n---\nname: b\nsteps:\n  - {field}: {value}\n---\n{field}: {value}"));
    }
}

/// An answer is a plan that can be stored, or faults that can be shown in both ways.
fn answer(text: &str) {
    let known: Vec<ActionRow> = Vec::new();
    match parse(&SourceFile::new("x.yaml", text), &known) {
        Ok(parsed) => {
            let stored = serde_json::to_string(&parsed.plan).unwrap();
            let read: pintle_spec::Plan = serde_json::from_str(&stored).unwrap();
            assert_eq!(read, parsed.plan);
        }
        Err(faults) => {
            assert!(!faults.report().findings().is_empty());
            assert!(!faults.render(pintle_spec::Colours::On).is_empty());
        }
    }
}
