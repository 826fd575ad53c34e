//! A data directory that is not fit: one sentence, nothing runs, nothing that was there is lost.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pintle_tests::{Disk, Home, wait};
use rustix::process::{Signal, geteuid};

const OK: &str = "steps:\n  - id: a\n    run: echo fine\n";

/// Commands that only look.
const LOOKS: &[&[&str]] = &[
    &["history"],
    &["history", "--format", "json"],
    &["status"],
    &["status", "--output", "json"],
    &["status", "latest"],
    &["logs", "latest"],
    &["stop", "latest"],
    &["human-task", "list"],
];

/// A data directory that is not fit, and what a run would have to say of it. What was there stays.
fn unfit(home: &Home, parts: &[&str]) -> Result<()> {
    home.write("ok.yaml", OK)?;
    let ended = home.run(["start", "ok.yaml"])?;
    ended.expect_message(1, parts)?;
    let lines = ended.stderr.lines().filter(|line| !line.trim().is_empty()).count();
    ensure!(lines <= 2, "more than a sentence was said:\n{}", ended.stderr);
    for word in ["Error code", "WARN"] {
        ensure!(!ended.stderr.contains(word), "it shows the machinery ({word}):\n{}", ended.stderr);
    }
    ensure!(!ended.stdout.contains("fine"), "it ran all the same");
    Ok(())
}

#[test]
fn a_data_directory_that_is_a_file() -> Result<()> {
    let home = Home::new()?;
    std::fs::write(home.data(), "not a directory")?;
    unfit(&home, &[&home.data().display().to_string()])?;
    for args in LOOKS {
        home.run(*args)?.expect_message(1, &["is not a directory: choose another with --home"])?;
    }
    ensure!(std::fs::read_to_string(home.data())? == "not a directory");
    Ok(())
}

#[test]
fn a_database_that_is_corrupt_is_left_as_it_is() -> Result<()> {
    let home = Home::new()?;
    home.start(OK)?.expect_code(0)?;
    let database = home.data().join("pintle.db");
    for name in ["pintle.db-wal", "pintle.db-shm"] {
        let _absent = std::fs::remove_file(home.data().join(name));
    }
    let garbage = vec![0xA5; 16 * 1024];
    std::fs::write(&database, &garbage)?;
    unfit(&home, &["pintle.db"])?;
    for args in [["status", "latest"], ["history", "--format=json"], ["retry", "latest"]] {
        home.run(args)?.expect_message(1, &["pintle.db"])?;
    }
    ensure!(std::fs::read(&database)? == garbage, "a database that cannot be read was overwritten");
    Ok(())
}

#[test]
fn a_database_cut_in_half_is_told() -> Result<()> {
    let home = Home::new()?;
    for _ in 0..3 {
        home.start(&pintle_tests::dag::chain(40, "echo {n}"))?.expect_code(0)?;
    }
    // All of it into the database itself: the last process that closes it does so.
    let database = home.data().join("pintle.db");
    for name in ["pintle.db-wal", "pintle.db-shm"] {
        let _absent = std::fs::remove_file(home.data().join(name));
    }
    let bytes = std::fs::read(&database)?;
    let mut damaged = bytes.get(..bytes.len().min(4096)).unwrap_or_default().to_vec();
    damaged.resize(bytes.len(), 0x5A);
    std::fs::write(&database, damaged)?;
    unfit(&home, &["pintle.db"])
}

#[test]
fn a_key_that_others_can_read() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new()?;
    home.start(OK)?.expect_code(0)?;
    let key = home.data().join("key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))?;
    unfit(&home, &["key", "chmod 600"])?;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
    home.start(OK)?.expect_code(0)?;
    Ok(())
}

/// The same command as a user without rights; none where the test itself has none to give up.
fn as_nobody(mut command: Command) -> Command {
    if geteuid().is_root() {
        use std::os::unix::process::CommandExt as _;
        command.uid(65534).gid(65534);
    }
    command
}

#[test]
fn a_data_directory_of_somebody_else() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new()?;
    let dag = home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml"])?.expect_code(0)?;
    // The way to the directory is open, the directory is not.
    let above = home.data().parent().map(Path::to_path_buf).context("no parent")?;
    std::fs::set_permissions(&above, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&dag, std::fs::Permissions::from_mode(0o644))?;
    std::fs::set_permissions(
        home.data(),
        std::fs::Permissions::from_mode(if geteuid().is_root() { 0o700 } else { 0 }),
    )?;
    let ended = home.command_wait(as_nobody(home.command(["start", "ok.yaml"])))?;
    let looks = LOOKS.iter().map(|args| home.command_wait(as_nobody(home.command(*args))));
    let looks = looks.collect::<Result<Vec<_>>>()?;
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o700))?;
    for look in looks {
        look.expect_message(1, &["no permission to look into", "run as its owner"])?;
        ensure!(look.stdout.is_empty(), "it listed: {}", look.stdout);
    }
    ended.expect_message(1, &[&home.data().display().to_string()])?;
    ensure!(
        ended.stderr.to_lowercase().contains("permission") || ended.stderr.contains("not allow"),
        "{}",
        ended.stderr
    );
    home.run(["status", "latest"])?.expect_code(0)?;
    Ok(())
}

#[test]
fn a_dag_file_of_somebody_else() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new()?;
    let dag = home.write("mine.yaml", OK)?;
    let above = home.data().parent().map(Path::to_path_buf).context("no parent")?;
    std::fs::set_permissions(&above, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&dag, std::fs::Permissions::from_mode(if geteuid().is_root() { 0o600 } else { 0 }))?;
    let ended = home.command_wait(as_nobody(home.command(["validate", "mine.yaml"])))?;
    ended.expect_message(1, &["mine.yaml", "ermission"])?;
    Ok(())
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_read_only_data_directory() -> Result<()> {
    let home = Home::new()?;
    let disk = Disk::new(&home.data(), "size=64m")?;
    home.start(OK)?.expect_code(0)?;
    disk.remount("remount,ro")?;
    unfit(&home, &[&home.data().display().to_string(), "read-only"])?;
    disk.remount("remount,rw")?;
    ensure!(home.status("latest")?.status() == "succeeded", "what was there is lost");
    home.start(OK)?.expect_code(0)?;
    Ok(())
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_full_data_directory_loses_nothing() -> Result<()> {
    let home = Home::new()?;
    let _disk = Disk::new(&home.data(), "size=24m")?;
    home.write("ok.yaml", OK)?;
    home.run(["start", "ok.yaml", "-r", "before"])?.expect_code(0)?;
    // Fill the rest.
    let filler = home.data().join("filler");
    let mut file = std::fs::File::create(&filler)?;
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(file);
    let ended = home.run(["start", "ok.yaml", "-r", "full"])?;
    ended.expect_message(1, &["error: no space is left for ", "pintle.db: free some"])?;
    ensure!(ended.stderr.lines().count() == 1, "more than a sentence was said:\n{}", ended.stderr);
    home.run(["doctor"])?.expect_code(1)?.expect_printed(&["which is too little for a run"])?;
    std::fs::remove_file(&filler)?;
    ensure!(home.status("before")?.status() == "succeeded", "what was there is lost");
    home.run(["start", "ok.yaml", "-r", "after"])?.expect_code(0)?;
    Ok(())
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_disk_that_fills_up_under_a_run_and_is_freed() -> Result<()> {
    let home = Home::new()?;
    let _disk = Disk::new(&home.data(), "size=24m")?;
    let (go, filler) = (home.path("go"), home.data().join("filler"));
    let yaml = format!(
        "steps:\n  - id: wait\n    run: until test -e {}; do sleep 0.02; done\n  - id: then\n    depends: wait\n    \
         run: echo then\n",
        go.display()
    );
    let dag = home.write("long.yaml", yaml)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "held", "--output", "json"])?;
    live.until_shown("step_claimed")?;
    let mut file = std::fs::File::create(&filler)?;
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(file);
    home.write("go", "")?;
    // It waits for room and tries again each second; the step's end is kept in memory meanwhile.
    let other = home.run(["status", "held", "--output", "json"])?;
    ensure!([0, 1].contains(&other.code()), "{}", other.stderr);
    std::fs::remove_file(&filler)?;
    let ended = live.wait()?;
    ended.expect_code(0)?;
    for word in ["a commit was refused", "writes wait for room", "there is room again", "checked in"] {
        ensure!(ended.stderr.matches(word).count() <= 1, "{word:?} is said again and again:\n{}", ended.stderr);
    }
    home.status("held")?.expect(&[("wait", "succeeded"), ("then", "succeeded")])?;
    Ok(())
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_second_signal_ends_a_run_whose_disk_is_full() -> Result<()> {
    let home = Home::new()?;
    let _disk = Disk::new(&home.data(), "size=24m")?;
    let (go, filler) = (home.path("go"), home.data().join("filler"));
    let held = format!("until test -e {}; do sleep 0.02; done", go.display());
    let yaml =
        format!("steps:\n  - {{id: short, run: '{held}'}}\n  - {{id: long, run: 'echo $$ && exec sleep 600'}}\n");
    let dag = home.write("long.yaml", yaml)?.display().to_string();
    let mut live = home.spawn(["start", &dag, "-r", "held", "--output", "json"])?;
    live.until_shown("\"channel\":\"stdout\"")?;
    let program = wait::until("the number of the program", Duration::from_secs(20), || {
        Ok(home.logs("held", "long")?.trim().parse::<i32>().ok())
    })?;
    let mut file = std::fs::File::create(&filler)?;
    while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
    drop(file);
    // A step ends, and the store has no room for its end.
    home.write("go", "")?;
    let teller = live.signal_until_gone(Signal::TERM);
    let ended = live.wait()?;
    ensure!(teller.join().is_ok(), "the process could not be told");
    ended.expect_code(130)?;
    ensure!(!wait::lives(program), "a step outlived the process that was told twice to end");
    std::fs::remove_file(&filler)?;
    ensure!(["waiting", "aborted"].contains(&home.status("held")?.status()), "{}", home.status("held")?.status());
    Ok(())
}
