//! What `file.write`, `file.copy` and `file.move` say when the machine does not let them: which path, why, what to do.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use pintle_tests::{Disk, Home, Lines, Shown};

/// Runs every step, whatever becomes of the others, and gives what became of each.
fn run(home: &Home, steps: &[String], prepare: impl FnOnce(Command) -> Command) -> Result<Shown> {
    let steps = steps.iter().map(|step| format!("  - {{{step}}}\n")).collect::<String>();
    home.write("dag.yaml", format!("defaults: {{continue_on: {{failure: true}}}}\nsteps:\n{steps}"))?;
    let ended = home.command_wait(prepare(home.command(["start", "dag.yaml", "--output", "json"])))?;
    ended.expect_message(ended.code(), &[])?;
    Lines::parse(&ended.stdout)?.result()
}

/// A step that fails with this sentence.
type Case = (&'static str, String, String);

fn fail(home: &Home, cases: &[Case]) -> Result<()> {
    let steps: Vec<String> = cases.iter().map(|(id, step, _)| format!("id: {id}, {step}")).collect();
    let shown = run(home, &steps, |command| command)?;
    for (id, _, wanted) in cases {
        let step = shown.step(id)?;
        ensure!(step.message == *wanted, "{id}:\n{}\ninstead of\n{wanted}", step.message);
    }
    Ok(())
}

#[test]
fn what_stands_in_the_way_is_named() -> Result<()> {
    let home = Home::new()?;
    let file = home.write("a", "alpha")?.display().to_string();
    let other = home.write("b", "beta")?.display().to_string();
    let dir = home.path("dir").display().to_string();
    std::fs::create_dir(&dir)?;
    let transfer = |action: &str, from: &str, to: &str, more: &str| {
        format!("action: file.{action}, with: {{source: '{from}', destination: '{to}'{more}}}")
    };
    let write = |path: &str, more: &str| format!("action: file.write, with: {{path: '{path}', content: x{more}}}");
    let taken = format!("`{other}` exists already: set `overwrite: true` to replace it");
    let below = format!("{file}/x");
    let none = home.path("none").display().to_string();
    let no_directory = format!("`{file}` is a file, not a directory");
    let missing = format!("the directory `{none}` does not exist: set `create_dirs: true`");
    let replaces = ", overwrite: true";
    fail(
        &home,
        &[
            ("write_taken", write(&other, ""), taken.clone()),
            ("copy_taken", transfer("copy", &file, &other, ""), taken.clone()),
            ("move_taken", transfer("move", &file, &other, ""), taken),
            ("write_dir", write(&dir, replaces), format!("`{dir}` is not a regular file: it cannot be written")),
            (
                "write_device",
                write("/dev/full", replaces),
                "`/dev/full` is not a regular file: it cannot be written".into(),
            ),
            (
                "copy_onto_dir",
                transfer("copy", &file, &dir, replaces),
                format!("`{dir}` is a directory, not a regular file"),
            ),
            (
                "move_onto_dir",
                transfer("move", &file, &dir, replaces),
                format!("`{dir}` exists already: delete it first"),
            ),
            ("copy_dir", transfer("copy", &dir, &none, ""), format!("`{dir}` is a directory: set `recursive: true`")),
            (
                "copy_device",
                transfer("copy", "/dev/null", &none, ""),
                "`/dev/null` is neither a regular file nor a directory".into(),
            ),
            ("copy_none", transfer("copy", &none, &file, replaces), format!("`{none}` does not exist")),
            ("move_none", transfer("move", &none, &file, replaces), format!("`{none}` does not exist")),
            ("write_missing", write(&format!("{none}/x"), ""), missing.clone()),
            ("copy_missing", transfer("copy", &file, &format!("{none}/x"), ""), missing.clone()),
            ("move_missing", transfer("move", &file, &format!("{none}/x"), ""), missing),
            ("write_below", write(&below, ""), no_directory.clone()),
            ("write_dirs_below", write(&below, ", create_dirs: true"), no_directory.clone()),
            ("copy_below", transfer("copy", &other, &below, ""), no_directory.clone()),
            ("move_below", transfer("move", &other, &below, ""), no_directory),
            (
                "write_mode",
                write(&none, ", mode: '999'"),
                "`mode` of `999` is not octal permission bits: write \"0644\"".into(),
            ),
        ],
    )?;
    ensure!(home.read("a") == "alpha" && home.read("b") == "beta", "what stood in the way was changed");
    Ok(())
}

#[test]
fn a_move_to_another_file_system_says_what_to_do_instead() -> Result<()> {
    let home = Home::new()?;
    let file = home.write("a", "alpha")?.display().to_string();
    let step = format!("action: file.move, with: {{source: '{file}', destination: /proc/a}}");
    let wanted = format!("`{file}` and `/proc/a` are on different file systems: use `file.copy`, then `file.delete`");
    fail(&home, &[("away", step, wanted)])?;
    ensure!(home.read("a") == "alpha", "the file is gone");
    Ok(())
}

#[test]
fn a_directory_of_somebody_else_is_named() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    let home = Home::new()?;
    let file = home.write("a", "alpha")?.display().to_string();
    let dir = home.path("locked");
    std::fs::create_dir(&dir)?;
    let target = dir.join("x").display().to_string();
    let mode = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    // Everybody may keep a data directory here.
    mode(home.data().parent().context("no parent")?, 0o777)?;
    mode(&dir, 0o555)?;
    let steps = [
        format!("id: write, action: file.write, with: {{path: '{target}', content: x}}"),
        format!("id: copy, action: file.copy, with: {{source: '{file}', destination: '{target}'}}"),
        format!("id: move, action: file.move, with: {{source: '{file}', destination: '{target}'}}"),
    ];
    let shown = run(&home, &steps, |mut command| {
        if rustix::process::geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command
    })?;
    mode(&dir, 0o755)?;
    let moved = format!("`{file}` cannot be moved to `{target}`");
    for (step, what) in [("write", format!("`{target}`")), ("copy", format!("`{target}`")), ("move", moved)] {
        let said = shown.step(step)?.message;
        ensure!(said == format!("{what}: Permission denied (os error 13)"), "{step}: {said}");
    }
    ensure!(home.read("a") == "alpha" && !Path::new(&target).exists(), "something was done");
    Ok(())
}

#[test]
#[ignore = "needs root: it mounts a file system"]
fn a_full_disk_keeps_what_was_there_and_leaves_nothing_half_written() -> Result<()> {
    let home = Home::new()?;
    let small = home.path("small");
    let _disk = Disk::new(&small, "size=64k")?;
    let (old, new) = (home.write("small/old", "old")?, small.join("new"));
    let large = home.write("large", "x".repeat(1 << 20))?.display().to_string();
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let content = "x".repeat(200_000);
    let full = |path: &str| format!("`{path}`: No space left on device (os error 28)");
    fail(
        &home,
        &[
            (
                "write",
                format!("action: file.write, with: {{path: '{old}', overwrite: true, content: {content}}}"),
                full(&old),
            ),
            ("copy", format!("action: file.copy, with: {{source: '{large}', destination: '{new}'}}"), full(&new)),
        ],
    )?;
    ensure!(home.read("small/old") == "old", "the old file is gone");
    let left: Vec<_> = std::fs::read_dir(&small)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    ensure!(left == ["old"], "left behind: {left:?}");
    Ok(())
}
