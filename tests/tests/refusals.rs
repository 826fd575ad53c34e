//! Whole sentences of what few people ever see: machines that are not fit, directories that are not one, values that no
//! setting takes.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::process::Command;

use anyhow::{Context, Result, ensure};
use pintle_tests::Home;
use serde_json::Value;

/// What one check of `doctor` found, and what it advises.
fn check(printed: &str, about: &str) -> Result<(String, String, String)> {
    let checks: Value = serde_json::from_str(printed).with_context(|| printed.to_owned())?;
    let check = checks.as_array().into_iter().flatten().find(|check| check["check"] == about);
    let check = check.with_context(|| format!("no check {about}: {checks}"))?;
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    Ok((text("result"), text("found"), text("advice")))
}

/// `doctor --output json` behind a shell line that changes its surroundings.
fn doctor(home: &Home, mut shell: Command, line: &str) -> Result<String> {
    let plain = home.command(["doctor", "--output", "json"]);
    shell.args(["-c", &format!("{line} && exec \"$0\" \"$@\"")]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let output = shell.output()?;
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn doctor_tells_of_too_few_open_files() -> Result<()> {
    let home = Home::new()?;
    let printed = doctor(&home, Command::new("sh"), "ulimit -n 256")?;
    let (result, found, advice) = check(&printed, "open files")?;
    ensure!(result == "warning" && found == "at most 256", "{result}: {found}");
    ensure!(advice == "many steps at once need more: `ulimit -n 1024`", "{advice}");
    Ok(())
}

#[test]
#[ignore = "needs root: it covers /proc"]
fn doctor_tells_of_a_machine_without_proc() -> Result<()> {
    let home = Home::new()?;
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh"]);
    let printed = doctor(&home, shell, "mount -t tmpfs none /proc")?;
    let (result, found, advice) = check(&printed, "processes")?;
    ensure!(result == "failed", "{result}");
    ensure!(found == "/proc cannot be read: No such file or directory (os error 2)", "{found}");
    ensure!(advice == "mount it: what an interrupted run left running is found there", "{advice}");
    Ok(())
}

#[test]
fn doctor_tells_of_a_directory_that_is_a_file() -> Result<()> {
    let home = Home::new()?;
    std::fs::write(home.data(), "")?;
    let ended = home.run(["doctor", "--output", "json"])?;
    let (result, found, advice) = check(&ended.expect_code(1)?.stdout, "data directory")?;
    ensure!(result == "failed", "{result}");
    ensure!(found == format!("{} cannot be written: File exists (os error 17)", home.data().display()), "{found}");
    ensure!(advice == "make it writable for this user, or choose another with --home or PINTLE_HOME", "{advice}");
    Ok(())
}

#[test]
fn doctor_tells_of_shells_that_are_not_there() -> Result<()> {
    let home = Home::new()?;
    let doctor = |name: &str, value: &str| -> Result<_> {
        let mut command = home.command(["doctor", "--output", "json"]);
        command.env(name, value);
        check(&home.command_wait(command)?.stdout, "shells")
    };
    let (result, found, advice) = doctor("PATH", "/no/such/directory")?;
    ensure!(result == "failed" && found == "there is no `sh` in PATH", "{result}: {found}");
    ensure!(advice == "install one (`dash`, `busybox`), or set PATH", "{advice}");
    let (result, found, advice) = doctor("PINTLE_DEFAULT_SHELL", "no-such-shell -e")?;
    ensure!(result == "failed" && found == "default_shell `no-such-shell` is not there", "{result}: {found}");
    ensure!(advice == "install it, or change `default_shell`", "{advice}");
    Ok(())
}

#[test]
fn a_directory_without_runs_is_named() -> Result<()> {
    let home = Home::new()?;
    let none = format!("there are no runs in `{}`", home.data().display());
    for command in ["status", "logs"] {
        let wanted = format!("{none}: `pintle start FILE` makes the first");
        home.run([command, "mine"])?.expect_message(1, &[&wanted])?;
    }
    home.run(["stop", "mine"])?.expect_message(1, &[&none])?;
    for command in ["status", "history"] {
        home.run([command])?.expect_code(0)?.expect_said(&["no runs: `pintle start FILE` makes one"])?;
    }
    ensure!(!home.data().exists(), "looking made a data directory");
    Ok(())
}

#[test]
fn values_that_no_setting_takes_are_named() -> Result<()> {
    let home = Home::new()?;
    std::fs::create_dir_all(home.data())?;
    std::fs::write(home.data().join("pintle.toml"), "[plugins.exec-http]\nlimits = 3\n")?;
    home.run(["config"])?
        .expect_message(2, &["pintle.toml:2: `plugins.exec-http.limits` must be a table, not a number"])?;
    std::fs::remove_file(home.data().join("pintle.toml"))?;
    let home = home.with_env("PINTLE_DURABILITY", "strong");
    home.run(["config"])?.expect_message(2, &["PINTLE_DURABILITY: `durability` is `strong`; use power or process"])?;
    Ok(())
}

#[test]
fn a_compiler_is_no_command_for_people() -> Result<()> {
    let home = Home::new()?;
    home.run(["__compile"])?.expect_message(1, &["this command is for pintle itself"])?;
    Ok(())
}

#[test]
fn a_sandbox_computes_no_parameter() -> Result<()> {
    let home = Home::new()?;
    home.write("dag.yaml", "params:\n  - {name: day, eval: $(date)}\nsteps:\n  - run: echo\n")?;
    let ended = home.run(["start", "dag.yaml", "--sandbox"])?;
    ended.expect_message(ended.code(), &["`day`", "it needs a program, and --sandbox allows none"])?;
    ensure!([1, 2].contains(&ended.code()), "it ended with {}", ended.code());
    Ok(())
}

#[test]
fn a_place_that_takes_no_claim_files_is_named() -> Result<()> {
    let home = Home::new()?;
    home.write("bad.yaml", "steps:\n  - {id: a, run: exit 1}\n")?;
    home.run(["start", "bad.yaml", "-r", "mine"])?.expect_code(1)?;
    let claims = home.data().join("claims");
    std::fs::remove_dir_all(&claims)?;
    std::fs::write(&claims, "")?;
    let place = claims.display().to_string();
    home.run(["retry", "mine"])?.expect_message(1, &[&place])?;
    ensure!(home.status("mine")?.0["attempt"] == 1, "a refused command began an attempt");
    Ok(())
}
