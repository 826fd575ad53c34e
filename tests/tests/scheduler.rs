//! `pintle scheduler preview`: the same answer on every machine, across the days on which clocks move.

use anyhow::{Context, Result, ensure};
use pintle_tests::Home;
use serde_json::Value;

const NIGHTLY: &str = "
schedule:
  start:
    - CRON_TZ=Europe/Berlin 30 2 * * *
    - {kind: at, at: 2026-03-29T04:00:00Z, profile: live}
  stop: 0 6 * * mon
steps:
  - action: noop
";
const HOURLY: &str = "schedule: '@hourly'\nsteps: [{action: noop}]\n";

const AT_SPRING: [&str; 6] = ["scheduler", "preview", "--from", "2026-03-28T00:00:00Z", "--zone", "America/New_York"];

fn home() -> Result<Home> {
    let home = Home::new()?;
    home.write("nightly.yaml", NIGHTLY)?;
    home.write("hourly.yaml", HOURLY)?;
    Ok(home)
}

fn rows(text: &str) -> Result<Vec<Value>> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

#[test]
fn the_table_shows_instants_as_clocks_of_their_zone_do() -> Result<()> {
    let home = home()?;
    let ended = home.run(AT_SPRING.into_iter().chain(["nightly.yaml", "--count", "5"]))?;
    let wanted = "\
WHEN                            ZONE              WHAT                  DAG      SCHEDULE
Sat 2026-03-28 02:30:00 +01:00  Europe/Berlin     start                 nightly  30 2 * * *
Sun 2026-03-29 03:00:00 +02:00  Europe/Berlin     start                 nightly  30 2 * * *
Sun 2026-03-29 00:00:00 -04:00  America/New_York  start (profile live)  nightly  at
Mon 2026-03-30 02:30:00 +02:00  Europe/Berlin     start                 nightly  30 2 * * *
Mon 2026-03-30 06:00:00 -04:00  America/New_York  stop                  nightly  0 6 * * 1
";
    ensure!(ended.expect_code(0)?.stdout == wanted, "{}\n{}", ended.stdout, ended.stderr);
    ensure!(!home.data().exists(), "looking made a data directory");
    Ok(())
}

#[test]
fn the_machines_own_zone_and_its_database_change_nothing() -> Result<()> {
    let home = home()?;
    let args: Vec<&str> = AT_SPRING.into_iter().chain(["nightly.yaml", "hourly.yaml", "-n", "50"]).collect();
    let here = home.run(&args)?;
    let there = home.with_env("TZ", "Asia/Tokyo").with_env("TZDIR", "/nowhere").run(&args)?;
    ensure!(here.expect_code(0)?.stdout == there.expect_code(0)?.stdout, "{}\n{}", here.stdout, there.stdout);
    ensure!(here.stdout.lines().count() == 51, "{}", here.stdout);
    Ok(())
}

#[test]
fn schedules_without_a_zone_are_read_in_the_machines() -> Result<()> {
    let home = home()?.with_env("TZ", "Asia/Tokyo");
    let ended = home.run(["scheduler", "preview", "hourly.yaml", "--from", "2026-03-28", "-n", "1"])?;
    ended.expect_code(0)?.expect_printed(&["Sat 2026-03-28 01:00:00 +09:00  Asia/Tokyo"])?;
    Ok(())
}

#[test]
fn programs_get_objects() -> Result<()> {
    let home = home()?;
    let args = AT_SPRING.into_iter().chain(["nightly.yaml", "hourly.yaml", "--output", "json", "-n", "40"]);
    let rows = rows(&home.run(args)?.expect_code(0)?.stdout)?;
    ensure!(rows.len() == 40, "{} rows", rows.len());
    ensure!(rows.is_sorted_by_key(|row| row["at"].to_string()), "{rows:?}");
    let jump = rows.iter().find(|row| row["at"] == "2026-03-29T01:00:00Z" && row["dag"] == "nightly");
    let jump = jump.context("nothing starts where the clocks jump")?;
    for (key, wanted) in [
        ("local", "2026-03-29T03:00:00+02:00"),
        ("zone", "Europe/Berlin"),
        ("what", "start"),
        ("schedule", "30 2 * * *"),
    ] {
        ensure!(jump[key] == wanted, "{key}: {jump}");
    }
    let once = rows.iter().find(|row| row["schedule"] == "at").context("the single instant is missing")?;
    ensure!(once["profile"] == "live" && jump["profile"].is_null(), "{once} {jump}");
    Ok(())
}

#[test]
fn now_is_where_it_begins() -> Result<()> {
    let home = home()?;
    let args = ["scheduler", "preview", "hourly.yaml", "--zone", "UTC", "-n", "2", "--output", "json"];
    let rows = rows(&home.run(args)?.expect_code(0)?.stdout)?;
    let listed = rows.iter().filter_map(|row| row["at"].as_str()).collect::<Vec<_>>();
    ensure!(listed.len() == 2 && listed.is_sorted() && listed.iter().all(|at| at.ends_with(":00:00Z")), "{listed:?}");
    ensure!(listed.first() > Some(&"2026"), "{listed:?}");
    Ok(())
}

#[test]
fn what_is_not_valid_is_said_and_the_rest_is_shown() -> Result<()> {
    let home = home()?;
    home.write("bad.yaml", "schedule: 0 25 * * *\nsteps: [{action: noop}]\n")?;
    home.write("bare.yaml", "steps: [{action: noop}]\n")?;
    let args = AT_SPRING.into_iter().chain(["bad.yaml", "bare.yaml", "nowhere.yaml", "hourly.yaml", "-n", "1"]);
    let ended = home.run(args)?;
    ended.expect_message(1, &["`25` is not an hour; use 0 to 23", "bad.yaml:1:13", "bare.yaml: has no schedule"])?;
    ended.expect_said(&["nowhere.yaml", "No such file"])?.expect_printed(&["hourly  0 * * * *"])?;
    Ok(())
}

#[test]
fn nothing_to_come_is_said() -> Result<()> {
    let home = Home::new()?;
    home.write("over.yaml", "schedule: {at: 2020-01-01T00:00:00Z}\nsteps: [{action: noop}]\n")?;
    let args = ["scheduler", "preview", "over.yaml", "--zone", "UTC", "--from", "2026-03-28"];
    let ended = home.run(args)?;
    ended.expect_message(0, &["no schedule names an instant behind Sat 2026-03-28 00:00:00 +00:00"])?;
    ensure!(ended.stdout.is_empty(), "{}", ended.stdout);
    ensure!(home.run(args.into_iter().chain(["--output", "json"]))?.expect_code(0)?.stdout == "[]\n", "not an array");
    Ok(())
}

#[test]
fn wrong_usage_is_refused() -> Result<()> {
    let home = home()?;
    for (args, parts) in [
        (&["hourly.yaml", "--zone", "Europe/Berln"][..], &["`Europe/Berln` is not a time zone", "`Europe/Berlin`"][..]),
        (&["hourly.yaml", "--from", "soon"], &["`--from soon` is not a time", "2026-03-28"]),
        (&["hourly.yaml", "--from", "1969-12-31T00:00Z"], &["since 1970"]),
        (&["hourly.yaml", "--count", "0"], &["--count", "1..=1000"]),
        (&[], &["<FILES>"]),
    ] {
        let all = ["scheduler", "preview"].into_iter().chain(args.iter().copied());
        home.run(all)?.expect_message(2, parts).with_context(|| format!("{args:?}"))?;
    }
    home.run(["scheduler", "preview", "--help"])?.expect_code(0)?.expect_printed(&["Examples:", "--zone"])?;
    Ok(())
}
