//! Runs that ask people, through the binary: tasks, approvals, and what is typed about them.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pintle_tests::{Home, wait};
use serde_json::Value;

const RELEASE: &str = r#"
params: [{name: VERSION, default: "1.4"}]
steps:
  - id: target
    action: human.task
    with:
      prompt: Where does ${params.VERSION} go?
      form:
        type: object
        required: [region]
        properties:
          region: {type: string, enum: [eu, us]}
          replicas: {type: integer, minimum: 1, maximum: 9, default: 2}
  - id: release
    depends: target
    run: echo "to ${steps.target.outputs.region} ${steps.target.outputs.replicas}"
"#;

const DRAFT: &str = r#"
steps:
  - id: prepare
    run: echo "prepared ${FEEDBACK:-first}" | tee -a prepared.txt
    working_dir: .
  - id: draft
    depends: prepare
    run: echo "draft $DAG_PUSHBACK_ITERATION"
    approval:
      prompt: Is it good?
      input: [FEEDBACK, WHO]
      required: [WHO]
      rewind_to: prepare
  - id: publish
    depends: draft
    run: echo "published for $WHO"
"#;

fn waiting(home: &Home, file: &str, yaml: &str) -> Result<String> {
    home.write(file, yaml)?;
    home.run(["start", file])?.expect_code(0)?;
    let shown = home.status("latest")?;
    ensure!(shown.status() == "waiting", "{}", shown.0);
    Ok(shown.run().to_owned())
}

#[test]
fn a_task_waits_without_a_process_and_says_what_to_type() -> Result<()> {
    let home = Home::new()?;
    home.write("release.yaml", RELEASE)?;
    let started = home.run(["start", "release.yaml"])?;
    started.expect_code(0)?.expect_said(&[
        "target: asks: Where does 1.4 go?",
        "region: eu or us (required)",
        "replicas: a whole number, 1 or more, 9 or less (default 2)",
        "next: pintle human-task complete ",
        " target --input region=VALUE",
    ])?;
    let shown = home.status("latest")?;
    let asks = &shown.0["steps"][0]["asks"];
    ensure!(asks["kind"] == "task" && asks["prompt"] == "Where does 1.4 go?", "{asks}");
    ensure!(asks["form"]["properties"]["replicas"]["maximum"] == 9, "{asks}");
    ensure!(shown.0["waiting"] == "asks: Where does 1.4 go?", "{}", shown.0);
    home.run(["status", "latest"])?
        .expect_code(0)?
        .expect_printed(&["asks: Where does 1.4 go?", "next: pintle human-task"])?;
    home.run(["human-task", "list"])?.expect_code(0)?.expect_printed(&[
        shown.run(),
        "target",
        "task",
        "Where does 1.4 go?",
    ])?;
    let listed: Value = serde_json::from_str(&home.run(["human-task", "list", "--output", "json"])?.stdout)?;
    ensure!(listed[0]["run"] == shown.run() && listed[0]["step"] == "target", "{listed}");

    let completed = home.run(["human-task", "complete", "latest", "target", "--input", "region=eu", "--by", "ada"])?;
    completed
        .expect_code(0)?
        .expect_said(&["target of run ", " was completed"])?
        .expect_printed(&["release | to eu 2"])?;
    let shown = home.status("latest")?;
    ensure!(shown.status() == "succeeded" && shown.0["steps"][0]["answer"]["by"] == "ada", "{}", shown.0);
    home.run(["human-task", "list"])?.expect_code(0)?.expect_said(&["nothing is asked"])?;
    Ok(())
}

#[test]
fn bad_answers_are_refused_in_one_sentence_and_change_nothing() -> Result<()> {
    let home = Home::new()?;
    home.run(["human-task", "complete", "latest"])?.expect_message(1, &["there are no runs in "])?;
    let run = waiting(&home, "release.yaml", RELEASE)?;
    let table: [(&[&str], i32, &str); 13] = [
        (&["human-task", "complete", "latest", "target"], 1, "`region` is required; give it as `region=VALUE`"),
        (&["human-task", "complete", "latest", "--input", "region=mars"], 1, "it may be `eu`, `us`"),
        (&["human-task", "complete", "latest", "--input", "region"], 2, "write --input NAME=VALUE"),
        (&["human-task", "complete", "latest", "--inputs-json", "[]"], 1, "the inputs are no JSON object"),
        (
            &["human-task", "complete", "latest", "--input", "region=eu", "--inputs-json", "{}"],
            2,
            "cannot be used with",
        ),
        (
            &["human-task", "complete", "latest", "targte", "--input", "region=eu"],
            2,
            "has no step `targte`; asked is target",
        ),
        (&["human-task", "complete", "latest", "release"], 1, "step release is not_started: it asks nobody anything"),
        (&["human-task", "complete", "nothing"], 1, "no run has the id `nothing`"),
        (
            &["approve", "latest", "target"],
            1,
            "step target is a task that waits to be completed; it cannot be approved",
        ),
        (&["reject", "latest"], 1, "it cannot be rejected"),
        (&["push-back", "latest"], 1, "it cannot be pushed back"),
        (&["human-task", "complete", "latest", "--input", "region=eu", "--by", ""], 2, "`--by` is a name"),
        (&["human-task", "complete"], 2, "<RUN>"),
    ];
    for (args, code, said) in table {
        home.run(args)?.expect_message(code, &[said]).with_context(|| format!("{args:?}"))?;
    }
    ensure!(home.status(&run)?.status() == "waiting", "a refused answer changed something");
    // The peer's spelling.
    let done = home.run([
        "human-task",
        "complete",
        "--run-id",
        &run,
        "--step",
        "target",
        "--inputs-json",
        r#"{"region": "us", "replicas": 3}"#,
        "release",
    ])?;
    done.expect_code(0)?.expect_printed(&["release | to us 3"])?;
    home.run(["human-task", "complete", &run, "target", "--input", "region=eu"])?
        .expect_message(1, &["step target was answered before: it was completed by "])?;
    Ok(())
}

#[test]
fn two_answers_at_once_run_what_is_behind_once() -> Result<()> {
    let home = Home::new()?;
    let yaml = RELEASE.replace("run: echo", "working_dir: .\n    run: echo ran >> ran.txt; echo");
    let run = waiting(&home, "release.yaml", &yaml)?;
    let mut all = Vec::new();
    for region in ["eu", "us", "eu", "us"] {
        all.push(home.spawn(["human-task", "complete", &run, "target", "--input", &format!("region={region}")])?);
    }
    let mut ended = Vec::new();
    for live in all {
        ended.push(live.wait()?);
    }
    let taken = ended.iter().filter(|ended| ended.code() == 0).count();
    ensure!(taken == 1, "{taken} answers were taken: {ended:#?}");
    for refused in ended.iter().filter(|ended| ended.code() != 0) {
        refused.expect_message(1, &["step target was answered before: it was completed by "])?;
    }
    ensure!(home.status(&run)?.status() == "succeeded");
    ensure!(home.read("ran.txt") == "ran\n", "{}", home.read("ran.txt"));
    Ok(())
}

#[test]
fn a_step_is_pushed_back_and_approved_and_its_inputs_are_seen() -> Result<()> {
    let home = Home::new()?;
    let run = waiting(&home, "draft.yaml", DRAFT)?;
    home.run(["status", &run])?.expect_printed(&[
        "asks: Is it good?",
        "WHO (required)",
        &format!("next: pintle approve {run} draft --input WHO=VALUE"),
        &format!("or: pintle reject {run} draft --reason TEXT"),
        &format!("or: pintle push-back {run} draft --input FEEDBACK=VALUE"),
    ])?;
    home.run(["approve", &run])?.expect_message(1, &["the approval of step draft needs the input WHO"])?;
    home.run(["approve", &run, "--input", "WHOM=x"])?
        .expect_message(1, &["asks for no input `WHOM`; did you mean `WHO`?"])?;
    let again = home.run(["push-back", &run, "draft", "--input", "FEEDBACK=shorter", "--reason", "too long"])?;
    again
        .expect_code(0)?
        .expect_printed(&["prepare | prepared shorter", "draft | draft 1"])?
        .expect_said(&["asks: Is it good?"])?;
    ensure!(home.read("prepared.txt") == "prepared first\nprepared shorter\n", "{}", home.read("prepared.txt"));
    let shown = home.status(&run)?;
    ensure!(shown.0["steps"][1]["asks"]["iteration"] == 1, "{}", shown.0);
    let done = home.run(["approve", &run, "--input", "WHO=ada"])?;
    done.expect_code(0)?.expect_printed(&["publish | published for ada"])?;
    ensure!(home.status(&run)?.status() == "succeeded");
    Ok(())
}

#[test]
fn what_is_given_after_a_push_back_is_newer_than_what_came_with_it() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: ask, run: echo x, approval: {prompt: good?, input: [SAID]}}\n  \
                - {id: between, depends: ask, run: echo fresh, output: MADE}\n  \
                - {id: last, depends: between, run: 'echo $SAID $MADE ${steps.ask.outputs.SAID}'}\n";
    let run = waiting(&home, "again.yaml", yaml)?;
    let pushed = ["push-back", &run, "ask", "--input", "SAID=old"];
    home.run(pushed)?.expect_code(0)?;
    home.run(["approve", &run, "--input", "SAID=new"])?.expect_code(0)?.expect_printed(&["last | new fresh new"])?;
    Ok(())
}

#[test]
fn a_rejected_run_fails_and_a_retry_asks_again() -> Result<()> {
    let home = Home::new()?;
    let yaml = format!("handler_on: {{failure: {{run: echo told $DAG_RUN_STATUS}}}}{DRAFT}");
    let run = waiting(&home, "draft.yaml", &yaml)?;
    let rejected = home.run(["reject", &run, "--reason", "not today", "--by", "eve"])?;
    rejected.expect_code(1)?.expect_printed(&["told rejected"])?.expect_said(&["rejected by eve: not today"])?;
    home.status(&run)?.expect(&[("draft", "rejected"), ("publish", "aborted")])?;
    ensure!(home.status(&run)?.status() == "rejected");
    home.run(["history", "--status", "rejected"])?.expect_printed(&["rejected by eve: not today"])?;
    home.run(["retry", &run])?.expect_code(0)?.expect_said(&["asks: Is it good?"])?;
    home.run(["approve", &run, "--input", "WHO=ada"])?.expect_code(0)?.expect_printed(&["published for ada"])?;
    Ok(())
}

#[test]
fn an_answer_while_the_run_goes_on_is_seen_there_at_once() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "both.yaml",
        format!(
            "{RELEASE}  - id: long\n    run: while ! test -e go; do sleep 0.02; done; echo ended\n    working_dir: .\n"
        ),
    )?;
    let mut live = home.spawn(["start", "both.yaml"])?;
    wait::until("the question", Duration::from_secs(60), || {
        let listed: Value = serde_json::from_str(&home.run(["human-task", "list", "--output", "json"])?.stdout)?;
        Ok((listed[0]["step"] == "target").then_some(()))
    })?;
    let answered = home.run(["human-task", "complete", "latest", "target", "--input", "region=eu"])?;
    answered.expect_code(0)?.expect_said(&["was completed; process ", " goes on with the run"])?;
    live.until_shown("release | to eu 2")?;
    home.write("go", "")?;
    live.wait()?.expect_code(0)?.expect_printed(&["long | ended"])?;
    Ok(())
}

#[test]
fn an_answer_may_only_be_recorded_and_a_retry_goes_on() -> Result<()> {
    let home = Home::new()?;
    let run = waiting(&home, "release.yaml", RELEASE)?;
    home.run(["retry", &run])?.expect_code(0)?.expect_said(&["waits for people", "target asks: Where does 1.4 go?"])?;
    home.run(["start", "--resume", &run])?.expect_code(0)?.expect_said(&["waits for people"])?;
    let recorded = home.run(["human-task", "complete", &run, "--input", "region=eu", "--detach"])?;
    recorded.expect_code(0)?.expect_said(&[&format!("was completed; `pintle retry {run}` goes on")])?;
    ensure!(recorded.stdout.is_empty(), "{}", recorded.stdout);
    home.run(["status", &run])?.expect_printed(&[&format!("next: pintle retry {run}")])?;
    home.run(["retry", &run])?.expect_code(0)?.expect_printed(&["release | to eu 2"])?;
    Ok(())
}

#[test]
fn a_kill_while_a_task_waits_loses_nothing() -> Result<()> {
    let home = Home::new()?;
    home.write("both.yaml", format!("{RELEASE}  - id: long\n    run: echo begun; sleep 60\n"))?;
    let mut live = home.spawn(["start", "both.yaml"])?;
    live.until_shown("long | begun")?;
    wait::until("the question", Duration::from_secs(60), || {
        Ok(home.run(["human-task", "list"])?.stdout.contains("Where does").then_some(()))
    })?;
    live.kill()?;
    let run = home.status("latest")?.run().to_owned();
    home.run(["human-task", "complete", &run, "target", "--input", "region=us", "--detach"])?.expect_code(0)?;
    home.status(&run)?.expect(&[("target", "succeeded"), ("release", "ready")])?;
    home.run(["stop", &run])?.expect_code(0)?;
    ensure!(home.status(&run)?.status() == "aborted");
    let waits = waiting(&home, "release.yaml", RELEASE)?;
    home.run(["stop", &waits])?.expect_code(0)?;
    home.status(&waits)?.expect(&[("target", "aborted")])?;
    Ok(())
}

#[test]
fn a_task_that_nobody_completes_in_time_ends_with_124() -> Result<()> {
    let home = Home::new()?;
    let yaml = RELEASE.replace("    action: human.task\n", "    action: human.task\n    timeout_sec: 1\n");
    let ended = home.start(&yaml)?;
    ended.expect_code(1)?.expect_said(&["nobody answered within timeout_sec (1.0s)"])?;
    ensure!(home.status("latest")?.step("target")?.exit_code == Some(124));
    Ok(())
}

#[test]
fn an_approval_below_is_found_answered_and_the_run_above_goes_on() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "above.yaml",
        r#"
steps:
  - id: sub
    action: dag.run
    with: {dag: child}
  - id: each
    foreach:
      items: [a, b]
      steps:
        - {id: look, run: "echo look at ${foreach.item}", approval: {prompt: "Is ${foreach.item} good?"}}
  - id: tell
    depends: [sub, each]
    run: echo "all is said, ${steps.sub.outputs.WORD}"
---
name: child
steps:
  - {id: draft, run: echo fine, output: WORD, approval: {prompt: Is the child good?}}
"#,
    )?;
    home.run(["start", "above.yaml"])?.expect_code(0)?.expect_said(&["next: pintle human-task list"])?;
    let top = home.status("latest")?;
    ensure!(top.status() == "waiting" && top.0["waiting"] == "runs below it wait for somebody", "{}", top.0);
    let asked = || -> Result<Vec<Value>> {
        let listed: Value = serde_json::from_str(&home.run(["human-task", "list", "--output", "json"])?.stdout)?;
        Ok(listed.as_array().cloned().unwrap_or_default())
    };
    let first = asked()?;
    ensure!(first.len() == 3, "{first:?}");
    for (place, question) in first.iter().enumerate() {
        let run = question["run"].as_str().context("no run")?;
        let last = place + 1 == first.len();
        let answered = home.run(["approve", run])?;
        answered.expect_code(0)?;
        if last {
            answered.expect_printed(&["tell | all is said, fine"])?;
        }
        ensure!(asked()?.len() == first.len() - place - 1, "an answer was lost");
    }
    ensure!(home.status(top.run())?.status() == "succeeded");
    Ok(())
}

#[test]
fn a_dag_below_has_no_task_whichever_file_it_is_in() -> Result<()> {
    let home = Home::new()?;
    home.write("asks.yaml", RELEASE)?;
    home.write("above.yaml", "steps: [{action: dag.run, with: {dag: asks}}]\n")?;
    home.run(["validate", "asks.yaml"])?.expect_code(0)?;
    for command in ["validate", "start"] {
        home.run([command, "above.yaml"])?
            .expect_message(1, &["a DAG that other DAGs run has no `human.task`", "asks.yaml:5:5"])?;
    }
    Ok(())
}

#[test]
fn the_wait_handler_tells_of_each_wait() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
handler_on: {wait: {run: "echo told of $DAG_WAITING_STEPS >> told.txt", working_dir: .}}
steps:
  - {id: one, action: human.task, with: {prompt: First?}}
  - {id: two, depends: one, run: echo, approval: {}}
"#;
    let run = waiting(&home, "two.yaml", yaml)?;
    home.run(["human-task", "complete", &run])?.expect_code(0)?;
    ensure!(home.read("told.txt") == "told of one\ntold of two\n", "{}", home.read("told.txt"));
    home.run(["approve", &run])?.expect_code(0)?;
    ensure!(home.status(&run)?.status() == "succeeded");
    Ok(())
}

#[test]
fn a_pipe_is_never_asked_for_values() -> Result<()> {
    let home = Home::new()?;
    let run = waiting(&home, "release.yaml", RELEASE)?;
    let mut command = home.command(["human-task", "complete", &run]);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    child.stdin.take().context("no stdin")?.write_all(b"eu\n")?;
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1) && said.contains("`region` is required"), "{said}");
    Ok(())
}

#[test]
fn dry_shows_what_would_be_asked() -> Result<()> {
    let home = Home::new()?;
    home.write("release.yaml", RELEASE)?;
    home.run(["dry", "release.yaml"])?.expect_code(0)?.expect_printed(&["human.task", "Where does 1.4 go?"])?;
    Ok(())
}

#[test]
fn an_answer_to_a_run_whose_process_stands_still_asks_whether_it_is_stopped() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "both.yaml",
        "steps:\n  - {id: below, action: dag.run, with: {dag: asks}}\n  - {id: long, run: sleep 60}\n---\nname: asks\nsteps: \
         [{id: target, run: 'true', approval: {prompt: Is it good?}}]\n",
    )?;
    let live = home.spawn(["start", "both.yaml"])?;
    let child = wait::until("the question", Duration::from_secs(60), || {
        let listed: Value = serde_json::from_str(&home.run(["human-task", "list", "--output", "json"])?.stdout)?;
        Ok(listed[0]["run"].as_str().map(str::to_owned))
    })?;
    wait::until("the other step", Duration::from_secs(60), || {
        Ok(home.status("both")?.expect(&[("below", "waiting"), ("long", "running")]).is_ok().then_some(()))
    })?;
    live.signal(rustix::process::Signal::STOP)?;
    let answered = home.run(["approve", &child])?;
    live.signal(rustix::process::Signal::CONT)?;
    let words = format!("step target of run {child} was approved; process ");
    answered.expect_code(0)?.expect_said(&[&words, ", which has the run, has not gone on yet: is it stopped?"])?;
    home.run(["stop", "both"])?.expect_code(0)?;
    live.wait()?.expect_code(1)?;
    Ok(())
}
