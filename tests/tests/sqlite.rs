//! `sqlite.query` and `sqlite.import`, as a user has them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use pintle_tests::Home;
use rustix::process::Signal;

/// A DAG of steps on `app.db`, which stands beside it.
fn dag(steps: &str) -> String {
    format!("working_dir: .\nsteps:\n{steps}")
}

/// A step of `sqlite.query`, with lines of `with` beside `dsn`.
fn query(id: &str, with: &[&str]) -> String {
    let with: String = with.iter().map(|line| format!("      {line}\n")).collect();
    format!("  - id: {id}\n    action: sqlite.query\n    with:\n      dsn: app.db\n{with}")
}

const MAKE: &str = "query: CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT)";

/// A home with three people.
fn people() -> Result<Home> {
    let home = Home::new()?;
    let rows = "query: INSERT INTO people (name, age) VALUES ('Ada', 36), ('Grace', 85), ('Eve', NULL)";
    let steps = query("make", &[MAKE]) + &query("fill", &[rows]) + "    depends: make\n";
    home.start(&dag(&steps))?.expect_code(0)?;
    Ok(home)
}

/// What a step of the latest run printed.
fn printed(home: &Home, step: &str) -> Result<String> {
    home.logs("latest", step)
}

/// Runs one query, which must end with code 0, and answers what it printed.
fn ask(home: &Home, with: &[&str]) -> Result<String> {
    home.start(&dag(&query("ask", with)))?.expect_code(0)?;
    printed(home, "ask")
}

/// Runs steps that must fail, `ask` with a message that holds every one of `parts`.
fn refused(home: &Home, steps: &str, parts: &[&str]) -> Result<()> {
    home.start(&dag(steps))?.expect_message(1, &[])?;
    let message = home.status("latest")?.step("ask")?.message;
    for part in parts {
        ensure!(message.contains(part), "{message:?} lacks {part:?}");
    }
    Ok(())
}

#[test]
fn rows_come_in_three_formats() -> Result<()> {
    let home = people()?;
    let select = "query: SELECT id, name, age FROM people ORDER BY id";
    let lines = "{\"id\":1,\"name\":\"Ada\",\"age\":36}\n{\"id\":2,\"name\":\"Grace\",\"age\":85}\n{\"id\":3,\"name\":\"Eve\",\"age\":null}\n";
    let list = "[{\"id\":1,\"name\":\"Ada\",\"age\":36},\n {\"id\":2,\"name\":\"Grace\",\"age\":85},\n {\"id\":3,\"name\":\"Eve\",\"age\":null}]\n";
    for (format, wanted) in [
        ("output_format: jsonl", lines),
        ("output_format: json", list),
        ("output_format: csv", "1,Ada,36\n2,Grace,85\n3,Eve,null\n"),
    ] {
        let got = ask(&home, &[select, format])?;
        ensure!(got == wanted, "{format}: {got:?}");
    }
    let got = ask(&home, &[select, "output_format: csv", "headers: true", "null_string: '-'"])?;
    ensure!(got == "id,name,age\n1,Ada,36\n2,Grace,85\n3,Eve,-\n", "{got:?}");
    Ok(())
}

#[test]
fn what_a_query_found_goes_on_to_the_steps_behind_it() -> Result<()> {
    let home = people()?;
    let found = query("found", &["query: SELECT name FROM people WHERE age > 40"]) + "    output: FOUND\n";
    let changed = query("changed", &["query: UPDATE people SET age = 40 WHERE age IS NULL"]);
    let tell = "  - id: tell\n    depends: [found, changed]\n    run: |\n      \
                echo \"$FOUND rows ${steps.found.outputs.rows} changes ${steps.changed.outputs.changes}\"\n";
    home.start(&dag(&(found + &changed + tell)))?.expect_code(0)?;
    let told = printed(&home, "tell")?;
    ensure!(told == "{\"name\":\"Grace\"} rows 1 changes 1\n", "{told:?}");
    Ok(())
}

#[test]
fn a_value_stays_a_value_whatever_it_holds() -> Result<()> {
    let home = people()?;
    let with = ["query: SELECT :who AS who, typeof(:n) AS kind", "params: {who: '${params.WHO}', n: 7}"];
    home.write("ask.yaml", format!("params:\n  - WHO: nobody\n{}", dag(&query("ask", &with))))?;
    for evil in ["x'; DROP TABLE people; --", "\"", "\\", "a\nb", "' OR '1'='1"] {
        home.run(["start", "ask.yaml", "--", &format!("WHO={evil}")])?.expect_code(0)?;
        let got: serde_json::Value = serde_json::from_str(&printed(&home, "ask")?)?;
        ensure!(got == serde_json::json!({"who": evil, "kind": "integer"}), "{got}");
    }
    ensure!(ask(&home, &["query: SELECT count(*) AS n FROM people"])? == "{\"n\":3}\n", "the table is not what it was");
    let by_place = ask(&home, &["query: SELECT name FROM people WHERE age > ? AND name <> ?", "params: [30, Ada]"])?;
    ensure!(by_place == "{\"name\":\"Grace\"}\n", "{by_place:?}");
    Ok(())
}

#[test]
fn several_statements_are_all_or_nothing() -> Result<()> {
    let home = people()?;
    let sql = "query: UPDATE people SET age = 1; INSERT INTO people (id, name) VALUES (1, 'twice')";
    let wanted = ["app.db: query, statement 2: UNIQUE constraint failed: people.id; everything was rolled back"];
    refused(&home, &query("ask", &[sql]), &wanted)?;
    let got = ask(&home, &["query: SELECT count(*) AS n FROM people WHERE age = 1"])?;
    ensure!(got == "{\"n\":0}\n", "{got:?}");
    Ok(())
}

#[test]
fn an_import_counts_and_a_bad_row_is_told_with_its_line() -> Result<()> {
    let home = people()?;
    let import = |more: &str| {
        format!(
            "  - id: ask\n    action: sqlite.import\n    with:\n      dsn: app.db\n      import:\n        \
             input_file: more.csv\n        table: people\n{more}"
        )
    };
    home.write("more.csv", "name,id,age\nMary,7,\nJane,8,41\nAda,1,99\n")?;
    refused(&home, &import(""), &["more.csv: line 4: UNIQUE constraint failed: people.id; nothing was imported"])?;
    let tell = "  - id: tell\n    depends: ask\n    run: echo ${steps.ask.outputs.rows_read} \
                ${steps.ask.outputs.rows_imported} ${steps.ask.outputs.rows_skipped}\n";
    home.start(&dag(&(import("        on_conflict: ignore\n") + tell)))?.expect_code(0)?;
    ensure!(printed(&home, "tell")? == "3 2 1\n", "{}", printed(&home, "tell")?);
    let got =
        ask(&home, &["query: SELECT id, age FROM people WHERE id IN (1, 7, 8) ORDER BY id", "output_format: csv"])?;
    ensure!(got == "1,36\n7,null\n8,41\n", "{got:?}");
    Ok(())
}

#[test]
fn a_sandbox_opens_no_database() -> Result<()> {
    let home = people()?;
    home.write("dag.yaml", dag(&query("ask", &["query: SELECT 1"])))?;
    home.run(["start", "dag.yaml", "--sandbox", "-r", "walled"])?.expect_message(1, &[])?;
    let message = home.status("walled")?.step("ask")?.message;
    ensure!(message.contains("sqlite.query: it is not granted in a sandbox; leave out --sandbox"), "{message}");
    Ok(())
}

#[test]
fn no_other_file_is_reached_from_sql() -> Result<()> {
    let home = people()?;
    for sql in ["ATTACH 'other.db' AS o", "VACUUM INTO 'other.db'", "SELECT 1; ATTACH 'other.db' AS o"] {
        refused(&home, &query("ask", &[&format!("query: {sql}")]), &["ATTACH and VACUUM INTO are refused"])?;
    }
    refused(&home, &query("ask", &["query: SELECT load_extension('x')"]), &["load_extension() is refused"])?;
    refused(
        &home,
        &query("ask", &["query: PRAGMA temp_store_directory = '.'"]),
        &["PRAGMA temp_store_directory is refused"],
    )?;
    ensure!(!home.path("other.db").exists(), "it was made");
    Ok(())
}

#[test]
fn pintles_own_database_is_not_a_steps() -> Result<()> {
    let home = people()?;
    let own = home.data().join("pintle.db").display().to_string();
    let link = home.path("link.db");
    std::os::unix::fs::symlink(&own, &link)?;
    let link = link.display().to_string();
    for dsn in [own.as_str(), link.as_str(), &format!("file:{own}?mode=ro"), &format!("{own}-wal")] {
        let step = query("ask", &["query: SELECT 1"]).replace("app.db", dsn);
        refused(&home, &step, &["is Pintle's own database; no step opens it"])?;
    }
    Ok(())
}

const ENDLESS: &str = "query: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[test]
fn an_endless_query_ends_with_its_time() -> Result<()> {
    let home = people()?;
    let begun = Instant::now();
    refused(&home, &query("ask", &[ENDLESS, "timeout: 0.3"]), &["it was given up after 0.3 s. Setting: with.timeout"])?;
    refused(&home, &(query("ask", &[ENDLESS]) + "    timeout_sec: 0.3\n"), &["longer than its timeout"])?;
    ensure!(home.status("latest")?.step("ask")?.exit_code == Some(124), "{}", home.status("latest")?.0);
    ensure!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
    Ok(())
}

#[test]
fn a_query_that_is_stopped_leaves_nothing() -> Result<()> {
    let home = people()?;
    let sql = ENDLESS.replace("query: ", "query: DELETE FROM people; SELECT 'on' AS it; ");
    home.write("long.yaml", dag(&query("ask", &[&sql])))?;
    let mut live = home.spawn(["start", "long.yaml", "-r", "long", "--output", "json"])?;
    live.until_shown("\\\"it\\\":\\\"on\\\"")?;
    let begun = Instant::now();
    live.signal(Signal::INT)?;
    live.wait()?.expect_code(130)?;
    ensure!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    home.status("long")?.expect(&[("ask", "aborted")])?;
    let got = ask(&home, &["query: SELECT count(*) AS n FROM people"])?;
    ensure!(got == "{\"n\":3}\n", "{got:?}");
    Ok(())
}

#[test]
fn a_query_whose_process_is_killed_is_run_again_and_leaves_nothing_of_the_first_time() -> Result<()> {
    let home = people()?;
    let sql =
        "query: INSERT INTO people (name) VALUES ('once'); SELECT count(*) AS n FROM people WHERE name = 'once'; ";
    home.write("long.yaml", dag(&query("ask", &[&ENDLESS.replace("query: ", sql), "timeout: 0"])))?;
    let count = || ask(&home, &["query: SELECT count(*) AS n FROM people WHERE name = 'once'"]);
    for command in [&["start", "long.yaml", "-r", "long"][..], &["retry", "long"]] {
        let mut live = home.spawn(command.iter().chain(&["--output", "json"]))?;
        // Each time it sees its own row alone.
        live.until_shown("\\\"n\\\":1")?;
        live.kill()?;
        ensure!(count()? == "{\"n\":0}\n", "half a transaction stands: {}", count()?);
    }
    Ok(())
}
