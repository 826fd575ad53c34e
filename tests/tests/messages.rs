//! What the commands say when they cannot do what they are asked: what is wrong, where, what to do; and their exit codes.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use anyhow::{Context, Result, ensure};
use pintle_tests::Home;

const OK: &str = "steps:\n  - id: a\n    run: echo fine\n";

#[test]
fn a_missing_file() -> Result<()> {
    let home = Home::new()?;
    for command in ["start", "validate", "dry"] {
        home.run([command, "nowhere.yaml"])?.expect_message(1, &["nowhere.yaml", "No such file", "check the path"])?;
    }
    Ok(())
}

#[test]
fn a_directory_for_a_file() -> Result<()> {
    let home = Home::new()?;
    home.run(["start", "."])?.expect_message(2, &["`.` is a directory", "name the DAG file"])?;
    Ok(())
}

const TYPED: &str = r#"
params:
  - {name: n, type: integer, minimum: 1, maximum: 9, default: 2}
  - {name: stage, enum: [test, live], default: test}
  - {name: who, required: true}
steps:
  - run: echo "${params.n} ${params.stage} ${params.who}"
"#;

#[test]
fn parameters_that_are_refused() -> Result<()> {
    let home = Home::new()?;
    let file = home.write("typed.yaml", TYPED)?;
    let table: [(&[&str], &[&str]); 6] = [
        (&["who=a", "n=many"], &["`n`", "many", "whole number"]),
        (&["who=a", "n=10"], &["`n`", "10", "9"]),
        (&["who=a", "stage=prod"], &["`stage`", "prod", "test", "live"]),
        (&["who=a", "colour=red"], &["`colour`"]),
        (&[], &["`who`"]),
        (&["n=0", "stage=x"], &["`n`", "`stage`", "`who`"]),
    ];
    for (values, parts) in table {
        let mut args = vec!["start".to_owned(), file.display().to_string(), "--".to_owned()];
        args.extend(values.iter().map(|value| (*value).to_owned()));
        let ended = home.run(&args)?;
        ensure!([1, 2].contains(&ended.code()), "{values:?} ended with {}: {}", ended.code(), ended.stderr);
        ended.expect_message(ended.code(), parts).with_context(|| format!("{values:?}"))?;
        ensure!(!ended.stdout.contains('|'), "something ran: {}", ended.stdout);
    }
    let args = ["start", "typed.yaml", "--", "who=Ada", "n=9", "stage=live"];
    home.run(args)?.expect_code(0)?.expect_printed(&["9 live Ada"])?;
    Ok(())
}

#[test]
fn parameters_given_twice_over() -> Result<()> {
    let home = Home::new()?;
    home.write("typed.yaml", TYPED)?;
    home.run(["start", "typed.yaml", "-p", "who=a", "--", "who=b"])?
        .expect_message(2, &["--params", "cannot be used"])?;
    Ok(())
}

#[test]
fn a_run_id_that_is_taken_and_one_that_is_none() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "mine"])?.expect_code(0)?;
    home.write("other.yaml", "steps:\n  - {id: a, run: echo other}\n")?;
    home.run(["start", "other.yaml", "-r", "mine"])?.expect_message(1, &["run id mine is taken", "--run-id"])?;
    home.run(["start", "ok.yaml", "-r", "a/b"])?.expect_message(1, &["`a/b`", "slash"])?;
    home.run(["start", "ok.yaml", "-r", ""])?.expect_message(1, &["empty"])?;
    ensure!(home.status("mine")?.status() == "succeeded", "the first run was touched");
    Ok(())
}

#[test]
fn runs_that_are_not_there() -> Result<()> {
    let home = Home::new()?;
    for command in ["status", "logs", "retry", "stop"] {
        home.run([command, "latest"])?.expect_message(1, &["no runs"])?;
    }
    home.start(OK)?.expect_code(0)?;
    for command in ["status", "logs", "retry", "stop"] {
        home.run([command, "nothing"])?.expect_message(1, &["`nothing`", "pintle history"])?;
    }
    home.run(["start", "--resume", "nothing"])?.expect_message(1, &["`nothing`", "pintle history"])?;
    Ok(())
}

#[test]
fn the_beginning_of_two_runs() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    for id in ["same-one", "same-two"] {
        home.run(["start", "ok.yaml", "-r", id])?.expect_code(0)?;
    }
    home.run(["status", "same-"])?.expect_message(1, &["2 runs", "same-one", "same-two", "write more"])?;
    home.run(["status", "same-o"])?.expect_code(0)?.expect_printed(&["same-one"])?;
    Ok(())
}

#[test]
fn steps_that_are_not_there() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", "steps:\n  - {id: alpha, run: 'true'}\n  - {id: beta, run: 'false'}\n")?;
    home.run(["start", "ok.yaml", "-r", "one"])?.expect_code(1)?;
    let known = "`ok` has no step `zz`; its steps are alpha, beta";
    home.run(["retry", "one", "--step", "zz"])?.expect_message(2, &[known])?;
    home.run(["retry", "one", "--step", "BETA"])?.expect_message(2, &["did you mean `beta`?"])?;
    for args in [vec!["retry", "one", "--step", "alhpa"], vec!["logs", "one", "alhpa"]] {
        let ended = home.run(&args)?;
        ended.expect_message(ended.code(), &["`alhpa`", "did you mean `alpha`?"])?;
        ensure!([1, 2].contains(&ended.code()), "{args:?} ended with {}", ended.code());
    }
    Ok(())
}

#[test]
fn what_is_over_is_neither_resumed_nor_stopped_nor_retried_without_reason() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "done"])?.expect_code(0)?;
    let table: [(&[&str], &[&str]); 3] = [
        (&["start", "--resume", "done"], &["done", "over", "pintle retry"]),
        (&["stop", "done"], &["done", "succeeded"]),
        (&["retry", "done"], &["done", "succeeded"]),
    ];
    for (args, parts) in table {
        let ended = home.run(args)?;
        ensure!([1, 2].contains(&ended.code()), "{args:?} ended with {}: {}", ended.code(), ended.stderr);
        ended.expect_message(ended.code(), parts).with_context(|| format!("{args:?}"))?;
    }
    ensure!(home.status("done")?.0["attempt"] == 1, "a refused command began an attempt");
    Ok(())
}

#[test]
fn a_run_that_lives_belongs_to_its_process() -> Result<()> {
    let home = Home::new()?;
    let go = home.path("go");
    let dag = format!("steps:\n  - id: a\n    run: until test -e {}; do sleep 0.02; done\n", go.display());
    let dag = home.write("long.yaml", dag)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "mine", "--output", "json"])?;
    live.until_shown("step_claimed")?;
    let pid = live.pid().as_raw_nonzero().to_string();
    for args in [["retry", "mine"].as_slice(), &["start", "--resume", "mine"]] {
        home.run(args)?.expect_message(3, &["mine", &pid])?;
    }
    home.write("go", "")?;
    live.wait()?.expect_code(0)?;
    Ok(())
}

#[test]
fn wrong_usage_ends_with_two() -> Result<()> {
    let home = Home::new()?;
    home.write("ok.yaml", OK)?;
    let table: [(&[&str], &[&str]); 9] = [
        (&[], &["Usage"]),
        (&["strat", "ok.yaml"], &["strat", "start"]),
        (&["start"], &["FILE", "Usage"]),
        (&["start", "ok.yaml", "--output", "xml"], &["xml", "text", "json"]),
        (&["start", "ok.yaml", "--durability", "strong"], &["strong", "power", "process"]),
        (&["start", "ok.yaml", "--slots", "0"], &["0", "1..=4096"]),
        (&["history", "--limit", "0"], &["0", "1..=1000"]),
        (&["history", "--status", "ended"], &["ended", "succeeded"]),
        (&["start", "ok.yaml", "--no-such"], &["--no-such"]),
    ];
    for (args, parts) in table {
        home.run(args)?.expect_message(2, parts).with_context(|| format!("{args:?}"))?;
    }
    Ok(())
}

#[test]
fn settings_that_are_wrong_are_told_all_at_once() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.data())?;
    let file = home.data().join("pintle.toml");
    std::fs::write(&file, "slots = \"many\"\ndurabilty = \"power\"\n")?;
    let parts = ["pintle.toml:1:", "whole number", "pintle.toml:2:", "did you mean `durability`?"];
    for args in [["config"].as_slice(), &["history"], &["doctor"]] {
        home.run(args)?.expect_message(2, &parts).with_context(|| format!("{args:?}"))?;
    }
    std::fs::write(&file, "[plugins.exec-htpt.limits]\nmemory-mib = 3\n")?;
    let ended = home.start(OK)?;
    ended
        .expect_message(ended.code(), &["settings: there is no plugin `exec-htpt`; those there are: ", "exec-http"])?;
    ensure!([1, 2].contains(&ended.code()), "it ended with {}", ended.code());
    std::fs::remove_file(&file)?;
    let levels = "use off, error, warn, info, debug or trace, or one with `target=level` pairs";
    home.run(["history", "--log-level", "bogus"])?
        .expect_message(2, &["--log-level: `log.level` is `bogus`", levels])?;
    home.run(["history", "--log-level", "info,pintle_store=debug"])?.expect_code(0)?;
    let home = home.with_env("PINTLE_LOG_LEVEL", "wran").with_env("PINTLE_SLOTS", "none");
    home.start(OK)?.expect_message(2, &["$PINTLE_LOG_LEVEL: `log.level` is `wran`", levels, "PINTLE_SLOTS"])?;
    home.start(OK)?.expect_message(2, &["PINTLE_SLOTS", "`none`", "whole number"])?;
    Ok(())
}

#[test]
fn a_dotenv_file_that_cannot_be_read_or_taken() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.path("folder"))?;
    home.write("bad.env", "A='x\ny' z\n")?;
    for (file, parts) in [
        ("folder", ["cannot read the dotenv file", "folder"]),
        ("bad.env", ["bad.env", "line 2 goes on behind the closing quote"]),
    ] {
        let ended = home.start(&format!("dotenv: {file}\nsteps:\n  - run: echo\n"))?;
        ended.expect_message(1, &parts).with_context(|| file.to_owned())?;
    }
    Ok(())
}

#[test]
fn more_values_than_parameters() -> Result<()> {
    let home = Home::new()?;
    home.write("typed.yaml", TYPED)?;
    let args = ["start", "typed.yaml", "--", "1", "test", "a", "b"];
    home.run(args)?.expect_message(1, &["4 values are given without a name", "3 parameters", "NAME=VALUE"])?;
    Ok(())
}

#[test]
fn a_named_step_of_a_run_that_is_not_over() -> Result<()> {
    let home = Home::new()?;
    let dag = home.write("long.yaml", "steps:\n  - {id: a, run: sleep 60}\n")?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "mine", "--output", "json"])?;
    live.until_shown("step_claimed")?;
    live.kill()?;
    home.run(["retry", "mine", "--step", "a"])?
        .expect_message(2, &["run mine is waiting", "leave --step out", "stop it first"])?;
    home.run(["stop", "mine"])?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_key_that_others_may_read_or_that_was_cut() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new()?;
    home.start(OK)?.expect_code(0)?;
    let key = home.data().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    home.start(OK)?.expect_message(1, &["key", "can be read by others", "chmod 600"])?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    std::fs::write(&key, "short")?;
    home.start(OK)?.expect_message(1, &["key", "has 5 bytes and not 32", "restore it"])?;
    Ok(())
}

#[test]
fn a_key_that_is_not_the_one_that_a_run_was_sealed_with() -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", "steps:\n  - {id: a, run: exit 1}\n")?;
    home.run(["start", "bad.yaml", "-r", "mine"])?.expect_code(1)?;
    std::fs::write(home.data().join("key"), [7; 32])?;
    home.run(["retry", "mine"])?.expect_message(1, &["mine", "cannot be opened", "`key` file was changed"])?;
    Ok(())
}
