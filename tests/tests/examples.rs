//! Every example does what its first lines say, from a copy, and leaves nothing beside it.

#![expect(clippy::indexing_slicing, reason = "indexing JSON answers null where nothing is")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pintle_tests::{Ended, Home, Shown, repository};

fn all() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(repository().join("examples"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn tree(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    Ok(found)
}

/// Runs one example from a copy.
fn run(home: &Home, name: &str, params: &[&str]) -> Result<(Ended, Shown)> {
    let examples = home.examples()?;
    let before = tree(&examples)?;
    let mut args = vec!["start".to_owned(), examples.join(name).display().to_string(), "--".to_owned()];
    args.extend(params.iter().map(|param| (*param).to_owned()));
    let ended = home.run(&args)?;
    let left: Vec<PathBuf> = tree(&examples)?.difference(&before).cloned().collect();
    ensure!(left.is_empty(), "{name} left {left:?}");
    let shown = home.status("latest")?;
    Ok((ended, shown))
}

fn green(name: &str, printed: &[&str]) -> Result<()> {
    let home = Home::new()?;
    let (ended, shown) = run(&home, name, &[])?;
    ended.expect_code(0)?.expect_printed(printed)?;
    ensure!(shown.status() == "succeeded", "{name} is {}", shown.status());
    Ok(())
}

#[test]
fn every_example_begins_with_what_it_shows_and_how_to_run_it() -> Result<()> {
    let files = all()?;
    ensure!(files.len() >= 7, "only {} examples", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let name = file.file_name().and_then(|name| name.to_str()).context("no name")?;
        let head = head.join("\n");
        ensure!(head.contains("Shows ") && head.contains(&format!("pintle start examples/{name}")), "{name}:\n{head}");
    }
    Ok(())
}

#[test]
fn every_example_is_valid_to_the_last_notice() -> Result<()> {
    let home = Home::new()?;
    for file in all()? {
        home.run([Path::new("validate"), Path::new("--strict"), &file])?
            .expect_code(0)
            .with_context(|| file.display().to_string())?;
    }
    Ok(())
}

#[test]
fn hello() -> Result<()> {
    green("hello.yaml", &["greet | hello world", "count | 11"])
}

#[test]
fn the_readme_shows_the_example_hello() -> Result<()> {
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    let example = std::fs::read_to_string(repository().join("examples/hello.yaml"))?;
    let body: Vec<&str> = example.lines().skip_while(|line| line.starts_with('#')).collect();
    ensure!(readme.contains(&body.join("\n")), "the README shows another hello.yaml");
    Ok(())
}

#[test]
fn chain() -> Result<()> {
    green("chain.yaml", &["count | 61", "tell | 61 pairs of twin primes below 2000, the last is 1997 1999"])
}

#[test]
fn files() -> Result<()> {
    green(
        "files.yaml",
        &["check | zones.csv: FAILED", "check_again | zones.csv: OK", "tell | 2 files kept, zones.csv has 11261 bytes"],
    )
}

#[test]
fn http() -> Result<()> {
    green("http.yaml", &["islands | 16", "report | 16 countries have Island in their names", "server | POST /done"])
}

#[test]
fn approval() -> Result<()> {
    let home = Home::new()?;
    let (ended, shown) = run(&home, "approval.yaml", &[])?;
    ended.expect_code(0)?.expect_printed(&["somebody is asked by target,notes", "notes | Version 1.4, 2 changes:"])?;
    ensure!(shown.status() == "waiting", "{}", shown.0);
    let step = |args: &[&str]| home.run(args);
    step(&["human-task", "complete", "latest", "target", "--input", "region=eu", "--input", "replicas=3"])?
        .expect_code(0)?
        .expect_said(&["the run waits for more answers", "notes asks: Are these notes good?"])?;
    step(&["push-back", "latest", "notes", "--input", "FEEDBACK=say who made them"])?
        .expect_code(0)?
        .expect_printed(&["notes |   (revised: say who made them)"])?;
    step(&["approve", "latest", "notes", "--input", "REVIEWER=ada"])?
        .expect_code(0)?
        .expect_printed(&["release | release 1.4 to eu, 3 replicas, notes by ada"])?;
    ensure!(home.status("latest")?.status() == "succeeded");
    Ok(())
}

#[test]
fn waits() -> Result<()> {
    green("waits.yaml", &["answers | GET http://127.0.0.1:", "answered 200 OK", "report | it answered 200"])
}

#[test]
fn routes() -> Result<()> {
    green(
        "routes.yaml",
        &["size |   re:^[0-9]$ -> [few]", "many | many zones", r#"report | Europe: ["many","sample"]"#],
    )?;
    let home = Home::new()?;
    let (ended, _) = run(&home, "routes.yaml", &["REGION=Narnia"])?;
    ended.expect_code(0)?.expect_printed(&["nothing | nobody has heard of Narnia"])?;
    ended.expect_said(&["many: skipped: `size` before it chose other steps"])?;
    Ok(())
}

#[test]
fn queue() -> Result<()> {
    let home = Home::new()?;
    let (ended, _) = run(&home, "queue.yaml", &[])?;
    ended.expect_code(0)?.expect_said(&["9 runs are queued: `pintle start --queued` runs them"])?;
    let ended = home.run(["start", "--queued"])?;
    ended.expect_code(0)?.expect_printed(&["count | Europe has 38 zones", "count | Pacific has "])?;
    Ok(())
}

#[test]
fn script_js() -> Result<()> {
    green("script-js.yaml", &["measure | America: ", " km", "312 zones in 9 regions; America is the widest"])?;
    let home = Home::new()?;
    let (ended, _) = run(&home, "script-js.yaml", &["unit=miles"])?;
    ended.expect_code(0)?.expect_printed(&[" miles"])?;
    Ok(())
}

#[test]
fn sqlite() -> Result<()> {
    green(
        "sqlite.yaml",
        &[
            "regions | America,",
            "northern | {\"zone\":\"Europe/Helsinki\",\"latitude\":60.1667}",
            "report | 312 zones in 9 regions",
        ],
    )?;
    let home = Home::new()?;
    // A value with quotes stays a value: no region has that name.
    let (ended, _) = run(&home, "sqlite.yaml", &["REGION=x' OR '1'='1"])?;
    ended.expect_code(0)?.expect_said(&["farthest: skipped"])?;
    Ok(())
}

#[test]
fn regions() -> Result<()> {
    green(
        "regions.yaml",
        &[
            "pages[Asia]/page | ",
            "tell | 9 pages; farthest north: America/Danmarkshavn; farthest south: Antarctica/Vostok",
        ],
    )
}

#[test]
fn release() -> Result<()> {
    let home = Home::new()?;
    let (ended, shown) = run(&home, "release.yaml", &[])?;
    ended.expect_code(0)?.expect_printed(&["tell | release-1.4.0: core 42, web 110", "2 files are kept"])?;
    ensure!(shown.status() == "succeeded", "release.yaml is {}", shown.status());
    let listed = home.run(["artifacts", "latest"])?;
    listed.expect_code(0)?.expect_printed(&["data/parts.json", "reports/release.md"])?;
    let report = home.run(["artifacts", "latest", "reports/release.md"])?;
    report.expect_code(0)?.expect_printed(&["# release-1.4.0", "| core | 42 | yes |", "| web | 110 | no |"])?;
    Ok(())
}

#[test]
fn params() -> Result<()> {
    green("params.yaml", &["deploy | good morning: 2 copies to test", "deploy | pintle:test-2"])?;
    let home = Home::new()?;
    let (ended, shown) = run(&home, "params.yaml", &["stage=production", "copies=3"])?;
    ended.expect_code(0)?.expect_printed(&["ask | this is for everyone", "deploy | pintle:production-3"])?;
    shown.expect(&[("ask", "succeeded")])?;
    let (ended, _) = run(&home, "params.yaml", &["stage=prod"])?;
    ended.expect_message(ended.code(), &["prod", "test", "staging", "production"])?;
    Ok(())
}

#[test]
fn retry() -> Result<()> {
    green(
        "retry.yaml",
        &[
            "report | the service answered at try 3",
            "settle | reading 3",
            "it was worth trying again",
            "ended as succeeded",
        ],
    )?;
    let home = Home::new()?;
    let (ended, shown) = run(&home, "retry.yaml", &["down_for=9"])?;
    ended.expect_code(1)?.expect_said(&["the service stayed down"])?;
    shown.expect(&[("service", "failed"), ("cache", "succeeded"), ("report", "aborted")])?;
    ensure!(shown.step("service")?.attempt == 4, "{}", shown.0);
    Ok(())
}

#[test]
fn sandbox() -> Result<()> {
    let home = Home::new()?;
    let (ended, shown) = run(&home, "sandbox.yaml", &[])?;
    ended.expect_code(0)?.expect_printed(&["four hostile programs were stopped; the fifth counted 313 lines"])?;
    for (step, message) in [
        ("spin", "CPU limit of 200 ms reached"),
        ("hungry", "memory limit of 16 MiB reached"),
        ("flood", "output limit of 1 KiB reached"),
        ("escape", "exit code 77"),
    ] {
        let shown = shown.step(step)?;
        ensure!(shown.message.contains(message), "{step}: {} lacks {message:?}", shown.message);
    }
    Ok(())
}

#[test]
fn the_modules_of_the_sandbox_are_what_their_sources_say() -> Result<()> {
    let dir = repository().join("examples/sandbox");
    let mut checked = 0;
    for entry in std::fs::read_dir(&dir)? {
        let source = entry?.path();
        if source.extension().is_some_and(|extension| extension == "wat") {
            let module = std::fs::read(source.with_extension("wasm"))?;
            let again = "cargo run -p pintle-tests --example sandbox_wasm";
            ensure!(wat::parse_file(&source)? == module, "{} changed: {again}", source.display());
            checked += 1;
        }
    }
    ensure!(checked == 5, "{checked} modules");
    Ok(())
}

#[test]
fn the_etl_reports_the_same_to_the_byte_each_time() -> Result<()> {
    let golden = std::fs::read_to_string(repository().join("tests/golden/etl-report.md"))?;
    let home = Home::new()?;
    for n in 0..2 {
        let out = home.path(&format!("out-{n}"));
        let (ended, shown) = run(&home, "etl.yaml", &[&format!("out={}", out.display())])?;
        ended.expect_code(0)?.expect_printed(&[
            "verify | 312 zones told, 312 zones held",
            &format!("the report is in {}/report.md", out.display()),
        ])?;
        ensure!(shown.status() == "succeeded");
        let printed = ended.stdout.lines().count();
        ensure!(printed < 500, "{printed} lines: the files that it reads are printed");
        let report = std::fs::read_to_string(out.join("report.md"))?;
        ensure!(report == golden, "the report differs from tests/golden/etl-report.md:\n{report}");
        let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("summary.json"))?)?;
        ensure!(summary["zones"] == 312 && summary["regions"][0]["region"] == "America", "{summary}");
    }
    Ok(())
}

#[test]
fn the_etl_reports_into_the_runs_own_directory_and_leaves_a_question_out() -> Result<()> {
    let home = Home::new()?;
    let (ended, shown) = run(&home, "etl.yaml", &["details=false", "top=1"])?;
    ended.expect_code(0)?;
    shown.expect(&[("names", "skipped"), ("report", "succeeded")])?;
    let line = ended.stdout.lines().find_map(|line| line.split_once("the report is in ").map(|(_, path)| path.trim()));
    let report = std::fs::read_to_string(line.context("nobody said where the report is")?)?;
    ensure!(
        report.contains("1. United States: 29") && !report.contains("2. ") && !report.contains("longest"),
        "{report}"
    );
    Ok(())
}
