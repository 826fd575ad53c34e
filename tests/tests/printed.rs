//! What is printed, whole or not: lines that nobody cuts, output that is lost, errors that programs read, a run that is
//! followed to an end that it cannot tell of.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::fs::File;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use pintle_tests::{Ended, Home};
use serde_json::Value;

const OK: &str = "steps:\n  - {id: a, run: echo fine}\n";

/// A home with a run of `ok`.
fn one_run() -> Result<Home> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "mine"])?.expect_code(0)?;
    Ok(home)
}

/// The object that a command ended with.
fn object(ended: &Ended) -> Result<Value> {
    let last = ended.stdout.lines().last().context("nothing was printed")?;
    serde_json::from_str(last).with_context(|| format!("not JSON: {last}"))
}

#[test]
fn a_pipe_gets_whole_lines() -> Result<()> {
    let home = Home::new()?;
    let prompt = "is it good? ".repeat(30);
    home.write("ask.yaml", format!("steps:\n  - {{id: a, action: human.task, with: {{prompt: '{prompt}'}}}}\n"))?;
    home.run(["start", "ask.yaml", "-r", "mine"])?.expect_code(0)?;
    let status = home.run(["status", "mine"])?;
    let line = status.expect_code(0)?.stdout.lines().find(|line| line.contains("asks: is it")).unwrap_or_default();
    ensure!(line.contains(prompt.trim_end()), "it was cut: {line}");
    Ok(())
}

#[test]
fn output_that_is_lost_is_no_success() -> Result<()> {
    let home = one_run()?;
    let commands: [&[&str]; 9] = [
        &["history", "--format", "csv"],
        &["status", "mine"],
        &["logs", "mine"],
        &["config"],
        &["validate", "ok.yaml", "--output", "json"],
        &["schema"],
        &["completion", "bash"],
        &["start", "ok.yaml", "--output", "json"],
        &["enqueue", "ok.yaml", "--output", "json"],
    ];
    for args in commands {
        let mut command = home.command(args);
        command.stdout(Stdio::from(File::options().write(true).open("/dev/full")?));
        let ended = home.command_wait(command)?;
        let said = "standard output could not be written: No space left on device";
        ended.expect_message(1, &[said]).with_context(|| format!("{args:?}"))?;
        ensure!(ended.stderr.matches(said).count() == 1, "{args:?} says it again: {}", ended.stderr);
    }
    // The code of what went wrong before is kept.
    home.write("bad.yaml", "steps: []\n")?;
    let mut command = home.command(["start", "--resume", "mine", "--output", "json"]);
    command.stdout(Stdio::from(File::options().write(true).open("/dev/full")?));
    home.command_wait(command)?.expect_message(2, &["run mine is over", "standard output could not be written"])?;
    Ok(())
}

#[test]
fn a_reader_that_went_away_has_seen_enough() -> Result<()> {
    let home = one_run()?;
    let commands: [&[&str]; 5] = [
        &["history", "--format", "csv"],
        &["logs", "mine"],
        &["schema"],
        &["completion", "bash"],
        &["start", "ok.yaml", "--output", "json"],
    ];
    for args in commands {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = home.command(args);
        command.stdout(writer);
        let ended = home.command_wait(command)?;
        ended.expect_code(0).with_context(|| format!("{args:?}"))?;
        ensure!(ended.stderr.is_empty(), "{args:?}: {}", ended.stderr);
    }
    Ok(())
}

#[test]
fn programs_are_told_of_errors_as_people_are() -> Result<()> {
    let home = one_run()?;
    home.write("bad.yaml", "steps:\n  - id: a\n    run: echo\n    dependes: []\n")?;
    for command in ["start", "enqueue"] {
        let ended = home.run([command, "bad.yaml", "--output", "json"])?;
        ended.expect_message(1, &["bad.yaml:4:5", "did you mean `depends`?"])?;
        let (error, checked) = (object(&ended)?, home.run(["validate", "bad.yaml", "--output", "json"])?);
        ensure!(error["event"] == "error", "{error}");
        ensure!(error["message"] == "`bad.yaml` is not valid: it has 1 fault", "{error}");
        let checked = &object(&checked)?[0];
        for key in ["file", "valid", "steps", "findings"] {
            ensure!(error[key] == checked[key] && !checked["findings"].is_null(), "{key} of {error} and {checked}");
        }
    }
    for (args, code, said) in [
        (["start", "nowhere.yaml", "--output", "json"].as_slice(), 1, "cannot read the DAG file `nowhere.yaml`"),
        (&["retry", "nothing", "--output", "json"], 1, "no run has the id `nothing`"),
        (&["start", "--resume", "mine", "--output", "json"], 2, "run mine is over"),
        (&["start", "ok.yaml", "--output", "json", "--log-level", "loud"], 2, "--log-level: `log.level` is `loud`"),
    ] {
        let ended = home.run(args)?;
        ended.expect_message(code, &[said])?;
        let error = object(&ended)?;
        ensure!(error["event"] == "error", "{error}");
        ensure!(error["message"].as_str().is_some_and(|message| message.contains(said)), "{error}");
    }
    let file = home.path("ok.yaml").display().to_string();
    let ended = home.run(["start", "ok.yaml", "--home", &file, "--output", "json"])?;
    let message = format!("{file} is not a directory: choose another with --home or PINTLE_HOME");
    ensure!(object(ended.expect_message(1, &[&message])?)?["message"] == message, "{}", ended.stdout);
    Ok(())
}

#[test]
fn a_run_that_was_killed_is_followed_to_that_end() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("long.yaml", "steps:\n  - {id: a, run: 'echo first; sleep 60'}\n")?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "long", "--output", "json"])?;
    live.until_shown("\"line\":\"first\"")?;
    let mut follower = home.spawn(["logs", "long", "a", "-f"])?;
    follower.until_shown("first\n")?;
    live.kill()?;
    let ended = follower.wait()?;
    ended.expect_message(1, &["run long is interrupted", "`pintle start --resume long` goes on"])?;
    ensure!(ended.stdout == "first\n", "{:?}", ended.stdout);
    home.run(["stop", "long"])?.expect_code(0)?;
    Ok(())
}

#[test]
fn where_there_are_no_runs_status_says_so_as_history_does() -> Result<()> {
    let home = Home::new()?;
    let sentence = "no runs: `pintle start FILE` makes one\n";
    for made in [false, true] {
        for command in ["history", "status"] {
            let ended = home.run([command])?;
            ended.expect_code(0)?;
            ensure!(ended.stderr == sentence && ended.stdout.is_empty(), "{command}: {}{}", ended.stdout, ended.stderr);
        }
        ensure!(home.data().exists() == made, "looking made a data directory");
        // It makes a data directory that has no runs.
        home.run(["doctor"])?.expect_code(0)?;
    }
    Ok(())
}

#[test]
fn a_step_that_is_tried_again_says_why() -> Result<()> {
    let home = Home::new()?;
    let ended = home.start("steps:\n  - id: a\n    run: exit 9\n    retry_policy: {limit: 1, interval_sec: 0.1}\n")?;
    ended.expect_message(1, &["a: failed, retry in 100ms: exit code 9\n"])?;
    Ok(())
}

#[test]
fn every_claim_of_a_step_can_be_read_by_itself() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "flaky.yaml",
        "name: flaky\nsteps:\n  - id: a\n    run: |\n      [ -f seen ] && echo second && exit 0\n      touch seen; echo first; printf half; \
         echo why >&2; exit 3\n    working_dir: .\n    retry_policy: {limit: 1, interval_sec: 0}\n  - {id: b, run: echo behind, \
         depends: a}\n",
    )?;
    home.run(["start", "flaky.yaml"])?.expect_code(0)?;
    let printed = |args: &[&str]| -> Result<String> {
        let ended = home.run([&["logs", "flaky"], args].concat())?;
        ended.expect_code(0)?;
        Ok(ended.stdout)
    };
    ensure!(printed(&["a"])? == "second\n", "the last claim alone");
    let tries = printed(&["a", "--all"])?;
    ensure!(tries == "==> a, claim 1 <==\nfirst\nhalf\n==> a, claim 2 <==\nsecond\n", "{tries}");
    let all = printed(&["--all"])?;
    let of_a = "==> a, claim 1 <==\na | first\na | half\n==> a, claim 2 <==\na | second\n";
    ensure!(all == format!("{of_a}==> b, claim 1 <==\nb | behind\n"), "{all}");
    let errors = printed(&["a", "--all", "--stderr"])?;
    ensure!(errors == "==> a, claim 1 <==\nwhy\n", "{errors}");
    Ok(())
}

#[test]
fn who_follows_a_step_misses_nothing_of_a_try_that_was_over_between_two_looks() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "often.yaml",
        "name: often\nsteps:\n  - id: a\n    run: |\n      [ -f go ] || echo begun\n      until [ -f go ]; do sleep 0.02; done\n      echo x >> tries; \
         echo try $(wc -l < tries); [ $(wc -l < tries) = 9 ]\n    working_dir: .\n    retry_policy: {limit: 9, interval_sec: 0}\n",
    )?;
    let mut run = home.spawn(["start", "often.yaml", "--run-id", "often", "--output", "json"])?;
    run.until_shown("\"line\":\"begun\"")?;
    let mut follower = home.spawn(["logs", "often", "a", "-f"])?;
    follower.until_shown("begun\n")?;
    home.write("go", "")?;
    run.wait()?.expect_code(0)?;
    let ended = follower.wait()?;
    ended.expect_code(0)?;
    let all: String = (1..=9).map(|number| format!("try {number}\n")).collect();
    ensure!(ended.stdout == format!("begun\n{all}"), "{}", ended.stdout);
    Ok(())
}
