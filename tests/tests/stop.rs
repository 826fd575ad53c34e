//! How a run is stopped: by Ctrl-C, by another process, by its own time; asked first, then made to.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pintle_tests::{Home, Lines, wait};
use rustix::process::Signal;

const LONG: &str = r#"
max_clean_up_time_sec: GRACE
handler_on:
  abort: {run: echo the abort handler}
  exit: {run: echo exit $DAG_RUN_STATUS}
steps:
  - id: long
    run: |
      trap 'echo asked; TRAP' TERM
      echo ready
      while :; do sleep 0.05 || :; done
  - id: never
    depends: long
    run: echo never
"#;

fn long(grace: u32, trap: &str) -> String {
    LONG.replace("GRACE", &grace.to_string()).replace("TRAP", trap)
}

/// Starts the long DAG and waits until its step is there.
fn running(home: &Home, yaml: &str) -> Result<pintle_tests::Live> {
    let dag = home.write("long.yaml", yaml)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "long", "--output", "json"])?;
    live.until_shown("\"line\":\"ready\"")?;
    Ok(live)
}

#[test]
fn ctrl_c_asks_the_steps_and_runs_the_handlers() -> Result<()> {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let home = Home::new()?;
        let live = running(&home, &long(20, "exit 0"))?;
        let begun = Instant::now();
        live.signal(signal)?;
        let ended = live.wait()?;
        ended.expect_code(130)?;
        ensure!(begun.elapsed() < Duration::from_secs(5), "{signal:?} took {:?}", begun.elapsed());
        let lines = Lines::parse(&ended.stdout)?;
        let spoken = lines.of("output").filter(|line| line["channel"] == "stdout");
        let printed: Vec<&str> = spoken.filter_map(|line| line["line"].as_str()).collect();
        ensure!(printed == ["ready", "asked", "the abort handler", "exit aborted"], "{printed:?}");
        let shown = home.status("long")?;
        ensure!(shown.status() == "aborted", "{}", shown.status());
        shown.expect(&[("never", "aborted")])?;
    }
    Ok(())
}

#[test]
fn a_second_ctrl_c_does_not_wait() -> Result<()> {
    let home = Home::new()?;
    let live = running(&home, &long(60, "true"))?;
    live.signal(Signal::INT)?;
    let log = || home.run(["logs", "long", "long"]);
    wait::until("the step's answer to the first", Duration::from_secs(20), || {
        Ok(log()?.stdout.contains("asked").then_some(()))
    })?;
    let begun = Instant::now();
    live.signal(Signal::INT)?;
    live.wait()?.expect_code(130)?;
    ensure!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    home.status("long")?.expect(&[("long", "aborted")])?;
    Ok(())
}

#[test]
fn a_step_that_will_not_end_is_killed_after_the_grace() -> Result<()> {
    let home = Home::new()?;
    let live = running(&home, &long(1, "true"))?;
    let begun = Instant::now();
    live.signal(Signal::INT)?;
    live.wait()?.expect_code(130)?;
    let took = begun.elapsed();
    ensure!((Duration::from_millis(900)..Duration::from_secs(8)).contains(&took), "it took {took:?}");
    Ok(())
}

#[test]
fn another_process_stops_a_run() -> Result<()> {
    for now in [false, true] {
        let home = Home::new()?;
        let live = running(&home, &long(60, if now { "true" } else { "exit 0" }))?;
        let begun = Instant::now();
        let args: &[&str] = if now { &["stop", "long", "--now"] } else { &["stop", "long"] };
        home.run(args)?.expect_code(0)?.expect_printed(&["long"])?;
        live.wait()?.expect_code(1)?;
        ensure!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
        ensure!(home.status("long")?.status() == "aborted");
        // And on again: the next attempt is a new one.
        ensure!(home.status("long")?.0["attempt"] == 1);
    }
    Ok(())
}

#[test]
fn the_signal_that_a_step_asks_for_is_the_one_that_it_gets() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: long\n    signal_on_stop: SIGUSR1\n    run: |\n      trap 'echo usr1; exit 0' USR1\n      \
                echo ready\n      while :; do sleep 0.05 || :; done\n  - {id: never, depends: long, run: echo}\n";
    let live = running(&home, yaml)?;
    live.signal(Signal::INT)?;
    let ended = live.wait()?;
    ended.expect_code(130)?;
    ensure!(Lines::parse(&ended.stdout)?.printed("long", "stdout") == ["ready", "usr1"], "{}", ended.stdout);
    Ok(())
}

const ASKING: &str = "
handler_on:
  abort: {run: echo stopped}
  exit: {run: echo left $DAG_RUN_STATUS}
steps:
  - {id: task, action: human.task, with: {prompt: x}}
";

#[test]
fn a_run_that_nobody_runs_is_stopped_with_its_handlers() -> Result<()> {
    let home = Home::new()?;
    home.write("ask.yaml", ASKING)?;
    home.run(["start", "ask.yaml", "-r", "asks"])?.expect_code(0)?;
    let ended = home.run(["stop", "asks"])?;
    ended.expect_code(0)?.expect_printed(&["on_abort | stopped", "on_exit | left aborted"])?;
    let shown = home.status("asks")?;
    ensure!(shown.status() == "aborted", "{}", shown.status());
    shown.expect(&[("task", "aborted"), ("on_abort", "succeeded"), ("on_exit", "succeeded")])?;
    // Whoever wants it at once wants no handlers.
    home.run(["start", "ask.yaml", "-r", "now"])?.expect_code(0)?;
    home.run(["stop", "now", "--now"])?.expect_code(0)?.expect_printed(&["run now was stopped"])?;
    home.status("now")?.expect(&[("task", "aborted"), ("on_abort", "not_started"), ("on_exit", "not_started")])?;
    home.run(["stop", "now"])?.expect_message(1, &["run now is aborted: there is nothing to stop"])?;
    // And one that was killed.
    running(&home, &long(1, "exit 0"))?.kill()?;
    let ended = home.run(["stop", "long"])?;
    ended.expect_code(0)?.expect_printed(&["on_abort | the abort handler", "on_exit | exit aborted"])?;
    home.status("long")?.expect(&[("long", "aborted"), ("never", "aborted"), ("on_exit", "succeeded")])?;
    Ok(())
}

#[test]
fn a_run_whose_time_is_over_says_so() -> Result<()> {
    let home = Home::new()?;
    home.write("slow.yaml", "timeout_sec: 1\nsteps:\n  - {id: a, run: sleep 60}\n")?;
    let words = "it took longer than `timeout_sec` of the DAG (1.0s)";
    let ended = home.run(["start", "slow.yaml", "-r", "slow"])?;
    ended.expect_code(1)?.expect_said(&[&format!("slow: stopping: {words}"), &format!("({words}): 1 aborted")])?;
    ensure!(home.status("slow")?.0["stopped"] == "timed_out");
    let rows = home.run(["history", "--format", "json"])?;
    rows.expect_code(0)?.expect_printed(&[words])?;
    Ok(())
}

#[test]
fn a_second_signal_waits_for_no_lock() -> Result<()> {
    let home = Home::new()?;
    let live = running(&home, &long(60, "true"))?;
    // As another process would that stands still in the middle of a write.
    let lock = std::fs::File::options().write(true).open(home.data().join("pintle.write"))?;
    lock.lock()?;
    let begun = Instant::now();
    let teller = live.signal_until_gone(Signal::INT);
    let ended = live.wait()?;
    ensure!(teller.join().is_ok(), "the process could not be told");
    ended.expect_code(130)?.expect_said(&["run long was left and its steps were killed"])?;
    ensure!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    drop(lock);
    ensure!(["waiting", "aborted"].contains(&home.status("long")?.status()), "{}", home.status("long")?.status());
    Ok(())
}
