//! The same run submitted again, and steps that are named to run again.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use anyhow::{Result, ensure};
use pintle_tests::{Home, Lines, wait};

/// Says that it ran, and ends as its parameter wants.
fn dag(home: &Home) -> Result<()> {
    let ran = home.path("ran");
    let text = format!(
        "params: [{{name: code, default: '0'}}]\nsteps:\n  - id: a\n    run: echo ran >> {}; exit ${{params.code}}\n",
        ran.display()
    );
    home.write("dag.yaml", text).map(drop)
}

#[test]
fn the_same_submission_runs_once_and_has_one_answer() -> Result<()> {
    let home = Home::new()?;
    dag(&home)?;
    for (run, params, code, told) in [
        ("good", vec![], 0, ["good: succeeded", "1 succeeded"]),
        ("bad", vec!["--", "code=7"], 1, ["exit code 7", "pintle retry bad"]),
    ] {
        home.write("ran", "")?;
        let args: Vec<&str> = ["start", "dag.yaml", "-r", run].into_iter().chain(params).collect();
        home.run(&args)?.expect_code(code)?;
        let again = home.run(&args)?;
        again.expect_code(code)?;
        for part in told.into_iter().chain(["submitted before", "nothing is run again"]) {
            ensure!(again.stderr.contains(part), "{run} lacks {part:?}: {}", again.stderr);
        }
        ensure!(again.stdout.is_empty(), "something ran: {}", again.stdout);
        ensure!(home.read("ran") == "ran\n", "{run} ran again");
        ensure!(home.status(run)?.0["attempt"] == 1, "an attempt was begun");
        let json: Vec<&str> = ["start", "--output", "json"].into_iter().chain(args.into_iter().skip(1)).collect();
        let answer = home.run(&json)?;
        ensure!(Lines::parse(&answer.expect_code(code)?.stdout)?.result()?.run() == run);
    }
    Ok(())
}

#[test]
fn another_plan_or_other_parameters_are_another_submission() -> Result<()> {
    let home = Home::new()?;
    dag(&home)?;
    home.run(["start", "dag.yaml", "-r", "mine"])?.expect_code(0)?;
    let table: [&[&str]; 2] = [&["--name", "other"], &["--", "code=0 "]];
    for other in table {
        let args: Vec<&str> = ["start", "dag.yaml", "-r", "mine"].into_iter().chain(other.iter().copied()).collect();
        home.run(&args)?.expect_message(1, &["run id mine is taken by another run", "--run-id"])?;
    }
    ensure!(home.read("ran") == "ran\n", "a refused submission ran");
    // A parameter that is said, and is what it is anyway, is no other one.
    home.run(["start", "dag.yaml", "-r", "mine", "--", "code=0"])?.expect_code(0)?;
    Ok(())
}

#[test]
fn the_same_submission_while_the_first_runs_is_refused_and_after_a_kill_says_how_to_go_on() -> Result<()> {
    let home = Home::new()?;
    let go = home.path("go");
    let text = format!("steps:\n  - id: a\n    run: until test -e {}; do sleep 0.02; done\n", go.display());
    let dag = home.write("long.yaml", text)?.display().to_string();
    let args = ["start", &dag, "-r", "mine", "--output", "json"];
    let mut live = home.spawn(args)?;
    live.until_shown("step_claimed")?;
    home.run(args)?.expect_message(3, &["run mine was submitted before", "running", "pintle status mine"])?;
    live.kill()?;
    let answer = home.run(["start", &dag, "-r", "mine"])?;
    answer.expect_code(1)?;
    ensure!(answer.stderr.contains("next: pintle start --resume mine"), "{}", answer.stderr);
    home.write("go", "")?;
    home.run(["start", "--resume", "mine"])?.expect_code(0)?;
    home.run(args)?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_step_retried_alone_leaves_what_is_behind_it_and_says_so() -> Result<()> {
    let home = Home::new()?;
    let ok = home.path("ok");
    let text = format!(
        "steps:\n  - id: a\n    run: test -e {}\n  - {{id: b, depends: a, run: echo b}}\n  - {{id: c, depends: b, run: echo c}}\n",
        ok.display()
    );
    home.write("dag.yaml", text)?;
    home.run(["start", "dag.yaml", "-r", "mine"])?.expect_code(1)?;
    home.write("ok", "")?;
    let alone = home.run(["retry", "mine", "--step", "a"])?;
    alone.expect_code(1)?;
    for part in ["left as they were: b, c", "--downstream", "1 step runs again", "1 succeeded, 2 aborted"] {
        ensure!(alone.stderr.contains(part), "{part:?} is missing: {}", alone.stderr);
    }
    home.status("mine")?.expect(&[("a", "succeeded"), ("b", "aborted"), ("c", "aborted")])?;
    let whole = home.run(["retry", "mine", "--step", "a", "--downstream"])?;
    whole.expect_code(0)?.expect_printed(&["b | b", "c | c"])?;
    ensure!(!whole.stderr.contains("left as they were"), "{}", whole.stderr);
    home.status("mine")?.expect(&[("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded")])?;
    Ok(())
}

#[test]
fn a_named_step_runs_although_one_before_it_was_skipped() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: side\n    run: echo side\n    preconditions: [{condition: no, expected: yes}]\n  \
                - {id: join, depends: side, run: echo joined}\n";
    home.write("dag.yaml", yaml)?;
    home.run(["start", "dag.yaml", "-r", "mine"])?.expect_code(0)?;
    home.status("mine")?.expect(&[("side", "skipped"), ("join", "skipped")])?;
    home.run(["retry", "mine", "--step", "join"])?.expect_code(0)?.expect_printed(&["join | joined"])?;
    home.status("mine")?.expect(&[("side", "skipped"), ("join", "succeeded")])?;
    Ok(())
}

#[test]
fn names_that_pintle_gives_give_way_to_the_authors() -> Result<()> {
    let home = Home::new()?;
    let yaml = "preconditions: test -d /\nsteps:\n  - {id: preconditions, run: echo mine}\n  \
                - {id: on_exit, depends: preconditions, run: echo too}\nhandler_on:\n  exit: {run: echo over}\n";
    let lines = home.start_json(yaml, 0)?;
    ensure!(lines.printed("preconditions", "stdout") == ["mine"], "{lines:?}");
    ensure!(lines.printed("on_exit", "stdout") == ["too"] && lines.printed("on_exit_2", "stdout") == ["over"]);
    lines.result()?.expect(&[("preconditions", "succeeded"), ("preconditions_2", "succeeded")])?;
    let run = lines.result()?.run().to_owned();
    ensure!(home.logs(&run, "preconditions")?.contains("mine"));
    Ok(())
}

#[test]
fn a_handler_after_a_stop_is_tried_again() -> Result<()> {
    let home = Home::new()?;
    let tried = home.path("tried");
    let text = format!(
        "handler_on:\n  abort:\n    run: test -e {0} || {{ touch {0}; exit 1; }}\n    \
         retry_policy: {{limit: 1, interval_sec: 0.1}}\nsteps:\n  - id: long\n    run: echo ready; sleep 60\n",
        tried.display()
    );
    let dag = home.write("long.yaml", text)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "mine", "--output", "json"])?;
    live.until_shown("\"line\":\"ready\"")?;
    live.signal(rustix::process::Signal::INT)?;
    live.wait()?.expect_code(130)?;
    let shown = home.status("mine")?;
    shown.expect(&[("long", "aborted"), ("on_abort", "succeeded")])?;
    ensure!(shown.step("on_abort")?.attempt == 2, "{}", shown.0);
    Ok(())
}

#[test]
fn a_failure_that_counts_as_success_is_told_in_a_pipe_and_in_the_tree() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: a\n    run: exit 7\n    continue_on: {failure: true, mark_success: true}\n";
    let ended = home.start(yaml)?;
    ended.expect_code(0)?;
    ensure!(ended.stderr.contains("exit code 7 (forgiven)"), "{}", ended.stderr);
    home.run(["status", "latest"])?.expect_code(0)?.expect_printed(&["exit code 7 (forgiven)"])?;
    Ok(())
}

#[test]
fn a_daemon_that_asked_to_live_on_does_and_nothing_looks_for_it_later() -> Result<()> {
    let home = Home::new()?;
    let pid = home.path("pid");
    let yaml = format!(
        "steps:\n  - id: a\n    run: |\n      setsid sh -c 'echo $$ > {0}; exec sleep 300' >/dev/null 2>&1 &\n      \
         until test -s {0}; do sleep 0.01; done\n",
        pid.display()
    );
    home.start(&yaml)?.expect_code(0)?;
    home.start("steps:\n  - {id: b, run: echo next}\n")?.expect_code(0)?;
    let pid: i32 = home.read("pid").trim().parse()?;
    let lives = wait::lives(pid);
    let target = rustix::process::Pid::from_raw(pid);
    if let Some(target) = target.filter(|_| lives) {
        rustix::process::kill_process(target, rustix::process::Signal::KILL)?;
    }
    ensure!(lives, "it was started with `setsid`, and is gone");
    Ok(())
}

#[test]
fn a_retry_says_that_the_file_holds_another_plan_by_now() -> Result<()> {
    let home = Home::new()?;
    let told = "the file, or base.yaml, changed since; this retry runs the plan that the run had; `pintle start ";
    home.write("bad.yaml", "preconditions: [{condition: a, expected: a}]\nsteps:\n  - {id: a, run: exit 1}\n")?;
    home.run(["start", "bad.yaml", "-r", "mine", "--name", "renamed"])?.expect_code(1)?;
    let same = home.run(["retry", "mine"])?;
    ensure!(!same.expect_code(1)?.stderr.contains("the file changed"), "{}", same.stderr);
    home.write("bad.yaml", "steps:\n  - {id: a, run: exit 0}\n")?;
    let changed = home.run(["retry", "mine"])?;
    ensure!(changed.expect_code(1)?.stderr.matches(told).count() == 1, "{}", changed.stderr);
    ensure!(changed.stderr.contains("bad.yaml` runs the new one"), "{}", changed.stderr);
    for text in ["steps: [\n", ""] {
        home.write("bad.yaml", text)?;
        let unreadable = home.run(["retry", "mine"])?;
        ensure!(!unreadable.expect_code(1)?.stderr.contains("the file changed"), "{}", unreadable.stderr);
    }
    std::fs::remove_file(home.path("bad.yaml"))?;
    home.run(["retry", "mine"])?.expect_code(1)?.expect_said(&["mine: attempt 6"])?;
    Ok(())
}
