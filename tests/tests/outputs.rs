//! What steps leave behind, through the binary: outputs that are read and selected, their bounds.

use anyhow::{Result, ensure};
use pintle_tests::Home;

const STRUCTURED: &str = r#"
steps:
  - id: build
    run: |
      echo '{"version":"v1.2.3","artifact":{"url":"https://example.test/a.tgz","sizes":[1,2,3]}}'
      echo 'warn: slow' >&2
      echo '{"tests": 12}' > report.json
    output:
      version: {from: stdout, decode: json, select: .version}
      artifact: {from: stdout, decode: json, select: .artifact}
      total: {from: stdout, decode: json, select: ".artifact.sizes | add"}
      warning: {from: stderr, decode: yaml, select: .warn}
      tests: {from: file, path: report.json, decode: json, select: .tests}
      label: "built by ${context.dag.name}"
  - id: publish
    depends: build
    output:
      tag: "release-${steps.build.outputs.version}"
      total: "${steps.build.outputs.total}"
  - id: tell
    depends: publish
    run: |
      echo "${steps.build.outputs.version} ${build.output.artifact.url} ${build.output.artifact.sizes.1}"
      echo "${steps.build.outputs.total} ${steps.build.outputs.warning} ${steps.build.outputs.tests} ${steps.build.outputs.label}"
      echo '${publish.output}'
"#;

#[test]
fn outputs_are_taken_out_of_what_a_step_left() -> Result<()> {
    let home = Home::new()?;
    home.write("built.yaml", STRUCTURED)?;
    home.run(["validate", "--strict", "built.yaml"])?.expect_code(0)?;
    home.run(["start", "built.yaml"])?.expect_code(0)?.expect_printed(&[
        "tell | v1.2.3 https://example.test/a.tgz 2",
        "tell | 6 slow 12 built by built",
        r#"tell | {"tag":"release-v1.2.3","total":6}"#,
    ])?;
    Ok(())
}

#[test]
fn what_standard_output_gives_out_is_seen_by_who_runs_the_dag() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "parent.yaml",
        r#"
steps:
  - id: child
    action: dag.run
    with: {dag: inner}
    output: CHILD
  - id: tell
    depends: child
    run: printenv CHILD
---
name: inner
steps:
  - id: notify
    run: echo '{"id":"m-1","state":"sent","noise":1}'
    stdout: {outputs: {fields: {messageId: {decode: json, select: .id}, kind: {value: mail}}}}
    output: {own: 1}
  - id: all
    run: echo '{"x":1,"y":[2]}'
    stdout: {outputs: {decode: json}}
"#,
    )?;
    let ended = home.run(["start", "parent.yaml"])?;
    ended.expect_code(0)?.expect_printed(&[r#""messageId": "m-1""#, r#""kind": "mail""#, r#""x": 1"#])?;
    ensure!(!ended.stdout.contains("own"), "what a map names stays with its run: {}", ended.stdout);
    Ok(())
}

fn refused(document: &str, words: &[&str]) -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", document)?;
    home.run(["start", "bad.yaml"])?.expect_code(1)?;
    let step = home.status("latest")?.step("s")?;
    ensure!(step.status == "failed", "{step:?}");
    for word in words {
        ensure!(step.message.contains(word), "`{word}` is not said: {}", step.message);
    }
    ensure!(!step.message.contains("hunter2"), "the value is told: {}", step.message);
    Ok(())
}

fn step(prints: &str, output: &str) -> String {
    format!("steps:\n  - id: s\n    run: echo '{prints}'\n    output: {output}\n")
}

#[test]
fn what_is_not_json_is_named_and_not_shown() -> Result<()> {
    let document = step("hunter2", "{v: {from: stdout, decode: json}}");
    refused(&document, &["the output `v` is read as JSON, and standard output holds none"])
}

#[test]
fn what_is_not_yaml_is_named_and_not_shown() -> Result<()> {
    let document = step("hunter2: [", "{v: {from: stdout, decode: yaml, select: .a}}");
    refused(&document, &["the output `v` is read as YAML, and standard output holds none"])
}

#[test]
fn a_program_that_fails_is_named_with_its_output_and_no_value() -> Result<()> {
    let document = step(
        r#"{"a":"hunter2"}"#,
        "{good: {from: stdout, decode: json, select: .a}, v: {from: stdout, decode: json, select: .a.b}}",
    );
    refused(&document, &["the output `v` cannot be selected: the program `.a.b` fails on what standard output holds"])
}

#[test]
fn a_faulty_program_is_named_with_its_place() -> Result<()> {
    let document = step(r#"{"a":"hunter2"}"#, "{v: {from: stdout, decode: json, select: '.a | nope'}}");
    refused(&document, &["the output `v` cannot be selected: the jq program is faulty at line 1, column 6"])
}

#[test]
fn a_program_that_never_ends_is_stopped_by_the_time_of_the_step() -> Result<()> {
    let document = format!(
        "{}    timeout_sec: 2\n",
        step("1", "{v: {from: stdout, decode: json, select: '[repeat(1)] | length'}}")
    );
    refused(&document, &["it took longer than its timeout of 2s"]).or_else(|_| refused(&document, &["limit"]))
}

#[test]
fn a_file_that_is_not_there_is_named() -> Result<()> {
    let document = step("x", "{v: {from: file, path: nowhere.json, decode: json}}");
    refused(&document, &["the output `v` cannot be read from its file", "nowhere.json"])
}

#[test]
fn the_size_of_what_is_kept_is_the_documents_to_say() -> Result<()> {
    let document = |size: &str| {
        format!(
            "{size}steps:\n  - id: s\n    run: head -c 1048600 /dev/zero | tr '\\0' x\n    output: {{v: {{from: stdout}}}}\n"
        )
    };
    refused(
        &document(""),
        &["the step printed more than the 1048576 bytes that `output:` may hold; raise max_output_size"],
    )?;
    let home = Home::new()?;
    home.write("large.yaml", document("max_output_size: 2097152\n"))?;
    home.run(["start", "--quiet", "large.yaml"])?.expect_code(0)?;
    refused(
        "max_output_size: 5\nsteps: [{id: s, run: echo hunter2, output: V}]",
        &["the step printed more than the 5 bytes"],
    )
}

#[test]
fn what_is_printed_fits_its_schema_or_the_step_fails() -> Result<()> {
    let home = Home::new()?;
    let document = |port: &str| {
        format!(
            r#"
steps:
  - id: s
    run: echo '{{"port":{port},"host":"hunter2"}}'
    output_schema: {{type: object, required: [port], properties: {{port: {{type: integer, minimum: 1}}}}}}
  - id: tell
    depends: s
    run: echo "port ${{steps.s.outputs.port}}"
"#
        )
    };
    home.write("fits.yaml", document("80"))?;
    home.run(["start", "fits.yaml"])?.expect_code(0)?.expect_printed(&["tell | port 80"])?;
    refused(&document("0"), &["standard output does not fit `output_schema`: `port` must be 1 or more"])?;
    refused(&document("\"x\""), &["`port` must be a whole number, not text"])?;
    refused(
        "steps: [{id: s, run: echo hunter2, output_schema: {type: object}}]",
        &["`output_schema` wants JSON, and standard output holds none"],
    )
}

#[test]
fn a_faulty_schema_is_a_fault_of_the_document() -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", "steps: [{id: s, run: x, output_schema: {type: strng, $ref: \"https://example.test\"}}]")?;
    home.run(["validate", "bad.yaml"])?
        .expect_code(1)?
        .expect_said(&["`strng` is not a type of JSON Schema; did you mean `string`?", "nothing is fetched"])?;
    Ok(())
}
