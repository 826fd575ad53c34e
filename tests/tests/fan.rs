//! Runs below runs, through the binary: `foreach`, `dag.run`, `parallel`.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use anyhow::{Context as _, Result, ensure};
use pintle_tests::Home;
use serde_json::Value;

const EACH: &str = r#"
steps:
  - id: list
    run: echo '["a","b","c"]'
    output: ITEMS
  - id: each
    depends: list
    foreach:
      items: ${ITEMS}
      key: ${foreach.item}
      max_concurrent: 2
      steps:
        - id: greet
          run: echo "hello ${foreach.item} at ${foreach.index}"
          output: SAID
        - id: shout
          depends: greet
          run: echo "$SAID!"
    output: ALL
  - id: tell
    depends: each
    run: printenv ALL
"#;

#[test]
fn a_foreach_runs_its_steps_for_each_item_and_tells_what_they_left() -> Result<()> {
    let home = Home::new()?;
    home.write("each.yaml", EACH)?;
    let ended = home.run(["start", "each.yaml"])?;
    ended.expect_code(0)?.expect_printed(&["each[b]/shout | hello b at 1!"])?;
    let line = ended.stdout.lines().find_map(|line| line.strip_prefix("tell | {")).context("no result was told")?;
    let all: Value = serde_json::from_str(&format!("{{{line}"))?;
    ensure!(all["summary"]["succeeded"] == 3 && all["items"][2]["key"] == "c", "{all}");
    ensure!(all["outputs"][0]["SAID"] == "hello a at 0", "{all}");
    let status = home.run(["status", "latest"])?;
    status.expect_code(0)?.expect_printed(&["runs below:", "each.each"])?;
    let status: Value = serde_json::from_str(&home.run(["status", "latest", "--output", "json"])?.stdout)?;
    let run = status["runs"][1]["run"].as_str().context("no run below")?.to_owned();
    home.run(["logs", "latest", "each"])?.expect_code(0)?.expect_said(&["`pintle status "])?;
    home.run(["logs", &run, "shout"])?.expect_code(0)?.expect_printed(&["hello b at 1!"])?;
    let listed = home.run(["history"])?;
    ensure!(!listed.stdout.contains("each.each"), "history lists runs of steps: {}", listed.stdout);
    Ok(())
}

const SUB: &str = r#"
steps:
  - id: many
    action: dag.run
    parallel: {items: [1, 2, 3], max_concurrent: 2}
    with: {dag: child, params: "x=${ITEM}"}
    output: MANY
  - id: one
    depends: many
    action: dag.run
    with: {dag: beside, params: {x: 20}}
  - id: tell
    depends: one
    run: echo "doubled to ${steps.one.outputs.DOUBLED}"
---
name: child
params: {x: "1"}
steps:
  - id: double
    run: |
      test "$x" != 2 || test -e "$MENDED" || exit 3
      echo $((x * 2))
    output: DOUBLED
"#;

#[test]
fn a_dag_runs_others_and_a_retry_runs_those_that_failed() -> Result<()> {
    let home = Home::new()?;
    let mended = home.path("mended");
    home.write("sub.yaml", SUB.replace("$MENDED", &mended.display().to_string()))?;
    let missing = home.run(["validate", "sub.yaml"])?;
    missing.expect_message(1, &["`beside`", "beside.yaml"])?;
    home.write("beside.yaml", "params: {x: '1'}\nsteps:\n  - {id: s, run: echo $((x * 2)), output: DOUBLED}\n")?;
    home.run(["validate", "sub.yaml"])?.expect_code(0)?;

    let ended = home.run(["start", "sub.yaml"])?;
    ended.expect_code(1)?.expect_said(&["1 of 3 did not succeed", "exit code 3", "its runs, each with its log"])?;
    std::fs::write(&mended, "")?;
    let again = home.run(["retry", "latest"])?;
    again.expect_code(0)?.expect_printed(&["tell | doubled to 40"])?;
    let status: Value = serde_json::from_str(&home.run(["status", "latest", "--output", "json"])?.stdout)?;
    let runs = status["runs"].as_array().context("no runs")?;
    ensure!(runs.len() == 4 && runs.iter().all(|run| run["status"] == "succeeded"), "{runs:?}");
    ensure!(!again.stdout.contains("many[0]"), "what had succeeded ran again: {}", again.stdout);
    Ok(())
}

#[test]
fn i2_a_killed_run_goes_on_with_the_children_that_were_not_over() -> Result<()> {
    let home = Home::new()?;
    let each = r#"
steps:
  - id: each
    foreach:
      items: [1, 2, 3, 4, 5, 6]
      max_concurrent: 2
      steps:
        - id: work
          run: |
            echo "${foreach.item}" >> "$DAG_RUN_WORK_DIR/done"
            echo "began ${foreach.item}"
            test "${foreach.item}" != 3 || test "${PINTLE_LOSSES:-0}" != 0 || sleep 60
"#;
    home.write("each.yaml", each)?;
    let mut live = home.spawn(["start", "each.yaml"])?;
    live.until_shown("began 3")?;
    live.kill()?;
    home.run(["retry", "latest"])?.expect_code(0)?;
    let status: Value = serde_json::from_str(&home.run(["status", "latest", "--output", "json"])?.stdout)?;
    let run = status["run"].as_str().context("no run")?;
    let done = std::fs::read_to_string(home.data().join("runs").join(run).join("work/done"))?;
    for item in ["1", "2", "3", "4", "5", "6"] {
        let times = done.lines().filter(|line| *line == item).count();
        ensure!(times >= 1, "item {item} never ran: {done}");
        ensure!(!matches!(item, "1" | "2") || times == 1 || item == "2", "item {item} ran {times} times: {done}");
    }
    Ok(())
}

#[test]
fn a_stop_ends_the_children() -> Result<()> {
    let home = Home::new()?;
    let each = "steps:\n  - id: each\n    foreach:\n      items: [1, 2, 3]\n      max_concurrent: 2\n      steps:\n        \
                - id: work\n          run: echo began ${foreach.item}; sleep 60\n";
    home.write("each.yaml", each)?;
    let mut live = home.spawn(["start", "each.yaml"])?;
    live.until_shown("began 2")?;
    live.signal(rustix::process::Signal::INT)?;
    live.wait()?.expect_code(130)?;
    let status: Value = serde_json::from_str(&home.run(["status", "latest", "--output", "json"])?.stdout)?;
    ensure!(status["steps"][0]["status"] == "aborted", "{status}");
    let runs = status["runs"].as_array().context("no runs")?;
    ensure!(runs.len() == 2 && runs.iter().all(|run| run["status"] == "aborted"), "{runs:?}");
    Ok(())
}

#[test]
fn a_dag_that_runs_itself_ends_at_a_bound() -> Result<()> {
    let home = Home::new()?;
    home.write("again.yaml", "steps:\n  - {id: s, action: dag.run, with: {dag: again}}\n")?;
    let ended = home.run(["start", "again.yaml"])?;
    ended.expect_code(1)?.expect_said(&["runs within runs are 16 deep; a DAG that runs itself needs a condition"])?;
    Ok(())
}

/// A step that waits for children holds no process and no slot, so that many of them cost what their steps cost.
#[test]
fn a_thousand_items_are_a_thousand_runs() -> Result<()> {
    let home = Home::new()?;
    let items: Vec<String> = (0..1000).map(|item| item.to_string()).collect();
    let yaml = format!(
        "steps:\n  - id: each\n    foreach:\n      items: [{}]\n      max_concurrent: 50\n      steps:\n        - \
         action: noop\n",
        items.join(",")
    );
    home.write("many.yaml", yaml)?;
    home.run(["start", "many.yaml"])?.expect_code(0)?;
    let status: Value = serde_json::from_str(&home.run(["status", "latest", "--output", "json"])?.stdout)?;
    let runs = status["runs"].as_array().context("no runs")?;
    ensure!(runs.len() == 1000 && runs.iter().all(|run| run["status"] == "succeeded"));
    Ok(())
}

const COMPUTED: &str = r#"
steps:
  - {id: one, action: dag.run, with: {dag: child}}
  - {id: two, action: dag.run, with: {dag: child, params: DAY=friday}}
  - {depends: [one, two], run: 'echo "${steps.one.outputs.SAID}, ${steps.two.outputs.SAID}"'}
---
name: child
params:
  - {name: DAY, eval: "`echo mon`day"}
steps:
  - {id: say, action: log.write, with: {message: "it is $DAY"}, output: SAID}
"#;

#[test]
fn parameters_of_a_dag_that_a_step_runs_are_computed_when_it_begins() -> Result<()> {
    let home = Home::new()?;
    home.write("computed.yaml", COMPUTED)?;
    let ended = home.run(["start", "computed.yaml"])?;
    ended.expect_code(0)?.expect_printed(&["it is monday, it is friday"])?;
    let shut = home.run(["start", "--sandbox", "computed.yaml"])?;
    shut.expect_message(1, &["it needs a program, and --sandbox allows none"])?;
    Ok(())
}
