//! `pintle start`: what runs, in which order, with which values, and how it ends.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pintle_tests::{Home, Lines, wait};

fn started(lines: &Lines) -> Vec<String> {
    lines.steps("step_claimed")
}

#[test]
fn steps_run_in_the_order_of_their_dependencies() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: d, run: 'true', depends: [b, c]}\n  - {id: b, run: 'true', depends: a}\n  \
                - {id: c, run: 'true', depends: a}\n  - {id: a, run: 'true'}\n";
    let lines = home.start_json(yaml, 0)?;
    let order = started(&lines);
    ensure!(order.first().is_some_and(|s| s == "a") && order.last().is_some_and(|s| s == "d"), "{order:?}");
    lines.result()?.expect(&[("a", "succeeded"), ("b", "succeeded"), ("c", "succeeded"), ("d", "succeeded")])?;
    Ok(())
}

#[test]
fn steps_without_order_run_side_by_side_up_to_the_bound() -> Result<()> {
    // Each waits for all four files: they can only end if they run at once.
    let home = Home::new()?;
    let dir = home.path("");
    let step = |n: usize| {
        format!(
            "  - id: s{n}\n    run: touch {0}here-{n}; until [ -e {0}here-0 ] && [ -e {0}here-1 ] && [ -e {0}here-2 ] && [ -e {0}here-3 ]; \
             do sleep 0.01; done\n    timeout_sec: 30\n",
            dir.display()
        )
    };
    let steps: String = (0..4).map(step).collect();
    home.start_json(&format!("steps:\n{steps}"), 0)?;
    // With a bound of two, never more than two are between claim and end.
    let lines = home.start_json(
        "max_active_steps: 2\nsteps:\n  - run: sleep 0.1\n  - run: sleep 0.1\n  - run: sleep 0.1\n  - run: sleep 0.1\n",
        0,
    )?;
    let (mut active, mut most) = (0i32, 0);
    for line in &lines.0 {
        match line["event"].as_str() {
            Some("step_claimed") => active += 1,
            Some("step_ended") => active -= 1,
            _ => {}
        }
        most = most.max(active);
    }
    ensure!(most == 2, "at most {most} steps ran at once");
    Ok(())
}

#[test]
fn every_end_has_its_status_and_exit_code() -> Result<()> {
    let table = [
        ("steps:\n  - run: 'true'\n", 0, "succeeded"),
        ("steps:\n  - run: exit 3\n", 1, "failed"),
        ("steps:\n  - run: exit 3\n    continue_on: failed\n  - run: 'true'\n", 1, "partially_succeeded"),
        ("steps:\n  - run: exit 3\n    continue_on: {failure: true, mark_success: true}\n", 0, "succeeded"),
        ("steps:\n  - run: exit 3\n    continue_on: {exit_code: [3], mark_success: true}\n", 0, "succeeded"),
        ("steps:\n  - run: exit 4\n    continue_on: {exit_code: [3], mark_success: true}\n", 1, "failed"),
        (
            "steps:\n  - run: echo known trouble; exit 4\n    continue_on: {output: ['re:known .*'], mark_success: true}\n",
            0,
            "succeeded",
        ),
        ("preconditions: [{condition: a, expected: b}]\nsteps:\n  - run: 'true'\n", 0, "aborted"),
        ("handler_on: {success: {run: exit 1}}\nsteps:\n  - run: 'true'\n", 1, "failed"),
        ("handler_on: {init: {run: exit 1}}\nsteps:\n  - run: 'true'\n", 1, "failed"),
        ("timeout_sec: 0.3\nsteps:\n  - run: sleep 60\n", 1, "aborted"),
        ("steps:\n  - run: kill -9 $$\n", 1, "failed"),
    ];
    for (yaml, code, status) in table {
        let home = Home::new()?;
        let lines = home.start_json(yaml, code).with_context(|| yaml.to_owned())?;
        ensure!(lines.result()?.status() == status, "{} instead of {status}:\n{yaml}", lines.result()?.status());
    }
    Ok(())
}

#[test]
fn what_is_behind_a_failure_is_aborted_and_what_is_beside_it_is_not() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: bad, run: exit 1}\n  - {id: behind, run: 'true', depends: bad}\n  \
                - {id: further, run: 'true', depends: behind}\n  - {id: beside, run: 'true'}\n";
    let lines = home.start_json(yaml, 1)?;
    lines.result()?.expect(&[
        ("bad", "failed"),
        ("behind", "aborted"),
        ("further", "aborted"),
        ("beside", "succeeded"),
    ])?;
    ensure!(started(&lines).len() == 2, "{:?}", started(&lines));
    Ok(())
}

#[test]
fn outputs_go_to_the_steps_behind_and_to_no_other() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
steps:
  - id: a
    run: |
      echo "  printed  "
      printf 'x=1 2\nlong<<END\nfirst\nsecond\nEND\nj={"k": [true]}\n' >> "$PINTLE_OUTPUT_FILE"
    output: PRINTED
    outputs: [{name: x}, {name: long}, {name: j, type: json}]
  - id: b
    depends: a
    run: |
      echo "[$PRINTED][${steps.a.outputs.x}]"'[${steps.a.outputs.j}]'
      echo "${steps.a.outputs.long}"
  - id: dagus
    run: echo "y=2" >> "$DAGU_OUTPUT_FILE"
    outputs: [{name: y}]
  - id: far
    depends: b
    action: jq.filter
    with: {filter: .k, data: "${steps.a.outputs.j}"}
  - id: other
    run: echo "[${PRINTED:-none}]"
"#;
    let lines = home.start_json(yaml, 0)?;
    ensure!(
        lines.printed("b", "stdout") == ["[printed][1 2][{\"k\":[true]}]", "first", "second"],
        "{:?}",
        lines.printed("b", "stdout")
    );
    ensure!(lines.printed("far", "stdout") == ["[true]"], "{:?}", lines.printed("far", "stdout"));
    ensure!(lines.printed("other", "stdout") == ["[none]"], "{:?}", lines.printed("other", "stdout"));
    Ok(())
}

#[test]
fn a_later_layer_of_the_environment_wins() -> Result<()> {
    let home = Home::new()?.with_env("LC_TEST", "process").with_env("SECRET_TOKEN", "leak");
    home.write(".env", "D=dotenv\nE=dotenv\nP=dotenv\n")?;
    let yaml = r#"
params: [{name: P, default: param}, {name: Q, default: param}]
env:
  - LC_TEST: dag
  - D: dag
  - S: dag
  - Q: dag
  - REF: "${D}-${S}"
steps:
  - id: a
    run: echo output
    output: S
  - id: show
    depends: a
    env: [{E: step}]
    run: echo "$LC_TEST $D $E $S $P $Q $REF [${SECRET_TOKEN:-none}] $DAG_RUN_ID $DAG_NAME"
"#;
    let lines = home.start_json(yaml, 0)?;
    let run = lines.result()?.run().to_owned();
    let wanted = format!("dag dotenv step output dotenv dag dag-dag [none] {run} dag");
    ensure!(
        lines.printed("show", "stdout") == [wanted.clone()],
        "{:?} instead of {wanted}",
        lines.printed("show", "stdout")
    );
    Ok(())
}

#[test]
fn a_step_is_told_what_it_is_part_of() -> Result<()> {
    let home = Home::new()?.with_env("USER", "ada");
    home.write(
        "told.yaml",
        r#"
env: {KEPT: "1"}
handler_on:
  init: {run: "echo $DAG_RUN_STATUS ${context.run.status}"}
steps:
  - {id: own, run: "echo ${context.trigger.type} ${context.trigger.actor} ${context.attempt.started_at} ${run.started_at}"}
  - id: file
    depends: own
    env: {DAG_RUN_STEP_NAME: mine}
    outputs: [{name: a}]
    run: |
      echo a=1 >> ${context.paths.step_output_file}
      echo $DAG_RUN_STEP_NAME $PINTLE_ATTEMPT ${#PINTLE_OPERATION_KEY}
  - {id: below, depends: file, action: dag.run, with: {dag: child}}
  - {id: each, depends: below, foreach: {items: [x], as: it, steps: [{run: "echo ${foreach.item} ${foreach.it} ${context.trigger.type}"}]}}
---
name: child
steps: [{id: c, run: "echo ${context.trigger.type} ${context.trigger.actor}"}]
"#,
    )?;
    let ended = home.run(["start", "told.yaml"])?;
    ended.expect_code(0)?.expect_printed(&[
        "on_init | running running",
        "own | manual ada 20",
        "file | mine 1 64",
        "below/c | subdag ada",
        "| x x manual",
    ])?;
    let own = home.logs("latest", "own")?;
    let words: Vec<&str> = own.split_whitespace().collect();
    ensure!(words.get(2) == words.get(3) && words.get(2).is_some_and(|at| at.ends_with('Z')), "{own}");
    Ok(())
}

#[test]
fn references_that_lead_nowhere_stay_as_they_are() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: a\n    action: template.render\n    with: {template: 'a ${params.none} $NONE \\${params.x}'}\n";
    let lines = home.start_json(yaml, 0)?;
    ensure!(
        lines.printed("a", "stdout") == ["a ${params.none} $NONE ${params.x}"],
        "{:?}",
        lines.printed("a", "stdout")
    );
    Ok(())
}

#[test]
fn directories_are_the_runs_the_dags_or_the_steps() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.path("sub/deep"))?;
    let own = home.start_json(
        "steps:\n  - {id: a, run: 'pwd; touch left'}\n  - {id: b, depends: a, run: 'ls; echo \"$DAG_RUN_WORK_DIR\"'}\n",
        0,
    )?;
    let pwd = own.printed("a", "stdout");
    let told = own.printed("b", "stdout");
    ensure!(told == ["left".to_owned(), pwd.first().cloned().unwrap_or_default()], "{pwd:?} {told:?}");
    ensure!(Path::new(&pwd.concat()).starts_with(home.data().canonicalize()?), "{pwd:?}");
    let lines = home
        .start_json("working_dir: sub\nsteps:\n  - {id: a, run: pwd}\n  - {id: b, run: pwd, working_dir: deep}\n", 0)?;
    let alone = home.start_json("steps:\n  - {id: c, run: pwd, working_dir: sub/deep}\n", 0)?;
    let sub = home.path("sub").canonicalize()?;
    let deep = [sub.join("deep").display().to_string()];
    ensure!(alone.printed("c", "stdout") == deep, "{:?}", alone.printed("c", "stdout"));
    ensure!(lines.printed("a", "stdout") == [sub.display().to_string()], "{:?}", lines.printed("a", "stdout"));
    ensure!(lines.printed("b", "stdout") == deep, "{:?}", lines.printed("b", "stdout"));
    Ok(())
}

#[test]
fn every_form_of_run_runs() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
steps:
  - id: line
    run: echo one && echo two
  - id: list
    run: [echo three, 'exit 5', echo never]
    continue_on: failed
  - id: script
    run: |
      #!/bin/sh
      echo "by $0" | sed 's/.*/script/'
      false
      echo "on"
  - id: strict
    run: |
      false
      echo never
    continue_on: failed
  - id: argv
    action: exec
    with: {command: printf, args: ['%s|%s', 'a b', 7]}
  - id: shell
    run: echo "$0"
    with: {shell: /bin/sh}
  - id: nothing
    action: noop
  - id: said
    action: log.write
    with: {message: a line}
"#;
    let lines = home.start_json(yaml, 1)?;
    lines.result()?.expect(&[
        ("list", "failed"),
        ("strict", "failed"),
        ("nothing", "succeeded"),
        ("said", "succeeded"),
    ])?;
    for (step, wanted) in [
        ("line", vec!["one", "two"]),
        ("list", vec!["three"]),
        ("script", vec!["script", "on"]),
        ("strict", vec![]),
        ("argv", vec!["a b|7"]),
        ("said", vec!["a line"]),
    ] {
        let mut printed = lines.printed(step, "stdout");
        printed.extend(lines.printed(step, "stderr"));
        ensure!(printed == wanted, "{step} printed {printed:?} instead of {wanted:?}");
    }
    ensure!(lines.result()?.step("list")?.exit_code == Some(5));
    Ok(())
}

#[test]
fn preconditions_skip_steps_and_what_needs_them() -> Result<()> {
    let home = Home::new()?.with_env("LC_WHICH", "left");
    let yaml = r#"
steps:
  - {id: met, run: 'true', preconditions: [{condition: "$LC_WHICH", expected: left}, 'test -d /']}
  - {id: by_eval, run: 'true', preconditions: [{eval: '$(echo yes)', expected: 're:^y'}]}
  - {id: negated, run: 'true', preconditions: [{condition: "$LC_WHICH", expected: right, negate: true}]}
  - {id: unmet, run: 'true', preconditions: ['test -e /no/such']}
  - {id: behind, run: 'true', depends: unmet}
  - {id: allowed, run: 'true', preconditions: ['false'], continue_on: skipped}
  - {id: goes_on, run: 'true', depends: allowed}
"#;
    let lines = home.start_json(yaml, 0)?;
    lines.result()?.expect(&[
        ("met", "succeeded"),
        ("by_eval", "succeeded"),
        ("negated", "succeeded"),
        ("unmet", "skipped"),
        ("behind", "skipped"),
        ("allowed", "skipped"),
        ("goes_on", "succeeded"),
    ])?;
    Ok(())
}

#[test]
fn a_failure_is_tried_again_as_often_as_it_says_and_waits_in_between() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: a\n    run: echo x >> tries; test $(wc -l < tries) -ge 3\n    \
                retry_policy: {limit: 5, interval_sec: 0.2, backoff: 2}\n  - id: b\n    run: echo x >> never; exit 9\n    \
                retry_policy: {limit: 5, interval_sec: 0.1, exit_code: [8]}\n  - id: c\n    run: exit 9\n    \
                retry_policy: {limit: 2, interval_sec: 0.01}\n";
    let begun = Instant::now();
    let lines = home.start_json(yaml, 1)?;
    ensure!(begun.elapsed() >= Duration::from_millis(600), "the waits of 200 and 400 ms took {:?}", begun.elapsed());
    let shown = lines.result()?;
    shown.expect(&[("a", "succeeded"), ("b", "failed"), ("c", "failed")])?;
    let tries = ["a", "b", "c"].map(|step| started(&lines).iter().filter(|name| *name == step).count());
    ensure!(tries == [3, 1, 3], "{tries:?}");
    ensure!(shown.step("a")?.attempt == 3, "{}", shown.0);
    Ok(())
}

#[test]
fn a_step_repeats_while_or_until() -> Result<()> {
    let home = Home::new()?;
    let yaml = r#"
steps:
  - id: loop
    run: echo x >> loop; wc -l < loop | tr -d ' '
    repeat_policy: {repeat: while, condition: 'test $(wc -l < loop) -lt 4', interval_sec: 0.01}
  - id: till
    run: echo x >> till; wc -l < till | tr -d ' '
    output: N
    repeat_policy: {repeat: until, eval: '$(wc -l < till | tr -d " ")', expected: "3", interval_sec: 0.01, limit: 10}
  - id: bound
    run: echo x
    repeat_policy: {repeat: true, interval_sec: 0.01, limit: 2}
"#;
    let lines = home.start_json(yaml, 0)?;
    let runs = ["loop", "till", "bound"].map(|step| started(&lines).iter().filter(|name| *name == step).count());
    ensure!(runs == [4, 3, 2], "{runs:?}");
    Ok(())
}

#[test]
fn a_step_that_takes_too_long_ends_with_124_and_leaves_nothing_behind() -> Result<()> {
    let home = Home::new()?;
    let yaml = format!(
        "max_clean_up_time_sec: 1\nsteps:\n  - id: slow\n    run: |\n      sleep 300 & echo $! > {0}\n      trap '' TERM\n      \
         echo $$ >> {0}; wait; sleep 300\n    timeout_sec: 0.3\n    retry_policy: {{limit: 3, interval_sec: 0.01}}\n",
        home.path("pids").display()
    );
    let begun = Instant::now();
    let lines = home.start_json(&yaml, 1)?;
    ensure!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
    let step = lines.result()?.step("slow")?;
    ensure!(step.exit_code == Some(124) && step.attempt == 1, "{step:?}");
    for pid in home.read("pids").lines() {
        ensure!(!wait::lives(pid.parse()?), "process {pid} was left behind");
    }
    Ok(())
}

#[test]
fn handlers_run_in_their_order_and_see_the_status() -> Result<()> {
    let handlers = "handler_on:\n  init: {run: 'echo init'}\n  success: {run: 'echo success $DAG_RUN_STATUS'}\n  \
                    failure: {run: 'echo failure $DAG_RUN_STATUS'}\n  abort: {run: 'echo abort'}\n  \
                    exit: {run: 'echo exit $DAG_RUN_STATUS'}\n";
    for (step, code, wanted) in [
        ("echo step", 0, ["init", "step", "success succeeded", "exit succeeded"]),
        ("echo step; exit 1", 1, ["init", "step", "failure failed", "exit failed"]),
    ] {
        let home = Home::new()?;
        let lines = home.start_json(&format!("{handlers}steps:\n  - {{id: a, run: '{step}'}}\n"), code)?;
        let printed: Vec<&str> = lines.of("output").filter_map(|line| line["line"].as_str()).collect();
        ensure!(printed == wanted, "{printed:?} instead of {wanted:?}");
    }
    Ok(())
}

#[test]
fn a_run_in_a_pipe_is_told_in_lines() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - id: extract\n    run: echo 3 rows; echo careful >&2\n  - id: load\n    depends: extract\n    run: exit 7\n";
    let ended = home.start(yaml)?;
    ended.expect_code(1)?;
    ensure!(ended.stdout == "extract | 3 rows\n", "{:?}", ended.stdout);
    ended.expect_said(&[
        "extract ! careful\n",
        "extract: started",
        "extract: succeeded in ",
        "load: failed in ",
        "exit code 7",
        "next: pintle retry ",
    ])?;
    ensure!(!ended.stderr.contains('\u{1b}') && !ended.stdout.contains('\u{1b}'), "colours in a pipe");
    let quiet = home.run(["start", "dag.yaml", "-q"])?;
    ensure!(quiet.stdout.is_empty(), "--quiet printed {:?}", quiet.stdout);
    Ok(())
}

#[test]
fn json_lines_tell_everything_in_order() -> Result<()> {
    let home = Home::new()?;
    let yaml = "params: [{name: who, default: you}]\nsteps:\n  - {id: a, run: 'echo \"a \\\"${params.who}\\\"\"; echo b >&2'}\n  \
                - {id: b, depends: a, run: 'true'}\n";
    let lines = home.start_json(yaml, 0)?;
    let kinds: Vec<&str> = lines.0.iter().filter_map(|line| line["event"].as_str()).collect();
    ensure!(kinds.first() == Some(&"started") && kinds.last() == Some(&"result"), "{kinds:?}");
    ensure!(lines.steps("step_claimed") == ["a", "b"] && lines.steps("step_ended") == ["a", "b"], "{kinds:?}");
    ensure!(lines.printed("a", "stdout") == ["a \"you\""] && lines.printed("a", "stderr") == ["b"], "{kinds:?}");
    let output = kinds.iter().position(|kind| *kind == "output");
    let ended = kinds.iter().position(|kind| *kind == "step_ended");
    ensure!(output < ended, "a step ended before what it printed: {kinds:?}");
    let mut times: Vec<&str> = lines.0.iter().filter_map(|line| line["at"].as_str()).collect();
    let told = times.clone();
    times.sort_unstable();
    ensure!(times == told, "events go back in time: {told:?}");
    ensure!(lines.of("step_claimed").all(|line| line["fence"].is_u64() && line["attempt"] == 1), "{:?}", lines.0);
    let run = lines.result()?.run().to_owned();
    let mut status = home.status(&run)?.0;
    ensure!(status["params"]["who"] == "you", "{status}");
    let mut result = lines.result()?.0;
    for key in ["event", "params", "source", "pid"] {
        for object in [&mut status, &mut result] {
            if let Some(object) = object.as_object_mut() {
                object.remove(key);
            }
        }
    }
    ensure!(status == result, "status says {status}, the run said {result}");
    Ok(())
}

#[test]
fn streams_go_to_files_where_a_step_says_so() -> Result<()> {
    let home = Home::new()?;
    let yaml = "working_dir: .\nsteps:\n  - id: a\n    run: echo out; echo err >&2\n    stdout: out.txt\n    stderr: err.txt\n";
    home.start_json(yaml, 0)?;
    ensure!(
        home.read("out.txt") == "out\n" && home.read("err.txt") == "err\n",
        "{:?} {:?}",
        home.read("out.txt"),
        home.read("err.txt")
    );
    ensure!(home.logs("latest", "a")? == "out\n", "the log lacks what the file has");
    Ok(())
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() -> Result<()> {
    use std::process::Stdio;
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: a, run: 'seq 1 100000'}\n  - {id: b, depends: a, run: 'echo done'}\n";
    let dag = home.write("long.yaml", yaml)?.display().to_string();
    let mut child = home.command(["start", &dag, "-r", "piped"]).stderr(Stdio::null()).spawn()?;
    drop(child.stdout.take());
    wait::exit(&mut child, Instant::now() + Duration::from_secs(60))?;
    ensure!(home.status("piped")?.status() == "succeeded", "{}", home.status("piped")?.0);
    Ok(())
}

#[test]
fn no_more_steps_run_than_there_are_slots() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("fan.yaml", pintle_tests::dag::fan(8, "sleep 0.05"))?.display().to_string();
    let ended = home.run(["start", &dag, "--slots", "1", "--output", "json"])?;
    let lines = Lines::parse(&ended.expect_code(0)?.stdout)?;
    let mut active = 0i32;
    for line in &lines.0 {
        match line["event"].as_str() {
            Some("step_claimed") => active += 1,
            Some("step_ended") => active -= 1,
            _ => {}
        }
        ensure!(active <= 1, "{active} steps ran at once");
    }
    Ok(())
}

#[test]
fn a_step_lasts_as_long_as_what_it_left_in_the_background() -> Result<()> {
    let home = Home::new()?;
    let mark = home.path("mark");
    let yaml = format!(
        "steps:\n  - id: a\n    run: (sleep 0.5; touch {0}) & echo done\n  - {{id: b, depends: a, run: test -e {0}}}\n",
        mark.display()
    );
    home.start(&yaml)?.expect_code(0)?;
    let claims = std::fs::read_dir(home.data().join("claims"))?.count();
    ensure!(claims == 0, "{claims} claim files were left behind");
    Ok(())
}
