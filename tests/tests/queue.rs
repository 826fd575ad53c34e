//! The queue, through the binary: `dag.enqueue`, `enqueue`, `dequeue`, `start --queued`.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use anyhow::{Context as _, Result, ensure};
use pintle_tests::Home;
use serde_json::Value;

const QUEUES: &str = r#"
name: parent
steps:
  - id: q
    action: dag.enqueue
    parallel: [one, two]
    with: {dag: child, params: "WHO=${ITEM}"}
    output: QUEUED
  - id: tell
    depends: q
    run: echo "$QUEUED"
---
name: child
params: {WHO: nobody}
steps:
  - id: greet
    run: echo "hello $WHO" >> "$GREETINGS"
"#;

#[test]
fn a_step_queues_runs_that_are_run_later_in_their_order() -> Result<()> {
    let home = Home::new()?;
    let greetings = home.path("greetings");
    home.write("parent.yaml", QUEUES.replace("$GREETINGS", &greetings.display().to_string()))?;
    let ended = home.run(["start", "parent.yaml"])?;
    ended
        .expect_code(0)?
        .expect_said(&["q: 2 runs for the queue\n", "2 runs are queued: `pintle start --queued` runs them"])?;
    let told: String = ended.stdout.lines().filter_map(|line| line.strip_prefix("tell | ")).collect();
    let told: Value = serde_json::from_str(&told)?;
    ensure!(told["summary"] == serde_json::json!({"total": 2, "queued": 2}), "{told}");
    let runs = told["runs"].as_array().context("no runs")?;
    let id = |at: usize| runs.get(at).and_then(|run| run["dagRunId"].as_str()).map(str::to_owned);
    let (one, two) = (id(0).context("no id")?, id(1).context("no id")?);
    ensure!(!greetings.exists(), "a queued run was begun");
    home.run(["status", &two])?.expect_code(0)?.expect_printed(&["child", "queued"])?;
    home.run(["history"])?.expect_code(0)?.expect_printed(&[&one, &two, "queued"])?;

    let ended = home.run(["start", "--queued"])?;
    ended.expect_code(0)?.expect_said(&[&one, &two, "succeeded"])?;
    ensure!(home.read("greetings") == "hello one\nhello two\n", "{}", home.read("greetings"));
    home.run(["start", "--queued"])?.expect_code(0)?.expect_said(&["nothing is queued"])?;
    ensure!(home.read("greetings").lines().count() == 2, "a run was run twice");
    Ok(())
}

const ONE: &str = "name: one\nparams: {N: '1'}\nsteps: [{id: only, run: test $N = 1}]\n";

#[test]
fn a_run_is_put_into_the_queue_once_and_taken_out_again() -> Result<()> {
    let home = Home::new()?;
    home.write("one.yaml", ONE)?;
    home.run(["enqueue", "one.yaml", "--run-id", "r1"])?
        .expect_code(0)?
        .expect_printed(&["run r1 of `one` is queued"])?;
    let again = home.run(["enqueue", "one.yaml", "--run-id", "r1", "--output", "json"])?;
    let again: Value = serde_json::from_str(&again.stdout)?;
    let before = serde_json::json!({"run": "r1", "dag": "one", "status": "queued", "alreadyExists": true});
    ensure!(again == before, "{again}");
    home.run(["enqueue", "one.yaml", "--run-id", "r1"])?
        .expect_printed(&["run r1 of `one` was queued before and is queued"])?;
    home.run(["enqueue", "one.yaml", "--run-id", "r1", "--", "N=2"])?.expect_code(1)?.expect_said(&["r1"])?;

    home.run(["dequeue", "r1"])?.expect_code(0)?.expect_printed(&["run r1 of `one` is taken out of the queue"])?;
    home.run(["dequeue", "r1"])?.expect_message(1, &["run r1 is aborted: it is not queued"])?;
    home.run(["start", "--queued"])?.expect_code(0)?.expect_said(&["nothing is queued"])?;
    home.run(["dequeue", "r2"])?.expect_message(1, &["no run has the id `r2`"])?;
    Ok(())
}

#[test]
fn a_queued_run_is_begun_by_its_id_and_a_failed_one_fails_the_command() -> Result<()> {
    let home = Home::new()?;
    home.write("one.yaml", ONE)?;
    for (run, n) in [("r1", "N=1"), ("r2", "N=2"), ("r3", "N=1")] {
        home.run(["enqueue", "one.yaml", "-q", "-r", run, "--", n])?.expect_code(0)?;
    }
    home.run(["start", "--resume", "r3"])?.expect_code(0)?.expect_said(&["r3: started", "r3: succeeded"])?;
    let ended = home.run(["start", "--queued"])?;
    ended.expect_code(1)?.expect_said(&["r1: succeeded", "r2: failed"])?;
    ensure!(!ended.stderr.contains("r3"), "{}", ended.stderr);
    home.run(["enqueue", "nowhere.yaml"])?.expect_message(1, &["nowhere.yaml"])?;
    home.write("bad.yaml", "steps: [{rum: x}]")?;
    home.run(["enqueue", "bad.yaml"])?.expect_code(1)?.expect_said(&["bad.yaml:1:10", "rum"])?;
    Ok(())
}

#[test]
fn a_stop_leaves_the_rest_of_the_queue() -> Result<()> {
    let home = Home::new()?;
    home.write("slow.yaml", "name: slow\nsteps: [{id: only, run: 'echo begun; sleep 60'}]\n")?;
    for run in ["r1", "r2"] {
        home.run(["enqueue", "slow.yaml", "-q", "-r", run])?.expect_code(0)?;
    }
    let mut running = home.spawn(["start", "--queued"])?;
    running.until_shown("only | begun")?;
    home.run(["dequeue", "r1"])?.expect_message(1, &["run r1 is running and no longer queued: `pintle stop r1`"])?;
    // Another who comes takes the next, and leaves this one alone.
    let mut other = home.spawn(["start", "--queued"])?;
    other.until_shown("only | begun")?;
    home.run(["start", "--resume", "r2"])?.expect_code(3)?;
    for started in [running, other] {
        started.signal(rustix::process::Signal::INT)?;
        started.wait()?.expect_code(130)?;
    }
    home.run(["enqueue", "slow.yaml", "-q", "-r", "r3"])?.expect_code(0)?;
    home.run(["status", "r1"])?.expect_printed(&["aborted"])?;
    home.run(["status", "r3"])?.expect_printed(&["queued"])?;
    Ok(())
}
