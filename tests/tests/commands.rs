//! The commands beside `start`.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::path::Path;

use anyhow::{Context, Result, ensure};
use pintle_tests::Home;
use serde_json::Value;

const OK: &str = "steps:\n  - {id: a, run: 'echo one; echo two >&2'}\n  - {id: b, depends: a, run: 'printf no-end'}\n";

/// A home with a run of `good` and a failed one of `bad`.
fn two_runs() -> Result<Home> {
    let home = Home::new()?;
    home.write("good.yaml", OK)?;
    home.write("bad.yaml", "params: 'X=\"a b\"'\nsteps:\n  - {id: a, run: exit 3}\n")?;
    home.run(["start", "good.yaml", "-r", "run-good"])?.expect_code(0)?;
    home.run(["start", "bad.yaml", "-r", "run-bad"])?.expect_code(1)?;
    Ok(home)
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

#[test]
fn history_has_three_formats_and_filters() -> Result<()> {
    let home = two_runs()?;
    let all = json(&home.run(["history", "--format", "json"])?.expect_code(0)?.stdout)?;
    let ids: Vec<&str> = all.as_array().into_iter().flatten().filter_map(|run| run["run"].as_str()).collect();
    ensure!(ids == ["run-bad", "run-good"], "newest first: {all}");
    let csv = home.run(["history", "--format", "csv"])?;
    let lines: Vec<&str> = csv.expect_code(0)?.stdout.lines().collect();
    ensure!(lines.len() == 3 && lines.iter().skip(1).all(|line| line.contains("run-")), "{}", csv.stdout);
    home.run(["history"])?.expect_code(0)?.expect_printed(&["STATUS", "run-good", "run-bad", "succeeded", "failed"])?;
    for (args, count) in [
        (vec!["good"], 1),
        (vec!["--status", "failed"], 1),
        (vec!["--status", "failed", "--status", "succeeded"], 2),
        (vec!["--limit", "1"], 1),
        (vec!["--last", "1h"], 2),
        (vec!["--from", "2999-01-01"], 0),
    ] {
        let ended = home.run(["history", "--format", "json"].iter().chain(&args))?;
        let found = json(&ended.expect_code(0)?.stdout)?.as_array().map(Vec::len);
        ensure!(found == Some(count), "{args:?} found {found:?} instead of {count}");
    }
    home.run(["history", "--last", "soon"])?.expect_message(2, &["soon", "7d"])?;
    home.run(["history", "--from", "soon"])?.expect_message(2, &["soon", "2026-"])?;
    Ok(())
}

#[test]
fn status_shows_a_run_and_what_to_type_next() -> Result<()> {
    let home = two_runs()?;
    home.run(["status", "run-bad"])?.expect_code(0)?.expect_printed(&[
        "bad",
        "failed",
        "exit code 3",
        "pintle retry run-bad",
    ])?;
    home.run(["status", "good"])?.expect_code(0)?.expect_printed(&["succeeded"])?;
    home.run(["status", "good.yaml"])?.expect_code(0)?.expect_printed(&["good"])?;
    let open = json(&home.run(["status", "--output", "json"])?.expect_code(0)?.stdout)?;
    ensure!(open.as_array().is_some_and(|runs| runs.len() == 1), "{open}");
    let bad = home.status("latest")?;
    ensure!(bad.run() == "run-bad" && bad.0["params"]["X"] == "a b", "{}", bad.0);
    Ok(())
}

#[test]
fn logs_show_a_step_or_all_and_either_stream() -> Result<()> {
    let home = two_runs()?;
    ensure!(home.logs("run-good", "a")? == "one\n");
    ensure!(home.logs("run-good", "b")? == "no-end");
    ensure!(home.run(["logs", "run-good", "a", "--stderr"])?.expect_code(0)?.stdout == "two\n");
    ensure!(home.run(["logs", "run-good"])?.expect_code(0)?.stdout == "a | one\nb | no-end\n");
    Ok(())
}

#[test]
fn logs_follow_a_run_to_its_end() -> Result<()> {
    let home = Home::new()?;
    let go = home.path("go");
    let yaml = format!(
        "steps:\n  - id: a\n    run: echo first; until test -e {}; do sleep 0.02; done; echo last\n",
        go.display()
    );
    let dag = home.write("long.yaml", yaml)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "long", "--output", "json"])?;
    live.until_shown("\"line\":\"first\"")?;
    let mut follower = home.spawn(["logs", "long", "a", "-f"])?;
    follower.until_shown("first\n")?;
    ensure!(follower.is_running()?, "it did not follow");
    home.write("go", "")?;
    let ended = follower.wait()?;
    ended.expect_code(0)?;
    ensure!(ended.stdout == "first\nlast\n", "{:?}", ended.stdout);
    live.wait()?.expect_code(0)?;
    Ok(())
}

#[test]
fn validate_tells_notices_and_strict_takes_them_for_faults() -> Result<()> {
    let home = Home::new()?;
    home.write("good.yaml", OK)?;
    home.write("noted.yaml", "queue: a\nsteps:\n  - run: echo ${steps.x.outputs.y}\n")?;
    let good = home.run(["validate", "good.yaml"])?;
    good.expect_code(0)?;
    ensure!(format!("{}{}", good.stdout, good.stderr).is_empty(), "{}{}", good.stdout, good.stderr);
    home.write(
        "named.yaml",
        "name: a\nsteps:\n  - {action: dag.run, with: {dag: b}}\n---\nname: b\nsteps: [{run: x}]\n",
    )?;
    home.run(["validate", "named.yaml"])?
        .expect_said(&["the entrypoint, the first of several documents, has no `name`"])?;
    home.run(["validate", "named.yaml"])?.expect_code(1)?;
    home.run(["dry", "named.yaml"])?.expect_code(0)?;
    let noted = home.run(["validate", "noted.yaml"])?;
    noted.expect_code(0)?;
    ensure!(format!("{}{}", noted.stdout, noted.stderr).contains("`queue`"), "{}{}", noted.stdout, noted.stderr);
    home.write("open.yaml", "steps:\n  - run: echo ${env.SOMETHING}\n")?;
    let quiet = home.run(["validate", "open.yaml"])?;
    ensure!(!format!("{}{}", quiet.stdout, quiet.stderr).contains("SOMETHING"), "{}{}", quiet.stdout, quiet.stderr);
    let shown = home.run(["validate", "open.yaml", "--show-unresolved", "--strict"])?;
    shown.expect_code(0)?;
    ensure!(shown.stderr.contains("reason=unknown_env_binding"), "{}", shown.stderr);
    let strict = home.run(["validate", "noted.yaml", "good.yaml", "--strict"])?;
    strict.expect_code(1)?;
    home.write("bad.yaml", "steps: []\n")?;
    let ended = home.run(["validate", "good.yaml", "bad.yaml", "--output", "json"])?;
    ended.expect_code(1)?;
    for line in ended.stdout.lines() {
        json(line)?;
    }
    ensure!(ended.stdout.contains("bad.yaml") && ended.stdout.contains("\"line\""), "{}", ended.stdout);
    ensure!(!home.data().exists(), "validate made a data directory");
    Ok(())
}

#[test]
fn dry_shows_what_would_run_and_runs_nothing() -> Result<()> {
    let home = Home::new()?;
    let mark = home.path("mark");
    let yaml = format!(
        "params: [{{name: who, default: you}}, {{name: at, eval: '$(touch {0})', default: x}}]\nsteps:\n  \
         - {{id: b, depends: a, run: 'echo \"${{params.who}}\" > {0}'}}\n  - {{id: a, run: 'touch {0}'}}\n",
        mark.display()
    );
    home.write("dag.yaml", yaml)?;
    let ended = home.run(["dry", "dag.yaml", "--", "who=me"])?;
    ended.expect_code(0)?.expect_printed(&["2 steps", "touch ", "echo \"me\" > ", "after a"])?;
    let a = ended.stdout.find(". a").context("no step a")?;
    ensure!(ended.stdout.find(". b").is_some_and(|b| a < b), "not in the order of running:\n{}", ended.stdout);
    let object = json(&home.run(["dry", "dag.yaml", "--output", "json"])?.expect_code(0)?.stdout)?;
    ensure!(object["steps"][0]["name"] == "a" && object["params"]["who"] == "you", "{object}");
    ensure!(!mark.exists() && !home.data().exists(), "something ran, or was made");
    Ok(())
}

#[test]
fn plugins_are_listed_and_looked_into() -> Result<()> {
    let home = Home::new()?;
    let list = home.run(["plugin", "list"])?;
    list.expect_code(0)?.expect_printed(&[
        "exec-command",
        "exec-data",
        "exec-file",
        "exec-http",
        "exec-js",
        "jq.filter",
        "script.js",
        "sqlite.query, sqlite.import",
        "wasi.run",
    ])?;
    let rows = json(&home.run(["plugin", "list", "--output", "json"])?.expect_code(0)?.stdout)?;
    ensure!(rows.as_array().is_some_and(|rows| rows.len() == 6), "{rows}");
    for name in ["exec-http", "http.request"] {
        home.run(["plugin", "inspect", name])?.expect_code(0)?.expect_printed(&[
            "exec-http",
            "wants:",
            "http",
            "url",
        ])?;
    }
    home.run(["plugin", "inspect", "sqlite.import"])?.expect_code(0)?.expect_printed(&[
        "limits:  those that a step's fields set",
        "dsn (string, required): the database file",
        "import (object, required): what is imported",
    ])?;
    let row = json(&home.run(["plugin", "inspect", "exec-data", "--output", "json"])?.expect_code(0)?.stdout)?;
    let actions = row["actions"].as_array().context("no actions")?;
    ensure!(
        actions.iter().all(|action| action["input_schema"].is_string() || action["input_schema"].is_object()),
        "{row}"
    );
    let imports: Vec<&str> = row["imports"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for wall in ["process", "files", "http", "wasi:"] {
        ensure!(imports.iter().all(|import| !import.contains(wall)), "exec-data imports {imports:?}");
    }
    home.run(["plugin", "inspect", "exec-htp"])?.expect_message(1, &["did you mean `exec-http`?"])?;
    Ok(())
}

#[test]
fn config_tells_each_value_and_where_it_came_from() -> Result<()> {
    let home = Home::new()?.with_env("PINTLE_SLOTS", "7");
    std::fs::create_dir_all(home.data())?;
    std::fs::write(home.data().join("pintle.toml"), "slots = 3\ndurability = \"power\"\n")?;
    let rows = json(&home.run(["config", "--output", "json"])?.expect_code(0)?.stdout)?;
    let row =
        |key: &str| rows.as_array().into_iter().flatten().find(|row| row["key"] == key).cloned().unwrap_or_default();
    ensure!(
        row("slots")["value"] == "7" && row("slots")["from"].as_str().is_some_and(|from| from.contains("PINTLE_SLOTS")),
        "{rows}"
    );
    ensure!(row("durability")["value"] == "power", "{rows}");
    ensure!(
        row("durability")["from"].as_str().is_some_and(|from| from.contains("pintle.toml") && from.contains('2')),
        "{rows}"
    );
    home.run(["config"])?.expect_code(0)?.expect_printed(&["slots", "PINTLE_SLOTS", "pintle.toml"])?;
    Ok(())
}

#[test]
fn the_data_directory_is_named_by_flag_then_variable_then_dagus() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("ok.yaml", OK)?;
    let other = home.path("other");
    home.run([Path::new("start"), &dag, Path::new("--home"), &other])?.expect_code(0)?;
    ensure!(other.join("pintle.db").is_file() && !home.data().exists());
    let dagus = home.path("dagus");
    let mut command = home.command([Path::new("start"), &dag]);
    command.env_remove("PINTLE_HOME").env("DAGU_HOME", &dagus);
    home.command_wait(command)?.expect_code(0)?;
    ensure!(dagus.join("pintle.db").is_file());
    Ok(())
}

#[test]
fn doctor_is_content_and_says_what_it_looked_at() -> Result<()> {
    let home = two_runs()?;
    home.run(["doctor"])?.expect_code(0)?;
    let checks = home.run(["doctor", "--output", "json"])?;
    let checks = json(&checks.expect_code(0)?.stdout)?;
    ensure!(
        checks.to_string().contains("pintle.db") || checks.to_string().contains(&home.data().display().to_string()),
        "{checks}"
    );
    Ok(())
}

#[test]
fn doctor_finds_a_broken_database() -> Result<()> {
    let home = two_runs()?;
    for name in ["pintle.db-wal", "pintle.db-shm"] {
        let _absent = std::fs::remove_file(home.data().join(name));
    }
    std::fs::write(home.data().join("pintle.db"), vec![0xA5; 8192])?;
    let ended = home.run(["doctor"])?;
    ended.expect_code(1)?;
    ensure!(format!("{}{}", ended.stdout, ended.stderr).contains("pintle.db"), "{}{}", ended.stdout, ended.stderr);
    Ok(())
}

#[test]
fn version_help_and_completion() -> Result<()> {
    let home = Home::new()?;
    home.run(["version"])?.expect_code(0)?.expect_printed(&["pintle 0.", "linux"])?;
    let version = json(&home.run(["version", "--output", "json"])?.expect_code(0)?.stdout)?;
    ensure!(version["plugins"].as_array().is_some_and(|plugins| plugins.len() == 5), "{version}");
    home.run(["--version"])?.expect_code(0)?.expect_printed(&["pintle 0."])?;
    home.run(["--help"])?.expect_code(0)?.expect_printed(&["Examples:", "Exit codes:", "start", "doctor"])?;
    for command in
        ["start", "validate", "dry", "status", "history", "logs", "retry", "stop", "plugin", "config", "doctor"]
    {
        home.run([command, "--help"])?.expect_code(0)?.expect_printed(&["Examples:"])?;
    }
    for shell in ["bash", "zsh", "fish"] {
        home.run(["completion", shell])?.expect_code(0)?.expect_printed(&["pintle", "validate"])?;
    }
    ensure!(!home.data().exists(), "looking made a data directory");
    Ok(())
}

#[test]
fn limits_of_the_settings_bite() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.data())?;
    std::fs::write(home.data().join("pintle.toml"), "[plugins.exec-data.limits]\ncpu-ms = 50\n")?;
    let yaml =
        "steps:\n  - {id: a, action: jq.filter, with: {filter: '[limit(1000000000; repeat(1))] | length', data: 1}}\n";
    let shown = home.start_json(yaml, 1)?.result()?;
    let message = shown.step("a")?.message;
    ensure!(message.contains("limit") && message.contains("plugins.exec-data.limits."), "{message}");
    Ok(())
}

#[test]
fn runs_keep_what_their_dotenv_said_without_showing_it() -> Result<()> {
    let home = Home::new()?;
    home.write(".env", "SECRET=hush-hush-42\n")?;
    home.start("steps:\n  - {id: a, run: 'test ${#SECRET} = 12'}\n")?.expect_code(0)?;
    // The file is gone, the run still knows.
    std::fs::remove_file(home.path(".env"))?;
    home.run(["retry", "latest", "--step", "a"])?.expect_code(0)?;
    for name in ["pintle.db", "pintle.db-wal"] {
        let bytes = std::fs::read(home.data().join(name)).unwrap_or_default();
        let found = bytes.windows(12).any(|window| window == b"hush-hush-42");
        ensure!(!found, "{name} holds the secret in plain text");
    }
    Ok(())
}

/// What `doctor` found, by check.
fn found(home: &Home) -> Result<std::collections::BTreeMap<String, (String, String)>> {
    let ended = home.run(["doctor", "--output", "json"])?;
    let checks = json(&ended.stdout)?;
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let each = checks.as_array().into_iter().flatten();
    Ok(each
        .map(|check| {
            (
                text(check, "check"),
                (text(check, "result"), format!("{} {}", text(check, "found"), text(check, "advice"))),
            )
        })
        .collect())
}

#[test]
fn doctor_says_what_it_found_in_words() -> Result<()> {
    let home = Home::new()?;
    home.start(OK)?.expect_code(0)?;
    let good = found(&home)?;
    for (check, said) in [
        ("version", "pintle "),
        ("embedded plugins", "each as its row describes it"),
        ("key", "readable by its owner alone"),
        ("database", "whole (checked in"),
        ("store time", "agrees with the machine's clock"),
        ("runs", "none waits for somebody"),
        ("locks", "hold"),
    ] {
        let Some((result, text)) = good.get(check) else { anyhow::bail!("no check {check}: {good:?}") };
        ensure!(result == "ok" && text.contains(said), "{check} is {result}: {text}");
    }
    Ok(())
}

#[test]
fn doctor_finds_missing_shells_and_runs_that_wait() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("long.yaml", "steps:\n  - {id: a, run: sleep 60}\n")?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "mine", "--output", "json"])?;
    live.until_shown("step_claimed")?;
    live.kill()?;
    home.run(["status", "mine"])?.expect_code(0)?;
    let checks = found(&home)?;
    let runs = checks.get("runs").cloned().unwrap_or_default();
    ensure!(runs.0 == "warning" && runs.1.contains("waiting: mine `pintle status RUN`"), "{runs:?}");
    home.run(["stop", "mine"])?.expect_code(0)?;

    let home = home.with_env("PINTLE_DEFAULT_SHELL", "no-such-shell");
    let shells = found(&home)?.remove("shells").unwrap_or_default();
    ensure!(shells.0 == "failed" && shells.1.contains("default_shell `no-such-shell` is not there"), "{shells:?}");
    let home = home.with_env("PATH", "/nowhere");
    let shells = found(&home)?.remove("shells").unwrap_or_default();
    ensure!(shells.0 == "failed" && shells.1.contains("there is no `sh` in PATH"), "{shells:?}");
    Ok(())
}

#[test]
fn what_all_dags_have_in_common_stands_under_each() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.data())?;
    let base = home.data().join("base.yaml");
    std::fs::write(&base, "env: {COMMON: common, BOTH: theirs}\nhandler_on: {exit: {run: echo common exit}}\n")?;
    home.write("own.yaml", "env: [BOTH=own]\nsteps:\n  - {id: a, run: echo $COMMON $BOTH}\n")?;
    let ended = home.run(["start", "own.yaml"])?;
    ended.expect_code(0)?.expect_printed(&["a | common own", "on_exit | common exit"])?;
    std::fs::write(&base, "timeout_sec: soon\nsteps: []\n")?;
    for command in ["start", "validate", "dry"] {
        let ended = home.run([command, "own.yaml"])?;
        ended.expect_code(1)?.expect_said(&["base.yaml:1:14", "`steps` is each DAG's own"])?;
    }
    // What is to be said of the file itself is for whoever looks, not for whoever runs a DAG.
    std::fs::write(&base, "mail_on: {failure: true}\n")?;
    let validated = home.run(["validate", "own.yaml"])?;
    validated.expect_code(0)?.expect_said(&["notice: `mail_on`", "base.yaml:1:1"])?;
    let twice = home.run(["validate", "own.yaml", "own.yaml"])?;
    ensure!(twice.stderr.matches("notice: `mail_on`").count() == 1, "{}", twice.stderr);
    home.run(["validate", "own.yaml", "--strict"])?.expect_message(1, &["error: `mail_on`", "base.yaml:1:1"])?;
    let objects = home.run(["validate", "own.yaml", "--output", "json"])?;
    let objects: Value = serde_json::from_str(&objects.stdout)?;
    let found = &objects[0]["findings"][0];
    ensure!(found["level"] == "notice" && found["file"] == base.display().to_string(), "{objects}");
    let started = home.run(["start", "own.yaml"])?;
    ensure!(!started.expect_code(0)?.stderr.contains("mail_on"), "{}", started.stderr);
    Ok(())
}
