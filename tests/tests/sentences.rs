//! Whole sentences of what people meet: values that are none, files that are too large, answers that name too little.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use anyhow::{Context as _, Result, ensure};
use pintle_tests::Home;

const OK: &str = "steps:\n  - id: a\n    run: echo fine\n";

/// A document that is refused with this sentence.
fn refused(yaml: &str, sentence: &str) -> Result<()> {
    let home = Home::new()?;
    home.write("flow.yaml", yaml)?;
    home.run(["validate", "flow.yaml"])?.expect_message(1, &[sentence])?;
    Ok(())
}

/// A step that fails with this sentence.
fn fails(step: &str, sentence: &str) -> Result<()> {
    let home = Home::new()?;
    let ended = home.start(&format!("steps:\n  - id: bad\n{step}\n"))?;
    ended.expect_message(1, &[&format!("bad failed: {sentence}\n")])?;
    Ok(())
}

#[test]
fn times_that_are_none() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml"])?.expect_code(0)?;
    for (args, sentence) in [
        (["history", "--last", "soon"].as_slice(), "`--last soon` is not a span; use 30m, 12h or 7d"),
        (&["history", "--from", "soon"], "`--from soon` is not a time; use 2026-11-01 or 2026-11-01T08:00:00Z"),
        (
            &["scheduler", "preview", "ok.yaml", "--from", "1969-01-01"],
            "`--from 1969-01-01` is not a time since 1970; use 2026-03-28, 2026-03-28T08:00 or 2026-03-28T08:00:00Z",
        ),
    ] {
        home.run(args)?.expect_message(2, &[sentence])?;
    }
    Ok(())
}

#[test]
fn settings_that_are_no_text() -> Result<()> {
    let home = Home::new()?;
    let mut command = home.command(["config"]);
    command.env("PINTLE_SLOTS", OsStr::from_bytes(b"\xff"));
    home.command_wait(command)?.expect_message(2, &["$PINTLE_SLOTS: `slots` is not valid UTF-8; use text"])?;
    std::fs::create_dir_all(home.data())?;
    let file = home.data().join("pintle.toml");
    std::fs::write(&file, b"slots = \xff\n")?;
    let sentence = format!("settings file `{}` cannot be read; make it readable text", file.display());
    home.run(["config"])?.expect_message(1, &[&sentence])?;
    std::fs::write(&file, "sandbox = 3\n")?;
    home.run(["config"])?.expect_message(2, &["pintle.toml:1: `sandbox` must be", ", not a number"])?;
    Ok(())
}

#[test]
fn a_machine_without_a_shell_computes_no_parameter() -> Result<()> {
    let home = Home::new()?;
    home.write("dag.yaml", "params: [{name: day, eval: $(date)}]\nsteps: [{action: noop}]\n")?;
    let mut command = home.command(["start", "dag.yaml"]);
    command.env("PATH", "/no/such/directory");
    let sentence = "params: eval failed for `day`, which has no default: `sh` could not be started: ";
    home.command_wait(command)?.expect_message(1, &[sentence, "give it as `day=VALUE`"])?;
    Ok(())
}

#[test]
fn files_without_end_are_read_to_their_bound() -> Result<()> {
    let home = Home::new()?;
    home.run(["validate", "/dev/zero"])?
        .expect_message(1, &["the document has more than 1048576 bytes; move data into files that its steps read"])?;
    home.write("zero.yaml", "dotenv: /dev/zero\nsteps: [{action: noop}]\n")?;
    home.run(["start", "zero.yaml"])?.expect_message(
        1,
        &["dotenv file `/dev/zero`: the file has more than 1048576 bytes; keep only variables in it"],
    )?;
    home.write("latin.env", b"A=\xe9\n")?;
    home.write("latin.yaml", "dotenv: latin.env\nsteps: [{action: noop}]\n")?;
    home.run(["start", "latin.yaml"])?.expect_message(1, &["latin.env`: it is not UTF-8 text"])?;
    home.write("none.yaml", "dotenv: none.env\nsteps: [{action: noop}]\n")?;
    let none = home.path("none.env");
    home.run(["start", "none.yaml"])?
        .expect_code(0)?
        .expect_said(&[&format!("dotenv file `{}` is not there; it sets nothing", none.display())])?;
    Ok(())
}

#[test]
fn an_answer_to_two_that_ask_names_neither() -> Result<()> {
    let home = Home::new()?;
    home.write("two.yaml", "steps:\n  - {id: a, action: human.task, with: {prompt: one}}\n  - {id: b, action: human.task, with: {prompt: two}}\n")?;
    home.run(["start", "two.yaml", "-r", "mine"])?.expect_code(0)?;
    home.run(["human-task", "complete", "mine"])?.expect_message(2, &["2 steps of run mine ask: name one of a, b"])?;
    Ok(())
}

#[test]
fn a_run_without_artifacts_and_one_that_is_stopped_twice() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "done"])?.expect_code(0)?;
    home.run(["artifacts", "done"])?.expect_code(0)?.expect_said(&["the run done left no artifacts"])?;
    let yaml = "max_clean_up_time_sec: 60\nsteps:\n  - id: a\n    run: |\n      trap '' TERM\n      echo deaf\n      \
                while true; do sleep 0.05; done\n";
    let dag = home.write("deaf.yaml", yaml)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "deaf"])?;
    live.until_shown("deaf")?;
    home.run(["stop", "deaf"])?.expect_code(0)?.expect_printed(&["run deaf is being stopped\n"])?;
    home.run(["stop", "deaf"])?
        .expect_code(0)?
        .expect_printed(&["run deaf is being stopped already: `pintle stop deaf --now` kills its steps\n"])?;
    home.run(["stop", "deaf", "--now"])?.expect_code(0)?;
    ensure!(live.wait()?.code() != 0, "a stopped run succeeded");
    Ok(())
}

#[test]
fn bounds_of_a_document_are_named() -> Result<()> {
    let list = |count: usize, item: &str| vec![item; count].join(", ");
    let numbered = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(", ");
    let mut outputs = String::from("steps:\n  - output:\n");
    for n in 0..1001 {
        writeln!(outputs, "      k{n}: 1")?;
    }
    refused(&outputs, "a step has 1001 outputs here and may have 1000; put them into one object")?;
    let matches = list(501, "{condition: x, expected: 're:a'}");
    refused(
        &format!("steps: [{{action: noop, preconditions: [{matches}]}}]"),
        "a DAG may have 500 regular expressions; use fewer",
    )?;
    let fields = numbered(101, &|n| format!("f{n}: {{type: string}}"));
    refused(
        &format!("steps: [{{id: a, action: human.task, with: {{prompt: p, form: {{properties: {{{fields}}}}}}}}}]"),
        "a form may have 100 properties; ask in several tasks",
    )?;
    let select = format!(".{}", " ".repeat(16 * 1024));
    refused(
        &format!("steps: [{{run: x, output: {{a: {{from: stdout, decode: json, select: '{select}'}}}}}}]"),
        "has 16385 bytes and may have 16384; use a `jq.filter` step",
    )?;
    let labels = numbered(101, &|n| format!("l{n}"));
    refused(
        &format!("labels: [{labels}]\nsteps: [{{action: noop}}]"),
        "a DAG has 101 labels and may have 100; keep the useful ones",
    )?;
    // Each alias stands for the whole text.
    let aliases = list(100, "*t");
    refused(
        &format!("env: {{A: &t '{}'}}\nsteps: [{{action: noop}}]\nparams: [{aliases}]\n", "x".repeat(100_000)),
        "the document's text is longer than 8388608 bytes, with aliases counted as what they stand for; repeat less \
         through `*aliases`",
    )?;
    refused("steps: [{run: x, stderr: {}}]", "`stderr` is empty; write the path of a file, or `artifact:`")?;
    let inputs = numbered(101, &|n| format!("I{n}"));
    refused(
        &format!("steps: [{{id: a, run: x, approval: {{input: [{inputs}]}}}}]"),
        "an approval may have 100 inputs; give a file instead",
    )?;
    Ok(())
}

#[test]
fn words_and_forms_that_a_field_does_not_take_say_what_it_takes() -> Result<()> {
    for (yaml, sentence) in [
        (
            "worker_selector: gpu\nsteps: [{run: x}]",
            "`worker_selector` does not know `gpu`; use `local`, or a map of labels such as `gpu: a100`",
        ),
        (
            "schedule: [{kind: weekly, expression: '0 9 * * *'}]\nsteps: [{run: x}]",
            "`weekly` is not a kind of schedule; use `cron` or `at`",
        ),
        (
            "steps: [{run: x, output: {a: {from: stdout, decode: binary}}}]",
            "`binary` is not a way to decode an output; use `text`, `json` or `yaml`",
        ),
        (
            "steps: [{run: x, approval: [a]}]",
            "`approval` must be a map such as `{prompt: \"Is this good?\"}`, not a list",
        ),
        ("steps: [{foreach: [a]}]", "`foreach` must be a map such as `{items: [a, b], steps: [...]}`, not a list"),
        (
            "steps: [{run: x, stdout: {outputs: {fields: [a]}}}]",
            "`fields` must be a map such as `count: {decode: json, select: .count}`, not a list",
        ),
        (
            "steps: [{run: x, stdout: {outputs: {fields: {a: {path: p}}}}}]",
            "`path` belongs to `output:` with `from: file`; here standard output is read",
        ),
    ] {
        refused(yaml, sentence)?;
    }
    Ok(())
}

#[test]
fn references_to_what_is_not_there_say_what_is() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "item.yaml",
        "steps:\n  - foreach: {items: [1], steps: [{run: 'echo ${foreach.itm}'}]}\n  - {id: a, run: 'true'}\n  - {depends: a, \
         run: 'echo ${a.code}'}\n",
    )?;
    home.run(["validate", "item.yaml"])?.expect_code(0)?.expect_said(&[
        "the `foreach` here has no `itm`; it has `index`, `key` and `item`",
        "a step has no `code`; it has `stdout`, `stderr`, `exit_code` and `outputs`",
    ])?;
    Ok(())
}

#[test]
fn commands_and_signals_that_are_none() -> Result<()> {
    fails(
        "    action: exec\n    with: {command: \"a\\0b\"}",
        "the command of `a\u{fffd}b` holds a NUL character; remove it",
    )
    .or_else(|_| {
        fails(
            "    action: exec\n    with: {command: 'true', args: [\"a\\0b\"]}",
            "the command of `true` holds a NUL character; remove it",
        )
    })?;
    fails(
        "    action: exec\n    with: {command: 'true', stop_signal: SIGNO}",
        "`SIGNO` is not a signal; use one such as SIGTERM or SIGINT",
    )?;
    fails("    action: exec\n    with: {command: ''}", "`with.command` is empty: name the program to run")
}

#[test]
fn outputs_that_are_too_long() -> Result<()> {
    let home = Home::new()?;
    let yaml = "max_output_size: 100\nsteps:\n  - id: bad\n    outputs: [{name: a}]\n    run: printf 'a=%0200d\\n' 1 >> \
                \"$PINTLE_OUTPUT_FILE\"\n";
    home.start(yaml)?.expect_message(
        1,
        &["bad failed: the step's output file is longer than 100 bytes; raise max_output_size, or write less\n"],
    )?;
    let yaml = "max_output_size: 100\nsteps:\n  - {id: bad, action: dag.run, with: {dag: below}}\n---\nname: below\nsteps:\n  \
                - {id: a, output: {x: 'oooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo'}}\n";
    let ended = home.start(yaml)?;
    ended.expect_message(
        1,
        &["bad failed: its children left ", " bytes of outputs and at most 100 are kept; write files\n"],
    )?;
    Ok(())
}

#[test]
fn children_that_take_too_long_and_children_that_fail() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: bad, timeout_sec: 0.3, action: dag.run, with: {dag: below}}\n---\nname: below\nsteps:\n  - \
                run: sleep 60\n";
    home.start(yaml)?.expect_message(1, &["bad failed: its children took longer than timeout_sec (300ms)\n"])?;
    let yaml = "steps:\n  - {id: bad, action: dag.run, with: {dag: below}}\n---\nname: below\nsteps:\n  - {id: a, run: exit 3}\n";
    let ended = home.start(yaml)?;
    ended.expect_message(1, &["bad failed: run ", " of `below`: "])?;
    let yaml = "params: [{name: v, default: x}]\nsteps:\n  - {id: bad, action: dag.enqueue, with: {dag: below, params: \
                'n=${params.v}'}}\n---\nname: below\nparams: [{name: n, type: integer}]\nsteps: [{action: noop}]\n";
    let refused = "the value `x` of the parameter `n` is refused: it must be a whole number";
    home.start(yaml)?.expect_message(1, &["bad failed: a run of `below` was not queued: ", refused])?;
    Ok(())
}

#[test]
fn programs_of_wasi_run_that_are_none() -> Result<()> {
    fails("    action: wasi.run\n    with: {path: ''}", "wasi.run: `path` is empty; give the .wasm file")?;
    fails("    action: wasi.run\n    with: {path: /usr}", "wasi.run: `/usr` is not a file")?;
    let home = Home::new()?;
    let large = home.path("large.wasm");
    std::fs::File::create(&large)?.set_len(1 << 30).context("a sparse file")?;
    let ended =
        home.start(&format!("steps: [{{id: bad, action: wasi.run, with: {{path: '{}'}}}}]\n", large.display()))?;
    ended.expect_message(
        1,
        &[&format!("wasi.run: `{}` has 1073741824 bytes; at most ", large.display()), " are read"],
    )?;
    Ok(())
}

#[test]
fn answers_that_nobody_waits_for_name_the_run() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "mine"])?.expect_code(0)?;
    home.run(["human-task", "complete", "mine"])?.expect_message(
        1,
        &["run mine is succeeded and no step of it asks anything: `pintle human-task list` shows what is asked"],
    )?;
    home.run(["human-task", "complete", "mine", "zz"])?.expect_message(2, &["run mine has no step `zz`; none asks"])?;
    Ok(())
}

#[test]
fn artifacts_that_cannot_be_listed_or_printed_are_named() -> Result<()> {
    let home = Home::new()?;
    home.write(
        "kept.yaml",
        "artifacts: {dir: kept}\nsteps: [{id: s, run: echo hello, stdout: {artifact: said.txt}}]\n",
    )?;
    home.run(["start", "kept.yaml", "-r", "mine"])?.expect_code(0)?;
    let mut command = home.command(["artifacts", "mine", "said.txt"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full")?);
    home.command_wait(command)?
        .expect_message(1, &["the artifact `said.txt` cannot be printed: No space left on device"])?;
    let listed = home.run(["artifacts", "mine"])?;
    let dir = listed.stderr.lines().find_map(|line| line.strip_prefix("in ")).context("a directory")?;
    std::fs::remove_dir_all(dir)?;
    std::fs::write(dir, "")?;
    let sentence = format!("the artifacts in `{dir}` cannot be listed: Not a directory");
    home.run(["artifacts", "mine"])?.expect_message(1, &[&sentence])?;
    Ok(())
}

#[test]
fn steps_that_run_dags_have_no_log_of_their_own() -> Result<()> {
    let home = Home::new()?;
    let yaml = "steps:\n  - {id: runs, action: dag.run, with: {dag: below}}\n  - {id: queues, action: dag.enqueue, with: \
                {dag: below}}\n---\nname: below\nsteps: [{action: noop}]\n";
    home.write("dag.yaml", yaml)?;
    home.run(["start", "dag.yaml", "-r", "mine"])?.expect_code(0)?;
    home.run(["logs", "mine", "runs"])?
        .expect_code(0)?
        .expect_said(&["the step's runs have logs of their own: `pintle status mine` lists them"])?;
    home.run(["logs", "mine", "queues"])?
        .expect_code(0)?
        .expect_said(&["what a step queues are runs of their own: `pintle history` lists them"])?;
    Ok(())
}

#[test]
fn files_that_a_dag_is_read_with_are_named() -> Result<()> {
    let home = Home::new()?;
    home.write("call.yaml", "steps: [{action: dag.run, with: {dag: nowhere}}]\n")?;
    home.run(["start", "call.yaml"])?.expect_message(
        1,
        &["a step runs the DAG `nowhere`, which is no document of its file, and `", "` has no `nowhere.yaml`"],
    )?;
    home.write("bytes.yaml", "params: [{name: day, eval: \"$(printf '\\\\377')\"}]\nsteps: [{action: noop}]\n")?;
    home.run(["start", "bytes.yaml"])?.expect_message(1, &["`day`", "its command printed what is not UTF-8"])?;
    let base = home.data().join("base.yaml");
    std::fs::create_dir_all(&base)?;
    home.write("ok.yaml", OK)?;
    let sentence = format!("cannot read `{}`, which has what all DAGs have in common: Is a directory", base.display());
    home.run(["validate", "ok.yaml"])?.expect_message(1, &[&sentence])?;
    Ok(())
}

#[test]
fn a_run_that_cannot_be_taken_out_of_the_queue_stays_in_it() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["enqueue", "ok.yaml", "-r", "mine"])?.expect_code(0)?;
    // Another key of the same length; the file's mode stays.
    std::fs::write(home.data().join("key"), [7; 32])?;
    home.run(["start", "--queued"])?.expect_code(1)?.expect_said(&[
        "run mine of `ok` stays in the queue: run mine: what the run remembers of its submission cannot be opened",
    ])?;
    Ok(())
}
