//! What steps leave behind, through the binary: outputs that are read and selected, their bounds and schemas, actions
//! that a document describes itself, artifacts.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

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
    let document = step("[hunter2", "{v: {from: stdout, decode: yaml, select: .a}}");
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
    let document =
        format!("{}    timeout_sec: 2\n", step("1", "{v: {from: stdout, decode: json, select: 'last(repeat(1))'}}"));
    refused(&document, &["it took longer than its timeout of 2.0s"])
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

const GREET: &str = r#"
actions:
  team.greet:
    input_schema:
      type: object
      additionalProperties: false
      required: [who]
      properties: {who: {type: string}, times: {type: integer, default: 2}}
    output_schema: {type: object, required: [said]}
    template:
      run: |
        for i in $(seq {{ .input.times }}); do echo "hello {{ .input.who }}" >&2; done
        echo '{"said": {{ .input.times }}, "to": {{ json .input.who }}}'
      timeout_sec: 30
"#;

#[test]
fn an_action_of_the_document_runs_as_the_step_that_it_stands_for() -> Result<()> {
    let home = Home::new()?;
    let steps = r#"
steps:
  - {id: name, run: echo Ann, output: {name: {from: stdout}}}
  - {id: one, depends: name, action: team.greet, with: {who: "${steps.name.outputs.name}"}}
  - {id: each, depends: one, foreach: {items: [Bob, Eve], steps: [{id: say, action: team.greet, with: {who: "${foreach.item}", times: 1}}]}}
  - {id: tell, depends: each, run: "echo told ${steps.one.outputs.to} ${steps.one.outputs.said} times"}
handler_on:
  exit: {action: team.greet, with: {who: all, times: 1}}
"#;
    home.write("greet.yaml", format!("{GREET}{steps}"))?;
    home.run(["validate", "--strict", "greet.yaml"])?.expect_code(0)?;
    let ended = home.run(["start", "greet.yaml"])?;
    ended.expect_code(0)?.expect_printed(&[
        "tell | told Ann 2 times",
        r#"each[1]/say | {"said": 1, "to": "Eve"}"#,
        r#"on_exit | {"said": 1, "to": "all"}"#,
    ])?;
    Ok(())
}

#[test]
fn a_faulty_call_is_told_with_the_action_and_a_faulty_template_with_the_call() -> Result<()> {
    let home = Home::new()?;
    let broken = GREET.replace("timeout_sec: 30", "timeout_sec: soon");
    let steps = "steps: [{action: team.greet, with: {woh: Ann}}, {action: team.greet, with: {who: Ann}}]";
    home.write("greet.yaml", format!("{broken}{steps}"))?;
    home.run(["validate", "greet.yaml"])?.expect_code(1)?.expect_said(&[
        "the inputs of the action `team.greet` do not fit: `who` is missing",
        "the action is defined here",
        "`timeout_sec` must be a number of seconds",
        "called from here",
    ])?;
    Ok(())
}

#[test]
fn values_are_written_out_for_the_run_that_runs_this_one() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "parent.yaml",
        r#"
steps:
  - {id: child, action: dag.run, with: {dag: inner}, output: CHILD}
  - {id: tell, depends: child, run: printenv CHILD}
---
name: inner
consts: [{version: v7}]
steps:
  - {id: give, action: outputs.write, with: {values: {version: "${consts.version}", parts: [1, 2]}}}
  - {id: told, depends: give, run: "echo inner ${steps.give.outputs.version}"}
"#,
    )?;
    home.run(["start", "parent.yaml"])?.expect_code(0)?.expect_printed(&["inner v7", r#""version": "v7""#])?;
    Ok(())
}

#[test]
fn streams_and_actions_leave_artifacts_that_are_listed_and_read() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "kept.yaml",
        r##"
steps:
  - id: report
    run: |
      echo "# day"; echo trouble >&2
      test -e once || { touch once; exit 1; }
    retry_policy: {limit: 1, interval_sec: 0}
    stdout: {artifact: reports/day.md}
    stderr: {artifact: logs/day.err}
  - id: write
    depends: report
    action: artifact.write
    with: {path: data/a.json, content: {n: 1}}
  - id: read
    depends: write
    action: artifact.read
    with: {path: data/a.json}
    output: {n: {from: stdout, decode: json, select: .n}}
  - id: list
    depends: read
    action: artifact.list
    with: {recursive: true}
  - id: tell
    depends: list
    run: |
      cp "$DAG_RUN_ARTIFACTS_DIR/reports/day.md" "${context.paths.artifacts_dir}/copy.md"
      echo "n ${steps.read.outputs.n}, ${steps.list.outputs.count} files"
"##,
    )?;
    home.run(["start", "kept.yaml"])?.expect_code(0)?.expect_printed(&["tell | n 1, 3 files"])?;
    home.run(["status", "latest"])?.expect_code(0)?.expect_printed(&["artifacts: 4 files"])?;
    let listed = home.run(["artifacts", "latest"])?;
    listed.expect_code(0)?.expect_printed(&["copy.md", "data/a.json", "logs/day.err", "reports/day.md"])?;
    let printed = home.run(["artifacts", "latest", "reports/day.md"])?;
    ensure!(printed.expect_code(0)?.stdout == "# day\n", "a try that failed is in it too: {}", printed.stdout);
    let listed: serde_json::Value =
        serde_json::from_str(&home.run(["artifacts", "latest", "--output", "json"])?.stdout)?;
    ensure!(listed["files"][1]["path"] == "data/a.json" && listed["files"][1]["size"] == 13, "{listed}");
    for path in ["nowhere", "../logs", "/etc/passwd", "reports"] {
        home.run(["artifacts", "latest", path])?.expect_code(1)?.expect_said(&["has no artifact"])?;
    }
    Ok(())
}

#[test]
fn artifacts_stand_where_the_document_says_or_are_none() -> Result<()> {
    let home = Home::new()?;
    home.write("kept.yaml", "artifacts: {dir: kept}\nsteps: [{id: s, run: echo hello, stdout: {artifact: a.txt}}]\n")?;
    home.run(["start", "kept.yaml"])?.expect_code(0)?;
    let run = home.status("latest")?.run().to_owned();
    ensure!(home.read(&format!("kept/{run}/a.txt")) == "hello\n", "{run}");
    home.run(["artifacts", "latest", "a.txt"])?.expect_code(0)?.expect_printed(&["hello"])?;
    home.write(
        "none.yaml",
        "artifacts: {enabled: false}\nsteps: [{id: s, run: 'echo \"<${DAG_RUN_ARTIFACTS_DIR:-nothing}>\"'}]\n",
    )?;
    home.run(["start", "none.yaml"])?.expect_code(0)?.expect_printed(&["s | <nothing>"])?;
    home.run(["artifacts", "latest"])?.expect_code(1)?.expect_said(&["has its artifacts switched off"])?;
    Ok(())
}

#[test]
fn an_artifact_stays_below_whatever_references_say() -> Result<()> {
    refused(
        "consts: [{up: ../../x}]\nsteps: [{id: s, run: echo hunter2, stdout: {artifact: \"${consts.up}\"}}]",
        &["an artifact path must not contain `..`"],
    )
}

#[test]
fn steps_are_delayed_without_a_place_and_logs_are_merged() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "slow.yaml",
        r#"
delay_sec: 0.5
log_output: merged
steps:
  - {id: a, run: "for n in 1 2 3; do echo out $n; echo err $n >&2; done"}
  - {id: b, depends: a, run: echo b}
  - {id: c, run: echo c}
"#,
    )?;
    let began = std::time::Instant::now();
    home.run(["start", "--slots", "1", "slow.yaml"])?.expect_code(0)?;
    ensure!(began.elapsed().as_millis() >= 1000, "two delays one behind the other take a second");
    let shown = home.status("latest")?;
    shown.expect(&[("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded")])?;
    // One behind the other, as they were printed.
    let logged = home.logs("latest", "a")?;
    ensure!(logged == "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n", "{logged}");
    Ok(())
}
